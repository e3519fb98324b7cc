//! Content in memory that the processes of a host share. Only Linux has such memory.

#[cfg(target_os = "linux")]
pub(super) use linux::Shared;
#[cfg(target_os = "linux")]
pub use linux::SharedEntry;
#[cfg(not(target_os = "linux"))]
pub(super) use other::Shared;
#[cfg(not(target_os = "linux"))]
pub use other::SharedEntry;

#[cfg(target_os = "linux")]
mod linux {
    use std::ops::Bound;

    use etcd_discovery_shelf as shelf;

    /// An entry in shared memory.
    pub type SharedEntry<'a> = shelf::Entry<'a>;

    /// The content at one root.
    ///
    /// Its methods panic if the memory is damaged, which no process of this gem does: a read becomes an `InternalError`
    /// then, instead of an answer that may be wrong (promise 9).
    #[derive(Debug, Clone)]
    pub(in crate::store) struct Shared(pub(in crate::store) shelf::Snapshot);

    impl Shared {
        pub(in crate::store) const fn len(&self) -> usize {
            self.0.len()
        }

        pub(in crate::store) fn get(&self, key: &[u8]) -> Option<SharedEntry<'_>> {
            intact(self.0.get(key))
        }

        /// The entries from a key on.
        pub(in crate::store) fn from(
            &self,
            from: Bound<&[u8]>,
        ) -> impl Iterator<Item = SharedEntry<'_>> + use<'_> {
            let start = match from {
                Bound::Included(key) => key.to_vec(),
                // The next key that there can be.
                Bound::Excluded(key) => [key, &[0]].concat(),
                Bound::Unbounded => Vec::new(),
            };
            self.0.range(&start, None).map(intact)
        }

        pub(in crate::store) fn changed_keys<'a>(&'a self, newer: &'a Self) -> Vec<&'a [u8]> {
            intact(self.0.changed_keys(&newer.0))
        }

        pub(in crate::store) fn each_of_last_changes(&self, count: u64, visit: impl FnMut(&[u8])) -> bool {
            let since = self.0.generation().saturating_sub(count);
            intact(self.0.each_change_since(since, visit))
        }
    }

    #[expect(clippy::panic, reason = "an InternalError is better than a wrong answer")]
    fn intact<T>(read: shelf::Result<T>) -> T {
        read.unwrap_or_else(|error| panic!("{error}"))
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::convert::Infallible;
    use std::marker::PhantomData;
    use std::ops::Bound;

    /// There is none.
    #[derive(Debug, Clone, Copy)]
    pub struct SharedEntry<'a>(Infallible, PhantomData<&'a ()>);

    impl<'a> SharedEntry<'a> {
        pub(in crate::store) const fn key(self) -> &'a [u8] {
            match self.0 {}
        }

        pub(in crate::store) const fn value(self) -> &'a [u8] {
            match self.0 {}
        }

        pub(in crate::store) const fn mod_revision(self) -> i64 {
            match self.0 {}
        }

        pub(in crate::store) const fn lease(self) -> i64 {
            match self.0 {}
        }
    }

    /// There is none.
    #[derive(Debug, Clone)]
    pub(in crate::store) struct Shared(Infallible);

    impl Shared {
        pub(in crate::store) const fn len(&self) -> usize {
            match self.0 {}
        }

        pub(in crate::store) const fn get(&self, _: &[u8]) -> Option<SharedEntry<'_>> {
            match self.0 {}
        }

        pub(in crate::store) const fn from(&self, _: Bound<&[u8]>) -> std::iter::Empty<SharedEntry<'_>> {
            match self.0 {}
        }

        pub(in crate::store) const fn changed_keys<'a>(&'a self, _: &'a Self) -> Vec<&'a [u8]> {
            match self.0 {}
        }

        pub(in crate::store) const fn each_of_last_changes<F>(&self, _: u64, _: F) -> bool {
            match self.0 {}
        }
    }
}
