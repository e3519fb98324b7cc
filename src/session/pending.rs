//! The result of a request, for a thread outside the runtime to wait for.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::AbortHandle;

use super::runtime::Session;
use crate::epoch;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Waker, WakerSet};

#[derive(Debug)]
struct Slot<T> {
    result: Mutex<Option<Result<T>>>,
    wakers: WakerSet,
}

/// A request under way on the session's thread. Dropping it cancels the request.
///
/// A signal handler may fork while its thread waits here. In the child the request is over, and nothing
/// touches the parent's runtime, whose descriptors may belong to someone else by then.
#[derive(Debug)]
pub struct Pending<T> {
    slot: Arc<Slot<T>>,
    waker: Option<Arc<Waker>>,
    task: Option<AbortHandle>,
    epoch: u64,
}

impl<T: Send + 'static> Pending<T> {
    /// Sends `request`, after everything that is needed to wait for its result: an error of this process must not hide
    /// that etcd has written.
    ///
    /// # Errors
    /// `ResourceExhausted` when the system has no more descriptors; then nothing is sent.
    pub(super) fn spawn(
        session: &Session,
        request: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<Self> {
        let waker = Arc::new(Waker::new()?);
        let slot = Arc::new(Slot { result: Mutex::new(None), wakers: WakerSet::default() });
        slot.wakers.register(&waker);
        let filled = Arc::clone(&slot);
        let task = session.spawn(async move {
            let guard = Unfilled(filled);
            let result = request.await;
            guard.fill(result);
        });
        Ok(Self { slot, waker: Some(waker), task: Some(task), epoch: epoch::current() })
    }

    /// A request that already has its result.
    pub(super) fn done(result: Result<T>) -> Self {
        let slot = Slot { result: Mutex::new(Some(result)), wakers: WakerSet::default() };
        Self { slot: Arc::new(slot), waker: None, task: None, epoch: epoch::current() }
    }

    /// Whether there is a result.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_inherited() || self.slot.lock().is_some()
    }

    /// What is woken when there is a result; `None` if it was there from the start.
    #[must_use]
    pub const fn waker(&self) -> Option<&Arc<Waker>> {
        self.waker.as_ref()
    }

    /// Takes the result, if there is one.
    #[must_use]
    pub fn take(&self) -> Option<Result<T>> {
        if self.is_inherited() {
            let message = "this process was forked while the request waited; only the parent gets the answer";
            return Some(Err(Error::new(ErrorKind::Connection, message)));
        }
        self.slot.lock().take()
    }
}

impl<T> Pending<T> {
    fn is_inherited(&self) -> bool {
        self.epoch != epoch::current()
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        if self.is_inherited() {
            std::mem::forget((self.task.clone(), Arc::clone(&self.slot)));
        } else if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl<T> Slot<T> {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Result<T>>> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fills the slot even if the request panics, so that no caller waits forever (promise 8).
struct Unfilled<T>(Arc<Slot<T>>);

impl<T> Unfilled<T> {
    fn fill(&self, result: Result<T>) {
        *self.0.lock() = Some(result);
        self.0.wakers.wake_all();
    }
}

impl<T> Drop for Unfilled<T> {
    fn drop(&mut self) {
        if self.0.lock().is_none() && std::thread::panicking() {
            let message =
                "internal error in etcd_discovery (a Rust panic ended the request); please report it";
            self.fill(Err(Error::new(ErrorKind::Internal, message)));
        }
    }
}
