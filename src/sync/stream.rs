//! The positions of one stream's watches, and which of their events are complete.
//!
//! Several watches share the stream, and each reports only its own range. A revision may be shown to readers
//! once *every* watch is known to be past it (promises 1 and 3). A transaction over two ranges arrives as two
//! messages, and a silent watch may be idle or behind.

use super::cursor::{Broken, Cursor};
use crate::range::{KeyRange, Ranges};
use crate::store::Change;

/// The most bytes of events that a stream holds back (promise 11). No transaction is nearly that large.
///
/// A stream that exceeds it is closed. Either its fragments never end, or one watch delivers while another
/// is silent.
pub(super) const MOST_WAITING: usize = 256 << 20;

#[derive(Debug)]
pub(super) struct Stream {
    cursors: Vec<Cursor>,
    /// The first revision whose events are wanted.
    ///
    /// `None` while a watch of future events waits for the revision of the pages read beside it.
    start: Option<i64>,
    /// The stream's cluster; 0 until an answer names it.
    cluster_id: u64,
    /// The bytes that wait.
    waiting: usize,
}

impl Stream {
    pub(super) fn new(ranges: &[KeyRange], start: i64, cluster_id: u64) -> Self {
        let cursors = ranges.iter().map(|range| Cursor::new(range, start - 1)).collect();
        Self { cursors, start: Some(start), cluster_id, waiting: 0 }
    }

    /// Watches future events, from whatever revision is current.
    pub(super) fn from_now(ranges: &[KeyRange]) -> Self {
        Self { start: None, ..Self::new(ranges, 1, 0) }
    }

    pub(super) const fn is_from_now(&self) -> bool {
        self.start.is_none()
    }

    /// Records that the pages read beside the watches contain everything up to `revision`.
    pub(super) fn begin_at(&mut self, revision: i64) {
        if self.is_from_now() {
            self.start = Some(revision + 1);
            self.skip_to(revision);
        }
    }

    /// Whether an answer of `cluster_id` is from another cluster than the answers before.
    ///
    /// `etcd grpc-proxy` sends 0 where it answers for etcd.
    pub(super) const fn is_foreign(&mut self, cluster_id: u64) -> bool {
        if self.cluster_id == 0 {
            self.cluster_id = cluster_id;
        }
        cluster_id != 0 && cluster_id != self.cluster_id
    }

    /// The next watch to create, with its first revision; 0 means future events only.
    ///
    /// Watches are created one at a time: the answer to the previous request tells its id, and not every
    /// proxy lets the client choose.
    ///
    /// A watch starts one revision before the first wanted one, and the known events are dropped. Reason: a
    /// server lets a watch start exactly at its compacted revision, although a deletion at that revision is
    /// silently lost. So that revision must be a known one. If a later one is compacted before the watch has
    /// caught up, the server reports it.
    pub(super) fn to_create(&self) -> Option<(KeyRange, i64)> {
        let next = self.cursors.iter().find(|cursor| cursor.watch_id.is_none())?;
        Some((next.range.clone(), self.start.map_or(0, |start| (start - 1).max(1))))
    }

    /// Records that the last requested watch was created as `watch_id`.
    pub(super) fn created(&mut self, watch_id: i64) {
        if let Some(next) = self.cursors.iter_mut().find(|cursor| cursor.watch_id.is_none()) {
            next.watch_id = Some(watch_id);
        }
    }

    /// The range of this watch. For a watch without an id: the range of the one being created.
    pub(super) fn range_of(&self, watch_id: i64) -> Option<&KeyRange> {
        let of = |number: Option<i64>| self.cursors.iter().find(|cursor| cursor.watch_id == number);
        of(Some(watch_id)).or_else(|| of(None)).map(|cursor| &cursor.range)
    }

    /// Takes events of one watch. `fragment`: the last revision may continue in the next message.
    pub(super) fn accept(
        &mut self,
        watch_id: i64,
        changes: Vec<Change>,
        fragment: bool,
    ) -> Result<(), Broken> {
        let Some(cursor) = self.cursors.iter_mut().find(|cursor| cursor.watch_id == Some(watch_id)) else {
            return Ok(());
        };
        self.waiting += cursor.accept(changes, fragment)?;
        if self.waiting > MOST_WAITING { Err(Broken::Endless) } else { Ok(()) }
    }

    /// Records that every event up to `revision` has arrived, for one watch or (−1) for all.
    pub(super) fn progressed(&mut self, watch_id: i64, revision: i64) {
        let concerned = |cursor: &&mut Cursor| watch_id == -1 || cursor.watch_id == Some(watch_id);
        self.cursors.iter_mut().filter(concerned).for_each(|cursor| cursor.progressed(revision));
    }

    /// Records that the content up to `revision` is known. Drops the events up to it.
    pub(super) fn skip_to(&mut self, revision: i64) {
        self.cursors.iter_mut().for_each(|cursor| cursor.skip_to(revision));
        self.weigh();
    }

    /// Records that `range` at `revision` equals what is shown. Drops the waiting events up to it.
    ///
    /// These are, for example, half of a message; events that have yet to arrive undo them.
    pub(super) fn is_unchanged(&mut self, range: &KeyRange, revision: i64) {
        let behind = |cursor: &&mut Cursor| cursor.range == *range && cursor.complete() < revision;
        self.cursors.iter_mut().filter(behind).for_each(|cursor| cursor.skip_to(revision));
        self.weigh();
    }

    fn weigh(&mut self) {
        self.waiting = self.cursors.iter().map(Cursor::weight).sum();
    }

    /// Whether every watch is up to date at the server, as far as messages can show it.
    pub(super) fn has_caught_up(&self) -> bool {
        self.cursors.iter().all(Cursor::has_caught_up)
    }

    /// Whether there are several watches, each silent about the others' ranges.
    pub(super) fn is_divided(&self) -> bool {
        self.cursors.len() > 1
    }

    /// The revision that all watches are past.
    pub(super) fn frontier(&self) -> i64 {
        self.cursors.iter().map(Cursor::complete).min().unwrap_or_default()
    }

    /// The range of the watch that is furthest behind.
    pub(super) fn slowest(&self) -> Option<&KeyRange> {
        self.cursors.iter().min_by_key(|cursor| cursor.complete()).map(|cursor| &cursor.range)
    }

    /// The last complete revision whose events wait for another watch, if any do.
    pub(super) fn waits_for(&self) -> Option<i64> {
        let frontier = self.frontier();
        self.cursors.iter().filter_map(|cursor| cursor.waits_for(frontier)).max()
    }

    /// The revision up to which events could be shown if the silent watches missed nothing.
    pub(super) fn would_show(&self) -> Option<i64> {
        let frontier = self.frontier();
        let waiting = self.cursors.iter().filter(|cursor| cursor.waits_for(frontier).is_some());
        waiting.map(Cursor::complete).min()
    }

    /// Whether the watch of `range` may still receive events up to `revision`.
    pub(super) fn is_behind(&self, range: &KeyRange, revision: i64) -> bool {
        self.cursors.iter().any(|cursor| cursor.range == *range && cursor.complete() < revision)
    }

    /// Takes the complete events of `ranges`, in revision order.
    pub(super) fn take_complete(&mut self, ranges: &Ranges) -> Vec<Change> {
        let frontier = self.frontier();
        let mut complete = Vec::new();
        for cursor in &mut self.cursors {
            complete.extend(cursor.take(frontier, ranges));
        }
        if self.is_divided() {
            complete.sort_by_key(|change| change.mod_revision);
        }
        self.weigh();
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Key;

    fn event(key: &[u8], mod_revision: i64) -> Change {
        Change { key: Key::from(key), mod_revision, entry: None }
    }

    fn stream(prefixes: &[&[u8]]) -> (Stream, Ranges) {
        let ranges = Ranges::merge(prefixes.iter().map(|prefix| KeyRange::prefix(prefix)));
        let mut stream = Stream::new(ranges.as_slice(), 11, 7);
        for id in 0..i64::try_from(prefixes.len()).unwrap() {
            assert!(stream.to_create().is_some());
            stream.created(id);
        }
        assert_eq!(stream.to_create(), None);
        (stream, ranges)
    }

    fn revisions(changes: &[Change]) -> Vec<i64> {
        changes.iter().map(|change| change.mod_revision).collect()
    }

    #[test]
    fn a_fragment_that_ends_inside_a_revision_completes_only_the_revisions_before_it() {
        let (mut stream, ranges) = stream(&[b"/a/"]);
        stream.accept(0, vec![event(b"/a/1", 12), event(b"/a/2", 13)], true).unwrap();
        assert_eq!(stream.frontier(), 12);
        assert_eq!(revisions(&stream.take_complete(&ranges)), [12]);
        stream.accept(0, vec![event(b"/a/3", 13)], false).unwrap();
        assert_eq!(revisions(&stream.take_complete(&ranges)), [13, 13]);
    }

    #[test]
    fn an_old_message_between_two_fragments_completes_nothing() {
        let (mut stream, ranges) = stream(&[b"/a/"]);
        stream.accept(0, vec![event(b"/a/1", 11)], false).unwrap();
        stream.accept(0, vec![event(b"/a/1", 12)], true).unwrap();
        stream.accept(0, vec![event(b"/a/1", 11)], false).unwrap();
        assert_eq!(revisions(&stream.take_complete(&ranges)), [11]);
    }

    #[test]
    fn a_transaction_over_two_ranges_is_complete_once_both_watches_are_past_it() {
        let (mut stream, ranges) = stream(&[b"/a/", b"/b/"]);
        stream.accept(0, vec![event(b"/a/1", 12)], false).unwrap();
        assert!(stream.take_complete(&ranges).is_empty());
        assert_eq!(stream.waits_for(), Some(12));
        stream.accept(1, vec![event(b"/b/1", 12)], false).unwrap();
        assert_eq!(revisions(&stream.take_complete(&ranges)), [12, 12]);
        assert_eq!(stream.waits_for(), None);
    }

    #[test]
    fn progress_of_all_watches_releases_the_events_that_wait_for_an_idle_one() {
        let (mut stream, ranges) = stream(&[b"/a/", b"/b/"]);
        stream.accept(0, vec![event(b"/a/1", 12), event(b"/a/1", 14)], false).unwrap();
        stream.progressed(-1, 13);
        assert_eq!(revisions(&stream.take_complete(&ranges)), [12]);
        assert_eq!(stream.frontier(), 13);
    }

    #[test]
    fn a_watch_starts_at_a_known_revision_and_never_at_one_that_compaction_may_have_taken() {
        let ranges = Ranges::merge([KeyRange::prefix(b"/a/")]);
        let mut stream = Stream::new(ranges.as_slice(), 11, 7);
        assert_eq!(stream.to_create().map(|(_, from)| from), Some(10));
        stream.created(0);
        stream.accept(0, vec![event(b"/a/1", 10), event(b"/a/2", 11)], false).unwrap();
        assert_eq!(revisions(&stream.take_complete(&ranges)), [11]);
    }

    #[test]
    fn a_watch_of_future_events_waits_for_the_revision_of_the_pages_read_beside_it() {
        let ranges = Ranges::merge([KeyRange::prefix(b"/a/")]);
        let mut stream = Stream::from_now(ranges.as_slice());
        assert_eq!(stream.to_create().map(|(_, from)| from), Some(0));
        stream.created(0);
        stream.accept(0, vec![event(b"/a/1", 10), event(b"/a/2", 12)], false).unwrap();
        stream.begin_at(11);
        stream.begin_at(99);
        assert_eq!(revisions(&stream.take_complete(&ranges)), [12]);
    }

    #[test]
    fn an_answer_of_another_cluster_is_foreign_and_one_without_a_cluster_is_not() {
        let ranges = Ranges::merge([KeyRange::prefix(b"/a/")]);
        for mut stream in [Stream::new(ranges.as_slice(), 11, 7), Stream::from_now(ranges.as_slice())] {
            let foreign: Vec<bool> = [0, 7, 0, 8, 7].map(|id| stream.is_foreign(id)).to_vec();
            assert_eq!(foreign, [false, false, false, true, false]);
        }
    }

    #[test]
    fn old_events_are_dropped_and_events_out_of_order_are_refused() {
        let (mut stream, ranges) = stream(&[b"/a/"]);
        stream.accept(0, vec![event(b"/a/1", 10)], false).unwrap();
        assert!(stream.take_complete(&ranges).is_empty());
        let disorder = vec![event(b"/a/1", 15), event(b"/a/1", 14)];
        assert_eq!(stream.accept(0, disorder, false), Err(Broken::OutOfOrder));
    }

    #[test]
    fn events_outside_the_ranges_move_the_frontier_and_are_not_shown() {
        let (mut stream, _) = stream(&[b"/"]);
        let narrow = Ranges::merge([KeyRange::prefix(b"/a/")]);
        stream.accept(0, vec![event(b"/b/1", 12)], false).unwrap();
        assert!(stream.take_complete(&narrow).is_empty());
        assert_eq!(stream.frontier(), 12);
    }

    #[test]
    fn an_event_of_a_key_outside_its_watch_is_refused() {
        let (mut stream, _) = stream(&[b"/a/", b"/b/"]);
        for (watch, key) in [(0, b"/c/1"), (0, b"/b/1"), (1, b"/a/1")] {
            assert_eq!(stream.accept(watch, vec![event(key, 12)], false), Err(Broken::Foreign));
        }
    }

    #[test]
    fn fragments_that_never_end_are_given_up_before_they_fill_the_memory() {
        let (mut stream, ranges) = stream(&[b"/a/"]);
        let entry = crate::store::Entry::new(b"/a/1".to_vec(), &vec![0; 1 << 20], 12, 0);
        let change = || Change { entry: Some(entry.clone()), ..event(b"/a/1", 12) };
        let mut end = Ok(());
        let sent = (0..10_000).take_while(|_| {
            end = stream.accept(0, vec![change()], true);
            stream.take_complete(&ranges);
            end.is_ok()
        });
        assert_eq!((sent.count(), end), (255, Err(Broken::Endless)));
    }

    #[test]
    fn shown_events_no_longer_count_as_waiting() {
        let (mut stream, ranges) = stream(&[b"/a/"]);
        let entry = crate::store::Entry::new(b"/a/1".to_vec(), &vec![0; 1 << 20], 12, 0);
        for revision in 12..2_000 {
            let change = Change { entry: Some(entry.clone()), ..event(b"/a/1", revision) };
            stream.accept(0, vec![change], false).unwrap();
            assert_eq!(stream.take_complete(&ranges).len(), 1);
        }
    }

    #[test]
    fn a_watch_has_caught_up_once_a_message_is_shorter_than_a_full_catch_up_batch() {
        let (mut stream, _) = stream(&[b"/a/"]);
        let mut long: Vec<_> = (0..1_000).map(|n| event(b"/a/1", 11 + n)).collect();
        let rest = long.split_off(600);
        stream.accept(0, long, true).unwrap();
        stream.accept(0, rest, false).unwrap();
        assert!(!stream.has_caught_up());
        stream.accept(0, vec![event(b"/a/1", 2_000)], true).unwrap();
        assert!(!stream.has_caught_up());
        stream.accept(0, vec![event(b"/a/2", 2_000)], false).unwrap();
        assert!(stream.has_caught_up());
    }

    #[test]
    fn half_a_message_of_an_unchanged_range_is_not_shown() {
        let (mut stream, ranges) = stream(&[b"/a/", b"/b/"]);
        stream.accept(0, vec![event(b"/a/1", 13)], false).unwrap();
        stream.accept(1, vec![event(b"/b/1", 12)], true).unwrap();
        assert_eq!(stream.waits_for(), Some(13));
        stream.is_unchanged(&KeyRange::prefix(b"/b/"), 13);
        assert_eq!(revisions(&stream.take_complete(&ranges)), [13]);
        stream.accept(1, vec![event(b"/b/1", 13), event(b"/b/2", 14)], false).unwrap();
        stream.progressed(0, 14);
        assert_eq!(revisions(&stream.take_complete(&ranges)), [14]);
    }

    #[test]
    fn events_may_be_shown_up_to_the_revision_that_every_watch_with_events_has_completed() {
        let (mut stream, ranges) = stream(&[b"/a/", b"/b/", b"/c/"]);
        assert_eq!(stream.would_show(), None);
        stream.accept(0, vec![event(b"/a/1", 12), event(b"/a/1", 15)], false).unwrap();
        stream.accept(1, vec![event(b"/b/1", 13)], false).unwrap();
        assert_eq!(stream.would_show(), Some(13));
        assert!(
            stream.is_behind(&KeyRange::prefix(b"/c/"), 13)
                && !stream.is_behind(&KeyRange::prefix(b"/b/"), 13)
        );
        stream.progressed(-1, 13);
        assert_eq!(revisions(&stream.take_complete(&ranges)), [12, 13]);
        assert_eq!(stream.would_show(), Some(15));
    }
}
