//! Waiting for the next publication or change of state, from a thread that may be interrupted.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

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
}

impl Signal {
    /// Wakes every waiter to look again. Costs one atomic load when nobody waits.
    pub fn notify(&self) {
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
    use std::sync::Arc;
    use std::time::Duration;

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
