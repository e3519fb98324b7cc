//! Failures and timeouts: what to try next, and when.

use std::time::Duration;

use super::super::event::{Effect, Fault};
use super::super::freshness::Ask;
use super::following::request_progress;
use super::{Machine, State};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};

/// The maximum pause before the second attempt after a refusal.
pub(super) const DENIED_BASE: Duration = Duration::from_secs(1);
/// The maximum pause after a refusal.
///
/// A person has to lift it; asking every few seconds notices that soon.
pub(super) const DENIED_CAP: Duration = Duration::from_secs(5);

impl Machine {
    pub(super) fn failed(&mut self, now: Instant, fault: Fault, effects: &mut Vec<Effect>) {
        if matches!(self.state, State::Stopped | State::Backoff { .. } | State::Denied { .. }) {
            return;
        }
        match fault {
            Fault::RevisionGone => {
                let message = "etcd compacts its history faster than the watched keys can be listed; let it keep more \
                            (--auto-compaction-retention)";
                self.start_over(now, Error::new(ErrorKind::Connection, message), effects);
            }
            Fault::TooLarge(error) if matches!(self.state, State::Listing { .. }) => {
                self.list_less(now, error, effects);
            }
            Fault::TooLarge(error) => {
                self.resume.failed(self.revision(), true);
                self.lost(now, error, effects);
            }
            Fault::TokenExpired(error) if self.may_reauthenticate() => {
                self.reauthenticated = true;
                self.keep_listing();
                self.disconnect(error.clone(), effects);
                self.report_renewal(now, error);
                self.connect(false, true, effects);
            }
            Fault::TokenExpired(error) => self.denied(now, error, true, effects),
            Fault::Denied(error) => self.denied(now, error, false, effects),
            Fault::Lost(error) => {
                self.page_was_lost();
                self.lost(now, error, effects);
            }
        }
    }

    fn denied(&mut self, now: Instant, error: Error, renew: bool, effects: &mut Vec<Effect>) {
        self.disconnect(error.clone(), effects);
        self.report_denial(now, error);
        let wait = self.refusals.failed(now, self.random.f64());
        self.state = State::Denied { until: now + wait, renew };
    }

    pub(super) fn lost(&mut self, now: Instant, error: Error, effects: &mut Vec<Effect>) {
        self.disconnect(error.clone(), effects);
        self.report_loss(now, error);
        let wait = self.backoff.failed(now, self.random.f64());
        self.state = State::Backoff { until: now + wait };
    }

    /// Allows one new token before a refusal is believed. A refusal while connecting is about the password
    /// itself.
    const fn may_reauthenticate(&self) -> bool {
        !self.reauthenticated && !matches!(self.state, State::Connecting)
    }

    fn disconnect(&mut self, error: Error, effects: &mut Vec<Effect>) {
        self.note(error);
        self.report.peer = None;
        effects.push(Effect::Disconnect);
        self.show_cached(effects);
    }

    pub(super) fn ticked(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.show_cached_when_due(now, effects);
        self.audit_when_due(now, effects);
        if self.state_deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        if self.give_up_waiting(now, effects) {
            return;
        }
        match &mut self.state {
            State::Backoff { .. } => self.connect(true, false, effects),
            State::Denied { renew, .. } => {
                let renew = *renew;
                self.connect(false, renew, effects);
            }
            State::Opening { .. } => self.silent(now, "etcd did not create the watch", effects),
            State::Watching { stream, freshness, fuzzy } => {
                if freshness.is_question_due(now) {
                    request_progress(now, freshness, effects);
                }
                match freshness.due(now, fuzzy.is_some() || stream.would_show().is_some()) {
                    Ask::Progress => request_progress(now, freshness, effects),
                    Ask::Read => {
                        self.asked_at = self.revision();
                        effects.push(Effect::Verify { at: None });
                    }
                    Ask::Nothing => {}
                    Ask::Compare => self.compare(now, effects),
                    Ask::GiveUp => self.silent(now, "the watch is silent", effects),
                }
            }
            _ => {}
        }
    }

    /// Extends the deadline while a large message is arriving.
    pub(super) fn flowing(&mut self, now: Instant) {
        match &mut self.state {
            State::Opening { deadline, .. } => *deadline = now + self.rules.timeout,
            State::Watching { freshness, .. } => freshness.heard(now),
            _ => {}
        }
    }

    fn silent(&mut self, now: Instant, what: &str, effects: &mut Vec<Effect>) {
        self.resume.failed(self.revision(), false);
        let timeout = self.rules.timeout.as_secs_f64();
        let error = Error::new(ErrorKind::Timeout, format!("{what} for {timeout} s; reconnecting"));
        self.failed(now, Fault::Lost(self.at_peer(error)), effects);
    }

    /// Adds the connected server to the error.
    pub(super) fn at_peer(&self, error: Error) -> Error {
        match &self.report.peer {
            Some(peer) => error.at(peer.endpoint.clone()),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rules;
    use super::*;
    use crate::backoff::fleet;
    use crate::range::{KeyRange, Ranges};
    use crate::sync::event::{Event, Header, Page, Peer, Response, Trust};
    use crate::sync::report::Report;
    use crate::sync::streak::Limits;

    fn connected() -> (Machine, Instant) {
        started(1)
    }

    fn started(seed: u64) -> (Machine, Instant) {
        let rules = Rules {
            ranges: Ranges::merge([KeyRange::prefix(b"/a/")]),
            page_size: 2,
            progress_interval: Duration::from_secs(3),
            timeout: Duration::from_secs(3),
            backoff_cap: Duration::from_secs(3),
            max_staleness: Duration::from_secs(10),
            audit_interval: Duration::ZERO,
            limits: Limits::default(),
            seed,
        };
        let (mut machine, now) = (Machine::new(rules, None, &Report::default()), Instant::now());
        machine.step(now, Event::Start);
        machine.step(now, peer());
        (machine, now)
    }

    fn peer() -> Event {
        Event::Connected(Peer { endpoint: String::new(), version: String::new(), trust: Trust::Exact })
    }

    /// Spends a fixed time in `failing`; returns the listings started, without and with watches, and the
    /// pauses.
    fn listings_and_pauses(mut failing: impl FnMut(&mut Machine, Instant) -> Vec<Effect>) -> (u32, u32) {
        let (mut machine, mut now) = connected();
        let start = now;
        let (mut listings, mut pauses, mut beside) = (1, 0, false);
        let mut count = |effects: &[Effect]| {
            for effect in effects {
                let first_watch = matches!(effect, Effect::Watch { from: 0, .. });
                beside |= first_watch;
                let listing = matches!(effect, Effect::List(page) if page.revision.is_none()) && !beside;
                listings += u32::from(first_watch || listing);
            }
        };
        while now < start + Duration::from_secs(600) {
            count(&failing(&mut machine, now));
            now += Duration::from_millis(50);
            if let State::Backoff { until } = machine.state {
                pauses += 1;
                now = until;
                machine.step(now, Event::Tick);
                count(&machine.step(now, peer()));
            }
        }
        assert!(machine.report().last_error.as_ref().unwrap().to_string().contains("compacts its history"));
        (listings, pauses)
    }

    #[test]
    fn compaction_that_is_always_faster_causes_pauses_and_never_ends_the_listing() {
        let (listings, pauses) =
            listings_and_pauses(|machine, now| machine.step(now, Event::Failed(Fault::RevisionGone)));
        // Jitter halves a pause of three seconds.
        assert!(listings > 200 && listings < 800 && pauses >= listings - 4, "{listings}, {pauses}");
    }

    #[test]
    fn a_watch_that_is_created_and_at_once_cancelled_is_no_success() {
        let header = Header { cluster_id: 1, revision: 9, raft_term: 1 };
        let (listings, pauses) = listings_and_pauses(|machine, now| {
            let page = Page { header, ..Page::default() };
            let mut effects = machine.step(now, Event::Listed(page));
            let created = Response { header, created: true, ..Response::default() };
            effects.extend(machine.step(now, Event::Responded(created)));
            effects.extend(machine.step(now, Event::Verified(header)));
            let gone = Response { header, canceled: Some(Fault::RevisionGone), ..Response::default() };
            effects.extend(machine.step(now, Event::Responded(gone)));
            effects
        });
        assert!(listings > 200 && listings < 800 && pauses >= listings - 4, "{listings}, {pauses}");
    }

    #[test]
    fn a_listing_that_fails_long_after_the_last_failure_is_not_delayed() {
        let (mut machine, mut now) = connected();
        let header = Header { cluster_id: 1, revision: 9, raft_term: 1 };
        for _ in 0..9 {
            machine.step(now, Event::Listed(Page { header, ..Page::default() }));
            machine.step(now, Event::Responded(Response { header, created: true, ..Response::default() }));
            now += Duration::from_secs(60);
            let gone = Response { header, canceled: Some(Fault::RevisionGone), ..Response::default() };
            let effects = machine.step(now, Event::Responded(gone));
            assert!(effects.iter().any(|effect| matches!(effect, Effect::List(_))));
        }
    }

    /// The pause after this many faults in a row.
    fn pause(seed: u64, faults: u32, fault: impl Fn(Error) -> Fault) -> Duration {
        let (mut machine, mut now) = started(seed);
        let error = || Error::new(ErrorKind::Connection, "on purpose");
        let mut last = Duration::MAX;
        for _ in 0..faults {
            machine.step(now, Event::Failed(fault(error())));
            if machine.state_deadline().is_none() {
                // The machine tries a new token at once, and that is refused too.
                machine.step(now, Event::Failed(fault(error())));
            }
            let until = machine.state_deadline().unwrap();
            last = until - now;
            now = until;
            machine.step(now, Event::Tick);
        }
        last
    }

    #[test]
    fn a_fleet_that_lost_etcd_at_the_same_moment_does_not_come_back_at_the_same_moment() {
        for (losses, ceiling) in [(1, super::super::BACKOFF_BASE), (9, Duration::from_secs(3))] {
            fleet::assert_full_jitter(ceiling, |seed| pause(seed, losses, Fault::Lost));
        }
    }

    #[test]
    fn a_fleet_that_etcd_refused_at_the_same_moment_does_not_ask_again_at_the_same_moment() {
        for (refusals, ceiling) in [(1, DENIED_BASE), (9, DENIED_CAP)] {
            fleet::assert_full_jitter(ceiling, |seed| pause(seed, refusals, Fault::Denied));
            fleet::assert_full_jitter(ceiling, |seed| pause(seed, refusals, Fault::TokenExpired));
        }
    }

    #[test]
    fn a_page_that_is_too_large_is_halved_and_the_error_names_a_single_key_that_is_too_large() {
        let (mut machine, now) = connected();
        let error = || Error::new(ErrorKind::Connection, "list one key from \"/a/\": too large");
        let effects = machine.step(now, Event::Failed(Fault::TooLarge(error())));
        assert!(matches!(&effects[..], [Effect::List(request)] if request.limit == 1), "{effects:?}");
        machine.step(now, Event::Failed(Fault::TooLarge(error())));
        assert!(matches!(machine.state, State::Backoff { .. }));
        let message = machine.report().last_error.as_ref().unwrap().to_string();
        assert_eq!(message, format!("one key with its value is larger than a message may be: {}", error()));
    }
}
