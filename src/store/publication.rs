//! The cell through which one writer publishes snapshots and readers load them without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};

use super::published::{Changed, Published};
use super::snapshot::Snapshot;

/// Publishes snapshots from one writer to many readers.
///
/// A reader detects a change by comparing one atomic, the generation, with the one that it last saw. If this process
/// follows a leader, nothing runs here when the leader publishes: who loads the publication looks into the shared memory.
#[derive(Debug, Default)]
pub struct Publication {
    current: ArcSwap<Published>,
    generation: AtomicU64,
}

impl Publication {
    /// The generation of the current snapshot.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.load().generation()
    }

    /// The generation of the snapshot that was loaded last, which a reader compares on every read.
    ///
    /// A reader of a leader's publication must also ask [`Followed::is_current`](super::Followed::is_current).
    #[must_use]
    #[inline]
    pub fn loaded(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The current snapshot, borrowed for short use.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Published>> {
        let mut current = self.current.load();
        if let Some(next) = current.read() {
            self.replace(&Arc::new(next));
            current = self.current.load();
        }
        self.catch_up_with(&current);
        current
    }

    /// The current snapshot, to keep.
    #[must_use]
    pub fn load_full(&self) -> Arc<Published> {
        Arc::clone(&self.load())
    }

    /// Shows what was read from a leader, unless another thread was faster or this process follows no more.
    fn replace(&self, next: &Arc<Published>) {
        self.current.rcu(|now| Arc::clone(if next.supersedes(now) { next } else { now }));
    }

    /// Raises the generation to that of a snapshot which was just loaded.
    ///
    /// The writer stores the snapshot first and the generation second. Without this, a reader could see a new
    /// snapshot and then read an older value of one key, because such a read checks only the generation.
    fn catch_up_with(&self, seen: &Published) {
        if self.loaded() < seen.generation() {
            self.generation.fetch_max(seen.generation(), Ordering::Release);
        }
    }

    /// Publishes `snapshot`, which differs from the previous one in `changed`.
    ///
    /// Only the writer may call this.
    pub fn publish(&self, snapshot: Snapshot, changed: Changed) {
        let next = self.current.load().next(snapshot, changed);
        let generation = next.generation();
        self.current.store(Arc::new(next));
        self.generation.store(generation, Ordering::Release);
    }

    /// Completes a publication that a fork interrupted between storing the snapshot and its generation.
    ///
    /// Otherwise readers in the child would not see that snapshot before the next one.
    pub fn settle(&self) {
        // `fetch_max`, because a publication in this process may already have gone further.
        self.generation.fetch_max(self.load().generation(), Ordering::AcqRel);
    }

    /// Publishes the same content at a later revision. The generation stays, so readers need not look.
    pub fn confirm(&self, revision: i64) {
        let next = self.current.load().confirmed_at(revision);
        self.current.store(Arc::new(next));
    }

    /// Shows a writer's content from now on, which begins with what is shown now. A leader is not followed any more.
    pub fn lead(&self) {
        // Not `load`: what is loaded by others until then counts.
        self.current.rcu(|now| now.left());
        self.catch_up_with(&self.current.load());
    }

    /// Shows what the leader publishes in `memory` from now on.
    ///
    /// The caller sees to it that the leader's content may follow what was shown here.
    #[cfg(target_os = "linux")]
    pub fn follow(&self, memory: &Arc<etcd_discovery_shelf::Shelf>) {
        self.current.rcu(|now| now.following(memory));
        drop(self.load());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Change, Entry, Key, RECENT_KEYS};
    use proptest::prelude::*;

    fn keys(names: &[u16]) -> Changed {
        Changed::Keys(names.iter().map(|name| Key::from(name.to_be_bytes().as_slice())).collect())
    }

    fn since(published: &Published, generation: u64) -> Option<Vec<Key>> {
        let mut seen = Vec::new();
        published.each_change_since(generation, |key| seen.push(Key::from(key))).then_some(seen)
    }

    #[test]
    fn a_reader_gets_the_keys_changed_since_its_generation() {
        let publication = Publication::default();
        publication.publish(Snapshot::default(), Changed::All);
        publication.publish(Snapshot::default(), keys(&[1, 2]));
        publication.publish(Snapshot::default(), keys(&[3]));
        let published = publication.load();
        assert_eq!(since(&published, 0), None);
        assert_eq!(since(&published, 1).map(|keys| keys.len()), Some(3));
        assert_eq!(since(&published, 2).map(|keys| keys.len()), Some(1));
        assert_eq!(since(&published, 3), Some(Vec::new()));
    }

    #[test]
    fn a_long_feed_needs_no_deep_stack_to_be_dropped() {
        let publish_and_drop = || {
            let publication = Publication::default();
            (0..RECENT_KEYS).for_each(|_| publication.publish(Snapshot::default(), keys(&[1])));
            assert_eq!(publication.load().recent_keys(), RECENT_KEYS);
        };
        let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(publish_and_drop);
        thread.unwrap().join().unwrap();
    }

    #[test]
    fn an_interrupted_publication_is_completed_and_a_complete_one_left_alone() {
        let publication = Publication::default();
        publication.publish(Snapshot::default(), Changed::All);
        let next = publication.load().next(Snapshot::default(), Changed::All);
        publication.current.store(Arc::new(next));
        assert_eq!(publication.loaded(), 1);
        publication.settle();
        publication.settle();
        assert_eq!(publication.loaded(), 2);
    }

    #[test]
    fn a_confirmation_raises_the_revision_but_not_the_generation() {
        let publication = Publication::default();
        publication.publish(Snapshot::default(), Changed::All);
        publication.confirm(7);
        assert_eq!((publication.generation(), publication.load().snapshot().revision()), (1, 7));
    }

    #[test]
    fn loading_a_snapshot_raises_the_generation_to_its_own() {
        let publication = Publication::default();
        for generation in 1..=2 {
            let next = publication.current.load().next(Snapshot::default(), Changed::All);
            publication.current.store(Arc::new(next));
            assert_eq!(publication.loaded(), generation - 1);
            if generation == 1 {
                drop(publication.load());
            } else {
                drop(publication.load_full());
            }
            assert_eq!(publication.loaded(), generation);
        }
    }

    /// Puts or deletes these keys, and publishes the result, with the list of changed keys if `lists_keys`.
    fn write(publication: &Publication, writes: &[(u8, bool)], revision: i64, lists_keys: bool) {
        let change = |(name, put): &(u8, bool)| {
            let entry = put.then(|| Entry::new(vec![*name], b"v", revision, 0));
            Change { key: Key::from([*name].as_slice()), mod_revision: revision, entry }
        };
        let changes = writes.iter().map(change).collect();
        let (snapshot, keys) = publication.load().snapshot().after(changes, revision);
        publication.publish(snapshot, if lists_keys { Changed::Keys(keys) } else { Changed::All });
    }

    proptest! {
        #[test]
        fn the_keys_changed_since_an_earlier_publication_equal_those_of_a_comparison(
            rounds in prop::collection::vec(
                (prop::collection::vec((0u8..6, any::<bool>()), 0..4), prop::bool::weighted(0.9)), 1..12),
            from in any::<prop::sample::Index>(),
        ) {
            let publication = Publication::default();
            let mut history = vec![publication.load_full()];
            for (revision, (writes, lists_keys)) in (1i64..).zip(&rounds) {
                write(&publication, writes, revision, *lists_keys);
                history.push(publication.load_full());
            }
            let (older, newest) = (from.get(&history), publication.load_full());
            let compared = older.snapshot().changed_keys(newest.snapshot());
            prop_assert_eq!(newest.changed_keys_since(older), compared);
        }

        #[test]
        fn the_feed_is_bounded_and_never_hides_a_change(
            batches in prop::collection::vec(0usize..3_000, 1..12),
            seen in 0u64..12,
        ) {
            let publication = Publication::default();
            let mut truth = Vec::new();
            for (number, size) in (1u16..).zip(&batches) {
                let names: Vec<u16> = (0..*size).map(|_| number).collect();
                publication.publish(Snapshot::default(), keys(&names));
                truth.push(*size);
            }
            let published = publication.load();
            prop_assert!(published.recent_keys() <= RECENT_KEYS);
            if let Some(changes) = since(&published, seen) {
                let missed: usize = truth.iter().skip(usize::try_from(seen).unwrap()).sum();
                prop_assert_eq!(changes.len(), missed);
            }
        }
    }
}
