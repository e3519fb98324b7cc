//! Parks the session's thread while the process forks.
//!
//! A fork in the middle of a poll could leave the child with an open socket that is not yet in the table, or
//! with a half-made publication. So the thread is parked between two polls. The wait for it is bounded,
//! because a fork must never hang on this library, and the child works without it.

#![expect(clippy::disallowed_types, reason = "a machine that sleeps in the middle of a fork wakes up in it")]

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// No fork takes this long. If the thread is parked for longer, the opening was forgotten.
const LONGEST_FORK: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct State {
    forks: usize,
    parked: bool,
}

/// Connects the session's thread with the threads that fork.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
    asked: Notify,
}

impl Gate {
    /// Asks the session's thread to park, and waits for it for at most `timeout`.
    pub(super) fn close(&self, timeout: Duration) -> bool {
        let mut state = self.lock();
        state.forks += 1;
        self.asked.notify_one();
        let deadline = Instant::now() + timeout;
        while !state.parked {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Lets the thread continue.
    pub(super) fn open(&self) {
        let mut state = self.lock();
        // Nothing was closed if the session began in the middle of the fork: C code may fork without the GVL.
        state.forks = state.forks.saturating_sub(1);
        drop(state);
        self.changed.notify_all();
    }

    /// Runs on the session's thread and parks it for each fork.
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
    fn the_session_thread_does_nothing_while_a_fork_is_under_way() {
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
    fn a_session_that_begins_in_the_middle_of_a_fork_is_parked_for_the_next_one() {
        let gate = Arc::new(Gate::default());
        gate.open();
        let served = Arc::clone(&gate);
        std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(served.serve());
        });
        assert!(gate.close(Duration::from_secs(30)));
        gate.open();
    }

    #[test]
    fn a_fork_does_not_wait_for_a_thread_that_does_not_answer() {
        assert!(!Gate::default().close(Duration::from_millis(1)));
    }
}
