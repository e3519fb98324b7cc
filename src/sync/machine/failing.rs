//! When something fails, and when time is up: what to try next, and when.

use std::time::{Duration, Instant};

use super::super::event::{Effect, Fault};
use super::super::freshness::Ask;
use super::{COMPACTIONS_BEFORE_ONE_PAGE, Machine, State};
use crate::error::{Error, ErrorKind};

/// A refusal is healed by a person; ask seldom, but often enough to take the healing up at once.
const DENIED_RETRY: Duration = Duration::from_secs(5);
/// Never ask in a tight loop, whatever a server answers.
const COMPACTIONS_BEFORE_BACKOFF: u32 = 6;

impl Machine {
    pub(super) fn failed(&mut self, now: Instant, fault: Fault, effects: &mut Vec<Effect>) {
        if matches!(self.state, State::Stopped | State::Backoff { .. } | State::Denied { .. }) {
            return;
        }
        match fault {
            Fault::RevisionGone if self.compactions < COMPACTIONS_BEFORE_BACKOFF => {
                self.compactions += 1;
                self.relist(now, effects);
            }
            Fault::RevisionGone => {
                // After the pause it is listed again, in one page: never a state that only waits.
                self.compactions = COMPACTIONS_BEFORE_ONE_PAGE;
                let error = Error::new(ErrorKind::Connection, "etcd compacts faster than it lists");
                self.lost(now, error, effects);
            }
            Fault::TokenExpired(error) | Fault::Denied(error) if self.may_reauthenticate() => {
                self.reauthenticated = true;
                self.disconnect(error, effects);
                self.connect(false, effects);
            }
            Fault::TokenExpired(error) | Fault::Denied(error) => {
                self.disconnect(error, effects);
                let wait = DENIED_RETRY.mul_f64(0.5 + self.random.f64() / 2.0);
                self.state = State::Denied { until: now + wait };
            }
            Fault::Lost(error) => self.lost(now, error, effects),
        }
    }

    fn lost(&mut self, now: Instant, error: Error, effects: &mut Vec<Effect>) {
        self.disconnect(error, effects);
        let wait = self.backoff.failed(now, self.random.f64());
        self.state = State::Backoff { until: now + wait };
    }

    /// Older servers say "permission denied" even for an expired token: one new token before believing it.
    /// A refusal while connecting is of the password itself.
    const fn may_reauthenticate(&self) -> bool {
        !self.reauthenticated && !matches!(self.state, State::Connecting)
    }

    fn disconnect(&mut self, error: Error, effects: &mut Vec<Effect>) {
        self.report.last_error = Some(error);
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
        match &mut self.state {
            State::Backoff { .. } => self.connect(true, effects),
            State::Denied { .. } => self.connect(false, effects),
            State::Opening { .. } => self.silent(now, "etcd did not create the watch", effects),
            State::Watching { freshness, .. } => match freshness.due(now) {
                Ask::Progress => {
                    freshness.asked(now);
                    effects.push(Effect::RequestProgress);
                }
                Ask::Read => {
                    self.asked_at = self.revision();
                    effects.push(Effect::Verify { at: None });
                }
                Ask::Compare => self.compare(now, effects),
                Ask::GiveUp => self.silent(now, "the watch is silent", effects),
            },
            _ => {}
        }
    }

    fn silent(&mut self, now: Instant, what: &str, effects: &mut Vec<Effect>) {
        let patience = self.rules.patience.as_secs_f64();
        let error = Error::new(ErrorKind::Timeout, format!("{what} for {patience} s; connecting anew"));
        self.failed(now, Fault::Lost(self.at_peer(error)), effects);
    }

    /// The same error, of the server that we are connected with.
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
    use crate::range::{KeyRange, Ranges};
    use crate::sync::event::{Event, Peer, Trust};
    use crate::sync::report::Report;

    fn connected() -> (Machine, Instant) {
        let rules = Rules {
            ranges: Ranges::merge([KeyRange::prefix(b"/a/")]),
            page_size: 2,
            progress_interval: Duration::from_secs(3),
            patience: Duration::from_secs(3),
            backoff_cap: Duration::from_secs(3),
            audit_interval: Duration::ZERO,
            seed: 1,
        };
        let (mut machine, now) = (Machine::new(rules, None, &Report::default()), Instant::now());
        machine.step(now, Event::Start);
        machine.step(now, peer());
        (machine, now)
    }

    fn peer() -> Event {
        Event::Connected(Peer { endpoint: String::new(), version: String::new(), trust: Trust::Exact })
    }

    #[test]
    fn compaction_that_is_always_faster_pauses_the_listing_and_never_ends_it() {
        let (mut machine, mut now) = connected();
        let (mut listings, mut pauses) = (0, 0);
        for _ in 0..100 {
            for effect in machine.step(now, Event::Failed(Fault::RevisionGone)) {
                listings += u32::from(matches!(effect, Effect::List(_)));
            }
            if let Some(deadline) = machine.deadline() {
                pauses += 1;
                now = deadline;
                machine.step(now, Event::Tick);
                machine.step(now, peer());
            }
        }
        assert!(listings > 50 && pauses > 10, "{listings} listings, {pauses} pauses");
    }
}
