//! Waiting for the next publication or change of state, from a thread that may be interrupted.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Instant;

use super::bell::Bell;

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// What was waited for is true.
    Ready,
    /// The deadline has passed.
    Deadline,
    /// [`Signal::interrupt`] was called for this waiter.
    Interrupted,
}

/// The mark of one waiter that somebody may want back.
#[derive(Debug, Default)]
pub struct Interrupt(AtomicBool);

impl Interrupt {
    /// One that is raised already: a wait with it only looks.
    #[must_use]
    pub const fn raised() -> Self {
        Self(AtomicBool::new(true))
    }

    /// Makes ready for the next wait.
    pub fn clear(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// A condition variable without a value: the truth lives elsewhere, this only says "look again".
#[derive(Debug, Default)]
pub struct Signal {
    lock: Mutex<()>,
    changed: Condvar,
    waiters: AtomicUsize,
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

    fn ring(&self) {
        if self.hung.load(Ordering::SeqCst) > 0 {
            let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
            bells.retain(|hung| hung.upgrade().inspect(|bell| bell.ring()).is_some());
            self.hung.store(bells.len(), Ordering::SeqCst);
        }
    }

    /// Wakes every waiter to look again. Costs two atomic loads when nobody waits.
    pub fn notify(&self) {
        self.ring();
        if self.waiters.load(Ordering::SeqCst) > 0 {
            // Taking the lock orders this call after a waiter's look and before its sleep, so that no
            // wake-up falls between the two.
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.changed.notify_all();
        }
    }

    /// Asks one waiter to give up. Callable from a signal-like context of Ruby: it never blocks long.
    pub fn interrupt(&self, interrupt: &Interrupt) {
        interrupt.0.store(true, Ordering::SeqCst);
        self.notify();
    }

    /// Blocks until `ready`, the deadline, or an interrupt.
    pub fn wait(&self, deadline: Option<Instant>, interrupt: &Interrupt, ready: impl Fn() -> bool) -> Wake {
        self.waiters.fetch_add(1, Ordering::SeqCst);
        let wake = self.wait_counted(deadline, interrupt, ready);
        self.waiters.fetch_sub(1, Ordering::SeqCst);
        wake
    }

    fn wait_counted(
        &self,
        deadline: Option<Instant>,
        interrupt: &Interrupt,
        ready: impl Fn() -> bool,
    ) -> Wake {
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if ready() {
                return Wake::Ready;
            }
            if interrupt.0.load(Ordering::SeqCst) {
                return Wake::Interrupted;
            }
            guard = match deadline.map(|at| at.saturating_duration_since(Instant::now())) {
                None => self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return Wake::Deadline,
                Some(left) => {
                    let waited = self.changed.wait_timeout(guard, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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

    #[test]
    fn a_wait_with_a_raised_interrupt_only_looks() {
        let signal = Signal::default();
        assert_eq!(signal.wait(None, &Interrupt::raised(), || true), Wake::Ready);
        assert_eq!(signal.wait(None, &Interrupt::raised(), || false), Wake::Interrupted);
    }

    #[test]
    fn a_waiter_wakes_when_the_condition_comes_true() {
        let (signal, flag) = (Arc::new(Signal::default()), Arc::new(AtomicBool::new(false)));
        let waiter = std::thread::spawn({
            let (signal, flag) = (Arc::clone(&signal), Arc::clone(&flag));
            move || signal.wait(None, &Interrupt::default(), || flag.load(Ordering::SeqCst))
        });
        flag.store(true, Ordering::SeqCst);
        signal.notify();
        assert_eq!(waiter.join().unwrap(), Wake::Ready);
    }

    #[test]
    fn a_waiter_comes_back_when_it_is_interrupted() {
        let (signal, interrupt) = (Arc::new(Signal::default()), Arc::new(Interrupt::default()));
        let waiter = std::thread::spawn({
            let (signal, interrupt) = (Arc::clone(&signal), Arc::clone(&interrupt));
            move || signal.wait(None, &interrupt, || false)
        });
        signal.interrupt(&interrupt);
        assert_eq!(waiter.join().unwrap(), Wake::Interrupted);
    }

    #[test]
    fn a_deadline_ends_the_wait() {
        let deadline = Some(Instant::now() + Duration::from_millis(1));
        assert_eq!(Signal::default().wait(deadline, &Interrupt::default(), || false), Wake::Deadline);
    }
}
