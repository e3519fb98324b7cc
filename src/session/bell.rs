//! Wakes this process when the leader of its host publishes.
//!
//! The leader does not know who waits: it rings one bell in the kernel, and that wakes all who listen to it. In a process where
//! no one listens, a change costs nothing.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::sync::Sinks;

/// What a process listens to.
pub(super) struct Bell {
    sinks: Sinks,
    /// Whether tasks of the session have to know of each publication at once.
    for_tasks: bool,
    /// What the tasks listen to.
    heard: Option<AsyncFd<Arc<OwnedFd>>>,
}

impl Bell {
    pub(super) const fn new(sinks: Sinks, for_tasks: bool) -> Self {
        Self { sinks, for_tasks, heard: None }
    }

    /// Listens to the bell of a leader, or to none, and wakes everyone once.
    pub(super) fn listen_to(&mut self, bell: Option<&Arc<OwnedFd>>) {
        #[allow(deprecated, reason = "its successor is an unsafe fn, for types whose descriptor changes")]
        let register = |bell: &Arc<OwnedFd>| AsyncFd::with_interest(Arc::clone(bell), Interest::READABLE);
        // The kernel refuses it only without memory. Then the tasks are woken at the next look.
        self.heard = bell.filter(|_| self.for_tasks).and_then(|bell| register(bell).ok());
        self.sinks.wakers.listen_to(bell);
        self.wake_tasks();
    }

    /// Wakes the tasks at each ring, as long as they listen.
    pub(super) async fn pass_on(&self) {
        while let Some(bell) = &self.heard {
            // An error means that the session ends.
            let Ok(mut rung) = bell.readable().await else { return };
            rung.clear_ready();
            self.wake_tasks();
        }
    }

    /// Wakes everyone in this process.
    pub(super) fn wake_all(&self) {
        self.sinks.wakers.wake_all();
        self.wake_tasks();
    }

    fn wake_tasks(&self) {
        self.sinks.published.notify_one();
        self.sinks.advanced.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use etcd_discovery_shelf::Shelf;

    use super::*;
    use crate::clock::Instant;
    use crate::epoch;
    use crate::store::Waker;
    use crate::sync::sim::follower::{Follower, settings};

    const LONG: Duration = Duration::from_secs(10);

    fn sinks() -> Sinks {
        let taken = Arc::new(Mutex::new(None));
        let out = Arc::clone(&taken);
        let _follower = Follower::run_by(settings(&["one"], &[b"/a/"]), move |parts| {
            *out.lock().unwrap() = Some(parts.sinks);
            std::future::ready(())
        });
        taken.lock().unwrap().take().unwrap()
    }

    fn ends_early(waker: &Waker) -> bool {
        let began = Instant::now();
        waker.wait(Some(LONG));
        Instant::now().saturating_duration_since(began) < LONG
    }

    #[tokio::test]
    async fn a_ring_of_the_leader_wakes_threads_and_tasks_of_a_follower() {
        let (sinks, shelf) = (sinks(), Shelf::create(1).unwrap());
        let mut bell = Bell::new(sinks.clone(), true);
        bell.listen_to(Some(shelf.control().bell()));
        let listening = tokio::spawn(async move { bell.pass_on().await });
        loop {
            let epoch = epoch::current();
            let waker = Arc::new(Waker::new().unwrap());
            sinks.wakers.register(&waker);
            waker.clear();
            sinks.advanced.notified().await;
            shelf.control().ring();
            tokio::time::timeout(LONG, sinks.advanced.notified()).await.unwrap();
            // Another test simulates a fork, which disables every waker.
            if epoch == epoch::current() {
                assert!(ends_early(&waker));
                break;
            }
            sinks.advanced.notify_one();
        }
        listening.abort();
    }
}
