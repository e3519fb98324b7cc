//! What Ruby waits for: a publication, and the result of a request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_discovery_core::error::{Error as CoreError, ErrorKind};
use etcd_discovery_core::range::quoted;
use etcd_discovery_core::session::{Client as Core, Pending};
use etcd_discovery_core::store::{Publication, Waker};
use etcd_discovery_core::sync::Phase;
use magnus::{Error, Ruby};

use crate::error::{raised, raised_about};
use crate::gvl::{self, Wait};

/// A wait for something that a publication, or a change of state, brings.
struct Until<'a, F> {
    core: &'a Core,
    deadline: Instant,
    arrived: F,
}

impl<F: Fn() -> bool> Wait for Until<'_, F> {
    fn is_over(&self) -> bool {
        (self.arrived)()
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }

    fn add_waker(&self, waker: &Arc<Waker>) -> Result<(), CoreError> {
        self.core.add_waker(waker)
    }
}

/// Waits until what is published satisfies `arrived`, `timeout` at most; says whether it did.
///
/// # Errors
/// Whatever the interrupt raises.
pub(crate) fn until(
    ruby: &Ruby,
    core: &Core,
    timeout: Duration,
    arrived: impl Fn(&Publication) -> bool,
) -> Result<bool, Error> {
    let deadline = Instant::now() + timeout;
    gvl::wait(ruby, &Until { core, deadline, arrived: || arrived(core.publication()) })
}

/// Waits until there is something to read, or etcd has refused it, until `deadline` at most; says whether there
/// is.
///
/// # Errors
/// Whatever the interrupt raises.
pub(crate) fn until_ready(ruby: &Ruby, core: &Core, deadline: Instant) -> Result<bool, Error> {
    if core.is_ready() {
        return Ok(true);
    }
    let arrived = || core.is_ready() || core.report().phase == Phase::Denied;
    gvl::wait(ruby, &Until { core, deadline, arrived })?;
    Ok(core.is_ready())
}

/// Waits until the client follows etcd no longer; whether it does is for the caller to see.
///
/// # Errors
/// Whatever the interrupt raises.
pub(crate) fn until_stopped(ruby: &Ruby, core: &Core, deadline: Instant) -> Result<(), Error> {
    let arrived = || core.report().phase == Phase::Stopped;
    if arrived() {
        return Ok(()); // Also of one that never began: waiting would begin it.
    }
    gvl::wait(ruby, &Until { core, deadline, arrived }).map(drop)
}

impl<T: Send + 'static> Wait for Pending<T> {
    fn is_over(&self) -> bool {
        Pending::is_over(self)
    }

    /// Every request ends by itself within the request timeout.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn add_waker(&self, waker: &Arc<Waker>) -> Result<(), CoreError> {
        Pending::add_waker(self, waker);
        Ok(())
    }
}

/// A request, and the key that it is about if it is about one, for the words of its errors.
pub(crate) struct Request<'a> {
    pub(crate) ruby: &'a Ruby,
    pub(crate) doing: &'a str,
    pub(crate) key: Option<&'a [u8]>,
}

impl Request<'_> {
    /// Waits for the result.
    ///
    /// # Errors
    /// What the request failed with, or whatever the interrupt raises.
    pub(crate) fn finish<T: Send + 'static>(
        &self,
        pending: Result<Pending<T>, CoreError>,
    ) -> Result<T, Error> {
        let pending = pending.map_err(|error| self.raised(error))?;
        gvl::wait(self.ruby, &pending)?;
        let defect = || CoreError::new(ErrorKind::Internal, "the request ended without a result");
        pending.take().unwrap_or_else(|| Err(defect())).map_err(|error| self.raised(error))
    }

    fn raised(&self, error: CoreError) -> Error {
        let Some(key) = self.key else { return raised(self.ruby, &error.during(self.doing)) };
        let doing = format!("{} {}", self.doing, quoted(key));
        raised_about(self.ruby, &error.during(doing), key)
    }
}
