//! Registrations without etcd: each stands while its key is in the in-memory store under its lease.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::notices::Feed;
use crate::notice::Sink;
use crate::registration::{Phase, Standing};
use crate::store::Snapshot;

/// What was announced, and where.
#[derive(Debug)]
pub(super) struct Announced {
    pub(super) key: Vec<u8>,
    address: Vec<u8>,
    pub(super) lease: i64,
    pub(super) ended: AtomicBool,
}

impl Announced {
    pub(super) fn phase(&self, all: &Snapshot) -> Phase {
        if self.ended.load(Ordering::SeqCst) {
            Phase::Deregistered
        } else if all.get(&self.key).is_some_and(|entry| entry.lease() == self.lease) {
            Phase::Registered
        } else {
            Phase::Lost
        }
    }
}

/// Every registration of one process with one client, each with the state that was last reported.
#[derive(Debug, Default)]
pub(super) struct AnnouncedList(Mutex<Vec<(Arc<Announced>, Phase)>>);

impl AnnouncedList {
    pub(super) fn add(&self, key: Vec<u8>, address: Vec<u8>, lease: i64) -> Arc<Announced> {
        let announced = Arc::new(Announced { key, address, lease, ended: AtomicBool::new(false) });
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.push((Arc::clone(&announced), Phase::Registering));
        announced
    }

    /// Notifies the registrations whose state changed, now that the store holds `all`.
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
