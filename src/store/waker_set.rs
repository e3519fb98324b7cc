//! Wakes everyone who waits for the next publication or change of state.

use std::sync::atomic::{AtomicUsize, Ordering, fence};
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
        drop(wakers);
        fence(Ordering::SeqCst); // see `is_empty`
    }

    /// Whether no one waits. Call it after the change that someone may wait for.
    ///
    /// A fence here and one in [`Self::register`] make sure that the caller sees the waker, or that the one who
    /// registered it sees the change. A processor may delay a write until after a later read: without the
    /// fences both can miss the other's write, and the waiter sleeps on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        fence(Ordering::SeqCst);
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Wakes all registered wakers. Call it after the change. Takes a lock only if there are any.
    pub fn wake_all(&self) {
        if !self.is_empty() {
            let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
            wakers.retain(|known| known.upgrade().inspect(|waker| waker.wake()).is_some());
            self.count.store(wakers.len(), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize};

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

    const ROUNDS: usize = 20_000;
    /// How long a thread waits for the other one, which may not have a processor at all.
    const SPINS: usize = 500;

    /// One change, and who waits for it.
    #[derive(Default)]
    struct Round {
        set: WakerSet,
        changed: AtomicBool,
        seen: AtomicBool,
        woken: AtomicBool,
    }

    /// Two threads, which begin each round together if both of them run.
    #[derive(Default)]
    struct Meeting([AtomicUsize; 2]);

    impl Meeting {
        fn begin(&self, thread: usize, round: usize) {
            self.0[thread].store(round, Ordering::SeqCst);
            let arrived = |_: &usize| self.0[1 - thread].load(Ordering::SeqCst) >= round;
            let _ = (0..SPINS).find(arrived);
        }
    }

    #[test]
    fn who_registers_during_a_change_sees_it_or_is_woken() {
        let rounds: Vec<Round> = (0..ROUNDS).map(|_| Round::default()).collect();
        let (meeting, waker) = (Meeting::default(), Arc::new(Waker::new().unwrap()));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for (number, round) in rounds.iter().enumerate() {
                    meeting.begin(0, number);
                    // So that the two meet in some rounds, however long either takes.
                    for pause in 0..number % 256 {
                        std::hint::black_box(pause);
                    }
                    // As a publication shows its snapshot.
                    round.changed.store(true, Ordering::Release);
                    round.woken.store(!round.set.is_empty(), Ordering::Relaxed);
                }
            });
            for (number, round) in rounds.iter().enumerate() {
                meeting.begin(1, number);
                round.set.register(&waker);
                round.seen.store(round.changed.load(Ordering::Acquire), Ordering::Relaxed);
            }
        });
        let missed =
            |round: &&Round| !round.seen.load(Ordering::Relaxed) && !round.woken.load(Ordering::Relaxed);
        assert_eq!(rounds.iter().filter(missed).count(), 0);
    }
}
