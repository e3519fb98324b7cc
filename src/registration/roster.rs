//! What a process has announced: the list that the driver works from, and the handle that the caller keeps.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use super::report::Report;
use crate::clock::Instant;
use crate::error::{Error, ErrorKind, Result};
use crate::store::Signal;

/// Touching more often than this part of the liveness period says nothing new.
const TOUCHES_PER_PERIOD: u32 = 16;

/// Where the key of a registration is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyForm {
    /// Always there.
    Fixed(Vec<u8>),
    /// At `<this>/<lease id>`, as go-zero has it: a new lease is a new key.
    UnderLease(Vec<u8>),
}

impl KeyForm {
    /// The key, or as much of it as is known without a lease.
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
    /// Where.
    pub key: KeyForm,
    /// What.
    pub value: Vec<u8>,
    /// Where the instance answers, for events and log lines.
    pub address: Vec<u8>,
    /// Seconds that etcd keeps it after the last sign of life.
    pub ttl: i64,
    /// For how long one sign of life of the application counts; `None`: the process's is enough.
    pub liveness: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) spec: Spec,
    pub(super) report: ArcSwap<Report>,
    pub(super) signal: Signal,
    born: Instant,
    /// Milliseconds from `born` to the last touch that was passed on.
    touched: AtomicU64,
}

/// What a caller asks of the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Begin with this entry of the roster.
    Add(u64),
    /// The application shows that it is alive.
    Touch(u64),
    /// End.
    Deregister(u64),
}

/// All registrations of one client, in one process.
#[derive(Debug, Default)]
pub struct Roster {
    entries: Mutex<BTreeMap<u64, Arc<Entry>>>,
    next: AtomicU64,
}

impl Roster {
    /// Enters `spec`, and has the driver begin.
    ///
    /// # Errors
    /// `Closed` when the driver has ended.
    pub fn register(&self, spec: Spec, commands: &mpsc::UnboundedSender<Command>) -> Result<Handle> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let entry = Arc::new(Entry {
            spec,
            report: ArcSwap::default(),
            signal: Signal::default(),
            born: Instant::now(),
            touched: AtomicU64::new(0),
        });
        self.lock().insert(id, Arc::clone(&entry));
        commands
            .send(Command::Add(id))
            .map_err(|_| Error::new(ErrorKind::Closed, "the client has ended; make another"))?;
        Ok(Handle { id, entry, commands: commands.clone() })
    }

    pub(super) fn get(&self, id: u64) -> Option<Arc<Entry>> {
        self.lock().get(&id).map(Arc::clone)
    }

    pub(super) fn ids(&self) -> Vec<u64> {
        self.lock().keys().copied().collect()
    }

    /// Shows in every registration that `error` has ended what keeps it.
    pub fn blame(&self, error: &Error) {
        for entry in self.lock().values() {
            let before = entry.report.load_full();
            entry
                .report
                .store(Arc::new(Report { last_error: Some(error.clone()), ..before.as_ref().clone() }));
            entry.signal.notify();
        }
    }

    pub(super) fn remove(&self, id: u64) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One registration, for the process that made it: it must be in a
/// [`ProcessCell`](crate::epoch::ProcessCell). Dropping it changes nothing in etcd.
#[derive(Debug)]
pub struct Handle {
    id: u64,
    entry: Arc<Entry>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Handle {
    /// How it fares.
    #[must_use]
    pub fn report(&self) -> Arc<Report> {
        self.entry.report.load_full()
    }

    /// Where it is in etcd, or was last; `None` while that depends on a lease that is not there yet.
    #[must_use]
    pub fn key(&self) -> Option<Vec<u8>> {
        match (&self.entry.spec.key, self.report().lease) {
            (KeyForm::Fixed(key), _) => Some(key.clone()),
            (form, Some(lease)) => Some(form.key(lease)),
            (_, None) => None,
        }
    }

    /// The application shows that it is alive.
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

    /// Asks for the end; [`Report::withdrawn`] tells when etcd knows.
    pub fn deregister(&self) {
        let _ = self.commands.send(Command::Deregister(self.id));
    }

    /// Notifies of each change of the report.
    #[must_use]
    pub fn signal(&self) -> &Signal {
        &self.entry.signal
    }
}
