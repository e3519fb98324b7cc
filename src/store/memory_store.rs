//! An in-memory replacement for etcd, for a client in offline mode.
//!
//! It publishes as the sync driver does: one snapshot, one revision and the list of changed keys for each write. So
//! readers, subscribers and waiters cannot tell the two apart.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::entry::{Entry, EntryRef};
use super::publication::Publication;
use super::published::Changed;
use super::snapshot::{Change, Key, Snapshot};
use crate::epoch::ProcessCell;
use crate::range::Ranges;

/// A put or a deletion of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The key to write.
    pub key: Key,
    /// The new value; `None` deletes the key.
    pub value: Option<Box<[u8]>>,
    /// The lease to attach the key to, or 0.
    pub lease: i64,
}

impl Write {
    fn changes_nothing_in(&self, snapshot: &Snapshot) -> bool {
        match (snapshot.get(&self.key), &self.value) {
            (None, None) => true,
            (Some(entry), Some(value)) => entry.value() == &**value && entry.lease() == self.lease,
            _ => false,
        }
    }
}

/// Holds all keys in memory and publishes the watched ones. A forked child continues with its own copy.
pub struct MemoryStore {
    ranges: Ranges,
    publication: Arc<Publication>,
    /// Every key that was written, including unwatched ones, which are not published.
    all: ArcSwap<Snapshot>,
    /// One lock per process: a lock held by another thread at a fork would never be released in the child.
    writing: ProcessCell<Mutex<()>>,
}

impl MemoryStore {
    /// Becomes the writer of `publication`, and starts without keys.
    #[must_use]
    pub fn open(ranges: Ranges, publication: Arc<Publication>) -> Self {
        let (revision, cluster_id) = {
            let published = publication.load();
            (published.snapshot().revision() + 1, published.snapshot().cluster_id())
        };
        let empty = Snapshot::default().staged(revision, cluster_id);
        publication.publish(empty.clone(), Changed::All);
        Self { ranges, publication, all: ArcSwap::from_pointee(empty), writing: ProcessCell::new() }
    }

    /// All keys, including those that are not published.
    #[must_use]
    pub fn all(&self) -> Arc<Snapshot> {
        self.all.load_full()
    }

    /// Applies the writes that `decide` returns for the current content, all at one revision.
    ///
    /// Returns that revision, or the current one if nothing changed. If `decide` returns `None`, so does this.
    pub fn write(&self, decide: impl FnOnce(&Snapshot) -> Option<Vec<Write>>) -> Option<i64> {
        let made: Result<_, Infallible> = self.writing.get_or_make(|| Ok(Mutex::new(())));
        let Ok(lock) = made;
        let _guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.all.load_full();
        let writes = decide(&before)?;
        let revision = before.revision() + 1;
        let changes: Vec<Change> =
            writes.into_iter().filter_map(|write| change(&before, write, revision)).collect();
        if changes.is_empty() {
            return Some(before.revision());
        }
        self.commit(&before, changes, revision);
        Some(revision)
    }

    /// Restores all keys to their state in `earlier`, except those in `kept`.
    ///
    /// Returns the keys that differed.
    pub fn restore(&self, earlier: &Snapshot, kept: &BTreeSet<Key>) -> Vec<Key> {
        let mut keys = Vec::new();
        self.write(|now| {
            let other = now.changed_keys(earlier).into_iter().filter(|key| !kept.contains(key));
            let writes = other.map(|key| {
                let entry = earlier.get(&key);
                let value = entry.map(|entry| entry.value().into());
                Write { key, value, lease: entry.map_or(0, EntryRef::lease) }
            });
            // A key that was changed and changed back has a new entry with the same value.
            let writes: Vec<Write> = writes.filter(|write| !write.changes_nothing_in(now)).collect();
            keys = writes.iter().map(|write| Key::clone(&write.key)).collect();
            Some(writes)
        });
        keys
    }

    fn commit(&self, before: &Snapshot, changes: Vec<Change>, revision: i64) {
        let watched: Vec<Change> =
            changes.iter().filter(|change| self.ranges.contains(&change.key)).cloned().collect();
        self.all.store(Arc::new(before.after(changes, revision).0));
        if watched.is_empty() {
            self.publication.confirm(revision);
        } else {
            let (shown, keys) = self.publication.load().snapshot().after(watched, revision);
            self.publication.publish(shown, Changed::Keys(keys));
        }
    }
}

/// Converts a write into a change; `None` for deleting a missing key.
///
/// In etcd that makes no revision either.
fn change(before: &Snapshot, write: Write, revision: i64) -> Option<Change> {
    let Write { key, value, lease } = write;
    let entry = match value {
        None => before.get(&key).map(|_| None)?,
        Some(value) => Some(Entry::new(key.to_vec(), &value, revision, lease)),
    };
    Some(Change { key, mod_revision: revision, entry })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range::KeyRange;

    fn store() -> (MemoryStore, Arc<Publication>) {
        let publication = Arc::new(Publication::default());
        let store = MemoryStore::open(Ranges::merge([KeyRange::prefix(b"/a/")]), Arc::clone(&publication));
        (store, publication)
    }

    fn to(key: &str, value: Option<&str>) -> Write {
        Write { key: key.as_bytes().into(), value: value.map(|value| value.as_bytes().into()), lease: 0 }
    }

    fn write(store: &MemoryStore, writes: &[Write]) -> i64 {
        store.write(|_| Some(writes.to_vec())).unwrap()
    }

    fn shown(publication: &Publication) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let published = publication.load();
        published.snapshot().iter().map(|entry| (text(entry.key()), text(entry.value()))).collect()
    }

    #[test]
    fn a_write_of_several_keys_is_one_revision_and_one_publication() {
        let (store, publication) = store();
        let before = publication.generation();
        let revision = write(&store, &[to("/a/1", Some("x")), to("/a/2", Some("y"))]);
        assert_eq!(publication.generation(), before + 1);
        assert_eq!(publication.load().snapshot().revision(), revision);
        let mut changed = 0;
        assert!(publication.load().each_change_since(before, |_| changed += 1));
        assert_eq!((shown(&publication).len(), changed), (2, 2));
    }

    #[test]
    fn an_unwatched_key_is_kept_and_not_published() {
        let (store, publication) = store();
        let before = publication.generation();
        let revision = write(&store, &[to("/b", Some("x"))]);
        assert_eq!(publication.generation(), before);
        assert_eq!(publication.load().snapshot().revision(), revision);
        assert!(shown(&publication).is_empty() && store.all().get(b"/b").is_some());
    }

    #[test]
    fn deleting_a_missing_key_makes_no_revision_and_putting_the_same_value_makes_one() {
        let (store, _) = store();
        let first = write(&store, &[to("/a/1", Some("x"))]);
        assert_eq!(write(&store, &[to("/a/2", None)]), first);
        assert_eq!(write(&store, &[to("/a/1", Some("x"))]), first + 1);
        assert_eq!(store.all().get(b"/a/1").map(EntryRef::mod_revision), Some(first + 1));
    }

    #[test]
    fn nothing_is_written_when_the_condition_fails() {
        let (store, publication) = store();
        assert_eq!(store.write(|now| now.get(b"/a/1").map(|_| vec![to("/a/1", None)])), None);
        assert!(shown(&publication).is_empty());
    }

    #[test]
    fn restoring_returns_to_the_earlier_content_except_for_kept_keys() {
        let (store, publication) = store();
        write(&store, &[to("/a/1", Some("old")), to("/a/2", Some("old")), to("/a/5", Some("old"))]);
        let earlier = store.all();
        write(&store, &[to("/a/1", Some("new")), to("/a/2", None), to("/a/3", Some("new"))]);
        write(&store, &[to("/a/4", Some("new")), to("/a/5", Some("new"))]);
        write(&store, &[to("/a/5", Some("old"))]);
        let kept = BTreeSet::from([Key::from(&b"/a/4"[..])]);
        assert_eq!(store.restore(&earlier, &kept), [&b"/a/1"[..], b"/a/2", b"/a/3"].map(Key::from));
        let pairs = [("/a/1", "old"), ("/a/2", "old"), ("/a/4", "new"), ("/a/5", "old")];
        assert_eq!(shown(&publication), pairs.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn taking_over_a_publication_continues_its_revisions_without_its_keys() {
        let publication = Arc::new(Publication::default());
        let first = MemoryStore::open(Ranges::merge([KeyRange::prefix(b"")]), Arc::clone(&publication));
        let revision = write(&first, &[to("/a/1", Some("x"))]);
        let generation = publication.generation();
        let _second = MemoryStore::open(Ranges::merge([KeyRange::prefix(b"")]), Arc::clone(&publication));
        assert!(shown(&publication).is_empty());
        assert!(publication.load().snapshot().revision() > revision);
        assert_eq!(publication.generation(), generation + 1);
    }
}
