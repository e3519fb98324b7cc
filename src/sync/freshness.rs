//! When to ask etcd whether the snapshot is still its content, and what the answer proves.
//!
//! Silence proves nothing: a half-open connection is silent for ever. Nor does a message that arrives: it
//! may have been under way for long, and a member that is cut off from the others goes on telling its
//! watchers that all is well. So at an interval a linearizable read asks the cluster for its revision; once
//! every event up to that revision has arrived, the content is confirmed *as of the moment of asking*
//! (promise 5). Where the revisions in between were of other keys, no event tells so, and the stream is
//! asked for its progress.
//!
//! `etcd grpc-proxy` answers no progress request. A stream that never answered one may lead through it: then
//! the watched keys are compared with etcd's (see the machine's `comparing`). A stream that did answer and
//! does no longer is dead.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Between a progress answer of a server whose answers may overtake events, and the question whose answer
/// bears it out. Its watches are brought up to date every 100 ms, its blocked ones every 10 ms.
const REPEAT_AFTER: Duration = Duration::from_millis(300);

/// How long nothing bears it out about a new watch: such a server goes on answering while it reads from its
/// disk what the watch has missed (seen: for 0.9 s, where the processor was short).
const CATCHING_UP: Duration = Duration::from_millis(1_400);

/// Questions for progress whose time is remembered. Others leave none: their answers are then taken for those
/// to earlier ones, which prove less.
const MOST_ASKED: usize = 100;

/// A server drops a progress request, without a word, while one of the stream's watches is catching up;
/// that takes it up to 100 ms after the watch was created. So it is asked again, in growing steps.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(120);

/// The pause after a comparison, in times of what it took.
const COST: u32 = 20;

#[derive(Debug, Clone, Copy)]
enum Probe {
    Idle,
    /// A linearizable read was sent.
    Read {
        since: Instant,
    },
    /// The events up to `target` have yet to arrive; the stream is asked for its progress at `again`.
    /// `proves`: the target is what a read sent at `since` found.
    Behind {
        since: Instant,
        target: i64,
        again: Instant,
        proves: bool,
    },
    /// The same, and a comparison was sent.
    Comparing {
        since: Instant,
        target: i64,
        proves: bool,
        sent: Instant,
    },
}

/// What to do when the time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// Send a linearizable read.
    Read,
    /// Send a progress request.
    Progress,
    /// Compare the watched keys with etcd's: this stream answers no progress request.
    Compare,
    /// Nothing came for too long: the connection is dead, whatever TCP thinks.
    GiveUp,
}

/// A progress answer that a second one must bear out.
#[derive(Debug, Clone, Copy)]
struct Claim {
    revision: i64,
    answered: Instant,
}

#[derive(Debug)]
pub(super) struct Freshness {
    interval: Duration,
    patience: Duration,
    probe: Probe,
    read_at: Instant,
    heard: Instant,
    opened: Instant,
    /// When the questions were sent that are not answered yet. Such a server answers each, in their order.
    asked: VecDeque<Instant>,
    claim: Option<Claim>,
    /// Borne out: every event up to here has arrived.
    believed: i64,
    /// The highest revision of a progress answer; 0 for a stream that never gave one.
    told: i64,
    /// It is known to give none.
    mute: bool,
}

impl Freshness {
    pub(super) fn new(interval: Duration, patience: Duration, now: Instant, mute: bool) -> Self {
        Self {
            interval,
            patience,
            probe: Probe::Idle,
            read_at: now,
            heard: now,
            opened: now,
            asked: VecDeque::new(),
            claim: None,
            believed: 0,
            told: 0,
            mute,
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        match self.probe {
            Probe::Idle => self.read_at,
            Probe::Read { since } => since + self.patience,
            Probe::Behind { since, again, .. } => again.min(self.limit(since)),
            Probe::Comparing { sent, .. } => sent + self.patience,
        }
    }

    /// A stream that goes on telling is not given up, however far behind it is.
    fn limit(&self, since: Instant) -> Instant {
        since.max(self.heard) + self.patience
    }

    /// The deadline has come.
    pub(super) fn due(&mut self, now: Instant) -> Ask {
        match self.probe {
            Probe::Idle => {
                self.probe = Probe::Read { since: now };
                Ask::Read
            }
            Probe::Behind { since, target, proves, .. } if now < self.limit(since) => {
                if self.mute || (self.told == 0 && now + self.patience / 2 >= self.limit(since)) {
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

    /// The comparison was answered. Where the content was `same`, returns as of when it is confirmed; else it
    /// is compared again, since events may be under way, until the stream is given up.
    pub(super) fn compared(&mut self, now: Instant, same: bool) -> Option<Instant> {
        let Probe::Comparing { since, target, proves, sent } = self.probe else { return None };
        self.mute = true;
        if same {
            self.probe = Probe::Idle;
            // etcd looks at every watched key: how often follows what it costs.
            self.read_at = now + self.interval.max((now - sent) * COST);
            return Some(sent);
        }
        self.probe = Probe::Behind { since, target, again: now + self.patience / 4, proves };
        None
    }

    /// Whether a progress request may be worth its while.
    pub(super) const fn may_answer(&self) -> bool {
        !self.mute
    }

    /// The read found the cluster at `revision`: wait until we are there.
    pub(super) fn found(&mut self, now: Instant, revision: i64) {
        if let Probe::Read { since } = self.probe {
            let again = now + ASK_AGAIN_AFTER;
            self.probe = Probe::Behind { since, target: revision, again, proves: true };
        }
    }

    /// Events up to `revision` wait to be shown: find out at once whether they may be.
    pub(super) fn want(&mut self, now: Instant, revision: i64) {
        if matches!(self.probe, Probe::Idle) {
            let again = now + ASK_AGAIN_AFTER;
            self.probe = Probe::Behind { since: now, target: revision, again, proves: false };
        }
    }

    /// Whether the question that is out is answered, all events up to `frontier` having arrived; if it was
    /// about the cluster, as of when the content is confirmed.
    pub(super) fn settle(&mut self, now: Instant, frontier: i64) -> Option<Instant> {
        match self.probe {
            Probe::Behind { since, target, proves, .. } if frontier.max(self.believed) >= target => {
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

    /// Whether the stream has yet to tell of a revision that is known to exist.
    pub(super) const fn is_behind(&self) -> bool {
        matches!(self.probe, Probe::Behind { .. } | Probe::Comparing { .. })
    }

    /// The stream told of events: it is alive.
    pub(super) const fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// The stream said how far it is. That is a sign of life only where it is further than before: a member
    /// that is stuck goes on answering with one and the same revision.
    pub(super) const fn heard_of(&mut self, now: Instant, revision: i64) {
        if revision > self.told {
            self.told = revision;
            self.heard = now;
        }
    }

    /// An event of `revision` arrived. One that a progress answer had overtaken refutes that answer.
    pub(super) fn arrived(&mut self, revision: i64) {
        self.claim = self.claim.filter(|claim| claim.revision < revision);
    }

    /// A server whose answers may overtake events is asked for its progress.
    pub(super) fn asked(&mut self, now: Instant) {
        if self.asked.len() < MOST_ASKED {
            self.asked.push_back(now);
        }
    }

    /// It answers that it is at `revision`. Returns up to where its word holds by now, borne out by the answer
    /// to a later question with no overtaken event in between. When answers arrive says nothing: over a slow
    /// line two that were given at once come apart.
    pub(super) fn claimed(&mut self, now: Instant, revision: i64) -> Option<i64> {
        let asked = self.asked.pop_front()?;
        match self.claim {
            Some(claim) if asked >= (claim.answered + REPEAT_AFTER).max(self.opened + CATCHING_UP) => {
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

    const INTERVAL: Duration = Duration::from_secs(3);

    fn asked() -> (Freshness, Instant) {
        let now = Instant::now();
        let mut freshness = Freshness::new(INTERVAL, INTERVAL, now, false);
        assert_eq!(freshness.due(now), Ask::Read);
        (freshness, now)
    }

    #[test]
    fn the_content_is_confirmed_as_of_the_question_and_not_of_the_answer() {
        let (mut freshness, asked) = asked();
        let later = asked + INTERVAL / 2;
        freshness.found(later, 9);
        assert_eq!(freshness.settle(later, 8), None);
        assert_eq!(freshness.settle(later, 9), Some(asked));
        assert_eq!(freshness.deadline(), later + INTERVAL);
    }

    /// A question at once answered.
    fn claim(freshness: &mut Freshness, at: Instant, revision: i64) -> Option<i64> {
        freshness.asked(at);
        freshness.claimed(at, revision)
    }

    /// Of a watch that has nothing to catch up with any more.
    fn settled() -> (Freshness, Instant) {
        let (mut freshness, asked) = asked();
        freshness.found(asked, 9);
        (freshness, asked + CATCHING_UP)
    }

    #[test]
    fn an_answer_that_may_overtake_events_holds_only_when_borne_out_by_a_later_one() {
        let (mut freshness, now) = settled();
        assert_eq!(claim(&mut freshness, now, 9), None);
        assert_eq!(claim(&mut freshness, now + REPEAT_AFTER / 2, 12), None);
        assert_eq!(freshness.settle(now, 5), None);
        let later = now + REPEAT_AFTER;
        assert_eq!(claim(&mut freshness, later, 12), Some(9));
        assert_eq!(freshness.settle(later, 5), Some(now.checked_sub(CATCHING_UP).unwrap()));
    }

    #[test]
    fn answers_that_were_given_together_do_not_bear_each_other_out_however_late_one_arrives() {
        let (mut freshness, now) = settled();
        freshness.asked(now);
        freshness.asked(now);
        assert_eq!(freshness.claimed(now + REPEAT_AFTER, 9), None);
        assert_eq!(freshness.claimed(now + REPEAT_AFTER * 3, 9), None);
        assert_eq!(claim(&mut freshness, now + REPEAT_AFTER * 2, 9), Some(9));
    }

    #[test]
    fn an_answer_that_nobody_asked_for_bears_nothing_out() {
        let (mut freshness, now) = settled();
        assert_eq!(claim(&mut freshness, now, 9), None);
        assert_eq!(freshness.claimed(now + REPEAT_AFTER, 9), None);
    }

    #[test]
    fn a_new_watch_may_miss_events_for_longer_than_one_that_has_caught_up() {
        let (mut freshness, opened) = asked();
        assert_eq!(claim(&mut freshness, opened, 9), None);
        assert_eq!(claim(&mut freshness, opened + REPEAT_AFTER, 9), None);
        assert_eq!(claim(&mut freshness, opened + CATCHING_UP, 9), Some(9));
    }

    #[test]
    fn questions_without_an_answer_are_remembered_up_to_a_bound() {
        let (mut freshness, now) = settled();
        (0..MOST_ASKED * 2).for_each(|_| freshness.asked(now));
        assert_eq!(freshness.asked.len(), MOST_ASKED);
    }

    #[test]
    fn an_event_that_was_overtaken_refutes_the_answer() {
        let (mut freshness, now) = settled();
        assert_eq!(claim(&mut freshness, now, 9), None);
        freshness.arrived(8);
        assert_eq!(claim(&mut freshness, now + REPEAT_AFTER, 9), None);
    }

    #[test]
    fn progress_is_asked_again_and_silence_ends_in_giving_up() {
        let (mut freshness, asked) = asked();
        freshness.heard_of(asked, 1);
        freshness.found(asked, 9);
        let mut asks = 0;
        while freshness.due(freshness.deadline()) == Ask::Progress {
            asks += 1;
        }
        assert!(asks > 4 && freshness.deadline() == asked + INTERVAL, "{asks}");
    }

    #[test]
    fn a_stream_that_never_answered_is_compared_and_the_content_confirmed_as_of_the_comparison() {
        let (mut freshness, asked) = asked();
        freshness.found(asked, 9);
        while freshness.due(freshness.deadline()) == Ask::Progress {}
        let sent = freshness.deadline().checked_sub(INTERVAL).unwrap();
        assert_eq!(freshness.compared(sent + INTERVAL / 9, true), Some(sent));
        assert!(freshness.deadline() > sent + INTERVAL * 2, "the pause follows the cost");
    }

    #[test]
    fn a_stream_whose_content_stays_another_is_given_up() {
        let (mut freshness, asked) = asked();
        freshness.found(asked, 9);
        let end = loop {
            let now = freshness.deadline();
            match freshness.due(now) {
                Ask::Compare => assert_eq!(freshness.compared(now, false), None),
                Ask::GiveUp => break now,
                Ask::Progress | Ask::Read => {}
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
            assert_eq!(freshness.due(now), Ask::Progress);
        }
    }

    #[test]
    fn a_read_that_is_not_answered_ends_in_giving_up() {
        let (mut freshness, asked) = asked();
        assert_eq!(freshness.deadline(), asked + INTERVAL);
        assert_eq!(freshness.due(asked + INTERVAL), Ask::GiveUp);
    }
}
