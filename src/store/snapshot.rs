//! The content of the watched ranges at one revision.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use super::entry::{Entry, EntryRef};
use super::shared::Shared;
use crate::range::KeyRange;

/// A key without its entry. The change feed keeps it after the entry is gone.
pub type Key = Arc<[u8]>;

/// A put or a deletion of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key that changed.
    pub key: Key,
    /// The revision of the change.
    pub mod_revision: i64,
    /// The new entry; `None` when the key was deleted.
    pub entry: Option<Entry>,
}

/// An entry, compared and looked up by its key.
#[derive(Debug, Clone)]
struct ByKey(Entry);

impl Borrow<[u8]> for ByKey {
    fn borrow(&self) -> &[u8] {
        self.0.key()
    }
}

impl Ord for ByKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key().cmp(other.0.key())
    }
}

impl PartialOrd for ByKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key() == other.0.key()
    }
}

impl Eq for ByKey {}

/// The map's value type, which is never equal to itself.
///
/// So [`OrdMap::diff`] reports every key that may differ, and [`Snapshot::changed_keys`] compares the entries.
#[derive(Debug, Clone, Copy)]
struct Undecided;

impl PartialEq for Undecided {
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

/// A map of this process alone.
type Own = OrdMap<ByKey, Undecided>;

/// Where the entries are.
#[derive(Debug, Clone)]
enum Content {
    /// In this process.
    Own(Own),
    /// In memory that the processes of the host share.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has such memory"))]
    Shared(Shared),
}

/// An immutable view of the watched ranges at one revision (promise 1).
///
/// Cloning is cheap, and an update copies one path of the tree. So a change among 100,000 keys costs O(log n), and
/// forked processes keep sharing the memory pages that did not change.
#[derive(Debug, Clone)]
pub struct Snapshot {
    revision: i64,
    cluster_id: u64,
    content: Content,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self::of(0, 0, Own::default())
    }
}

/// Entries in key order.
type Entries<'a> = Box<dyn Iterator<Item = EntryRef<'a>> + 'a>;

impl Snapshot {
    const fn of(revision: i64, cluster_id: u64, entries: Own) -> Self {
        Self { revision, cluster_id, content: Content::Own(entries) }
    }

    /// Content that the processes of the host share.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn from_host(content: etcd_discovery_shelf::Snapshot) -> Self {
        let at = content.at();
        let content = Content::Shared(Shared(content));
        Self { revision: at.revision, cluster_id: at.cluster_id, content }
    }

    /// Adds a `page` of a listing. Keys must ascend, also from page to page.
    ///
    /// Every second entry is inserted first. If all were inserted in order, each full node of the tree would split and
    /// stay half empty; this way the second pass fills the nodes.
    pub fn stage(&mut self, page: Vec<Entry>) {
        let entries = self.own();
        let mut others = Vec::with_capacity(page.len() / 2);
        for (index, entry) in page.into_iter().enumerate() {
            if index % 2 == 0 { insert(entries, entry) } else { others.push(entry) }
        }
        for entry in others {
            insert(entries, entry);
        }
    }

    /// Turns the staged entries into the cluster's content at `revision`.
    #[must_use]
    pub fn staged(self, revision: i64, cluster_id: u64) -> Self {
        Self { revision, cluster_id, ..self }
    }

    /// Calls `visit` with each key that the last `count` publications in shared memory changed, newest first; a key may
    /// come twice. Returns false, without any call, if that is not known.
    pub(super) fn each_of_last_changes(&self, count: u64, visit: impl FnMut(&[u8])) -> bool {
        match &self.content {
            Content::Own(_) => false,
            Content::Shared(shared) => shared.each_of_last_changes(count, visit),
        }
    }

    /// The map of this process, made of the shared one if there was none.
    fn own(&mut self) -> &mut Own {
        if matches!(self.content, Content::Shared(_)) {
            let mut copy = Self::default();
            copy.stage(self.iter().map(EntryRef::to_entry).collect());
            self.content = copy.content;
        }
        match &mut self.content {
            Content::Own(entries) => entries,
            Content::Shared(_) => unreachable!("it was replaced above"),
        }
    }

    /// The etcd revision of this content; 0 before the first listing.
    #[must_use]
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// The id of the cluster that it was read from.
    #[must_use]
    pub const fn cluster_id(&self) -> u64 {
        self.cluster_id
    }

    /// Whether the entries are in memory that the processes of the host share.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self.content, Content::Shared(_))
    }

    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.content {
            Content::Own(entries) => entries.len(),
            Content::Shared(shared) => shared.len(),
        }
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry of `key`, if there is one.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        match &self.content {
            Content::Own(entries) => entries.get_key_value(key).map(|(entry, _)| EntryRef::Own(&entry.0)),
            Content::Shared(shared) => shared.get(key).map(EntryRef::Shared),
        }
    }

    /// All entries in key order.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        self.from(Bound::Unbounded)
    }

    /// The entries of `range` in key order.
    pub fn range<'a>(&'a self, range: &'a KeyRange) -> impl Iterator<Item = EntryRef<'a>> {
        self.from(Bound::Included(range.start())).take_while(|entry| range.contains(entry.key()))
    }

    /// The entries whose keys begin with `prefix`, in key order.
    pub fn entries_under(&self, prefix: &[u8]) -> impl Iterator<Item = EntryRef<'_>> + use<'_> {
        let range = KeyRange::prefix(prefix);
        self.from(Bound::Included(range.start())).take_while(move |entry| range.contains(entry.key()))
    }

    /// The entries from a key on, in key order.
    fn from(&self, from: Bound<&[u8]>) -> Entries<'_> {
        match &self.content {
            Content::Own(entries) => {
                let entries = entries.range::<_, [u8]>((from, Bound::Unbounded));
                Box::new(entries.map(|(entry, _)| EntryRef::Own(&entry.0)))
            }
            Content::Shared(shared) => Box::new(shared.from(from).map(EntryRef::Shared)),
        }
    }

    /// At most `count` entries in key order: those after the key `after`, or the first ones.
    #[must_use]
    pub fn batch(&self, after: Option<&[u8]>, count: usize) -> Vec<Entry> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.from(from).take(count).map(EntryRef::to_entry).collect()
    }

    /// Applies `changes` up to `revision`. Returns the new snapshot and the keys that changed.
    #[must_use]
    pub fn after(&self, changes: Vec<Change>, revision: i64) -> (Self, Vec<Key>) {
        let mut next = Self { revision, ..self.clone() };
        let entries = next.own();
        let mut keys = Vec::with_capacity(changes.len());
        for change in changes {
            match change.entry {
                Some(entry) => insert(entries, entry),
                None => drop(entries.remove(&*change.key)),
            }
            keys.push(change.key);
        }
        (next, keys)
    }

    /// This content with the entries of `keys` taken from `other`.
    #[must_use]
    pub fn with_keys_of(&self, other: &Self, keys: impl IntoIterator<Item = Key>) -> Self {
        let changes = keys.into_iter().map(|key| {
            let entry = other.get(&key).map(EntryRef::to_entry);
            Change { mod_revision: entry.as_ref().map_or(0, Entry::mod_revision), key, entry }
        });
        self.after(changes.collect(), self.revision).0
    }

    /// The same content at a later `revision`.
    #[must_use]
    pub fn confirmed_at(&self, revision: i64) -> Self {
        Self { revision, ..self.clone() }
    }

    /// The keys of `range` whose entries differ between the two snapshots.
    ///
    /// It visits the whole range, so use it for single keys, or for snapshots that share no memory.
    #[must_use]
    pub fn changed_keys_in(&self, newer: &Self, range: &KeyRange) -> Vec<Key> {
        let gone = self.range(range).filter(|entry| newer.get(entry.key()).is_none());
        let new = newer.range(range).filter(|entry| self.get(entry.key()) != Some(*entry));
        gone.chain(new).map(|entry| Key::from(entry.key())).collect()
    }

    /// The keys whose entries differ between the two snapshots, in key order. Shared subtrees are skipped.
    #[must_use]
    pub fn changed_keys(&self, newer: &Self) -> Vec<Key> {
        match (&self.content, &newer.content) {
            (Content::Own(old), Content::Own(new)) => differing(old, new),
            (Content::Shared(old), Content::Shared(new)) => {
                old.changed_keys(new).into_iter().map(Key::from).collect()
            }
            _ => {
                let mut keys = self.changed_keys_in(newer, &KeyRange::prefix(b""));
                keys.sort();
                keys
            }
        }
    }
}

fn insert(entries: &mut Own, entry: Entry) {
    entries.insert(ByKey(entry), Undecided);
}

fn differing(old: &Own, new: &Own) -> Vec<Key> {
    old.diff(new)
        .filter_map(|item| match item {
            DiffItem::Update { old: (old, _), new: (new, _) } => (old.0 != new.0).then_some(new),
            DiffItem::Add(only, _) | DiffItem::Remove(only, _) => Some(only),
        })
        .map(|found| Key::from(found.0.key()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &[u8], mod_revision: i64) -> Entry {
        Entry::new(key.to_vec(), key, mod_revision, 0)
    }

    fn put(key: &[u8], mod_revision: i64) -> Change {
        Change { key: key.into(), mod_revision, entry: Some(entry(key, mod_revision)) }
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
        assert_eq!(old.changed_keys_in(&new, &KeyRange::prefix(b"")), keys);
        assert_eq!(old.changed_keys_in(&new, &KeyRange::key(b"b")), [Key::from(&b"b"[..])]);
        assert!(old.changed_keys_in(&new, &KeyRange::key(b"c")).is_empty());
    }

    #[test]
    fn a_range_holds_its_keys_and_no_other() {
        let keys = [&b"/a"[..], b"/a/1", b"/a/2", b"/b"];
        let changes = keys.iter().zip(1..).map(|(key, rev)| put(key, rev));
        let (snapshot, _) = Snapshot::default().after(changes.collect(), 4);
        let range = KeyRange::prefix(b"/a/");
        let keys: Vec<_> = snapshot.range(&range).map(|entry| entry.key().to_vec()).collect();
        assert_eq!(keys, [b"/a/1".to_vec(), b"/a/2".to_vec()]);
    }

    #[test]
    fn a_changed_key_shows_its_new_value() {
        let (old, _) = Snapshot::default().after(vec![put(b"a", 1)], 1);
        let change = Change {
            key: b"a"[..].into(),
            mod_revision: 2,
            entry: Some(Entry::new(b"a".to_vec(), b"new", 2, 0)),
        };
        let (new, _) = old.after(vec![change], 2);
        assert_eq!(
            (old.get(b"a").unwrap().value(), new.get(b"a").unwrap().value()),
            (&b"a"[..], &b"new"[..])
        );
    }

    #[test]
    fn entries_staged_in_pages_are_complete_and_in_key_order() {
        let names: Vec<[u8; 2]> = (0u16..1_000).map(u16::to_be_bytes).collect();
        let mut staged = Snapshot::default();
        for page in names.chunks(333) {
            let page: Vec<Entry> = page.iter().map(|name| entry(name, 5)).collect();
            staged.stage(page);
        }
        let staged = staged.staged(9, 4);
        assert_eq!((staged.revision(), staged.cluster_id(), staged.len()), (9, 4, 1_000));
        assert!(staged.iter().map(EntryRef::key).eq(names.iter().map(<[u8; 2]>::as_slice)));
    }
}
