//! The reference etcd: its whole history, in plain vectors.

use std::collections::BTreeMap;

use crate::clock::Instant;
use crate::range::{KeyRange, Ranges};
use crate::store::{Change, Entry, Key};
use crate::sync::event::{Header, Page, PageRequest};

/// The value of every key in another cluster.
const OTHERS_VALUE: u8 = 77;

/// One revision: all keys of one transaction.
type Transaction = Vec<(Key, Option<u8>)>;

/// A state of the server, valid from this time on.
#[derive(Debug, Clone, Copy)]
pub(in crate::sync) struct Mark {
    pub(in crate::sync) at: Instant,
    pub(in crate::sync) life: u32,
    pub(in crate::sync) revision: i64,
}

#[derive(Debug)]
pub(in crate::sync) struct Etcd {
    cluster_id: u64,
    raft_term: u64,
    /// Counts the histories. Losing or replacing the data starts another one.
    pub(in crate::sync) life: u32,
    /// Revision 1 is empty, as in etcd.
    history: Vec<Transaction>,
    pub(in crate::sync) compacted: i64,
    pub(in crate::sync) marks: Vec<Mark>,
}

impl Etcd {
    pub(in crate::sync) fn new(now: Instant) -> Self {
        let marks = vec![Mark { at: now, life: 0, revision: 1 }];
        Self { cluster_id: 7, raft_term: 1_000, life: 0, history: vec![Vec::new()], compacted: 0, marks }
    }

    pub(in crate::sync) fn revision(&self) -> i64 {
        i64::try_from(self.history.len()).unwrap()
    }

    pub(in crate::sync) fn header(&self) -> Header {
        Header { cluster_id: self.cluster_id, revision: self.revision(), raft_term: self.raft_term }
    }

    pub(in crate::sync) fn write(&mut self, transaction: Transaction, watched: &Ranges, now: Instant) {
        let visible = transaction.iter().any(|(key, _)| watched.contains(key));
        self.history.push(transaction);
        if visible {
            self.mark(now);
        }
    }

    fn mark(&mut self, at: Instant) {
        self.marks.push(Mark { at, life: self.life, revision: self.revision() });
    }

    /// Whether a watch that catches up still receives `change`.
    ///
    /// As in etcd, a deletion exactly at the compacted revision is lost, although a watch may start there.
    pub(in crate::sync) fn keeps(&self, change: &Change) -> bool {
        change.entry.is_some() || change.mod_revision != self.compacted
    }

    pub(in crate::sync) fn compact(&mut self) {
        self.compacted = self.revision();
    }

    /// Loses the data folder: the cluster keeps its id, and its history starts again.
    pub(in crate::sync) fn lose_data(&mut self, now: Instant) {
        self.life += 1;
        self.raft_term -= 1;
        self.history.truncate(1);
        self.compacted = 0;
        self.mark(now);
    }

    /// Replaces the cluster by another one, whose revisions may be higher.
    pub(in crate::sync) fn replace(&mut self, now: Instant) {
        self.life += 1;
        self.cluster_id += 1;
        self.compacted = 0;
        let other: Key = b"/a/1"[..].into();
        self.history = vec![Vec::new(), vec![(other, Some(OTHERS_VALUE))]];
        self.mark(now);
    }

    /// What a reader of `ranges` must see at `revision`: each key's value and revision.
    pub(in crate::sync) fn content(&self, ranges: &Ranges, revision: i64) -> BTreeMap<Key, Entry> {
        let mut content: BTreeMap<Key, Entry> = BTreeMap::new();
        for (transaction, at) in self.history.iter().zip(1..=revision) {
            for (key, value) in transaction.iter().filter(|(key, _)| ranges.contains(key)) {
                match value {
                    None => drop(content.remove(key)),
                    Some(value) => {
                        let entry = Entry::new(key.to_vec(), &[*value], at, 0);
                        content.insert(Key::clone(key), entry);
                    }
                }
            }
        }
        content
    }

    /// A page of a listing; `None` if its revision is compacted or from another history.
    pub(in crate::sync) fn page(&self, request: &PageRequest) -> Option<Page> {
        let revision = request.revision.unwrap_or_else(|| self.revision());
        if revision < self.compacted || revision > self.revision() {
            return None;
        }
        let all = Ranges::merge([KeyRange::prefix(b"")]);
        let inside = |key: &[u8]| *key >= *request.start && (request.end == [0] || *key < *request.end);
        let mut entries: Vec<Entry> =
            self.content(&all, revision).into_values().filter(|entry| inside(entry.key())).collect();
        let limit = usize::try_from(request.limit).unwrap();
        let count = i64::try_from(entries.len()).unwrap();
        let more = limit > 0 && entries.len() > limit;
        if more {
            entries.truncate(limit);
        }
        Some(Page { header: self.header(), entries, more, count, ..Page::default() })
    }

    /// The events of `range` from revision `from` on.
    pub(in crate::sync) fn events(&self, range: &KeyRange, from: i64) -> Vec<Change> {
        let everything = Ranges::merge([KeyRange::prefix(b"")]);
        let mut events = Vec::new();
        for at in from.max(1)..=self.revision() {
            let content = self.content(&everything, at);
            let transaction = &self.history[usize::try_from(at - 1).unwrap()];
            for (key, _) in transaction.iter().filter(|(key, _)| range.contains(key)) {
                let entry = content.get(key).cloned();
                events.push(Change { key: Key::clone(key), mod_revision: at, entry });
            }
        }
        events
    }
}
