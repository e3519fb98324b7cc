//! The waits of Ruby threads: for a publication, and for the result of a request.

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

/// A wait for a condition that a publication or a change of state can fulfil.
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

    fn waker(&self) -> Result<Arc<Waker>, CoreError> {
        let waker = Arc::new(Waker::new()?);
        self.core.add_waker(&waker)?;
        Ok(waker)
    }
}

/// Waits for at most `timeout` until the publication satisfies `arrived`. Returns whether it did.
///
/// # Errors
/// The exception of an interrupt.
pub(crate) fn until(
    ruby: &Ruby,
    core: &Core,
    timeout: Duration,
    arrived: impl Fn(&Publication) -> bool,
) -> Result<bool, Error> {
    let deadline = Instant::now() + timeout;
    gvl::wait(ruby, &Until { core, deadline, arrived: || arrived(core.publication()) })
}

/// Waits until `deadline` for the first snapshot, or until etcd denies it.
///
/// Returns whether there is a snapshot.
///
/// # Errors
/// The exception of an interrupt.
pub(crate) fn until_ready(ruby: &Ruby, core: &Core, deadline: Instant) -> Result<bool, Error> {
    if core.is_ready() {
        return Ok(true);
    }
    let arrived = || core.is_ready() || core.report().phase == Phase::Denied;
    gvl::wait(ruby, &Until { core, deadline, arrived })?;
    Ok(core.is_ready())
}

/// Waits until `deadline` for the client to stop following etcd. The caller checks whether it has.
///
/// # Errors
/// The exception of an interrupt.
pub(crate) fn until_stopped(ruby: &Ruby, core: &Core, deadline: Instant) -> Result<(), Error> {
    let arrived = || core.report().phase == Phase::Stopped;
    if arrived() {
        return Ok(()); // Also true of a client that was never started; waiting would start it.
    }
    gvl::wait(ruby, &Until { core, deadline, arrived }).map(drop)
}

impl<T: Send + 'static> Wait for Pending<T> {
    fn is_over(&self) -> bool {
        Pending::is_over(self)
    }

    /// `None`: every request ends by itself within the request timeout.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn waker(&self) -> Result<Arc<Waker>, CoreError> {
        Pending::waker(self).map_or_else(|| Waker::new().map(Arc::new), |waker| Ok(Arc::clone(waker)))
    }
}

/// A request and its key, if it has one, as errors name them.
pub(crate) struct Request<'a> {
    pub(crate) ruby: &'a Ruby,
    pub(crate) doing: &'a str,
    pub(crate) key: Option<&'a [u8]>,
}

impl Request<'_> {
    /// Waits for the result.
    ///
    /// # Errors
    /// The error of the request, or the exception of an interrupt.
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
