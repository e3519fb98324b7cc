//! How far the watches of one stream have come, and which events are complete.
//!
//! Several watches share the stream, and each tells only of its own range. A revision may be shown to
//! readers when *every* watch is known to be past it (promises 1 and 3): a transaction over two ranges
//! arrives as two messages, and a watch that says nothing may be idle or behind.

use std::collections::VecDeque;

use crate::range::{KeyRange, Ranges};
use crate::store::Change;

#[derive(Debug)]
struct Cursor {
    range: KeyRange,
    watch_id: Option<i64>,
    /// Every event of the range up to here has arrived.
    complete: i64,
    /// Arrived, but later than `complete` or than another watch has come.
    pending: VecDeque<Change>,
}

#[derive(Debug)]
pub(super) struct Stream {
    cursors: Vec<Cursor>,
    /// The first revision whose events are wanted.
    start: i64,
}

/// The stream broke a promise of etcd's: it cannot be followed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfOrder;

impl Stream {
    pub(super) fn new(ranges: &[KeyRange], start: i64) -> Self {
        let cursor = |range: &KeyRange| Cursor {
            range: range.clone(),
            watch_id: None,
            complete: start - 1,
            pending: VecDeque::new(),
        };
        Self { cursors: ranges.iter().map(cursor).collect(), start }
    }

    /// The next watch to create. One at a time: the answer to the one before says which id it got, and
    /// not every proxy lets the client choose.
    ///
    /// It begins one revision before the first that is wanted, and what comes of that is dropped as old. A server
    /// lets a watch begin at just the revision that it has compacted, though a deletion there is gone without a
    /// word; let that be one that is known already. If a later one is compacted before the watch has caught up,
    /// the server says so.
    pub(super) fn to_create(&self) -> Option<(KeyRange, i64)> {
        let next = self.cursors.iter().find(|cursor| cursor.watch_id.is_none())?;
        Some((next.range.clone(), (self.start - 1).max(1)))
    }

    /// The watch asked for last was created as `watch_id`.
    pub(super) fn created(&mut self, watch_id: i64) {
        if let Some(next) = self.cursors.iter_mut().find(|cursor| cursor.watch_id.is_none()) {
            next.watch_id = Some(watch_id);
        }
    }

    /// Takes in events of one watch. `fragment`: the last revision of them may go on in the next message.
    pub(super) fn accept(
        &mut self,
        watch_id: i64,
        changes: Vec<Change>,
        fragment: bool,
    ) -> Result<(), OutOfOrder> {
        let Some(cursor) = self.cursors.iter_mut().find(|cursor| cursor.watch_id == Some(watch_id)) else {
            return Ok(());
        };
        // Of this message, not of what is pending: an old one may come between two fragments.
        let last = changes.last().map_or(0, |change| change.mod_revision);
        for change in changes {
            if change.mod_revision <= cursor.complete {
                continue; // Old news: another member, or a watch that was opened anew.
            }
            if cursor.pending.back().is_some_and(|last| last.mod_revision > change.mod_revision) {
                return Err(OutOfOrder);
            }
            cursor.pending.push_back(change);
        }
        cursor.complete = cursor.complete.max(if fragment { last - 1 } else { last });
        Ok(())
    }

    /// Every event up to `revision` has arrived, of one watch or (−1) of all.
    pub(super) fn progressed(&mut self, watch_id: i64, revision: i64) {
        let concerned = |cursor: &&mut Cursor| watch_id == -1 || cursor.watch_id == Some(watch_id);
        for cursor in self.cursors.iter_mut().filter(concerned) {
            cursor.complete = cursor.complete.max(revision);
        }
    }

    /// The content up to `revision` is known: what waits of it is old news.
    pub(super) fn skip_to(&mut self, revision: i64) {
        self.progressed(-1, revision);
        for cursor in &mut self.cursors {
            cursor.pending.retain(|change| change.mod_revision > revision);
        }
    }

    /// Whether there are several watches, each silent about the others' ranges.
    pub(super) fn is_divided(&self) -> bool {
        self.cursors.len() > 1
    }

    /// The revision that all watches are past.
    pub(super) fn frontier(&self) -> i64 {
        self.cursors.iter().map(|cursor| cursor.complete).min().unwrap_or(self.start - 1)
    }

    /// The last revision of the events that wait for another watch to come as far, if any do.
    pub(super) fn waits_for(&self) -> Option<i64> {
        let frontier = self.frontier();
        let last = |cursor: &Cursor| {
            cursor
                .pending
                .back()
                .map(|change| change.mod_revision.min(cursor.complete))
                .filter(|at| *at > frontier)
        };
        self.cursors.iter().filter_map(last).max()
    }

    /// The complete events of `ranges`, in revision order.
    pub(super) fn take_complete(&mut self, ranges: &Ranges) -> Vec<Change> {
        let frontier = self.frontier();
        let mut complete = Vec::new();
        for cursor in &mut self.cursors {
            let count = cursor.pending.partition_point(|change| change.mod_revision <= frontier);
            // A watch may span more than was asked for.
            complete.extend(cursor.pending.drain(..count).filter(|change| ranges.contains(&change.key)));
        }
        if self.is_divided() {
            complete.sort_by_key(|change| change.mod_revision);
        }
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
        let mut stream = Stream::new(ranges.as_slice(), 11);
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
    fn a_fragment_that_ends_inside_a_revision_completes_only_the_ones_before() {
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
    fn a_transaction_over_two_ranges_is_complete_when_both_watches_are_past_it() {
        let (mut stream, ranges) = stream(&[b"/a/", b"/b/"]);
        stream.accept(0, vec![event(b"/a/1", 12)], false).unwrap();
        assert!(stream.take_complete(&ranges).is_empty());
        assert_eq!(stream.waits_for(), Some(12));
        stream.accept(1, vec![event(b"/b/1", 12)], false).unwrap();
        assert_eq!(revisions(&stream.take_complete(&ranges)), [12, 12]);
        assert_eq!(stream.waits_for(), None);
    }

    #[test]
    fn progress_of_all_watches_releases_what_waits_for_an_idle_one() {
        let (mut stream, ranges) = stream(&[b"/a/", b"/b/"]);
        stream.accept(0, vec![event(b"/a/1", 12), event(b"/a/1", 14)], false).unwrap();
        stream.progressed(-1, 13);
        assert_eq!(revisions(&stream.take_complete(&ranges)), [12]);
        assert_eq!(stream.frontier(), 13);
    }

    #[test]
    fn a_watch_begins_with_what_is_known_and_never_with_what_compaction_may_have_taken() {
        let ranges = Ranges::merge([KeyRange::prefix(b"/a/")]);
        let mut stream = Stream::new(ranges.as_slice(), 11);
        assert_eq!(stream.to_create().map(|(_, from)| from), Some(10));
        stream.created(0);
        stream.accept(0, vec![event(b"/a/1", 10), event(b"/a/2", 11)], false).unwrap();
        assert_eq!(revisions(&stream.take_complete(&ranges)), [11]);
    }

    #[test]
    fn old_events_are_dropped_and_disorder_is_refused() {
        let (mut stream, ranges) = stream(&[b"/a/"]);
        stream.accept(0, vec![event(b"/a/1", 10)], false).unwrap();
        assert!(stream.take_complete(&ranges).is_empty());
        let disorder = vec![event(b"/a/1", 15), event(b"/a/1", 14)];
        assert_eq!(stream.accept(0, disorder, false), Err(OutOfOrder));
    }

    #[test]
    fn events_outside_the_ranges_move_the_frontier_and_are_not_shown() {
        let (mut stream, _) = stream(&[b"/"]);
        let narrow = Ranges::merge([KeyRange::prefix(b"/a/")]);
        stream.accept(0, vec![event(b"/b/1", 12)], false).unwrap();
        assert!(stream.take_complete(&narrow).is_empty());
        assert_eq!(stream.frontier(), 12);
    }
}
