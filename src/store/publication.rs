//! The cell that one writer publishes to and every reader reads from, without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};
use imbl::Vector;

use super::snapshot::{Key, Snapshot};

/// How many changed keys a reader may be behind and still be told which; beyond that it is told "all".
/// The bound on the memory of the change feed (promise 11).
pub const RECENT_KEYS: usize = 4_096;

/// Which keys differ between two snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// These, and no other.
    Keys(Vec<Key>),
    /// Any may differ.
    All,
}

#[derive(Debug, Clone)]
struct Batch {
    generation: u64,
    keys: Arc<[Key]>,
}

/// A snapshot with its place in the order of publications.
#[derive(Debug, Clone, Default)]
pub struct Published {
    snapshot: Snapshot,
    generation: u64,
    recent: Vector<Batch>,
    recent_keys: usize,
    /// The oldest generation from which `recent` tells the whole way.
    complete_from: u64,
}

impl Published {
    /// The snapshot.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// How many times content had been published; 0 before the first listing.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Calls `visit` with each key changed since `generation`, newest first, some of them twice.
    /// Returns false, having visited nothing, when too much has changed to tell.
    #[must_use]
    pub fn each_change_since(&self, generation: u64, mut visit: impl FnMut(&Key)) -> bool {
        if generation < self.complete_from {
            return false;
        }
        for batch in self.recent.iter().rev().take_while(|batch| batch.generation > generation) {
            batch.keys.iter().for_each(&mut visit);
        }
        true
    }

    fn next(&self, snapshot: Snapshot, changed: Changed) -> Self {
        let generation = self.generation + 1;
        let mut next = Self { snapshot, generation, ..self.clone() };
        match changed {
            Changed::Keys(keys) if keys.len() <= RECENT_KEYS => next.remember(keys.into()),
            _ => next.forget_all(),
        }
        next
    }

    fn remember(&mut self, keys: Arc<[Key]>) {
        self.recent_keys += keys.len();
        self.recent.push_back(Batch { generation: self.generation, keys });
        while self.recent_keys > RECENT_KEYS {
            let Some(oldest) = self.recent.pop_front() else { break };
            self.recent_keys -= oldest.keys.len();
            self.complete_from = oldest.generation;
        }
    }

    fn forget_all(&mut self) {
        self.recent = Vector::new();
        self.recent_keys = 0;
        self.complete_from = self.generation;
    }
}

/// One writer, many readers.
///
/// A reader that has seen generation `g` compares one atomic and knows whether anything is new.
#[derive(Debug, Default)]
pub struct Publication {
    current: ArcSwap<Published>,
    generation: AtomicU64,
}

impl Publication {
    /// The generation of the current snapshot: what a reader compares on every read.
    #[must_use]
    #[inline]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The current snapshot, borrowed; for short use.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Published>> {
        let current = self.current.load();
        self.tell_of(&current);
        current
    }

    /// The current snapshot, to keep.
    #[must_use]
    pub fn load_full(&self) -> Arc<Published> {
        let current = self.current.load_full();
        self.tell_of(&current);
        current
    }

    /// The writer may be between its two steps. Whoever has seen the first must find the second done: or a
    /// snapshot would be newer than a read of one key after it, which only looks at the generation.
    fn tell_of(&self, seen: &Published) {
        if self.generation() < seen.generation {
            self.generation.fetch_max(seen.generation, Ordering::Release);
        }
    }

    /// Publishes `snapshot`, in which `changed` differ from the one before. For the one writer alone.
    pub fn publish(&self, snapshot: Snapshot, changed: Changed) {
        let next = self.current.load().next(snapshot, changed);
        let generation = next.generation;
        self.current.store(Arc::new(next));
        self.generation.store(generation, Ordering::Release);
    }

    /// Completes a publication that a fork has cut in two: the snapshot was there, its generation was not, and
    /// readers would not look at it before the next one.
    pub fn settle(&self) {
        // Never back, should a publication of this process be quicker.
        self.generation.fetch_max(self.load().generation(), Ordering::AcqRel);
    }

    /// Publishes the same content at a later revision. Readers need not look: no generation passes.
    pub fn confirm(&self, revision: i64) {
        let current = self.current.load();
        let next =
            Published { snapshot: current.snapshot.confirmed_at(revision), ..Published::clone(&current) };
        drop(current);
        self.current.store(Arc::new(next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(names: &[u16]) -> Changed {
        Changed::Keys(names.iter().map(|name| Key::from(name.to_be_bytes().as_slice())).collect())
    }

    fn since(published: &Published, generation: u64) -> Option<Vec<Key>> {
        let mut seen = Vec::new();
        published.each_change_since(generation, |key| seen.push(Key::clone(key))).then_some(seen)
    }

    #[test]
    fn a_reader_is_told_what_changed_since_its_generation() {
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
    fn a_publication_cut_in_two_is_completed_and_a_whole_one_left_alone() {
        let publication = Publication::default();
        publication.publish(Snapshot::default(), Changed::All);
        let next = publication.load().next(Snapshot::default(), Changed::All);
        publication.current.store(Arc::new(next));
        assert_eq!(publication.generation(), 1);
        publication.settle();
        publication.settle();
        assert_eq!(publication.generation(), 2);
    }

    #[test]
    fn a_confirmation_moves_the_revision_and_no_generation() {
        let publication = Publication::default();
        publication.publish(Snapshot::default(), Changed::All);
        publication.confirm(7);
        assert_eq!((publication.generation(), publication.load().snapshot().revision()), (1, 7));
    }

    #[test]
    fn whoever_has_seen_a_publication_finds_its_generation_told() {
        let publication = Publication::default();
        for generation in 1..=2 {
            let next = publication.current.load().next(Snapshot::default(), Changed::All);
            publication.current.store(Arc::new(next));
            assert_eq!(publication.generation(), generation - 1);
            if generation == 1 {
                drop(publication.load());
            } else {
                drop(publication.load_full());
            }
            assert_eq!(publication.generation(), generation);
        }
    }

    proptest! {
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
            prop_assert!(published.recent_keys <= RECENT_KEYS);
            if let Some(told) = since(&published, seen) {
                let missed: usize = truth.iter().skip(usize::try_from(seen).unwrap()).sum();
                prop_assert_eq!(told.len(), missed);
            }
        }
    }
}
