//! Decides when to ask etcd whether the snapshot is still current, and what the answer proves.
//!
//! Silence proves nothing: a half-open connection is silent forever. An arriving message proves nothing
//! either. It may have been under way for long, and a member cut off from the others keeps sending to its
//! watchers.
//!
//! So at an interval, a linearizable read asks the cluster for its revision. Once every event up to that
//! revision has arrived, the content is confirmed *as of the time of the request* (promise 5). If the
//! revisions in between changed other keys, no event arrives for them, so the stream is asked for its
//! progress.
//!
//! Progress answers of some servers may overtake events (see [`Claims`], and [`Streak`] for several watches).
//! Such a server is not believed while it may still be sending a new watch what it missed: until then nothing
//! bounds how far an answer overtakes. Meanwhile the watched keys are compared with etcd's (see the machine's
//! `comparing`).
//!
//! `etcd grpc-proxy` answers no progress request. A stream that never answered one may lead through it, so
//! the watched keys are compared there as well. A stream that answered before and stops answering is dead.

use std::time::Duration;

use super::claims::{Claims, REPEAT_AFTER};
use super::streak::{Limits, Streak};
use crate::clock::Instant;

/// The first pause before a progress request is repeated. The pauses grow.
///
/// A server silently drops a progress request while one of the stream's watches is catching up. That takes up
/// to 100 ms after a watch is created.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(120);

/// The pause after a comparison, as a multiple of its duration, so that a fleet spares etcd.
const COST: u32 = 20;

#[derive(Debug, Clone, Copy)]
enum Probe {
    Idle,
    /// A linearizable read was sent.
    Read {
        since: Instant,
    },
    /// The events up to `target` have yet to arrive. The next progress request is due at `again`.
    /// `proves`: the target is what a read sent at `since` found.
    Behind {
        since: Instant,
        target: i64,
        again: Instant,
        proves: bool,
    },
    /// Like `Behind`, and a comparison was sent.
    Comparing {
        since: Instant,
        target: i64,
        proves: bool,
        sent: Instant,
    },
}

/// What to do at the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// Send a linearizable read.
    Read,
    /// Send a progress request.
    Progress,
    /// Compare the watched keys with etcd's, because this stream answers no progress request.
    Compare,
    /// Nothing yet.
    Nothing,
    /// Nothing arrived for too long. The connection is dead, whatever TCP reports.
    GiveUp,
}

#[derive(Debug)]
pub(super) struct Freshness {
    interval: Duration,
    timeout: Duration,
    probe: Probe,
    read_at: Instant,
    heard: Instant,
    claims: Claims,
    /// The proofs about several watches, at a server whose answers may overtake events.
    streak: Option<Streak>,
    /// Progress answers may be believed. Otherwise the watched keys are compared.
    proven: bool,
    /// No comparison before this time. The pause depends on what the last one cost etcd.
    rest_until: Instant,
    /// The maximum pause. A longer one would make the data stale although etcd answers (promise 5).
    longest_rest: Duration,
    /// The highest revision of a progress answer; 0 if there never was one.
    highest: i64,
    /// The stream is known to answer no progress request.
    mute: bool,
}

impl Freshness {
    /// `stale_after` is the age at which data counts as stale.
    pub(super) fn new(
        interval: Duration,
        timeout: Duration,
        stale_after: Duration,
        now: Instant,
        mute: bool,
    ) -> Self {
        Self {
            interval,
            timeout,
            longest_rest: stale_after / 2,
            streak: None,
            probe: Probe::Idle,
            read_at: now,
            heard: now,
            claims: Claims::new(now),
            proven: true,
            rest_until: now,
            highest: 0,
            mute,
        }
    }

    /// Sets up for a watch that may still be catching up, at a server that answers progress requests
    /// meanwhile.
    pub(super) const fn unproven(mut self) -> Self {
        self.proven = false;
        self
    }

    /// Sets up for several watches at a server whose progress answers may overtake events.
    pub(super) fn divided(mut self, limits: Limits, now: Instant) -> Self {
        self.streak = Some(Streak::new(limits, now));
        self
    }

    /// Records that the watch has caught up.
    pub(super) const fn prove(&mut self) {
        self.proven = true;
    }

    pub(super) fn is_proven(&self) -> bool {
        self.proven || self.streak.as_ref().is_some_and(Streak::is_sound)
    }

    /// Whether the stream is known to answer no progress request.
    pub(super) const fn is_mute(&self) -> bool {
        self.mute
    }

    /// What progress answers of such a server prove about one watch.
    pub(super) const fn claims(&mut self) -> &mut Claims {
        &mut self.claims
    }

    /// What they prove about several watches.
    pub(super) const fn streak(&mut self) -> Option<&mut Streak> {
        self.streak.as_mut()
    }

    /// How many progress requests to send now.
    pub(super) fn questions(&mut self, now: Instant) -> usize {
        let Some(streak) = &mut self.streak else {
            self.claims.asked(now);
            return 1;
        };
        // A stream that never answered may lead through `etcd grpc-proxy`.
        streak.ask(now, self.highest == 0)
    }

    /// Whether a progress request may be sent now. One may be under way already.
    pub(super) fn may_ask(&self, now: Instant) -> bool {
        let paced = |streak: &Streak| streak.next_at().is_some_and(|at| now >= at);
        !self.mute && !self.is_behind() && self.streak.as_ref().is_none_or(paced)
    }

    /// Whether a progress request is due even though no one waits for the answer.
    pub(super) fn is_question_due(&self, now: Instant) -> bool {
        self.question_due_at().is_some_and(|at| now >= at)
    }

    fn question_due_at(&self) -> Option<Instant> {
        self.streak.as_ref().filter(|_| !self.mute)?.due_at()
    }

    pub(super) fn deadline(&self) -> Instant {
        let deadline = self.probe_deadline();
        self.question_due_at().map_or(deadline, |at| at.min(deadline))
    }

    fn probe_deadline(&self) -> Instant {
        match self.probe {
            Probe::Idle => self.read_at,
            Probe::Read { since } => since + self.timeout,
            Probe::Behind { since, again, .. } => again.min(self.limit(since)),
            Probe::Comparing { sent, .. } => sent + self.timeout,
        }
    }

    /// When to give up. A stream that still delivers events is kept, however far behind it is.
    fn limit(&self, since: Instant) -> Instant {
        since.max(self.heard) + self.timeout
    }

    /// Decides what to do at the deadline.
    ///
    /// `waits`: events wait until other watches are known to be complete.
    pub(super) fn due(&mut self, now: Instant, waits: bool) -> Ask {
        if now < self.probe_deadline() {
            return Ask::Nothing;
        }
        let proven = self.is_proven();
        match self.probe {
            Probe::Idle => {
                self.probe = Probe::Read { since: now };
                Ask::Read
            }
            Probe::Behind { since, target, proves, .. } if now < self.limit(since) => {
                let late = now + self.timeout / 2 >= self.limit(since);
                self.mute |= late && self.highest == 0;
                let urgent = !proven && waits && now >= self.rest_until;
                if self.mute || urgent || (late && !proven) {
                    self.probe = Probe::Comparing { since, target, proves, sent: now };
                    return Ask::Compare;
                }
                let elapsed = now.saturating_duration_since(since);
                let again = now + elapsed.clamp(ASK_AGAIN_AFTER, REPEAT_AFTER * 2);
                self.probe = Probe::Behind { since, target, again, proves };
                Ask::Progress
            }
            Probe::Read { .. } | Probe::Behind { .. } | Probe::Comparing { .. } => Ask::GiveUp,
        }
    }

    /// Brings the next request forward, because events wait to be shown.
    ///
    /// Sends a comparison instead where only that can show that the events are complete.
    pub(super) fn hurry(&mut self, now: Instant) {
        let at = if self.is_proven() {
            self.streak.as_ref().and_then(Streak::next_at)
        } else {
            Some(self.rest_until)
        };
        if let (Probe::Behind { again, .. }, Some(at)) = (&mut self.probe, at) {
            *again = (*again).min(now.max(at));
        }
    }

    /// Takes the answer to a comparison; returns as of when the content is confirmed, if it was the `same`.
    ///
    /// Otherwise events may be under way. The comparison is repeated until the stream is given up.
    pub(super) fn compared(&mut self, now: Instant, same: bool) -> Option<Instant> {
        let Probe::Comparing { since, target, proves, sent } = self.probe else { return None };
        // etcd has to read every watched key.
        let cost = now.saturating_duration_since(sent) * COST;
        self.rest_until = now + cost.min(self.longest_rest);
        if same {
            self.probe = Probe::Idle;
            self.read_at = self.rest_until.max(now + self.interval);
            return Some(sent);
        }
        self.probe = Probe::Behind { since, target, again: now + self.timeout / 4, proves };
        None
    }

    /// Records that the cluster is at `revision`, and waits until the events up to it have arrived.
    pub(super) fn found(&mut self, now: Instant, revision: i64) {
        if let Probe::Read { since } = self.probe {
            let again = now + ASK_AGAIN_AFTER;
            self.probe = Probe::Behind { since, target: revision, again, proves: true };
        }
    }

    /// Finds out at once whether the events up to `revision`, which wait, may be shown.
    pub(super) fn want(&mut self, now: Instant, revision: i64) {
        if matches!(self.probe, Probe::Idle) {
            let again = now + ASK_AGAIN_AFTER;
            self.probe = Probe::Behind { since: now, target: revision, again, proves: false };
        }
    }

    /// Checks whether all events up to `frontier` answer the open request.
    ///
    /// If the request was about the cluster, returns as of when the content is confirmed.
    pub(super) fn settle(&mut self, now: Instant, frontier: i64) -> Option<Instant> {
        match self.probe {
            Probe::Behind { since, target, proves, .. } if frontier.max(self.claims.believed()) >= target => {
                self.probe = Probe::Idle;
                if !proves {
                    return None;
                }
                self.read_at = now + self.interval;
                Some(since)
            }
            _ => None,
        }
    }

    /// Whether the stream still has to deliver up to a revision that is known to exist.
    pub(super) const fn is_behind(&self) -> bool {
        matches!(self.probe, Probe::Behind { .. } | Probe::Comparing { .. })
    }

    /// Records that events arrived: the stream is alive.
    pub(super) const fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Records a progress answer. It is a sign of life only if `revision` is higher than before.
    ///
    /// A member that is stuck keeps answering with the same revision.
    pub(super) const fn heard_of(&mut self, now: Instant, revision: i64) {
        if revision > self.highest {
            self.highest = revision;
            self.heard = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(3);

    fn asked() -> (Freshness, Instant) {
        let now = Instant::now();
        let mut freshness = Freshness::new(INTERVAL, INTERVAL, INTERVAL * 4, now, false);
        assert_eq!(freshness.due(now, false), Ask::Read);
        (freshness, now)
    }

    #[test]
    fn the_content_is_confirmed_as_of_the_request_and_not_of_the_answer() {
        let (mut freshness, asked) = asked();
        let later = asked + INTERVAL / 2;
        freshness.found(later, 9);
        assert_eq!(freshness.settle(later, 8), None);
        assert_eq!(freshness.settle(later, 9), Some(asked));
        assert_eq!(freshness.deadline(), later + INTERVAL);
    }

    #[test]
    fn a_progress_request_is_repeated_and_silence_ends_in_giving_up() {
        let (mut freshness, asked) = asked();
        freshness.heard_of(asked, 1);
        freshness.found(asked, 9);
        let mut asks = 0;
        while freshness.due(freshness.deadline(), false) == Ask::Progress {
            asks += 1;
        }
        assert!(asks > 4 && freshness.deadline() == asked + INTERVAL, "{asks}");
    }

    #[test]
    fn a_stream_that_never_answered_is_compared_and_the_content_confirmed_as_of_the_comparison() {
        let (mut freshness, asked) = asked();
        freshness.found(asked, 9);
        while freshness.due(freshness.deadline(), false) == Ask::Progress {}
        let sent = freshness.deadline().checked_sub(INTERVAL).unwrap();
        assert_eq!(freshness.compared(sent + INTERVAL / 9, true), Some(sent));
        assert!(freshness.deadline() > sent + INTERVAL * 2, "the pause depends on the cost");
    }

    #[test]
    fn a_stream_whose_content_stays_different_is_given_up() {
        let (mut freshness, asked) = asked();
        freshness.found(asked, 9);
        let end = loop {
            let now = freshness.deadline();
            match freshness.due(now, false) {
                Ask::Compare => assert_eq!(freshness.compared(now, false), None),
                Ask::GiveUp => break now,
                Ask::Progress | Ask::Read | Ask::Nothing => {}
            }
        };
        assert_eq!(end, asked + INTERVAL);
    }

    #[test]
    fn a_stream_that_is_catching_up_is_not_given_up() {
        let (mut freshness, asked) = asked();
        freshness.found(asked, 1_000_000);
        for second in 1..60 {
            let now = asked + Duration::from_secs(second);
            freshness.heard(now);
            assert_eq!(freshness.due(now, false), Ask::Progress);
        }
    }

    #[test]
    fn an_unanswered_read_ends_in_giving_up() {
        let (mut freshness, asked) = asked();
        assert_eq!(freshness.deadline(), asked + INTERVAL);
        assert_eq!(freshness.due(asked + INTERVAL, false), Ask::GiveUp);
    }
}
