//! Telling whoever waits for the next publication or change of state to look again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::bell::Bell;

/// Rings the bells that were hung here. It carries no value: the truth lives elsewhere.
#[derive(Debug, Default)]
pub struct Signal {
    bells: Mutex<Vec<Weak<Bell>>>,
    hung: AtomicUsize,
}

impl Signal {
    /// Has `bell` rung at each notice, for as long as it is there. Look at the state after this, not before.
    pub fn hang(&self, bell: &Arc<Bell>) {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.retain(|hung| hung.strong_count() > 0 && !std::ptr::eq(hung.as_ptr(), Arc::as_ptr(bell)));
        bells.push(Arc::downgrade(bell));
        self.hung.store(bells.len(), Ordering::SeqCst);
    }

    /// Asks everyone to look again. Costs an atomic load when nobody waits.
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
