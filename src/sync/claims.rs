//! What a server says of its progress to one watch whose answers may overtake events (etcd issue 15220).
//!
//! Such a server answers with its own revision at once, though events up to it are still queued for the watch. One
//! answer alone proves nothing; that no event of before it comes until a later question is answered does, for a
//! watch that is up to date: its events are queued for milliseconds only.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Instant;

/// Between a progress answer and the question whose answer bears it out. Such a server brings its watches up to date
/// every 100 ms, blocked ones every 10 ms.
pub(super) const REPEAT_AFTER: Duration = Duration::from_millis(300);

/// How long nothing is borne out about a new watch, and about one that has just been told of events: when more are
/// queued than a watch may have, the server reads them from its disk, and goes on answering meanwhile.
const CATCHING_UP: Duration = Duration::from_millis(1_400);

/// Questions for progress whose time is remembered. Others leave none: their answers are then taken for those
/// to earlier ones, which prove less.
const MOST_ASKED: usize = 100;

/// A progress answer that a second one must bear out.
#[derive(Debug, Clone, Copy)]
struct Claim {
    revision: i64,
    answered: Instant,
}

#[derive(Debug)]
pub(super) struct Claims {
    /// When the watch was opened, or an event last arrived.
    quiet_since: Instant,
    /// When the questions were sent that are not answered yet. Such a server answers each, in their order.
    asked: VecDeque<Instant>,
    claim: Option<Claim>,
    /// Borne out: every event up to here has arrived.
    believed: i64,
}

impl Claims {
    pub(super) const fn new(opened: Instant) -> Self {
        Self { quiet_since: opened, asked: VecDeque::new(), claim: None, believed: 0 }
    }

    pub(super) const fn believed(&self) -> i64 {
        self.believed
    }

    /// The server is asked for its progress.
    pub(super) fn asked(&mut self, now: Instant) {
        if self.asked.len() < MOST_ASKED {
            self.asked.push_back(now);
        }
    }

    /// An event of `revision` arrived. One that a progress answer had overtaken refutes that answer, and others may be on
    /// their way.
    pub(super) fn arrived(&mut self, now: Instant, revision: i64) {
        self.claim = self.claim.filter(|claim| claim.revision < revision);
        self.quiet_since = now;
    }

    /// The server answers that it is at `revision`. Returns up to where its word holds by now, borne out by the answer
    /// to a later question with no overtaken event in between. When answers arrive says nothing: over a slow
    /// line two that were given at once come apart. The word of a server that is not `trusted` yet is not kept.
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

    /// A question at once answered.
    fn claim(claims: &mut Claims, at: Instant, revision: i64) -> Option<i64> {
        claims.asked(at);
        claims.answered(at, revision, true)
    }

    /// Of a watch that has nothing to catch up with any more.
    fn settled() -> (Claims, Instant) {
        let opened = Instant::now();
        (Claims::new(opened), opened + CATCHING_UP)
    }

    #[test]
    fn an_answer_that_may_overtake_events_holds_only_when_borne_out_by_a_later_one() {
        let (mut claims, now) = settled();
        assert_eq!(claim(&mut claims, now, 9), None);
        assert_eq!(claim(&mut claims, now + REPEAT_AFTER / 2, 12), None);
        assert_eq!(claims.believed(), 0);
        assert_eq!(claim(&mut claims, now + REPEAT_AFTER, 12), Some(9));
    }

    #[test]
    fn answers_that_were_given_together_do_not_bear_each_other_out_however_late_one_arrives() {
        let (mut claims, now) = settled();
        claims.asked(now);
        claims.asked(now);
        assert_eq!(claims.answered(now + REPEAT_AFTER, 9, true), None);
        assert_eq!(claims.answered(now + REPEAT_AFTER * 3, 9, true), None);
        assert_eq!(claim(&mut claims, now + REPEAT_AFTER * 2, 9), Some(9));
    }

    #[test]
    fn an_answer_that_nobody_asked_for_bears_nothing_out() {
        let (mut claims, now) = settled();
        assert_eq!(claim(&mut claims, now, 9), None);
        assert_eq!(claims.answered(now + REPEAT_AFTER, 9, true), None);
    }

    #[test]
    fn a_watch_that_may_be_catching_up_is_not_believed() {
        let (mut claims, now) = settled();
        for again in 0..10 {
            claims.asked(now + REPEAT_AFTER * again);
            assert_eq!(claims.answered(now + REPEAT_AFTER * again, 9, false), None);
        }
        assert_eq!(claim(&mut claims, now + REPEAT_AFTER * 10, 9), None, "what was said before is forgotten");
    }

    #[test]
    fn a_new_watch_and_one_that_was_just_told_of_events_may_miss_others_for_longer() {
        let (mut claims, now) = settled();
        assert_eq!(claim(&mut claims, now, 9), None);
        claims.arrived(now, 10);
        assert_eq!(claim(&mut claims, now + REPEAT_AFTER, 11), None);
        assert_eq!(claim(&mut claims, now + REPEAT_AFTER * 2, 11), None);
        assert_eq!(claim(&mut claims, now + REPEAT_AFTER + CATCHING_UP, 11), Some(9));
    }

    #[test]
    fn questions_without_an_answer_are_remembered_up_to_a_bound() {
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
        assert_eq!(claim(&mut claims, later, 9), None, "nothing is claimed any more");
        assert_eq!(claim(&mut claims, later + REPEAT_AFTER, 9), Some(9));
    }
}
