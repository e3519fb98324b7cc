//! Wakes those who wait in this process when the leader of the host publishes.
//!
//! The leader does not know its followers' waiters: it rings one word in shared memory, and wakes all who sleep there. In a
//! process where no one waits, a change costs nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::runtime;
use crate::store::Followed;
use crate::sync::Sinks;

/// The thread's name in `ps -L`, `top -H` and debuggers.
const THREAD_NAME: &str = "etcd_bell";
/// How often the thread looks whether it is still needed.
const LOOK: Duration = Duration::from_secs(1);

/// One client's bell in one process.
pub(super) struct Bell {
    sinks: Sinks,
    /// Whether tasks of the session have to know of each publication at once.
    for_tasks: bool,
    /// Whether the thread runs.
    rings: AtomicBool,
}

impl Bell {
    pub(super) const fn new(sinks: Sinks, for_tasks: bool) -> Self {
        Self { sinks, for_tasks, rings: AtomicBool::new(false) }
    }

    /// Starts the thread if someone waits and this process follows a leader. To be called after each new waiter, and
    /// when a leader was found.
    pub(super) fn listen(self: &Arc<Self>) {
        if !self.is_needed() || self.rings.swap(true, Ordering::SeqCst) {
            return;
        }
        let bell = Arc::clone(self);
        let started = std::thread::Builder::new().name(THREAD_NAME.into()).spawn(move || {
            runtime::begin_thread();
            bell.run();
        });
        if started.is_err() {
            // Without the thread, waiters look at the end of each of their own intervals.
            self.rings.store(false, Ordering::SeqCst);
        }
    }

    /// Wakes everyone.
    pub(super) fn ring(&self) {
        self.sinks.published.notify_one();
        self.sinks.advanced.notify_one();
        self.sinks.wakers.wake_all();
    }

    fn is_needed(&self) -> bool {
        (self.for_tasks || !self.sinks.wakers.is_empty()) && self.followed().is_some()
    }

    fn followed(&self) -> Option<Followed> {
        self.sinks.publication.load().followed().cloned()
    }

    fn run(self: &Arc<Self>) {
        let mut heard = None;
        // Not the snapshot that was read, which a child that is forked meanwhile could not free.
        while let Some(shelf) = self.followed().filter(|_| self.is_needed()).map(Followed::into_shelf) {
            // Before the ring: those whom it wakes may look before the next publication.
            let now = (Arc::as_ptr(&shelf), shelf.control().news());
            if heard.replace(now) != Some(now) {
                self.ring();
            }
            let _ = shelf.control().wait(now.1, LOOK);
        }
        self.rings.store(false, Ordering::SeqCst);
        // A waiter that came since has found the thread running.
        self.listen();
    }
}
