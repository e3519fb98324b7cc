//! Registrations without etcd: each stands for as long as its key is in the ledger under its lease.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::notices::Feed;
use super::offline::Offline;
use super::registrar::Held;
use crate::clock::Instant;
use crate::notice::Sink;
use crate::registration::{Phase, Report, Standing};
use crate::store::{Entry, Signal, Snapshot};

/// What was announced, and where.
#[derive(Debug)]
pub(super) struct Announced {
    key: Vec<u8>,
    address: Vec<u8>,
    lease: i64,
    ended: AtomicBool,
}

impl Announced {
    fn phase(&self, all: &Snapshot) -> Phase {
        if self.ended.load(Ordering::SeqCst) {
            Phase::Deregistered
        } else if all.get(&self.key).is_some_and(|entry| entry.lease() == self.lease) {
            Phase::Registered
        } else {
            Phase::Lost
        }
    }
}

/// All that one process has announced with one client, with the state of each that was reported last.
#[derive(Debug, Default)]
pub(super) struct AnnouncedList(Mutex<Vec<(Arc<Announced>, Phase)>>);

impl AnnouncedList {
    pub(super) fn add(&self, key: Vec<u8>, address: Vec<u8>, lease: i64) -> Arc<Announced> {
        let announced = Arc::new(Announced { key, address, lease, ended: AtomicBool::new(false) });
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.push((Arc::clone(&announced), Phase::Registering));
        announced
    }

    /// Tells which stand elsewhere than before, now that the ledger holds `all`.
    pub(super) fn tell(&self, all: &Snapshot, notices: &Feed) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (announced, reported) in list.iter_mut() {
            let phase = announced.phase(all);
            let previous = std::mem::replace(reported, phase);
            if phase != previous {
                let standing = Standing { phase, previous, lease: Some(announced.lease), error: None };
                notices.notify(standing.notice(announced.key.clone(), announced.address.clone()));
            }
        }
        list.retain(|(_, reported)| *reported != Phase::Deregistered);
    }
}

/// One registration, for its owner.
pub(super) struct Announcement {
    offline: Arc<Offline>,
    signal: Arc<Signal>,
    announced: Arc<Announced>,
    ttl: Duration,
}

impl Announcement {
    pub(super) const fn new(
        offline: Arc<Offline>,
        signal: Arc<Signal>,
        announced: Arc<Announced>,
        ttl: Duration,
    ) -> Self {
        Self { offline, signal, announced, ttl }
    }
}

impl Held for Announcement {
    fn report(&self) -> Arc<Report> {
        let phase = self.announced.phase(&self.offline.ledger().all());
        let (withdrawn, registered) = (phase == Phase::Deregistered, phase == Phase::Registered);
        Arc::new(Report {
            phase,
            withdrawn,
            puts: 1,
            lease: (!withdrawn).then_some(self.announced.lease),
            proven_until: registered.then(|| Instant::now() + self.ttl),
            ..Report::default()
        })
    }

    fn key(&self) -> Option<Vec<u8>> {
        Some(self.announced.key.clone())
    }

    fn touch(&self) {}

    fn deregister(&self) {
        let ours = |entry: Option<&Entry>| entry.is_some_and(|entry| entry.lease() == self.announced.lease);
        // First, so that the key's absence is not reported as a loss.
        self.announced.ended.store(true, Ordering::SeqCst);
        // What came to stand at the key since is not ours to take away.
        let _ = self.offline.write_if(&self.announced.key, None, ours);
        self.offline.notify();
    }

    fn signal(&self) -> &Signal {
        &self.signal
    }
}
