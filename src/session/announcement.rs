//! A registration without etcd, for its owner.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::announced::Announced;
use super::offline::Offline;
use super::registrar::Held;
use crate::clock::Instant;
use crate::error::Result;
use crate::registration::{Phase, Report, Spec};
use crate::store::{EntryRef, WakerSet};

/// One registration, for its owner.
pub(super) struct Announcement {
    offline: Arc<Offline>,
    wakers: Arc<WakerSet>,
    announced: Arc<Announced>,
    ttl: Duration,
}

impl Announcement {
    pub(super) const fn new(
        offline: Arc<Offline>,
        wakers: Arc<WakerSet>,
        announced: Arc<Announced>,
        ttl: Duration,
    ) -> Self {
        Self { offline, wakers, announced, ttl }
    }
}

impl Held for Announcement {
    fn report(&self) -> Arc<Report> {
        let phase = self.announced.phase(&self.offline.store().all());
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
        let ours = |entry: Option<EntryRef>| entry.is_some_and(|entry| entry.lease() == self.announced.lease);
        // Set first, so that the missing key is not reported as a loss.
        self.announced.ended.store(true, Ordering::SeqCst);
        // The key may belong to someone else by now; then it stays.
        let _ = self.offline.write_if(&self.announced.key, None, ours);
        self.offline.notify();
    }

    fn wakers(&self) -> &WakerSet {
        &self.wakers
    }
}

impl Offline {
    pub(super) fn register(self: &Arc<Self>, spec: &Spec) -> Result<Announcement> {
        let lease = self.leases.fetch_add(1, Ordering::SeqCst);
        let key = spec.key.key(lease);
        self.write(&key, Some(&spec.value), lease, |_| true)?;
        let wakers = self.wakers();
        let announced = self.announced().add(key, spec.address.clone(), lease);
        self.tell_announced();
        let ttl = Duration::from_secs(spec.ttl.unsigned_abs());
        Ok(Announcement::new(Arc::clone(self), wakers, announced, ttl))
    }
}
