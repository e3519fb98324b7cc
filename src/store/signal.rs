//! Wakes everyone who waits for the next publication or change of state.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::bell::Bell;

/// The wakers registered for one kind of change. It carries no value: those woken read the state again.
#[derive(Debug, Default)]
pub struct Signal {
    bells: Mutex<Vec<Weak<Bell>>>,
    hung: AtomicUsize,
}

impl Signal {
    /// Registers `waker`. Register first, then read the state: a change in between then wakes you.
    pub fn hang(&self, bell: &Arc<Bell>) {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.retain(|hung| hung.strong_count() > 0 && !std::ptr::eq(hung.as_ptr(), Arc::as_ptr(bell)));
        bells.push(Arc::downgrade(bell));
        self.hung.store(bells.len(), Ordering::SeqCst);
    }

    /// Wakes all registered wakers. Costs one atomic load when there are none.
    pub fn notify(&self) {
        if self.hung.load(Ordering::SeqCst) > 0 {
            let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
            bells.retain(|hung| hung.upgrade().inspect(|bell| bell.ring()).is_some());
            self.hung.store(bells.len(), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_is_rung_for_as_long_as_somebody_has_it() {
        let (signal, bell) = (Signal::default(), Arc::new(Bell::new().unwrap()));
        signal.hang(&bell);
        signal.hang(&bell);
        assert_eq!(signal.hung.load(Ordering::SeqCst), 1);
        signal.notify();
        drop(bell);
        signal.notify();
        assert_eq!(signal.hung.load(Ordering::SeqCst), 0);
    }
}
