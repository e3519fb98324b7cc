//! How far one watch has come, and what of it waits to be shown.

use std::collections::VecDeque;

use crate::range::{KeyRange, Ranges};
use crate::store::Change;

/// etcd catches up by so many revisions at once. A message of fewer is the last of a catch-up, or of none.
const CATCH_UP: usize = 1_000;

/// What a waiting change takes beside the bytes of its key and value: its place in the queue, which may be half empty, and
/// two blocks of memory with their heads.
const OVERHEAD: usize = 160;

/// The stream broke a promise of etcd's: it cannot be followed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// An event is of an earlier revision than the one before it.
    OutOfOrder,
    /// An event is of a key that its watch did not ask for.
    Foreign,
    /// More waits to be completed than any etcd leaves incomplete.
    Endless,
    /// An event arrived after its watch was said to be past it.
    Late,
}

impl Broken {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::OutOfOrder => "events out of order",
            Self::Foreign => "an event of a key that its watch does not cover",
            Self::Late => "an event after it had said that its watch is past it",
            Self::Endless => "more events than fit into memory without saying that they are complete",
        }
    }
}

#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) range: KeyRange,
    pub(super) watch_id: Option<i64>,
    /// Every event of the range up to here has arrived, or is of no interest any more.
    complete: i64,
    /// The last revision of which something arrived or is known: what is later, and still not after `complete`, comes
    /// too late.
    known: i64,
    /// Arrived, but later than `complete` or than another watch has come. In revision order.
    pending: VecDeque<Change>,
    /// Revisions of the message that is arriving in fragments, and the last of them.
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

    /// Takes in the events of one message, and says how many bytes of them wait now. `fragment`: the last revision of
    /// them may go on in the next message.
    pub(super) fn accept(&mut self, changes: Vec<Change>, fragment: bool) -> Result<usize, Broken> {
        // Of this message, not of what is pending: an old one may come between two fragments.
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
                continue; // Old news: another member, or a watch that was opened again.
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

    /// The whole message has no more revisions than a server that is done sends.
    fn count(&mut self, changes: &[Change], fragment: bool) {
        for change in changes {
            // Each revision once: they ascend.
            if change.mod_revision > self.message.1 {
                self.message = (self.message.0 + 1, change.mod_revision);
            }
        }
        if !fragment {
            self.caught_up |= (1..CATCH_UP).contains(&self.message.0);
            self.message = (0, 0);
        }
    }

    /// Every event up to `revision` has arrived.
    pub(super) fn progressed(&mut self, revision: i64) {
        self.complete = self.complete.max(revision);
    }

    /// The content of the range at `revision` is known: what waits of it up to there is old news.
    pub(super) fn skip_to(&mut self, revision: i64) {
        self.progressed(revision);
        self.known = self.known.max(revision);
        self.pending.retain(|change| change.mod_revision > revision);
    }

    /// The events up to `frontier`, as far as they are of `ranges`: a watch may span more than was asked for.
    pub(super) fn take(&mut self, frontier: i64, ranges: &Ranges) -> impl Iterator<Item = Change> {
        let count = self.pending.partition_point(|change| change.mod_revision <= frontier);
        self.pending.drain(..count).filter(|change| ranges.contains(&change.key))
    }

    /// The last revision of the complete events that wait for the other watches to pass `frontier`.
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
    // An entry has a copy of the key.
    let entry = change.entry.as_ref().map_or(0, |entry| entry.key().len() + entry.value().len());
    change.key.len() + entry + OVERHEAD
}
