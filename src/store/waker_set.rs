//! Wakes everyone who waits for the next publication or change of state.

#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::waker::Waker;

/// The wakers registered for one kind of change. It carries no value: those woken read the state again.
#[derive(Debug, Default)]
pub struct WakerSet {
    registered: Mutex<Registered>,
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Registered {
    wakers: Vec<Weak<Waker>>,
    /// What another process rings when it has changed what the wakers wait for.
    #[cfg(target_os = "linux")]
    bell: Option<Arc<OwnedFd>>,
}

impl WakerSet {
    fn lock(&self) -> MutexGuard<'_, Registered> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers `waker`. Register first, then read the state: a change in between then wakes you.
    pub fn register(&self, waker: &Arc<Waker>) {
        let mut registered = self.lock();
        let wakers = &mut registered.wakers;
        wakers.retain(|known| known.strong_count() > 0 && !std::ptr::eq(known.as_ptr(), Arc::as_ptr(waker)));
        wakers.push(Arc::downgrade(waker));
        self.count.store(wakers.len(), Ordering::SeqCst);
        #[cfg(target_os = "linux")]
        if let Some(bell) = &registered.bell {
            waker.hear(bell);
        }
        drop(registered);
        fence(Ordering::SeqCst); // see `is_empty`
    }

    /// Lets `bell` wake all wakers, or none from now on, and wakes them once: some may wait without it.
    #[cfg(target_os = "linux")]
    pub fn listen_to(&self, bell: Option<&Arc<OwnedFd>>) {
        let mut registered = self.lock();
        let before = std::mem::replace(&mut registered.bell, bell.cloned());
        for waker in registered.wakers.iter().filter_map(Weak::upgrade) {
            if let Some(before) = &before {
                waker.ignore(before);
            }
            if let Some(bell) = bell {
                waker.hear(bell);
            }
        }
        drop(registered);
        self.wake_all();
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
            let wakers = &mut self.lock().wakers;
            wakers.retain(|known| known.upgrade().inspect(|waker| waker.wake()).is_some());
            self.count.store(wakers.len(), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize};
    #[cfg(target_os = "linux")]
    use std::time::Duration;

    #[cfg(target_os = "linux")]
    use rustix::event::{EventfdFlags, eventfd};

    use super::*;
    #[cfg(target_os = "linux")]
    use crate::clock::Instant;

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

    /// Whether a wait of `waker` ends before its time is over.
    #[cfg(target_os = "linux")]
    fn is_woken(waker: &Waker, patience: Duration) -> bool {
        let began = Instant::now();
        waker.wait(Some(patience)) && Instant::now().saturating_duration_since(began) < patience
    }

    #[cfg(target_os = "linux")]
    fn woken_by_bells() -> Vec<[bool; 2]> {
        let bell = || Arc::new(eventfd(0, EventfdFlags::NONBLOCK).unwrap());
        let ring = |bell: &Arc<OwnedFd>| rustix::io::write(bell, &1u64.to_ne_bytes()).unwrap();
        let (one, other, set) = (bell(), bell(), WakerSet::default());
        let [early, late] = [(); 2].map(|()| Arc::new(Waker::new().unwrap()));
        let woken = |patience| [&early, &late].map(|waker| is_woken(waker, patience));
        let (soon, at_once) = (Duration::from_secs(10), Duration::from_millis(1));
        set.register(&early);
        set.listen_to(Some(&one));
        set.register(&late);
        // Those from before, which end once for all.
        woken(at_once);
        let mut seen = vec![woken(at_once)];
        (0..3).for_each(|_| assert_eq!(ring(&one), 8));
        seen.push(woken(soon));
        seen.push(woken(at_once));
        set.listen_to(Some(&other));
        seen.push(woken(soon));
        ring(&one);
        seen.push(woken(at_once));
        ring(&other);
        seen.push(woken(soon));
        set.wake_all();
        seen.push(woken(soon));
        seen.push(woken(at_once));
        seen
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_ring_of_another_process_wakes_all_once_and_none_after_the_set_listens_to_another_bell() {
        loop {
            let epoch = crate::epoch::current();
            let woken = woken_by_bells();
            // Another test simulates a fork, which disables every waker.
            if epoch == crate::epoch::current() {
                let expected = [false, true, false, true, false, true, true, false];
                return assert_eq!(woken, expected.map(|all| [all; 2]));
            }
        }
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
