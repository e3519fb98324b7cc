//! etcd's content of the watched ranges at one revision.

use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use crate::range::KeyRange;

/// A key. Shared: the snapshots of many revisions and the change feed hold the same bytes.
pub type Key = Arc<[u8]>;

/// The value of a key, with etcd's account of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The bytes as they were put.
    pub value: Box<[u8]>,
    /// The revision that created the key.
    pub create_revision: i64,
    /// The revision of this value.
    pub mod_revision: i64,
    /// How often the key has been put since its creation.
    pub version: i64,
    /// The lease that the key lives under, or 0.
    pub lease: i64,
}

/// One event: a key has a new entry, or is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which key.
    pub key: Key,
    /// The revision of the event.
    pub mod_revision: i64,
    /// What it is now; `None` when it was deleted.
    pub entry: Option<Arc<Entry>>,
}

/// An immutable view of the watched ranges at one revision (promise 1).
///
/// Cloning is free and an update copies a path of the tree, so that a change among 100,000 keys costs
/// O(log n) and forked processes go on sharing the pages that did not change.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    revision: i64,
    cluster_id: u64,
    entries: OrdMap<Key, Arc<Entry>>,
}

impl Snapshot {
    /// The content `entries` of the cluster at `revision`.
    #[must_use]
    pub const fn new(revision: i64, cluster_id: u64, entries: OrdMap<Key, Arc<Entry>>) -> Self {
        Self { revision, cluster_id, entries }
    }

    /// The revision of etcd that this is a copy of; 0 before the first listing.
    #[must_use]
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// The cluster that it was read from.
    #[must_use]
    pub const fn cluster_id(&self) -> u64 {
        self.cluster_id
    }

    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry of `key`, if there is one.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Arc<Entry>> {
        self.entries.get(key)
    }

    /// All keys and entries in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Arc<Entry>)> {
        self.entries.iter()
    }

    /// The keys and entries of `range` in key order.
    pub fn range<'a>(&'a self, range: &'a KeyRange) -> impl Iterator<Item = (&'a Key, &'a Arc<Entry>)> {
        let from = Bound::Included(range.start());
        self.entries.range::<_, [u8]>((from, Bound::Unbounded)).take_while(|(key, _)| range.contains(key))
    }

    /// The snapshot after `changes`, which end at `revision`. Returns it with the keys that changed.
    #[must_use]
    pub fn after(&self, changes: Vec<Change>, revision: i64) -> (Self, Vec<Key>) {
        let mut entries = self.entries.clone();
        let mut keys = Vec::with_capacity(changes.len());
        for change in changes {
            match change.entry {
                Some(entry) => entries.insert(Arc::clone(&change.key), entry),
                None => entries.remove(&change.key),
            };
            keys.push(change.key);
        }
        (Self { revision, cluster_id: self.cluster_id, entries }, keys)
    }

    /// The same content at a later revision, at which nothing here had changed.
    #[must_use]
    pub fn confirmed_at(&self, revision: i64) -> Self {
        Self { revision, ..self.clone() }
    }

    /// The keys whose entries differ between the two, in key order. What both share is not visited.
    #[must_use]
    pub fn changed_keys(&self, newer: &Self) -> Vec<Key> {
        self.entries
            .diff(&newer.entries)
            .map(|item| match item {
                DiffItem::Add(key, _) | DiffItem::Remove(key, _) | DiffItem::Update { new: (key, _), .. } => {
                    Arc::clone(key)
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &[u8], mod_revision: i64) -> Change {
        let entry =
            Entry { value: key.into(), create_revision: mod_revision, mod_revision, version: 1, lease: 0 };
        Change { key: key.into(), mod_revision, entry: Some(Arc::new(entry)) }
    }

    #[test]
    fn a_snapshot_does_not_change_when_the_next_one_is_made() {
        let (first, _) = Snapshot::default().after(vec![put(b"a", 1)], 1);
        let gone = Change { key: b"a"[..].into(), mod_revision: 3, entry: None };
        let (second, keys) = first.after(vec![put(b"b", 2), gone], 3);
        assert_eq!((first.len(), first.revision()), (1, 1));
        assert_eq!((second.len(), second.revision()), (1, 3));
        assert!(second.get(b"a").is_none() && second.get(b"b").is_some());
        assert_eq!(keys, [Key::from(&b"b"[..]), Key::from(&b"a"[..])]);
    }

    #[test]
    fn the_difference_names_added_removed_and_updated_keys() {
        let (old, _) = Snapshot::default().after(vec![put(b"a", 1), put(b"b", 2), put(b"c", 3)], 3);
        let gone = Change { key: b"a"[..].into(), mod_revision: 4, entry: None };
        let (new, _) = old.after(vec![gone, put(b"b", 5), put(b"d", 6)], 6);
        let keys = old.changed_keys(&new);
        assert_eq!(keys, [&b"a"[..], b"b", b"d"].map(Key::from));
    }

    #[test]
    fn a_range_holds_its_keys_and_no_other() {
        let keys = [&b"/a"[..], b"/a/1", b"/a/2", b"/b"];
        let changes = keys.iter().zip(1..).map(|(key, rev)| put(key, rev));
        let (snapshot, _) = Snapshot::default().after(changes.collect(), 4);
        let range = KeyRange::prefix(b"/a/");
        let keys: Vec<_> = snapshot.range(&range).map(|(key, _)| key.to_vec()).collect();
        assert_eq!(keys, [b"/a/1".to_vec(), b"/a/2".to_vec()]);
    }
}
