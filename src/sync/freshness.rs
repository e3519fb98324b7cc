//! When to ask etcd whether the snapshot is still its content, and what its answer proves.
//!
//! Silence proves nothing: a half-open connection is silent for ever. So at an interval the machine asks,
//! with a deadline, and only an answer moves `confirmed_at` (promise 5).

use std::time::{Duration, Instant};

use super::event::Trust;

/// Between two progress answers of a server whose answers may overtake events. Its watches are
/// brought up to date every 100 ms, its blocked ones every 10 ms.
const REPEAT_AFTER: Duration = Duration::from_millis(300);

/// A server drops a progress request, without a word, while one of the stream's watches is catching up;
/// that takes it up to 100 ms after the watch was created. So a question is put again, in growing steps.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(120);

/// The question that is out, if one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// None; ask at this time.
    Due(Instant),
    /// A progress request was sent, for the first time at `since`, and will be again at `again`.
    Progress { since: Instant, again: Instant },
    /// A linearizable read was sent.
    Read { since: Instant },
}

/// What to do when the time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// Send a progress request.
    Progress,
    /// Send a linearizable read.
    Read,
    /// Nothing came for too long: the connection is dead, whatever TCP thinks.
    GiveUp,
}

/// What a progress answer allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Proof {
    /// The content is confirmed as of this time.
    pub(super) confirmed_at: Option<Instant>,
    /// All events up to this revision have arrived.
    pub(super) complete_to: Option<i64>,
}

/// An answer that a second one must bear out.
#[derive(Debug, Clone, Copy)]
struct Claim {
    revision: i64,
    asked: Instant,
    answered: Instant,
}

#[derive(Debug)]
pub(super) struct Freshness {
    interval: Duration,
    patience: Duration,
    trust: Trust,
    probe: Probe,
    heard: Instant,
    claim: Option<Claim>,
}

impl Freshness {
    pub(super) const fn new(interval: Duration, patience: Duration, trust: Trust, now: Instant) -> Self {
        Self { interval, patience, trust, probe: Probe::Due(now), heard: now, claim: None }
    }

    pub(super) fn deadline(&self) -> Instant {
        match self.probe {
            Probe::Due(at) => at,
            Probe::Progress { since, again } => again.min(self.limit(since)),
            Probe::Read { since } => self.limit(since),
        }
    }

    fn limit(&self, since: Instant) -> Instant {
        since.max(self.heard) + self.patience
    }

    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.probe, Probe::Due(_))
    }

    /// The deadline has come. `answers_progress`: whether the server would answer a progress request.
    pub(super) fn due(&mut self, now: Instant, answers_progress: bool) -> Ask {
        match self.probe {
            Probe::Due(_) if answers_progress => self.ask_progress(now),
            Probe::Due(_) => {
                self.probe = Probe::Read { since: now };
                Ask::Read
            }
            Probe::Progress { since, .. } if now < self.limit(since) => self.ask_progress(now),
            Probe::Progress { .. } | Probe::Read { .. } => Ask::GiveUp,
        }
    }

    pub(super) fn ask_progress(&mut self, now: Instant) -> Ask {
        let since = match self.probe {
            Probe::Progress { since, .. } => since,
            Probe::Due(_) | Probe::Read { .. } => now,
        };
        let again = now + now.saturating_duration_since(since).max(ASK_AGAIN_AFTER);
        self.probe = Probe::Progress { since, again };
        Ask::Progress
    }

    /// The stream said something, whatever it was: it is alive.
    pub(super) const fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// An event of `revision` arrived. One that a progress answer had overtaken refutes that answer.
    pub(super) fn arrived(&mut self, revision: i64) {
        self.claim = self.claim.filter(|claim| claim.revision < revision);
    }

    /// A linearizable read answered with the very revision that we are at: nothing can be missing.
    pub(super) fn read_confirms(&mut self, now: Instant) -> Option<Instant> {
        let Probe::Read { since } = self.probe else { return None };
        self.probe = Probe::Due(now + self.interval);
        Some(since)
    }

    /// A progress answer with `revision` arrived; all our events are complete up to `frontier`.
    pub(super) fn answered(&mut self, now: Instant, revision: i64, frontier: i64) -> Proof {
        let asked = match self.probe {
            Probe::Progress { since, .. } => since,
            Probe::Due(_) | Probe::Read { .. } => now, // Sent by the server of its own accord.
        };
        if self.trust == Trust::Exact || revision <= frontier {
            self.claim = None;
            self.probe = Probe::Due(now + self.interval);
            return Proof { confirmed_at: Some(asked), complete_to: Some(revision) };
        }
        let Some(claim) = self.claim else {
            self.claim = Some(Claim { revision, asked, answered: now });
            self.probe = Probe::Due(now + REPEAT_AFTER);
            return Proof::default();
        };
        if now < claim.answered + REPEAT_AFTER {
            self.probe = Probe::Due(claim.answered + REPEAT_AFTER);
            return Proof::default();
        }
        self.claim = None;
        self.probe = Probe::Due(now + self.interval);
        Proof { confirmed_at: Some(claim.asked), complete_to: Some(claim.revision.min(revision)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(3);

    fn asked(trust: Trust) -> (Freshness, Instant) {
        let now = Instant::now();
        let mut freshness = Freshness::new(INTERVAL, INTERVAL, trust, now);
        assert_eq!(freshness.due(now, true), Ask::Progress);
        (freshness, now)
    }

    #[test]
    fn an_exact_answer_confirms_as_of_the_question() {
        let (mut freshness, sent) = asked(Trust::Exact);
        let proof = freshness.answered(sent + INTERVAL / 2, 9, 5);
        assert_eq!(proof, Proof { confirmed_at: Some(sent), complete_to: Some(9) });
    }

    #[test]
    fn an_answer_that_may_overtake_events_confirms_only_when_borne_out_by_a_later_one() {
        let (mut freshness, sent) = asked(Trust::Repeated);
        assert_eq!(freshness.answered(sent, 9, 5), Proof::default());
        let later = freshness.deadline();
        assert_eq!(freshness.due(later, true), Ask::Progress);
        let proof = freshness.answered(later, 12, 5);
        assert_eq!(proof, Proof { confirmed_at: Some(sent), complete_to: Some(9) });
    }

    #[test]
    fn an_event_that_was_overtaken_refutes_the_answer() {
        let (mut freshness, sent) = asked(Trust::Repeated);
        let _ = freshness.answered(sent, 9, 5);
        freshness.arrived(8);
        let later = sent + REPEAT_AFTER;
        let _ = freshness.due(later, true);
        assert_eq!(freshness.answered(later, 9, 8), Proof::default());
    }

    #[test]
    fn an_answer_at_our_own_revision_needs_no_trust() {
        let (mut freshness, sent) = asked(Trust::Repeated);
        assert_eq!(freshness.answered(sent, 5, 5).confirmed_at, Some(sent));
    }

    #[test]
    fn a_question_is_repeated_and_silence_ends_in_giving_up() {
        let (mut freshness, sent) = asked(Trust::Exact);
        let mut asks = 0;
        while freshness.due(freshness.deadline(), true) == Ask::Progress {
            asks += 1;
        }
        assert!(asks > 2 && freshness.deadline() <= sent + INTERVAL);
    }

    #[test]
    fn a_stream_that_is_catching_up_is_not_given_up() {
        let (mut freshness, sent) = asked(Trust::Exact);
        for second in 1..60 {
            let now = sent + Duration::from_secs(second);
            freshness.heard(now);
            if freshness.deadline() <= now {
                assert_eq!(freshness.due(now, true), Ask::Progress);
            }
        }
    }

    #[test]
    fn a_server_that_is_not_past_our_start_is_asked_by_a_read() {
        let now = Instant::now();
        let mut freshness = Freshness::new(INTERVAL, INTERVAL, Trust::Exact, now);
        assert_eq!(freshness.due(now, false), Ask::Read);
        assert_eq!(freshness.read_confirms(now + INTERVAL), Some(now));
    }
}
