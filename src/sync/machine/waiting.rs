//! Bounds how long changes wait for another watch (promise 11).
//!
//! Several watches share a stream, and a revision is shown once every watch is past it (promise 3). So while
//! one watch is silent, the changes of the others have to wait.
//! [`MOST_WAITING`](super::super::stream::MOST_WAITING) bounds their size, but a few changes a second would
//! take hours to reach it. Silence is no bound either, because the other watches still deliver, which counts
//! as a sign of life.
//!
//! The rule: if the revision that all watches are past does not move for [`LONGEST_WAIT`], the stream and
//! everything that waits on it are dropped. The second time at one revision, all keys are listed: a listing
//! waits for no watch.

use super::super::stream::Stream;
use super::{Machine, State};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::sync::event::{Effect, Fault};

/// The bound, as a multiple of the timeout.
///
/// A server may take several timeouts to send a new watch what it missed, without visible progress.
const LONGEST_WAIT: u32 = 10;

/// Since when changes wait.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Waiting {
    since: Option<Instant>,
    /// The revision that every watch had passed at that time.
    frontier: i64,
}

impl Waiting {
    /// Runs at the end of each step. `stream` is one on which something waits.
    fn look(&mut self, now: Instant, stream: Option<&Stream>) {
        let frontier = stream.map_or(0, Stream::frontier);
        let goes_on = stream.is_some() && self.since.is_some() && self.frontier == frontier;
        if !goes_on {
            *self = Self { since: stream.map(|_| now), frontier };
        }
    }
}

impl Machine {
    pub(super) fn look_at_what_waits(&mut self, now: Instant) {
        let stream = match &self.state {
            // Pages read beside the watches wait for all of them.
            State::Watching { stream, fuzzy, .. } if fuzzy.is_some() || stream.waits_for().is_some() => {
                Some(stream)
            }
            _ => None,
        };
        self.waiting.look(now, stream);
    }

    /// When the wait has lasted too long.
    pub(super) fn wait_ends(&self) -> Option<Instant> {
        Some(self.waiting.since? + self.rules.timeout * LONGEST_WAIT)
    }

    /// Gives up a stream on which changes have waited for too long; returns `false` if they have not.
    pub(super) fn give_up_waiting(&mut self, now: Instant, effects: &mut Vec<Effect>) -> bool {
        let State::Watching { stream, .. } = &self.state else { return false };
        if self.wait_ends().is_none_or(|end| now < end) {
            return false;
        }
        let slowest = stream.slowest().map_or_else(String::new, ToString::to_string);
        let seconds = (self.rules.timeout * LONGEST_WAIT).as_secs_f64();
        let message = format!(
            "the watch of {slowest} did not advance for {seconds} s, and changes of other watched keys wait for it; \
             connecting again"
        );
        self.resume.failed(self.revision(), false);
        let error = self.at_peer(Error::new(ErrorKind::Timeout, message));
        self.failed(now, Fault::Lost(error), effects);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::event::{Event, Header, Page, Peer, Response, Trust};
    use super::super::super::report::{Phase, Report};
    use super::super::super::streak::Limits;
    use super::super::Rules;
    use super::*;
    use crate::range::{KeyRange, Ranges};
    use crate::store::{Change, Entry, Key};

    const TIMEOUT: Duration = Duration::from_secs(3);

    /// A machine, and an etcd that does everything except answer progress requests.
    struct Pair {
        machine: Machine,
        now: Instant,
        revision: i64,
        watches: Vec<KeyRange>,
        listings: usize,
    }

    impl Pair {
        fn watching() -> Self {
            let rules = Rules {
                ranges: Ranges::merge([KeyRange::prefix(b"/a/"), KeyRange::prefix(b"/b/")]),
                page_size: 100,
                progress_interval: TIMEOUT,
                timeout: TIMEOUT,
                backoff_cap: TIMEOUT,
                audit_interval: Duration::ZERO,
                max_staleness: TIMEOUT,
                limits: Limits::default(),
                seed: 1,
            };
            let machine = Machine::new(rules, None, &Report::default());
            let now = Instant::now();
            let mut pair = Self { machine, now, revision: 10, watches: Vec::new(), listings: 0 };
            pair.step(Event::Start);
            assert_eq!((pair.phase(), pair.watches.len()), (Phase::Watching, 2));
            pair
        }

        fn phase(&self) -> Phase {
            self.machine.report().phase
        }

        fn header(&self) -> Header {
            Header { cluster_id: 1, revision: self.revision, raft_term: 1 }
        }

        fn step(&mut self, event: Event) {
            let mut events = vec![event];
            while let Some(event) = events.pop() {
                for effect in self.machine.step(self.now, event) {
                    events.extend(self.answer(effect));
                }
            }
        }

        fn answer(&mut self, effect: Effect) -> Option<Event> {
            let header = self.header();
            match effect {
                Effect::Connect { .. } => {
                    let (endpoint, version) = ("one".to_owned(), String::new());
                    Some(Event::Connected(Peer { endpoint, version, trust: Trust::Exact }))
                }
                Effect::Disconnect | Effect::CloseStream => {
                    self.watches.clear();
                    None
                }
                Effect::List(request) => {
                    self.listings += usize::from(request.revision.is_none());
                    Some(Event::Listed(Page { header, ..Page::default() }))
                }
                Effect::Watch { range, .. } => {
                    self.watches.push(range);
                    let watch_id = i64::try_from(self.watches.len() - 1).unwrap();
                    Some(Event::Responded(Response {
                        header,
                        watch_id,
                        created: true,
                        ..Response::default()
                    }))
                }
                Effect::Verify { .. } => Some(Event::Verified(header)),
                _ => None,
            }
        }

        /// A change of a key under `prefix`, delivered if a watch covers it.
        fn change(&mut self, prefix: &[u8], value: &[u8]) {
            self.revision += 1;
            let key = [prefix, b"1"].concat();
            let Some(watch) = self.watches.iter().position(|range| range.contains(&key)) else { return };
            let entry = Some(Entry::new(key.clone(), value, self.revision, 0));
            let change = Change { key: Key::from(&key[..]), mod_revision: self.revision, entry };
            let (header, watch_id) = (self.header(), i64::try_from(watch).unwrap());
            self.step(Event::Responded(Response {
                header,
                watch_id,
                changes: vec![change],
                ..Response::default()
            }));
        }

        /// Lets `time` pass in steps, with a change under `/a/` in each.
        fn pass_with_changes(&mut self, time: Duration, mut each: impl FnMut(&mut Self)) {
            let end = self.now + time;
            while self.now < end {
                self.now += Duration::from_millis(100);
                if self.machine.deadline().is_some_and(|deadline| deadline <= self.now) {
                    self.step(Event::Tick);
                }
                self.change(b"/a/", b"v");
                each(self);
            }
        }

        fn last_error(&self) -> String {
            self.machine.report().last_error.as_ref().map_or_else(String::new, ToString::to_string)
        }
    }

    #[test]
    fn changes_wait_for_a_silent_watch_no_longer_than_the_bound_and_then_everything_is_listed() {
        let mut pair = Pair::watching();
        let (shown, listings) = (pair.machine.revision(), pair.listings);
        pair.pass_with_changes((TIMEOUT * LONGEST_WAIT).saturating_sub(Duration::from_secs(1)), |_| ());
        assert_eq!(
            (pair.phase(), pair.machine.revision()),
            (Phase::Watching, shown),
            "one revision at a time"
        );
        assert_eq!(pair.last_error(), "");

        pair.pass_with_changes(Duration::from_secs(2), |_| ());
        assert!(
            pair.last_error().contains("the watch of prefix \"/b/\" did not advance for 30 s"),
            "{}",
            pair.last_error()
        );
        pair.pass_with_changes(TIMEOUT * LONGEST_WAIT + TIMEOUT * 3, |_| ());
        assert_eq!(pair.listings, listings + 1, "the second time at the same revision");
        assert!(pair.machine.revision() > shown + 100);
    }

    #[test]
    fn a_watch_that_advances_now_and_then_is_waited_for() {
        let mut pair = Pair::watching();
        let mut steps = 0;
        pair.pass_with_changes(Duration::from_secs(600), |pair| {
            steps += 1;
            if steps % 250 == 0 {
                pair.change(b"/b/", b"v");
                assert_eq!(
                    pair.machine.revision(),
                    pair.revision - 1,
                    "the other watch has not come this far"
                );
            }
        });
        assert_eq!((pair.phase(), pair.last_error()), (Phase::Watching, String::new()));
    }

    #[test]
    fn the_wait_counts_from_when_all_watches_last_advanced() {
        let mut pair = Pair::watching();
        assert_eq!(pair.machine.wait_ends(), None, "nothing waits while nothing changes");
        pair.change(b"/a/", b"v");
        let first = pair.machine.wait_ends();
        assert_eq!(first, Some(pair.now + TIMEOUT * LONGEST_WAIT));
        pair.now += TIMEOUT;
        pair.change(b"/a/", b"v");
        assert_eq!(pair.machine.wait_ends(), first);
        pair.change(b"/b/", b"v");
        assert_eq!(pair.machine.wait_ends(), Some(pair.now + TIMEOUT * LONGEST_WAIT));
    }

    #[test]
    fn changes_beyond_the_bound_do_not_wait_for_a_silent_watch() {
        let mut pair = Pair::watching();
        let (value, mut changes) = (vec![0; 1 << 20], 0);
        while pair.phase() == Phase::Watching {
            pair.change(b"/a/", &value);
            changes += 1;
            assert!(changes <= 256, "{changes} MiB wait");
        }
        assert_eq!((changes, pair.phase()), (256, Phase::Backoff));
        assert!(pair.last_error().contains("more events than fit into memory"), "{}", pair.last_error());
    }
}
