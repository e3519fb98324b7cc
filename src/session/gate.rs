//! Holds the session's thread still while the process forks.
//!
//! Forking in the middle of a poll would leave the child with a socket that is open and not yet in the
//! table, or with a publication half made. So the thread is parked between two polls; the wait for it is
//! bounded, because a fork must never hang on us, and the child is sound without it.

#![expect(clippy::disallowed_types, reason = "a machine that sleeps in the middle of a fork wakes up in it")]

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// No fork takes as long; a thread parked longer was forgotten.
const LONGEST_FORK: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct State {
    forks: usize,
    parked: bool,
}

/// Between the session's thread and the threads that fork.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    asked: Notify,
}

impl Gate {
    /// Asks the session's thread to hold still, and waits for it at most `patience`.
    pub(super) fn close(&self, patience: Duration) -> bool {
        let mut state = self.lock();
        state.forks += 1;
        self.asked.notify_one();
        let deadline = Instant::now() + patience;
        while !state.parked {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Lets it go on.
    pub(super) fn open(&self) {
        self.lock().forks -= 1;
        self.changed.notify_all();
    }

    /// On the session's thread: stands still, as a whole, for each fork.
    pub(super) async fn serve(&self) {
        loop {
            self.asked.notified().await;
            self.stand_still();
        }
    }

    fn stand_still(&self) {
        let mut state = self.lock();
        let deadline = Instant::now() + LONGEST_FORK;
        while state.forks > 0 {
            state.parked = true;
            self.changed.notify_all();
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.parked = false;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    #[test]
    fn while_a_fork_is_under_way_the_session_thread_does_nothing() {
        let (gate, polls, end) =
            (Arc::new(Gate::default()), Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (gate, polls, end) = (Arc::clone(&gate), Arc::clone(&polls), Arc::clone(&end));
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                let count = async {
                    while !end.load(Ordering::SeqCst) {
                        polls.fetch_add(1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                    }
                };
                runtime.block_on(async {
                    tokio::select! { () = gate.serve() => {}, () = count => {} }
                });
            }
        });
        for _ in 0..100 {
            assert!(gate.close(Duration::from_secs(5)));
            let seen = polls.load(Ordering::SeqCst);
            std::thread::yield_now();
            assert_eq!(polls.load(Ordering::SeqCst), seen);
            gate.open();
        }
        end.store(true, Ordering::SeqCst);
        thread.join().unwrap();
    }

    #[test]
    fn a_fork_does_not_wait_for_a_thread_that_does_not_answer() {
        assert!(!Gate::default().close(Duration::from_millis(1)));
    }
}
