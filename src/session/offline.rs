//! What serves a client in place of etcd: a ledger, and nothing that runs. No thread, no socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::registrar::Held;
use crate::clock::Instant;
use crate::config::Settings;
use crate::epoch::ProcessCell;
use crate::error::{Error, ErrorKind, Result};
use crate::registration::{Phase as Standing, Report as Registered, Spec};
use crate::store::{Entry, Ledger, Publication, Signal, Write};
use crate::sync::{Phase, Report};

/// One client's store. What is written by a forked child is the child's own.
pub struct Offline {
    ledger: Ledger,
    signal: Arc<ProcessCell<Signal>>,
    report: Arc<ArcSwap<Report>>,
    /// Whether somebody outside has the truth, and confirms the content. Else the content is the truth.
    followed: AtomicBool,
    leases: AtomicI64,
}

impl Offline {
    pub(super) fn open(
        settings: &Settings,
        publication: &Arc<Publication>,
        report: &Arc<ArcSwap<Report>>,
        signal: &Arc<ProcessCell<Signal>>,
    ) -> Self {
        let ledger = Ledger::open(settings.ranges.clone(), Arc::clone(publication));
        report.store(Arc::new(Report { phase: Phase::Offline, ..Report::default() }));
        Self {
            ledger,
            signal: Arc::clone(signal),
            report: Arc::clone(report),
            followed: AtomicBool::new(false),
            leases: AtomicI64::new(1),
        }
    }

    /// All keys, and the writing of them.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Wakes who waits for a change. Whoever writes to the ledger calls it.
    pub fn notify(&self) {
        if let Some(signal) = self.signal.get() {
            signal.notify();
        }
    }

    /// The content is, at this moment, that of what it was read from.
    pub fn confirm(&self) {
        self.followed.store(true, Ordering::SeqCst);
        self.confirm_now();
    }

    /// What the content was read from cannot be read any more, or is bad.
    pub fn fail(&self, error: &Error) {
        let (last_error, last_error_at) = (Some(error.clone()), Some(Instant::now()));
        self.report.rcu(|report| Report {
            last_error: last_error.clone(),
            last_error_at,
            ..Report::clone(report)
        });
        self.notify();
    }

    /// A content that is the truth is so until it is stopped.
    pub(super) fn vouch(&self) {
        if !self.followed.load(Ordering::SeqCst) {
            self.confirm_now();
        }
    }

    fn confirm_now(&self) {
        let now = Some(Instant::now());
        self.report.rcu(|report| Report { confirmed_at: now, ..Report::clone(report) });
    }

    pub(super) fn report(&self, stopped: bool) -> Arc<Report> {
        if !stopped {
            self.vouch();
        }
        let report = self.report.load_full();
        if stopped { Arc::new(Report { phase: Phase::Stopped, ..Report::clone(&report) }) } else { report }
    }

    pub(super) fn put(&self, key: &[u8], value: &[u8]) -> Result<i64> {
        Ok(self.write(key, Some(value), 0, |_| true)?.unwrap_or_default())
    }

    pub(super) fn delete(&self, key: &[u8]) -> Result<(i64, bool)> {
        let mut existed = false;
        let look = |entry: Option<&Entry>| {
            existed = entry.is_some();
            true
        };
        let revision = self.write(key, None, 0, look)?;
        Ok((revision.unwrap_or_default(), existed))
    }

    pub(super) fn write_if(
        &self,
        key: &[u8],
        value: Option<&[u8]>,
        condition: impl FnOnce(Option<&Entry>) -> bool,
    ) -> Result<Option<i64>> {
        self.write(key, value, 0, condition)
    }

    fn write(
        &self,
        key: &[u8],
        value: Option<&[u8]>,
        lease: i64,
        condition: impl FnOnce(Option<&Entry>) -> bool,
    ) -> Result<Option<i64>> {
        if key.is_empty() {
            return Err(Error::new(ErrorKind::InvalidRequest, "the key is empty; etcd takes no such key"));
        }
        let revision = self.ledger.write(|now| {
            let write = || Write { key: key.into(), value: value.map(Into::into), lease };
            condition(now.get(key)).then(|| vec![write()])
        });
        self.notify();
        Ok(revision)
    }

    pub(super) fn register(self: &Arc<Self>, spec: &Spec) -> Result<Announcement> {
        let lease = self.leases.fetch_add(1, Ordering::SeqCst);
        let key = spec.key.key(lease);
        self.write(&key, Some(&spec.value), lease, |_| true)?;
        let made: std::result::Result<_, std::convert::Infallible> =
            self.signal.get_or_make(|| Ok(Signal::default()));
        let Ok(signal) = made;
        let ttl = Duration::from_secs(spec.ttl.unsigned_abs());
        Ok(Announcement { offline: Arc::clone(self), signal, key, lease, ttl, ended: AtomicBool::new(false) })
    }
}

/// A registration without etcd: it stands for as long as the key is in the ledger under its lease.
pub(super) struct Announcement {
    offline: Arc<Offline>,
    signal: Arc<Signal>,
    key: Vec<u8>,
    lease: i64,
    ttl: Duration,
    ended: AtomicBool,
}

impl Announcement {
    fn stands(&self) -> bool {
        self.offline.ledger.all().get(&self.key).is_some_and(|entry| entry.lease() == self.lease)
    }
}

impl Held for Announcement {
    fn report(&self) -> Arc<Registered> {
        let report = Registered { lease: Some(self.lease), puts: 1, ..Registered::default() };
        Arc::new(if self.ended.load(Ordering::SeqCst) {
            Registered { phase: Standing::Deregistered, withdrawn: true, lease: None, ..report }
        } else if self.stands() {
            let proven_until = Some(Instant::now() + self.ttl);
            Registered { phase: Standing::Registered, proven_until, ..report }
        } else {
            Registered { phase: Standing::Lost, ..report }
        })
    }

    fn key(&self) -> Option<Vec<u8>> {
        Some(self.key.clone())
    }

    fn touch(&self) {}

    fn deregister(&self) {
        let ours = |entry: Option<&Entry>| entry.is_some_and(|entry| entry.lease() == self.lease);
        // What came to stand at the key since is not ours to take away.
        let _ = self.offline.write_if(&self.key, None, ours);
        self.ended.store(true, Ordering::SeqCst);
        self.offline.notify();
    }

    fn signal(&self) -> &Signal {
        &self.signal
    }
}
