//! The events of this process: one bounded ring for all clients, and a cursor for each reader.
//!
//! A slow or hanging reader delays no one. The oldest events are dropped, and the reader learns how many it
//! missed. A forked child starts with an empty ring: events from before the fork are delivered by the parent
//! only.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::epoch::ProcessCell;
use crate::notice::{Notice, Sink};
use crate::store::{Waker, WakerSet};

/// How many events are kept for readers. Beyond that, the oldest are dropped (promise 11).
pub const CAPACITY: usize = 1_000;

static RING: ProcessCell<Ring> = ProcessCell::new();
static CLIENTS: AtomicU64 = AtomicU64::new(0);

#[derive(Debug, Default)]
struct Ring {
    entries: Mutex<VecDeque<Entry>>,
    wakers: WakerSet,
}

#[derive(Debug)]
struct Entry {
    client: u64,
    /// Numbered per client, so that a reader knows how many of its own events it missed.
    number: u64,
    at: SystemTime,
    notice: Arc<Notice>,
}

impl Ring {
    fn current() -> Arc<Self> {
        let made: Result<_, Infallible> = RING.get_or_make(|| Ok(Self::default()));
        let Ok(ring) = made;
        ring
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client's part in the ring of one process.
#[derive(Debug)]
struct Part {
    ring: Arc<Ring>,
    /// The number of events so far.
    count: AtomicU64,
}

/// The result of one read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Where to continue reading.
    pub cursor: u64,
    /// How many events were dropped before they were read.
    pub missed: u64,
    /// The remaining events, in order, with their times.
    pub notices: Vec<(SystemTime, Arc<Notice>)>,
}

/// The events of one client, in whichever process it is used.
pub struct Feed {
    client: u64,
    part: ProcessCell<Part>,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Default for Feed {
    fn default() -> Self {
        Self { client: CLIENTS.fetch_add(1, Ordering::Relaxed), part: ProcessCell::new() }
    }
}

impl Feed {
    /// The cursor of a reader that wants only future events.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.part().count.load(Ordering::SeqCst)
    }

    /// Reads from `cursor` on; 0 is the beginning of this process.
    #[must_use]
    pub fn read(&self, cursor: u64) -> Batch {
        let part = self.part();
        let entries = part.ring.lock();
        let mut own = entries.iter().filter(|entry| entry.client == self.client).peekable();
        let end = part.count.load(Ordering::SeqCst);
        let oldest = own.peek().map_or(end, |entry| entry.number);
        let notices = own
            .filter(|entry| entry.number >= cursor)
            .map(|entry| (entry.at, Arc::clone(&entry.notice)))
            .collect();
        Batch { cursor: end, missed: oldest.saturating_sub(cursor), notices }
    }

    /// Wakes `waker` at each event of this process.
    pub fn add_waker(&self, waker: &Arc<Waker>) {
        self.part().ring.wakers.register(waker);
    }

    fn part(&self) -> Arc<Part> {
        let begin = || Ok(Part { ring: Ring::current(), count: AtomicU64::new(0) });
        let made: Result<_, Infallible> = self.part.get_or_make(begin);
        let Ok(part) = made;
        part
    }
}

impl Sink for Feed {
    fn notify(&self, notice: Notice) {
        let part = self.part();
        let mut entries = part.ring.lock();
        if entries.len() == CAPACITY {
            entries.pop_front();
        }
        // Taken under the lock, so that the numbers follow the order of the ring.
        let number = part.count.fetch_add(1, Ordering::SeqCst);
        let (client, at) = (self.client, SystemTime::now());
        entries.push_back(Entry { client, number, at, notice: Arc::new(notice) });
        drop(entries);
        part.ring.wakers.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch;
    use crate::error::{Error, ErrorKind};

    fn notice(number: usize) -> Notice {
        Notice::CacheFailed { error: Error::new(ErrorKind::Cache, number.to_string()) }
    }

    fn numbers(batch: &Batch) -> Vec<String> {
        let number = |(_, notice): &(_, Arc<Notice>)| match &**notice {
            Notice::CacheFailed { error } => error.to_string(),
            other => panic!("{other:?} was never pushed"),
        };
        batch.notices.iter().map(number).collect()
    }

    /// Other tests simulate forks, which empty the ring, and fill it. So this is one test, repeated when
    /// another interfered.
    #[test]
    fn each_reader_gets_each_notice_once_and_in_order_and_learns_how_many_it_missed() {
        loop {
            let epoch = epoch::current();
            let (feed, other) = (Feed::default(), Feed::default());
            (0..3).for_each(|number| feed.notify(notice(number)));
            other.notify(notice(99));
            let (first, late) = (feed.read(0), feed.end());
            let again = feed.read(first.cursor);
            (3..CAPACITY + 5).for_each(|number| feed.notify(notice(number)));
            let (slow, latest) = (feed.read(first.cursor), feed.read(late));
            let (absent, fork) = (other.read(0), epoch::current());
            if epoch != fork {
                continue;
            }
            assert_eq!((numbers(&first), first.missed), (vec!["0".into(), "1".into(), "2".into()], 0));
            assert_eq!((again.notices, again.missed, again.cursor), (Vec::new(), 0, first.cursor));
            assert_eq!((slow.missed, numbers(&slow).len()), (2, CAPACITY));
            assert_eq!(numbers(&slow).last(), Some(&(CAPACITY + 4).to_string()));
            assert_eq!(latest, slow);
            assert_eq!((absent.missed, absent.notices.len(), absent.cursor), (1, 0, 1));
            return;
        }
    }

    #[test]
    fn notices_from_before_a_fork_are_delivered_by_the_parent_only() {
        let feed = Feed::default();
        feed.notify(notice(1));
        epoch::advance();
        let child = feed.read(0);
        assert_eq!((child.cursor, child.missed, child.notices.len()), (0, 0, 0));
        feed.notify(notice(2));
        assert_eq!(numbers(&feed.read(child.cursor)), ["2"]);
    }
}
