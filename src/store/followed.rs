//! Following what another process of the host publishes in shared memory. Only Linux has such memory.

#[cfg(target_os = "linux")]
pub use linux::Followed;
#[cfg(target_os = "linux")]
pub(crate) use linux::confirmed_at;
#[cfg(not(target_os = "linux"))]
pub use other::Followed;

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    use etcd_discovery_shelf::Shelf;

    use crate::clock::Instant;
    use crate::store::snapshot::Snapshot;

    /// How far a process has read in a leader's shared memory, and where it looks for more. Holds no content.
    #[derive(Debug, Clone)]
    pub struct Followed {
        shelf: Arc<Shelf>,
        /// Names what was read, in the shared page. Kept here, because every read of a key compares it.
        word: u64,
        /// The leader's generation of what was read; `None` before its first publication.
        read: Option<u64>,
        /// This process's generation of the first snapshot that it has read from here.
        began: u64,
        /// When etcd had confirmed what was read, at the latest.
        confirmed_at: Option<Instant>,
    }

    impl Followed {
        /// Begins to follow `shelf`. What is read from it first is the publication `began` of this process.
        pub(in crate::store) fn begin(shelf: &Arc<Shelf>, began: u64) -> Self {
            Self { shelf: Arc::clone(shelf), word: 0, read: None, began, confirmed_at: None }
        }

        /// The shared memory.
        #[must_use]
        pub const fn shelf(&self) -> &Arc<Shelf> {
            &self.shelf
        }

        /// The shared memory alone.
        #[must_use]
        pub fn into_shelf(self) -> Arc<Shelf> {
            self.shelf
        }

        /// The word of the shared memory that changes with each publication, and what it was when this was read.
        #[must_use]
        pub fn root(&self) -> (&AtomicU64, u64) {
            (self.shelf.control().root_word(), self.word)
        }

        /// Whether the leader has published nothing else since.
        #[must_use]
        pub fn is_current(&self) -> bool {
            self.shelf.control().root() == self.word
        }

        /// The process that leads.
        #[must_use]
        pub fn leader(&self) -> u32 {
            self.shelf.control().writer()
        }

        /// When etcd last confirmed what this process shows, or something newer.
        #[must_use]
        pub fn confirmed_at(&self) -> Option<Instant> {
            // Read first: what was confirmed then is at least as old as the root that is compared afterwards.
            let confirmed_at = confirmed_at(&self.shelf);
            if self.is_current() { confirmed_at } else { self.confirmed_at }
        }

        /// What the leader has published since, if it can be read, and after how many publications.
        pub(in crate::store) fn next(&self) -> Option<(Snapshot, u64, Self)> {
            if self.is_current() {
                return None;
            }
            let confirmed_at = confirmed_at(&self.shelf);
            // The segment may not have arrived yet: what was read before stays right.
            let next = self.shelf.snapshot().ok().flatten()?;
            let generation = next.generation();
            let steps = match self.read {
                Some(read) => generation.checked_sub(read)?,
                None => 1,
            };
            let followed = Self { word: next.word(), read: Some(generation), confirmed_at, ..self.clone() };
            Some((Snapshot::from_host(next), steps, followed))
        }

        /// Whether everything after the publication `generation` of this process was read from here.
        pub(in crate::store) const fn covers(&self, generation: u64) -> bool {
            generation >= self.began
        }

        /// Whether this was read later than `before`, from the same leader in one go.
        pub(in crate::store) fn supersedes(&self, before: &Self) -> bool {
            let continues = Arc::ptr_eq(&self.shelf, &before.shelf) && self.began == before.began;
            // Every later root has a greater word. The generation and the revision do not tell: a root may have another
            // raft term and nothing else, or a lower revision, after etcd was restored from a backup.
            continues && self.word > before.word
        }
    }

    /// When etcd last confirmed what is published in `shelf`.
    pub(crate) fn confirmed_at(shelf: &Shelf) -> Option<Instant> {
        let at = shelf.control().confirmed_at();
        (!at.is_zero()).then(|| Instant::since_boot(at))
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::convert::Infallible;
    use std::sync::atomic::AtomicU64;

    use crate::clock::Instant;
    use crate::store::snapshot::Snapshot;

    /// There is none.
    #[derive(Debug, Clone)]
    pub struct Followed(Infallible);

    impl Followed {
        /// Never.
        #[must_use]
        pub const fn root(&self) -> (&AtomicU64, u64) {
            match self.0 {}
        }

        /// Never.
        #[must_use]
        pub const fn is_current(&self) -> bool {
            match self.0 {}
        }

        /// Never.
        #[must_use]
        pub const fn leader(&self) -> u32 {
            match self.0 {}
        }

        /// Never.
        #[must_use]
        pub const fn confirmed_at(&self) -> Option<Instant> {
            match self.0 {}
        }

        pub(in crate::store) const fn next(&self) -> Option<(Snapshot, u64, Self)> {
            match self.0 {}
        }

        pub(in crate::store) const fn covers(&self, _: u64) -> bool {
            match self.0 {}
        }

        pub(in crate::store) const fn supersedes(&self, _: &Self) -> bool {
            match self.0 {}
        }
    }
}
