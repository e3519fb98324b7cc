//! The position of one watch, and its events that wait to be shown.

use std::collections::VecDeque;

use crate::range::{KeyRange, Ranges};
use crate::store::Change;

/// How many revisions etcd sends in one message to a watch that is behind.
///
/// A shorter one: it has caught up.
const CATCH_UP: usize = 1_000;

/// The memory of a waiting change besides the bytes of its key and value.
///
/// This is its place in the queue, which may be half empty, and two heap blocks with their headers.
const OVERHEAD: usize = 160;

/// How the stream broke a promise of etcd's. It cannot be followed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// An event is older than the one before it.
    OutOfOrder,
    /// An event is for a key outside its watch's range.
    Foreign,
    /// More events wait for completion than any etcd leaves incomplete.
    Endless,
    /// An event arrived after the server reported that its watch is past it.
    Late,
}

impl Broken {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::OutOfOrder => "events out of order",
            Self::Foreign => "an event of a key that its watch does not cover",
            Self::Late => "an event after a progress answer that was already past it",
            Self::Endless => "more events than fit into memory without reporting them complete",
        }
    }
}

#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) range: KeyRange,
    pub(super) watch_id: Option<i64>,
    /// Every event of the range up to this revision has arrived or no longer matters.
    complete: i64,
    /// The last revision known for this watch. An event that is not newer, yet newer than `complete`, is
    /// late.
    known: i64,
    /// Arrived events that wait for `complete`, or for another watch. In revision order.
    pending: VecDeque<Change>,
    /// The number of revisions in the fragmented message that is arriving, and the last of them.
    message: (usize, i64),
    /// A message has shown that the watch is up to date at the server.
    caught_up: bool,
}

impl Cursor {
    pub(super) fn new(range: &KeyRange, complete: i64) -> Self {
        Self {
            range: range.clone(),
            watch_id: None,
            complete,
            known: complete,
            pending: VecDeque::new(),
            message: (0, 0),
            caught_up: false,
        }
    }

    pub(super) const fn complete(&self) -> i64 {
        self.complete
    }

    pub(super) const fn has_caught_up(&self) -> bool {
        self.caught_up
    }

    /// Takes the events of one message; returns how many bytes of them wait now.
    ///
    /// `fragment`: the last revision may continue in the next message.
    pub(super) fn accept(&mut self, changes: Vec<Change>, fragment: bool) -> Result<usize, Broken> {
        // Taken from this message, not from `pending`: an old message may arrive between two fragments.
        let last = changes.last().map_or(0, |change| change.mod_revision);
        self.count(&changes, fragment);
        let mut bytes = 0;
        for change in changes {
            if !self.range.contains(&change.key) {
                return Err(Broken::Foreign);
            }
            if change.mod_revision <= self.complete {
                if change.mod_revision > self.known {
                    return Err(Broken::Late);
                }
                continue; // Known already: from another member, or from a watch that was reopened.
            }
            self.known = self.known.max(change.mod_revision);
            if self.pending.back().is_some_and(|last| last.mod_revision > change.mod_revision) {
                return Err(Broken::OutOfOrder);
            }
            bytes += weight(&change);
            self.pending.push_back(change);
        }
        self.complete = self.complete.max(if fragment { last - 1 } else { last });
        Ok(bytes)
    }

    /// Notes whether the whole message is short enough to come from a server that has caught up.
    fn count(&mut self, changes: &[Change], fragment: bool) {
        for change in changes {
            // Counts each revision once; they ascend.
            if change.mod_revision > self.message.1 {
                self.message = (self.message.0 + 1, change.mod_revision);
            }
        }
        if !fragment {
            self.caught_up |= (1..CATCH_UP).contains(&self.message.0);
            self.message = (0, 0);
        }
    }

    /// Records that every event up to `revision` has arrived.
    pub(super) fn progressed(&mut self, revision: i64) {
        self.complete = self.complete.max(revision);
    }

    /// Records that the range's content at `revision` is known. Drops the events up to it.
    pub(super) fn skip_to(&mut self, revision: i64) {
        self.progressed(revision);
        self.known = self.known.max(revision);
        self.pending.retain(|change| change.mod_revision > revision);
    }

    /// Takes the events up to `frontier` within `ranges`. A watch may cover more than was asked for.
    pub(super) fn take(&mut self, frontier: i64, ranges: &Ranges) -> impl Iterator<Item = Change> {
        let count = self.pending.partition_point(|change| change.mod_revision <= frontier);
        self.pending.drain(..count).filter(|change| ranges.contains(&change.key))
    }

    /// The last complete revision beyond `frontier`, whose events wait for other watches.
    pub(super) fn waits_for(&self, frontier: i64) -> Option<i64> {
        let count = self.pending.partition_point(|change| change.mod_revision <= self.complete);
        let last = self.pending.get(count.checked_sub(1)?)?.mod_revision;
        (last > frontier).then_some(last)
    }

    /// The bytes that wait.
    pub(super) fn weight(&self) -> usize {
        self.pending.iter().map(weight).sum()
    }
}

fn weight(change: &Change) -> usize {
    // An entry has its own copy of the key.
    let entry = change.entry.as_ref().map_or(0, |entry| entry.key().len() + entry.value().len());
    change.key.len() + entry + OVERHEAD
}
