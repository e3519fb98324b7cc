//! Decides when to believe a watch's progress answers that may overtake events (etcd issue 15220).
//!
//! A server with this fault answers with its current revision at once, even while events up to that revision
//! are still queued for the watch. So one answer alone proves nothing. Two answers do, if no event older than
//! the first arrives before the second: a watch that is up to date has events queued for milliseconds only.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Instant;

/// The minimum time between a progress answer and the request that confirms it.
///
/// Such a server brings its watches up to date every 100 ms, and blocked ones every 10 ms.
pub(super) const REPEAT_AFTER: Duration = Duration::from_millis(300);

/// How long answers are not trusted after a watch opens or an event arrives.
///
/// If more events are queued than a watch may have, the server reads them from its disk. It keeps answering
/// progress requests meanwhile.
const CATCHING_UP: Duration = Duration::from_millis(1_400);

/// Progress requests that keep a timestamp.
///
/// An answer beyond that is matched to an older request, which is safe: it proves less.
const MOST_ASKED: usize = 100;

/// A progress answer that a second one must confirm.
#[derive(Debug, Clone, Copy)]
struct Claim {
    revision: i64,
    answered: Instant,
}

#[derive(Debug)]
pub(super) struct Claims {
    /// When the watch was opened, or when the last event arrived.
    quiet_since: Instant,
    /// The send times of requests not answered yet. Such a server answers each of them, in order.
    asked: VecDeque<Instant>,
    claim: Option<Claim>,
    /// Every event up to this revision has arrived: two answers agree.
    believed: i64,
}

impl Claims {
    pub(super) const fn new(opened: Instant) -> Self {
        Self { quiet_since: opened, asked: VecDeque::new(), claim: None, believed: 0 }
    }

    pub(super) const fn believed(&self) -> i64 {
        self.believed
    }

    /// Records that a progress request is sent.
    pub(super) fn asked(&mut self, now: Instant) {
        if self.asked.len() < MOST_ASKED {
            self.asked.push_back(now);
        }
    }

    /// Records an event of `revision`.
    ///
    /// If a progress answer had overtaken the event, that answer is refuted. More late events may follow.
    pub(super) fn arrived(&mut self, now: Instant, revision: i64) {
        self.claim = self.claim.filter(|claim| claim.revision < revision);
        self.quiet_since = now;
    }

    /// Records a progress answer of `revision`; returns the revision that is proven now, if any.
    ///
    /// A second answer proves the first if its request was sent late enough and no overtaken event came
    /// between them. Only the time of the request counts: on a slow network, two answers given together can
    /// arrive far apart. Answers of a server that is not `trusted` yet are dropped.
    pub(super) fn answered(&mut self, now: Instant, revision: i64, trusted: bool) -> Option<i64> {
        let asked = self.asked.pop_front()?;
        if !trusted {
            return None;
        }
        match self.claim {
            Some(claim) if asked >= (claim.answered + REPEAT_AFTER).max(self.quiet_since + CATCHING_UP) => {
                self.claim = Some(Claim { revision, answered: now });
                self.believed = self.believed.max(claim.revision);
                Some(self.believed)
            }
            Some(_) => None,
            None => {
                self.claim = Some(Claim { revision, answered: now });
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request that is answered at once.
    fn claim(claims: &mut Claims, at: Instant, revision: i64) -> Option<i64> {
        claims.asked(at);
        claims.answered(at, revision, true)
    }

    /// A watch that has caught up.
    fn settled() -> (Claims, Instant) {
        let opened = Instant::now();
        (Claims::new(opened), opened + CATCHING_UP)
    }

    #[test]
    fn an_answer_that_may_overtake_events_holds_only_once_a_later_answer_confirms_it() {
        let (mut claims, now) = settled();
        assert_eq!(claim(&mut claims, now, 9), None);
        assert_eq!(claim(&mut claims, now + REPEAT_AFTER / 2, 12), None);
        assert_eq!(claims.believed(), 0);
        assert_eq!(claim(&mut claims, now + REPEAT_AFTER, 12), Some(9));
    }

    #[test]
    fn answers_given_together_do_not_confirm_each_other_however_late_one_arrives() {
        let (mut claims, now) = settled();
        claims.asked(now);
        claims.asked(now);
        assert_eq!(claims.answered(now + REPEAT_AFTER, 9, true), None);
        assert_eq!(claims.answered(now + REPEAT_AFTER * 3, 9, true), None);
        assert_eq!(claim(&mut claims, now + REPEAT_AFTER * 2, 9), Some(9));
    }

    #[test]
    fn an_answer_without_a_request_confirms_nothing() {
        let (mut claims, now) = settled();
        assert_eq!(claim(&mut claims, now, 9), None);
        assert_eq!(claims.answered(now + REPEAT_AFTER, 9, true), None);
    }

    #[test]
    fn answers_to_a_watch_that_may_be_catching_up_are_not_believed() {
        let (mut claims, now) = settled();
        for again in 0..10 {
            claims.asked(now + REPEAT_AFTER * again);
            assert_eq!(claims.answered(now + REPEAT_AFTER * again, 9, false), None);
        }
        assert_eq!(claim(&mut claims, now + REPEAT_AFTER * 10, 9), None, "earlier answers are forgotten");
    }

    #[test]
    fn a_new_watch_and_one_that_just_received_events_may_miss_other_events_for_longer() {
        let (mut claims, now) = settled();
        assert_eq!(claim(&mut claims, now, 9), None);
        claims.arrived(now, 10);
        assert_eq!(claim(&mut claims, now + REPEAT_AFTER, 11), None);
        assert_eq!(claim(&mut claims, now + REPEAT_AFTER * 2, 11), None);
        assert_eq!(claim(&mut claims, now + REPEAT_AFTER + CATCHING_UP, 11), Some(9));
    }

    #[test]
    fn the_number_of_remembered_requests_is_bounded() {
        let (mut claims, now) = settled();
        (0..MOST_ASKED * 2).for_each(|_| claims.asked(now));
        assert_eq!(claims.asked.len(), MOST_ASKED);
    }

    #[test]
    fn an_event_that_was_overtaken_refutes_the_answer() {
        let (mut claims, now) = settled();
        assert_eq!(claim(&mut claims, now, 9), None);
        claims.arrived(now, 8);
        let later = now + REPEAT_AFTER + CATCHING_UP;
        assert_eq!(claim(&mut claims, later, 9), None, "the claim is withdrawn");
        assert_eq!(claim(&mut claims, later + REPEAT_AFTER, 9), Some(9));
    }
}
