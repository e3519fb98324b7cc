//! Counts forks to identify the current process, and provides cells that belong to one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwapOption, Guard};

static EPOCH: AtomicU64 = AtomicU64::new(0);

/// The number of forks between the first process and this one.
///
/// Reading it costs one atomic load, while `getpid` costs a system call.
#[must_use]
#[inline]
pub fn current() -> u64 {
    EPOCH.load(Ordering::Acquire)
}

/// Counts a fork. Called only in the child.
pub fn advance() {
    EPOCH.fetch_add(1, Ordering::AcqRel);
}

struct Owned<T> {
    epoch: u64,
    value: Arc<T>,
}

/// Holds a value that belongs to the process that made it: threads, channels, sockets, locks.
///
/// In a forked child the cell is empty. The parent's value is leaked, never dropped: its threads do not exist in the
/// child, its locks may be held by one of them, and its sockets are the parent's.
pub struct ProcessCell<T>(ArcSwapOption<Owned<T>>);

impl<T> Default for ProcessCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> ProcessCell<T> {
    /// An empty cell.
    #[must_use]
    pub const fn new() -> Self {
        Self(ArcSwapOption::const_empty())
    }

    /// The value of this process, if there is one.
    #[must_use]
    pub fn get(&self) -> Option<Arc<T>> {
        let owned = self.0.load();
        owned.as_ref().filter(|owned| owned.epoch == current()).map(|owned| Arc::clone(&owned.value))
    }

    /// The value of an earlier process, until this one makes its own.
    ///
    /// Only parts that a fork cannot harm may be used.
    #[must_use]
    pub fn inherited(&self) -> Option<Arc<T>> {
        let owned = self.0.load();
        owned.as_ref().filter(|owned| owned.epoch != current()).map(|owned| Arc::clone(&owned.value))
    }

    /// The value of this process; calls `make` when there is none.
    ///
    /// # Errors
    /// The error of `make`. The cell then stays empty.
    pub fn get_or_make<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let owned = Arc::new(Owned { epoch: current(), value: Arc::new(make()?) });
        loop {
            let seen = self.0.load_full();
            // Another thread was faster: all threads use its value.
            if let Some(theirs) = seen.as_ref().filter(|seen| seen.epoch == current()) {
                return Ok(Arc::clone(&theirs.value));
            }
            let before = self.0.compare_and_swap(&seen, Some(Arc::clone(&owned)));
            let before = Guard::into_inner(before);
            if before.as_ref().map(Arc::as_ptr) == seen.as_ref().map(Arc::as_ptr) {
                before.into_iter().for_each(forget_if_inherited);
                return Ok(Arc::clone(&owned.value));
            }
        }
    }

    /// Empties the cell and drops the value of this process.
    pub fn clear(&self) {
        self.put(None);
    }

    fn put(&self, owned: Option<Owned<T>>) {
        if let Some(old) = self.0.swap(owned.map(Arc::new)) {
            forget_if_inherited(old);
        }
    }
}

fn forget_if_inherited<T>(owned: Arc<Owned<T>>) {
    if owned.epoch != current() {
        std::mem::forget(owned);
    }
}

impl<T> Drop for ProcessCell<T> {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    static DROPS: AtomicUsize = AtomicUsize::new(0);

    struct Counted;

    impl Drop for Counted {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn after_a_fork_the_cell_is_empty_and_the_inherited_value_is_never_dropped() {
        let cell = ProcessCell::new();
        let make = || Ok::<_, ()>(Counted);
        assert!(cell.get_or_make(make).is_ok() && cell.get().is_some());
        advance();
        assert!(cell.get().is_none() && cell.inherited().is_some());
        drop(cell.inherited());
        assert!(cell.get_or_make(make).is_ok() && cell.get().is_some());
        assert!(cell.inherited().is_none());
        assert_eq!(DROPS.load(Ordering::SeqCst), 0);
        drop(cell);
        assert_eq!(DROPS.load(Ordering::SeqCst), 1);
    }
}
