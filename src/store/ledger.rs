//! Writing in place of etcd, for a client that has none.
//!
//! It publishes as the sync driver does: one snapshot and one revision for each change, with the keys that
//! changed. So readers, subscribers and waiters cannot tell the two apart.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::entry::Entry;
use super::publication::{Changed, Publication};
use super::snapshot::{Change, Key, Snapshot};
use crate::epoch::ProcessCell;
use crate::range::Ranges;

/// One key to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Which key.
    pub key: Key,
    /// What it is to hold; `None`: it is to go.
    pub value: Option<Box<[u8]>>,
    /// The lease that it is to live under, or 0.
    pub lease: i64,
}

impl Write {
    fn is_done_in(&self, snapshot: &Snapshot) -> bool {
        match (snapshot.get(&self.key), &self.value) {
            (None, None) => true,
            (Some(entry), Some(value)) => entry.value() == &**value && entry.lease() == self.lease,
            _ => false,
        }
    }
}

/// The one writer of a publication. A forked child goes on with its own copy.
pub struct Ledger {
    ranges: Ranges,
    publication: Arc<Publication>,
    /// Every key that was written: also the ones that nobody watches, which are not published.
    all: ArcSwap<Snapshot>,
    /// A lock that a thread of the parent held at the fork would never be released.
    writing: ProcessCell<Mutex<()>>,
}

impl Ledger {
    /// Takes `publication` over, and begins without a key.
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

    /// All keys, also those that are not published.
    #[must_use]
    pub fn all(&self) -> Arc<Snapshot> {
        self.all.load_full()
    }

    /// Writes what `decide` makes of the present content, all at one revision, and returns that; without a
    /// change the present one. Writes nothing for `None`.
    pub fn write(&self, decide: impl FnOnce(&Snapshot) -> Option<Vec<Write>>) -> Option<i64> {
        let made: Result<_, Infallible> = self.writing.get_or_make(|| Ok(Mutex::new(())));
        let Ok(lock) = made;
        let _alone = lock.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// Sets all keys but those in `spared` back to what they were in `mark`, and returns those that differed.
    pub fn restore(&self, mark: &Snapshot, spared: &BTreeSet<Key>) -> Vec<Key> {
        let mut keys = Vec::new();
        self.write(|now| {
            let other = now.changed_keys(mark).into_iter().filter(|key| !spared.contains(key));
            let writes = other.map(|key| {
                let entry = mark.get(&key);
                let value = entry.map(|entry| entry.value().into());
                Write { key, value, lease: entry.map_or(0, Entry::lease) }
            });
            // A key that was written and written back is another entry, and yet the same.
            let writes: Vec<Write> = writes.filter(|write| !write.is_done_in(now)).collect();
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

/// `None` for the deletion of a key that is not there: etcd makes no revision of that either.
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

    fn ledger() -> (Ledger, Arc<Publication>) {
        let publication = Arc::new(Publication::default());
        let ledger = Ledger::open(Ranges::merge([KeyRange::prefix(b"/a/")]), Arc::clone(&publication));
        (ledger, publication)
    }

    fn to(key: &str, value: Option<&str>) -> Write {
        Write { key: key.as_bytes().into(), value: value.map(|value| value.as_bytes().into()), lease: 0 }
    }

    fn write(ledger: &Ledger, writes: &[Write]) -> i64 {
        ledger.write(|_| Some(writes.to_vec())).unwrap()
    }

    fn shown(publication: &Publication) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let published = publication.load();
        published.snapshot().iter().map(|entry| (text(entry.key()), text(entry.value()))).collect()
    }

    #[test]
    fn a_write_of_several_keys_is_one_revision_and_one_publication() {
        let (ledger, publication) = ledger();
        let before = publication.generation();
        let revision = write(&ledger, &[to("/a/1", Some("x")), to("/a/2", Some("y"))]);
        assert_eq!(publication.generation(), before + 1);
        assert_eq!(publication.load().snapshot().revision(), revision);
        let mut changed = 0;
        assert!(publication.load().each_change_since(before, |_| changed += 1));
        assert_eq!((shown(&publication).len(), changed), (2, 2));
    }

    #[test]
    fn a_key_that_nobody_watches_is_kept_and_not_published() {
        let (ledger, publication) = ledger();
        let before = publication.generation();
        let revision = write(&ledger, &[to("/b", Some("x"))]);
        assert_eq!(publication.generation(), before);
        assert_eq!(publication.load().snapshot().revision(), revision);
        assert!(shown(&publication).is_empty() && ledger.all().get(b"/b").is_some());
    }

    #[test]
    fn deleting_what_is_not_there_makes_no_revision_and_putting_again_makes_one() {
        let (ledger, _) = ledger();
        let first = write(&ledger, &[to("/a/1", Some("x"))]);
        assert_eq!(write(&ledger, &[to("/a/2", None)]), first);
        assert_eq!(write(&ledger, &[to("/a/1", Some("x"))]), first + 1);
        assert_eq!(ledger.all().get(b"/a/1").map(Entry::mod_revision), Some(first + 1));
    }

    #[test]
    fn nothing_is_written_where_the_condition_does_not_hold() {
        let (ledger, publication) = ledger();
        assert_eq!(ledger.write(|now| now.get(b"/a/1").map(|_| vec![to("/a/1", None)])), None);
        assert!(shown(&publication).is_empty());
    }

    #[test]
    fn a_restored_content_is_that_of_the_mark_but_for_what_is_spared() {
        let (ledger, publication) = ledger();
        write(&ledger, &[to("/a/1", Some("old")), to("/a/2", Some("old")), to("/a/5", Some("old"))]);
        let mark = ledger.all();
        write(&ledger, &[to("/a/1", Some("new")), to("/a/2", None), to("/a/3", Some("new"))]);
        write(&ledger, &[to("/a/4", Some("new")), to("/a/5", Some("new"))]);
        write(&ledger, &[to("/a/5", Some("old"))]);
        let spared = BTreeSet::from([Key::from(&b"/a/4"[..])]);
        assert_eq!(ledger.restore(&mark, &spared), [&b"/a/1"[..], b"/a/2", b"/a/3"].map(Key::from));
        let pairs = [("/a/1", "old"), ("/a/2", "old"), ("/a/4", "new"), ("/a/5", "old")];
        assert_eq!(shown(&publication), pairs.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn it_takes_over_where_another_writer_was_with_a_later_revision_and_without_its_keys() {
        let publication = Arc::new(Publication::default());
        let first = Ledger::open(Ranges::merge([KeyRange::prefix(b"")]), Arc::clone(&publication));
        let revision = write(&first, &[to("/a/1", Some("x"))]);
        let generation = publication.generation();
        let _second = Ledger::open(Ranges::merge([KeyRange::prefix(b"")]), Arc::clone(&publication));
        assert!(shown(&publication).is_empty());
        assert!(publication.load().snapshot().revision() > revision);
        assert_eq!(publication.generation(), generation + 1);
    }
}
