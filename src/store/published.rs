//! A snapshot in the sequence of publications, and what is known about the way from one to the next.

use std::sync::Arc;

use super::followed::Followed;
use super::snapshot::{Key, Snapshot};

/// How many changed keys are remembered. A reader further behind has to assume that all keys changed.
///
/// This bounds the memory of the change feed (promise 11).
pub const RECENT_KEYS: usize = 4_096;

/// Which keys differ between two snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// Only these keys differ.
    Keys(Vec<Key>),
    /// Any key may differ.
    All,
}

/// The keys of one publication, in a list with those of the publications before it.
///
/// The writer adds to the list without copying what others may be reading.
#[derive(Debug)]
struct Batch {
    generation: u64,
    keys: Vec<Key>,
    older: Option<Arc<Self>>,
}

impl Drop for Batch {
    /// Drops the list one by one. The default would call itself for each one, and could exhaust the stack.
    fn drop(&mut self) {
        let mut older = self.older.take();
        while let Some(mut batch) = older.and_then(Arc::into_inner) {
            older = batch.older.take();
        }
    }
}

/// The keys of the last publications of this process.
#[derive(Debug, Clone, Default)]
struct Recent {
    newest: Option<Arc<Batch>>,
    keys: usize,
    /// The oldest generation since which the batches have every change.
    complete_from: u64,
}

impl Recent {
    /// Remembers nothing before `generation`.
    fn from(generation: u64) -> Self {
        Self { complete_from: generation, ..Self::default() }
    }

    /// The batches, newest first.
    fn batches(&self) -> impl Iterator<Item = &Batch> {
        std::iter::successors(self.newest.as_deref(), |batch| batch.older.as_deref())
    }

    /// This with one more publication of at most [`RECENT_KEYS`] keys.
    fn and(&self, generation: u64, keys: Vec<Key>) -> Self {
        let room = RECENT_KEYS - keys.len();
        // Half of the room, so that it lasts for many more publications.
        let known = if self.keys <= room { self.clone() } else { self.latest(room / 2) };
        if keys.is_empty() { known } else { known.with(generation, keys) }
    }

    fn with(self, generation: u64, keys: Vec<Key>) -> Self {
        let total = self.keys + keys.len();
        let newest = Some(Arc::new(Batch { generation, keys, older: self.newest }));
        Self { newest, keys: total, complete_from: self.complete_from }
    }

    /// The newest batches that have at most `limit` keys together.
    fn latest(&self, limit: usize) -> Self {
        let mut total = 0;
        let fits = |batch: &&Batch| {
            total += batch.keys.len();
            total <= limit
        };
        let kept: Vec<&Batch> = self.batches().take_while(fits).collect();
        let forgotten = self.batches().nth(kept.len());
        let rest = Self::from(forgotten.map_or(self.complete_from, |batch| batch.generation));
        kept.into_iter().rev().fold(rest, |rest, batch| rest.with(batch.generation, batch.keys.clone()))
    }
}

/// Where a publication comes from.
#[derive(Debug, Clone)]
enum Source {
    /// A writer in this process.
    Own(Recent),
    /// The process of the host that leads.
    Leader(Followed),
}

/// A snapshot with its position in the sequence of publications.
#[derive(Debug, Clone)]
pub struct Published {
    snapshot: Snapshot,
    generation: u64,
    source: Source,
}

impl Default for Published {
    fn default() -> Self {
        Self { snapshot: Snapshot::default(), generation: 0, source: Source::Own(Recent::default()) }
    }
}

impl Published {
    /// The snapshot.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// How many times content has been published; 0 before the first listing.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The shared memory that it was read from, if this process follows a leader.
    #[must_use]
    pub const fn followed(&self) -> Option<&Followed> {
        match &self.source {
            Source::Own(_) => None,
            Source::Leader(followed) => Some(followed),
        }
    }

    /// Calls `visit` with each key changed since `generation`, newest first; a key may come twice.
    ///
    /// Returns false, without any call, if too much has changed since then.
    #[must_use]
    pub fn each_change_since(&self, generation: u64, mut visit: impl FnMut(&[u8])) -> bool {
        match &self.source {
            Source::Leader(_) if generation >= self.generation => true,
            Source::Leader(followed) => {
                let missed = self.generation - generation;
                followed.covers(generation) && self.snapshot.each_of_last_changes(missed, visit)
            }
            Source::Own(recent) if generation < recent.complete_from => false,
            Source::Own(recent) => {
                let missed = recent.batches().take_while(|batch| batch.generation > generation);
                missed.for_each(|batch| batch.keys.iter().for_each(|key| visit(key)));
                true
            }
        }
    }

    /// The keys whose entries differ from those of `older`, an earlier publication, in key order.
    ///
    /// The cost depends on the changes in between. The two snapshots are compared only if those are not known any more.
    #[must_use]
    pub fn changed_keys_since(&self, older: &Self) -> Vec<Key> {
        let mut keys = Vec::new();
        let known = self.each_change_since(older.generation, |key| keys.push(Key::from(key)));
        if !known {
            return older.snapshot.changed_keys(&self.snapshot);
        }
        keys.sort_unstable();
        keys.dedup();
        // A key that was put and deleted in between is the same in both snapshots.
        keys.retain(|key| older.snapshot.get(key) != self.snapshot.get(key));
        keys
    }

    /// The next publication of a writer in this process.
    pub(super) fn next(&self, snapshot: Snapshot, changed: Changed) -> Self {
        let generation = self.generation + 1;
        let recent = match (changed, &self.source) {
            (Changed::Keys(keys), Source::Own(recent)) if keys.len() <= RECENT_KEYS => {
                recent.and(generation, keys)
            }
            _ => Recent::from(generation),
        };
        Self { snapshot, generation, source: Source::Own(recent) }
    }

    /// The same content at a later revision.
    pub(super) fn confirmed_at(&self, revision: i64) -> Self {
        Self { snapshot: self.snapshot.confirmed_at(revision), ..self.clone() }
    }

    /// The same content, which a writer in this process goes on from.
    ///
    /// It has a generation of its own: those who saw an earlier one look again, and learn whom to ask from now on.
    pub(super) fn left(&self) -> Self {
        if self.followed().is_none() {
            return self.clone();
        }
        let source = Source::Own(Recent::from(self.generation));
        let step = u64::from(self.generation > 0);
        Self { generation: self.generation + step, source, ..self.clone() }
    }

    /// The same content, until there is something to read in shared memory.
    #[cfg(target_os = "linux")]
    pub(super) fn following(&self, memory: &Arc<etcd_discovery_shelf::Shelf>) -> Self {
        let source = Source::Leader(Followed::begin(memory, self.generation + 1));
        Self { source, ..self.clone() }
    }

    /// What a leader has published since; `None` if there is nothing newer to read.
    pub(super) fn read(&self) -> Option<Self> {
        let (snapshot, steps, followed) = self.followed()?.next()?;
        Some(Self { snapshot, generation: self.generation + steps, source: Source::Leader(followed) })
    }

    /// Whether this was read later than `before`, from the same leader.
    pub(super) fn supersedes(&self, before: &Self) -> bool {
        let both = self.followed().zip(before.followed());
        both.is_some_and(|(this, before)| this.supersedes(before))
    }

    #[cfg(test)]
    pub(super) fn recent_keys(&self) -> usize {
        match &self.source {
            Source::Own(recent) => recent.keys,
            Source::Leader(_) => 0,
        }
    }
}
