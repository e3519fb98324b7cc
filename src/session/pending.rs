//! The result of a request, for a thread of another world to wait for.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::task::AbortHandle;

use super::runtime::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Bell, Interrupt, Signal, Wake};

#[derive(Debug)]
struct Slot<T> {
    result: Mutex<Option<Result<T>>>,
    signal: Signal,
}

/// A request under way on the session's thread. Dropping it gives the request up.
#[derive(Debug)]
pub struct Pending<T> {
    slot: Arc<Slot<T>>,
    task: AbortHandle,
}

impl<T: Send + 'static> Pending<T> {
    pub(super) fn spawn(
        session: &Session,
        request: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Self {
        let slot = Arc::new(Slot { result: Mutex::new(None), signal: Signal::default() });
        let filled = Arc::clone(&slot);
        let task = session.spawn(async move {
            let guard = Unfilled(filled);
            let result = request.await;
            guard.fill(result);
        });
        Self { slot, task }
    }

    /// Blocks until there is a result, the deadline, or an interrupt.
    pub fn wait(&self, deadline: Option<Instant>, interrupt: &Interrupt) -> Wake {
        let slot = &self.slot;
        slot.signal.wait(deadline, interrupt, || slot.lock().is_some())
    }

    /// Has `bell` rung when there is a result.
    pub fn hang(&self, bell: &Arc<Bell>) {
        self.slot.signal.hang(bell);
    }

    /// Asks the waiting thread to come back.
    pub fn interrupt(&self, interrupt: &Interrupt) {
        self.slot.signal.interrupt(interrupt);
    }

    /// The result, once there is one.
    #[must_use]
    pub fn take(&self) -> Option<Result<T>> {
        self.slot.lock().take()
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<T> Slot<T> {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Result<T>>> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fills the slot even when the request panics: nobody may wait for ever (promise 8).
struct Unfilled<T>(Arc<Slot<T>>);

impl<T> Unfilled<T> {
    fn fill(&self, result: Result<T>) {
        *self.0.lock() = Some(result);
        self.0.signal.notify();
    }
}

impl<T> Drop for Unfilled<T> {
    fn drop(&mut self) {
        if self.0.lock().is_none() && std::thread::panicking() {
            self.fill(Err(Error::new(ErrorKind::Internal, "a defect in etcd_discovery ended the request")));
        }
    }
}
