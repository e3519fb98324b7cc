//! How long reads wait for a client's first snapshot.
//!
//! A process waits once. If every read waited while etcd is away at boot, each request would stall, and so would the
//! requests queued behind it.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use etcd_discovery_core::epoch;
use etcd_discovery_core::error::{Error as CoreError, ErrorKind};
use magnus::{Error, Ruby, Value, prelude::*};

use super::{NEVER, Reader};
use crate::error::raised;
use crate::waits::until_ready;

/// The pause between two attempts to start a thread that the system refuses.
const RETRY: Duration = Duration::from_secs(1);

/// The wait of one client. A forked child inherits it, so it does not wait again. Guarded by the GVL.
pub(super) struct FirstWait {
    longest: Duration,
    /// When the wait ends for all callers; `None` before the first one waits.
    until: Cell<Option<Instant>>,
    /// Why the wait failed, for a forked child that has no error of its own yet.
    reason: RefCell<Option<CoreError>>,
}

impl FirstWait {
    pub(super) const fn new(longest: Duration) -> Self {
        Self { longest, until: Cell::new(None), reason: RefCell::new(None) }
    }

    /// Starts the wait if no caller has started it. Returns when it ends.
    pub(super) fn begin(&self) -> Instant {
        let until = self.until.get().unwrap_or_else(|| Instant::now() + self.longest);
        self.until.set(Some(until));
        until
    }

    /// Whether reads no longer wait.
    pub(super) fn is_over(&self) -> bool {
        self.until.get().is_some_and(|until| until <= Instant::now())
    }

    /// Ends the wait for all later callers.
    pub(super) fn end(&self, reason: Option<CoreError>) {
        self.until.set(Some(Instant::now()));
        self.reason.replace(reason);
    }

    /// Forgets the wait. After a stop, the next start waits again.
    pub(super) fn reset(&self) {
        self.until.set(None);
        self.reason.replace(None);
    }

    pub(super) fn reason(&self) -> Option<CoreError> {
        self.reason.borrow().clone()
    }
}

impl Reader {
    /// The result of a read without a snapshot: the caller's default, otherwise `reason` as an error.
    pub(crate) fn without_snapshot(
        &self,
        ruby: &Ruby,
        key: Value,
        default: Option<Value>,
        reason: &CoreError,
    ) -> Result<Value, Error> {
        self.ensure_key_watched(ruby, key)?;
        default.ok_or_else(|| raised(ruby, reason))
    }

    /// Starts or resumes the client if needed. Returns why there is still no snapshot, if there is none.
    pub(crate) fn missing(&self, ruby: &Ruby, client: Value) -> Result<Option<CoreError>, Error> {
        let epoch = epoch::current();
        if self.epoch.get() == epoch && self.generation.get() != NEVER {
            return Ok(None);
        }
        let reason = self.await_snapshot(ruby, client, None)?;
        if self.refused_at.get().is_some() {
            return Ok(reason); // not resumed after the fork: a later read tries again
        }
        let former = self.epoch.replace(epoch);
        // A fork that Ruby did not see has run no hook of Ruby's: run it now.
        if former != epoch && !client.funcall::<_, _, bool>("forked", ())? {
            self.epoch.set(former); // a later read tries again
        }
        Ok(reason)
    }

    /// Waits for the first snapshot as a read does.
    ///
    /// # Errors
    /// Why there is no snapshot; `ClosedError` if the client was stopped before its first one.
    pub(crate) fn ensure_ready(&self, ruby: &Ruby, client: Value) -> Result<(), Error> {
        self.await_snapshot(ruby, client, None)?.map_or(Ok(()), |reason| Err(raised(ruby, &reason)))
    }

    /// Starts the client, or resumes it after a fork, and waits for its first snapshot.
    ///
    /// Waits for `longest`, or for as long as reads still wait. Returns why there is no snapshot, if there is
    /// none then.
    pub(crate) fn await_snapshot(
        &self,
        ruby: &Ruby,
        client: Value,
        longest: Option<Duration>,
    ) -> Result<Option<CoreError>, Error> {
        self.resume().map_err(|error| raised(ruby, &error))?;
        if self.publication.generation() > 0 {
            return Ok(None);
        }
        if self.core.is_stopped() {
            let error = CoreError::new(ErrorKind::Closed, "the client was stopped before its first snapshot");
            return Err(raised(ruby, &error));
        }
        if longest.is_none() && self.first_wait.is_over() && self.core.is_wanted() {
            return Ok(self.core.why_not_ready(None, self.first_wait.reason()));
        }
        self.core.start().map_err(|error| raised(ruby, &error))?;
        // Ruby's `start` does this too.
        let _: Value = client.funcall("observe", ())?;
        let shared = self.first_wait.begin();
        let deadline = longest.map_or(shared, |longest| Instant::now() + longest);
        if until_ready(ruby, &self.core, deadline)? {
            return Ok(None);
        }
        if longest.is_none() {
            self.first_wait.end(self.core.report().last_error.clone());
        }
        Ok(self.core.why_not_ready(Some(longest.unwrap_or(self.first_wait.longest)), None))
    }

    /// Makes the client follow etcd again after a fork.
    ///
    /// If the system refuses a thread, reads continue from the inherited copy (promise 4), and one read per
    /// second tries again.
    fn resume(&self) -> Result<(), CoreError> {
        if self.refused_at.get().is_some_and(|at| at.elapsed() < RETRY) {
            return Ok(());
        }
        let resumed = self.core.resume();
        let refused = resumed.is_err() && self.publication.generation() > 0;
        self.refused_at.set(refused.then(Instant::now));
        if refused { Ok(()) } else { resumed }
    }

    /// The wait of `start`. If it times out, later reads do not wait, unless its timeout was zero.
    pub(crate) fn start_within(&self, ruby: &Ruby, longest: Duration) -> Result<(), Error> {
        self.first_wait.begin();
        if until_ready(ruby, &self.core, Instant::now() + longest)? {
            return Ok(());
        }
        if !longest.is_zero() {
            self.first_wait.end(self.core.report().last_error.clone());
        }
        self.core.why_not_ready(Some(longest), None).map_or(Ok(()), |reason| Err(raised(ruby, &reason)))
    }

    pub(crate) fn stop(&self) {
        self.core.stop();
        self.first_wait.reset();
    }
}
