//! Following etcd once per host needs memory that only Linux has.

use std::convert::Infallible;
use std::future::Ready;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{HostCopy, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::host::Role;
use crate::store::Publication;
use crate::sync::{Report, Sinks};

/// Nothing.
#[derive(Default)]
pub(super) struct Remembered;

impl Remembered {
    #[expect(clippy::unused_self, reason = "as on Linux")]
    pub(super) const fn forget(&self) {}
}

pub(super) type Follow = Arc<dyn Fn() -> JoinSet<()> + Send + Sync>;

/// Never.
pub(super) struct Hosting(Infallible);

impl Hosting {
    pub(super) const fn role(&self) -> Role {
        match self.0 {}
    }
}

pub(super) fn take_part(
    _: &Arc<Settings>,
    _: &HostCopy,
    _: &Sinks,
    _: &Arc<Remembered>,
    _: &Arc<ArcSwapOption<Error>>,
    _: watch::Receiver<bool>,
    _: Follow,
) -> Result<(Hosting, Ready<()>)> {
    let message = "host_copy: it needs Linux; this process follows etcd by itself";
    Err(Error::new(ErrorKind::Cache, message))
}

pub(super) fn shown_report(own: &ArcSwap<Report>, _: &Publication) -> Report {
    Report::clone(&own.load())
}
