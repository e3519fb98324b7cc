//! Decides what progress answers in a row prove about several watches (etcd issue 15220).
//!
//! It is for servers whose answers may overtake events. Such a server has two queues for a stream: one for
//! the events of all its watches, and one for answers. Go's `select` decides which queue it sends from next,
//! at random while both hold something. So one answer proves nothing. But each answer sent while events are
//! queued is one more toss that the events lost. So 16 answers in a row mean that no event was queued when
//! the first of them was sent.
//!
//! * An event that waits to be sent loses all these tosses once in 65,000 times. And answers meet such an
//!   event only if the server was held up between two messages for as long as a round trip.
//! * An answer holds the server's revision, and the server queues a revision's events before it adopts the
//!   revision.
//!
//! So all events up to the first answer's revision have arrived. The proof takes one round trip and reads no
//! watched key.
//!
//! This holds for queued events. There are two other cases:
//!
//! * The queue was full. The server then holds events back and queues them later. A full queue is 128
//!   messages, which arrive here before anything later does, so messages are counted.
//! * The watch is new and starts in the past, or the leader sent its member a whole snapshot. Then the server
//!   reads what the watch missed from its disk. A member gets a snapshot when it is 5,000 entries behind, so
//!   its revision leaps.
//!
//! The server brings such watches up to date every 100 ms, and then sends events that are older than its
//! answers. So after such a moment several rows must follow each other, at intervals, with no late event and
//! no full queue in between. One row is not enough, because the server may have been stopped in one interval.
//!
//! If a late event arrives after all, its watch's cursor notices it, and everything is listed again.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Instant;

/// The pause between two batches of requests; otherwise each of many changes would cause one.
const PACE: Duration = Duration::from_millis(5);

/// The number of intervals after which all watches are up to date, and the minimum length of each.
const INTERVALS: u32 = 4;
const INTERVAL: Duration = Duration::from_millis(250);

/// A request that is not answered within this time may be lost.
const LOST_AFTER: Duration = Duration::from_secs(1);

/// Batches of requests that may wait for an answer. A second one is sent only if the first may be lost.
///
/// etcd 3.4 leaks a goroutine if a stream ends while more than 16 answers wait.
const MOST_OPEN: usize = 2;

/// Limits built into etcd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages of one stream that the server queues before it holds any back.
    pub queue: u32,
    /// A member's revision jumps by more than this only if the leader sent it a snapshot.
    pub leap: i64,
    /// How many answers in a row prove something. etcd has room for 16 that wait.
    pub answers: usize,
}

impl Default for Limits {
    /// Below etcd's own 128 (`chanBufLen`) and 5,000 (`SnapshotCatchUpEntries`; not each entry is a
    /// revision).
    fn default() -> Self {
        Self { queue: 100, leap: 4_000, answers: 16 }
    }
}

#[derive(Debug)]
pub(super) struct Streak {
    limits: Limits,
    /// The revisions of the answers since the last event.
    row: VecDeque<i64>,
    /// The revision of the last full row.
    proven: i64,
    /// The highest revision of an answer.
    highest: i64,
    /// Messages from the event queue since the last full row.
    messages: u32,
    /// Requests that wait for an answer.
    open: usize,
    asked: Instant,
    /// Intervals that have passed without a late event or a full queue.
    intervals: u32,
    /// When the current interval ends; before the first one, when it may begin.
    over: Instant,
    /// All answers from now on belong to requests sent after the interval.
    is_after: bool,
    /// A row has started the first interval.
    has_begun: bool,
}

impl Streak {
    /// A streak for watches that were just created.
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            row: VecDeque::with_capacity(limits.answers),
            proven: 0,
            highest: 0,
            messages: 0,
            open: 0,
            asked: now,
            intervals: 0,
            over: now,
            is_after: false,
            has_begun: false,
        }
    }

    /// Whether all watches were up to date at the last full row, and no event was held back since.
    pub(super) const fn is_sound(&self) -> bool {
        self.intervals >= INTERVALS && self.may_ask()
    }

    /// Whether requests are answered.
    const fn may_ask(&self) -> bool {
        self.open <= (MOST_OPEN - 1) * self.limits.answers
    }

    /// When to send a request, whether or not anyone waits for the answer.
    pub(super) fn due_at(&self) -> Option<Instant> {
        if !self.may_ask() {
            return None; // A proxy on the way swallows the requests.
        }
        if self.open > 0 {
            return Some(self.asked + LOST_AFTER);
        }
        let urgent = self.is_after || self.messages * 2 >= self.limits.queue;
        let sound = self.intervals >= INTERVALS;
        match (urgent, sound) {
            (true, false) => Some(self.may_ask_at()),
            (false, false) => Some(self.over.max(self.may_ask_at())),
            (_, true) => None,
        }
    }

    /// When another request can prove something, if all earlier ones are answered.
    pub(super) fn next_at(&self) -> Option<Instant> {
        (self.open == 0).then(|| self.may_ask_at())
    }

    fn may_ask_at(&self) -> Instant {
        self.asked + PACE
    }

    /// Sends the requests of a row, or `one`; none if too many wait for an answer. Returns their number.
    pub(super) fn ask(&mut self, now: Instant, one: bool) -> usize {
        let lost = now >= self.asked + LOST_AFTER;
        if !self.may_ask() || (self.open > 0 && !lost) {
            return 0;
        }
        if self.open == 0 && self.intervals < INTERVALS && now >= self.over {
            self.is_after = true;
            self.row.clear();
        }
        self.asked = now;
        let questions = if one { 1 } else { self.limits.answers };
        self.open += questions;
        questions
    }

    /// Records an answer of `revision`. Returns the revision up to which all watches are proven complete.
    pub(super) fn answered(&mut self, now: Instant, revision: i64) -> Option<i64> {
        self.open = self.open.saturating_sub(1);
        if self.highest > 0 && revision > self.highest.saturating_add(self.limits.leap) {
            self.doubt(now);
        }
        self.highest = self.highest.max(revision);
        if self.row.len() == self.limits.answers {
            self.row.pop_front();
        }
        self.row.push_back(revision);
        let first = *self.row.front().filter(|_| self.row.len() == self.limits.answers)?;
        self.proven = self.proven.max(first);
        self.messages = 0;
        if self.intervals < INTERVALS && std::mem::take(&mut self.is_after) {
            self.intervals += u32::from(std::mem::replace(&mut self.has_begun, true));
            self.over = now + INTERVAL;
        }
        self.is_sound().then_some(first)
    }

    /// Records a message from the event queue. `first`: the revision of its first new event.
    pub(super) fn interrupted(&mut self, now: Instant, first: Option<i64>) {
        self.row.clear();
        self.messages = self.messages.saturating_add(1);
        if self.messages > self.limits.queue || first.is_some_and(|at| at <= self.proven) {
            self.doubt(now);
        }
    }

    /// Records that the server may be holding events back.
    fn doubt(&mut self, now: Instant) {
        self.row.clear();
        self.messages = 0;
        self.intervals = 0;
        self.has_begun = false;
        self.is_after = false;
        self.over = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERS: usize = 5;
    const LIMITS: Limits = Limits { queue: 3, leap: 50, answers: ANSWERS };

    /// A batch of requests, answered at once.
    fn row(streak: &mut Streak, now: Instant, revision: i64) -> Option<i64> {
        assert_eq!(streak.ask(now, false), ANSWERS);
        (0..ANSWERS).filter_map(|_| streak.answered(now, revision)).last()
    }

    /// A streak of watches that are up to date, at revision 10.
    fn sound() -> (Streak, Instant) {
        let mut now = Instant::now();
        let mut streak = Streak::new(LIMITS, now);
        for _ in 0..INTERVALS {
            assert_eq!(row(&mut streak, now, 10), None);
            now += INTERVAL;
        }
        assert_eq!(row(&mut streak, now, 10), Some(10));
        (streak, now)
    }

    #[test]
    fn answers_in_a_row_prove_the_revision_of_the_first_of_them() {
        let (mut streak, now) = sound();
        streak.interrupted(now, Some(12));
        streak.ask(now, false);
        let answers = (0..ANSWERS).map(|n| streak.answered(now, 12 + i64::try_from(n).unwrap()));
        assert_eq!(answers.flatten().collect::<Vec<_>>(), [12]);
    }

    #[test]
    fn an_event_among_the_answers_starts_a_new_row() {
        let (mut streak, now) = sound();
        streak.ask(now, false);
        assert!((1..ANSWERS).all(|_| streak.answered(now, 12) == Some(10)));
        streak.interrupted(now, Some(12));
        assert_eq!(streak.answered(now, 12), None);
        let answers = (1..ANSWERS).map(|_| streak.answered(now, 13));
        assert_eq!(answers.flatten().collect::<Vec<_>>(), [12], "a row of its own");
    }

    #[test]
    fn rows_at_intervals_are_needed_after_the_server_may_have_held_events_back() {
        let doubts: [fn(&mut Streak, Instant); 3] = [
            |streak, now| (11..15).for_each(|at| streak.interrupted(now, Some(at))),
            |streak, now| streak.interrupted(now, Some(9)),
            |streak, now| assert_eq!(row(streak, now, 61), None),
        ];
        for doubt in doubts {
            let (mut streak, mut now) = sound();
            doubt(&mut streak, now);
            assert!(!streak.is_sound());
            for _ in 0..INTERVALS {
                assert_eq!(row(&mut streak, now, 70), None);
                assert_eq!(row(&mut streak, now, 70), None, "a row that comes too soon does not count");
                now = streak.due_at().unwrap();
            }
            assert_eq!(row(&mut streak, now, 70), Some(70));
        }
    }

    #[test]
    fn a_late_event_in_an_interval_or_more_events_than_the_queue_holds_start_the_intervals_again() {
        let doubts: [&[i64]; 2] = [&[10], &[71, 72, 73, 74]];
        for events in doubts {
            let (mut streak, mut now) = sound();
            streak.interrupted(now, Some(9));
            for _ in 0..INTERVALS {
                row(&mut streak, now, 70);
                now += INTERVAL;
            }
            for at in events {
                streak.interrupted(now, Some(*at));
            }
            assert_eq!(row(&mut streak, now, 80), None);
        }
    }

    #[test]
    fn as_many_events_as_the_queue_holds_between_two_rows_raise_no_doubt() {
        let (mut streak, now) = sound();
        for at in 11..50 {
            streak.interrupted(now, Some(at));
            if at % 3 == 0 {
                assert_eq!(row(&mut streak, now, at), Some(at));
            }
        }
    }

    #[test]
    fn requests_stop_when_something_swallows_them() {
        let (mut streak, mut now) = (Streak::new(LIMITS, Instant::now()), Instant::now());
        let mut asked = 0;
        for _ in 0..100 {
            asked += streak.ask(now, false);
            now += LOST_AFTER;
        }
        assert_eq!((asked, streak.due_at(), streak.is_sound()), (MOST_OPEN * ANSWERS, None, false));
    }
}
