//! What a process has announced: the driver's list, and the handle that the caller keeps.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use super::report::Report;
use crate::clock::Instant;
use crate::error::{Error, ErrorKind, Result};
use crate::store::WakerSet;

/// Touches more frequent than this fraction of the liveness period are ignored.
const TOUCHES_PER_PERIOD: u32 = 16;

/// Where the key of a registration is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyForm {
    /// At this key.
    Fixed(Vec<u8>),
    /// At `<this>/<lease id>`, as in go-zero: a new lease means a new key.
    UnderLease(Vec<u8>),
}

impl KeyForm {
    /// The key, or the part of it that is known without a lease.
    #[must_use]
    pub fn base(&self) -> &[u8] {
        match self {
            Self::Fixed(key) | Self::UnderLease(key) => key,
        }
    }

    /// The key to put under `lease`.
    #[must_use]
    pub fn key(&self, lease: i64) -> Vec<u8> {
        match self {
            Self::Fixed(key) => key.clone(),
            Self::UnderLease(prefix) => [prefix.as_slice(), format!("/{lease}").as_bytes()].concat(),
        }
    }
}

/// What to announce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The key.
    pub key: KeyForm,
    /// The value.
    pub value: Vec<u8>,
    /// The instance's address, for events and log lines.
    pub address: Vec<u8>,
    /// How many seconds etcd keeps the key after the last renewal.
    pub ttl: i64,
    /// How long one sign of life of the application counts; `None`: the process's renewals are enough.
    pub liveness: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) spec: Spec,
    pub(super) report: ArcSwap<Report>,
    pub(super) wakers: WakerSet,
    born: Instant,
    /// Milliseconds from `born` to the last touch that was passed on.
    touched: AtomicU64,
}

/// A command to the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Start with this entry of the registry.
    Add(u64),
    /// Record that the application is alive.
    Touch(u64),
    /// End.
    Deregister(u64),
}

/// All registrations of one client, in one process.
#[derive(Debug, Default)]
pub struct Registry {
    entries: Mutex<BTreeMap<u64, Arc<Entry>>>,
    next: AtomicU64,
}

impl Registry {
    /// Adds `spec` and tells the driver to start.
    ///
    /// # Errors
    /// `Closed` if the driver has ended.
    pub fn register(&self, spec: Spec, commands: &mpsc::UnboundedSender<Command>) -> Result<Handle> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let entry = Arc::new(Entry {
            spec,
            report: ArcSwap::default(),
            wakers: WakerSet::default(),
            born: Instant::now(),
            touched: AtomicU64::new(0),
        });
        self.lock().insert(id, Arc::clone(&entry));
        commands
            .send(Command::Add(id))
            .map_err(|_| Error::new(ErrorKind::Closed, "the client has ended; create a new one"))?;
        Ok(Handle { id, entry, commands: commands.clone() })
    }

    pub(super) fn get(&self, id: u64) -> Option<Arc<Entry>> {
        self.lock().get(&id).map(Arc::clone)
    }

    pub(super) fn ids(&self) -> Vec<u64> {
        self.lock().keys().copied().collect()
    }

    /// Shows in every registration that `error` ended the driver.
    pub fn blame(&self, error: &Error) {
        for entry in self.lock().values() {
            let before = entry.report.load_full();
            entry
                .report
                .store(Arc::new(Report { last_error: Some(error.clone()), ..before.as_ref().clone() }));
            entry.wakers.wake_all();
        }
    }

    pub(super) fn remove(&self, id: u64) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One registration, for the process that made it.
///
/// Keep it in a [`ProcessCell`](crate::epoch::ProcessCell).
///
/// Dropping it changes nothing in etcd.
#[derive(Debug)]
pub struct Handle {
    id: u64,
    entry: Arc<Entry>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Handle {
    /// The current state.
    #[must_use]
    pub fn report(&self) -> Arc<Report> {
        self.entry.report.load_full()
    }

    /// The key, or the last one; `None` while it depends on a lease that does not exist yet.
    #[must_use]
    pub fn key(&self) -> Option<Vec<u8>> {
        match (&self.entry.spec.key, self.report().lease) {
            (KeyForm::Fixed(key), _) => Some(key.clone()),
            (form, Some(lease)) => Some(form.key(lease)),
            (_, None) => None,
        }
    }

    /// Records that the application is alive.
    pub fn touch(&self) {
        let Some(period) = self.entry.spec.liveness else { return };
        let now = u64::try_from(self.entry.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.entry.touched.load(Ordering::Relaxed);
        let pause = (period / TOUCHES_PER_PERIOD).as_millis();
        if u128::from(now.saturating_sub(last)) >= pause {
            self.entry.touched.store(now, Ordering::Relaxed);
            let _ = self.commands.send(Command::Touch(self.id));
        }
    }

    /// Asks for the end; [`Report::withdrawn`] tells when etcd has carried it out.
    pub fn deregister(&self) {
        let _ = self.commands.send(Command::Deregister(self.id));
    }

    /// Notifies of each change of the report.
    #[must_use]
    pub fn wakers(&self) -> &WakerSet {
        &self.entry.wakers
    }
}
