//! Wakes everyone who waits for the next publication or change of state.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::waker::Waker;

/// The wakers registered for one kind of change. It carries no value: those woken read the state again.
#[derive(Debug, Default)]
pub struct WakerSet {
    wakers: Mutex<Vec<Weak<Waker>>>,
    count: AtomicUsize,
}

impl WakerSet {
    /// Registers `waker`. Register first, then read the state: a change in between then wakes you.
    pub fn register(&self, waker: &Arc<Waker>) {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.retain(|known| known.strong_count() > 0 && !std::ptr::eq(known.as_ptr(), Arc::as_ptr(waker)));
        wakers.push(Arc::downgrade(waker));
        self.count.store(wakers.len(), Ordering::SeqCst);
    }

    /// Whether no one waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Wakes all registered wakers. Costs one atomic load when there are none.
    pub fn wake_all(&self) {
        if self.count.load(Ordering::SeqCst) > 0 {
            let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
            wakers.retain(|known| known.upgrade().inspect(|waker| waker.wake()).is_some());
            self.count.store(wakers.len(), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waker_is_woken_while_its_owner_keeps_it() {
        let (set, waker) = (WakerSet::default(), Arc::new(Waker::new().unwrap()));
        set.register(&waker);
        set.register(&waker);
        assert_eq!(set.count.load(Ordering::SeqCst), 1);
        set.wake_all();
        drop(waker);
        set.wake_all();
        assert_eq!(set.count.load(Ordering::SeqCst), 0);
    }
}
