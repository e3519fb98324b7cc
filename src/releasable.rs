//! Data that a forked child can free, although it belonged to a thread that exists only in the parent.
//!
//! A child never drops what the parent's threads own: among it are sockets, channels and locks of the parent. But some
//! of it is plain data, and may hold a whole snapshot. In the child that snapshot would stay in memory forever, beside
//! the newer ones. So such data is kept here, where the child reaches it.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Holds a value that one thread uses and that a forked child may free.
///
/// The value must be plain data: its destructor closes nothing, wakes no one and takes no lock.
#[derive(Debug)]
pub struct Releasable<T>(Mutex<Option<T>>);

impl<T> Default for Releasable<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Releasable<T> {
    /// Holds `value` from now on, instead of the one before.
    pub fn put(&self, value: T) {
        *self.lock() = Some(value);
    }

    /// Removes the value.
    pub fn take(&self) -> Option<T> {
        self.lock().take()
    }

    /// Calls `work` with the value, if there is one.
    ///
    /// Never wait in `work`: a fork must not find the value in use.
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.lock().as_mut().map(work)
    }

    /// Frees the value, in a forked child.
    ///
    /// Returns false if a thread of the parent was using it at the fork.
    ///
    /// That thread does not exist here, so nothing may touch the value: it stays in memory.
    pub fn release(&self) -> bool {
        let mut value = match self.0.try_lock() {
            Ok(value) => value,
            Err(TryLockError::Poisoned(value)) => value.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        *value = None;
        true
    }

    /// After a panic the value is still there, for the one who replaces it.
    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_released_value_is_freed_unless_it_was_in_use() {
        let (kept, value) = (Releasable::default(), Arc::new(()));
        kept.put(Arc::clone(&value));
        let in_use = kept.with(|_| kept.release());
        assert_eq!((in_use, Arc::strong_count(&value)), (Some(false), 2));
        assert!(kept.release());
        assert_eq!((Arc::strong_count(&value), kept.take()), (1, None));
    }

    #[test]
    fn a_panic_does_not_keep_the_value() {
        let (kept, value) = (Arc::new(Releasable::default()), Arc::new(()));
        kept.put(Arc::clone(&value));
        let panics = Arc::clone(&kept);
        let ended = std::thread::spawn(move || panics.with(|_| panic!("a defect, on purpose"))).join();
        assert!(ended.is_err() && kept.release());
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
