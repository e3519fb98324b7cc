//! Panics on demand, to prove that a panic ends no more than it has to (promise 9).
//!
//! They exist only in tests and in a library with the feature `defects`, which a release build refuses. Otherwise
//! [`strike`] does nothing.

#[cfg(all(feature = "defects", not(debug_assertions)))]
compile_error!(
    "the feature `defects` makes the library panic on demand: it is for tests, never for a release"
);

#[cfg(any(test, feature = "defects"))]
mod armed {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    /// How many more times each key causes a panic.
    static ARMED: Mutex<BTreeMap<Vec<u8>, u32>> = Mutex::new(BTreeMap::new());

    fn lock() -> MutexGuard<'static, BTreeMap<Vec<u8>, u32>> {
        ARMED.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the code that handles `key` panic the next `times` times.
    pub fn arm(key: &[u8], times: u32) {
        lock().insert(key.to_vec(), times);
    }

    pub(crate) fn strike(key: &[u8]) {
        let due = lock().get_mut(key).is_some_and(|left| {
            let due = *left > 0;
            *left = left.saturating_sub(1);
            due
        });
        assert!(!due, "a defect, made on purpose");
    }
}

#[cfg(any(test, feature = "defects"))]
pub use armed::arm;
#[cfg(any(test, feature = "defects"))]
pub(crate) use armed::strike;

/// Does nothing without the feature `defects`.
#[cfg(not(any(test, feature = "defects")))]
#[inline]
pub(crate) const fn strike(_: &[u8]) {}
