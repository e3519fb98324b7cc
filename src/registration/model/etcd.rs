//! The part of etcd that a registration meets: one key, and leases.

use std::collections::BTreeMap;

use super::super::event::{Effect, Event, Holder};
use super::TTL;
use crate::clock::Instant;

/// What etcd knows about one key and its leases.
#[derive(Default)]
pub(super) struct Etcd {
    pub(super) revision: i64,
    pub(super) leases: BTreeMap<i64, Instant>,
    /// Lease and revision of the key.
    pub(super) key: Option<(i64, i64)>,
    /// The revision of the rival's last put.
    pub(super) rival_put: i64,
}

impl Etcd {
    pub(super) fn expire(&mut self, now: Instant) {
        let over: Vec<i64> = self.leases.iter().filter(|(_, at)| **at <= now).map(|(id, _)| *id).collect();
        for lease in over {
            self.drop_lease(lease);
        }
    }

    pub(super) fn drop_lease(&mut self, lease: i64) {
        self.leases.remove(&lease);
        if self.key.is_some_and(|(holder, _)| holder == lease) {
            self.delete();
        }
    }

    pub(super) fn delete(&mut self) {
        self.revision += 1;
        self.key = None;
    }

    pub(super) fn put(&mut self, lease: i64) {
        self.revision += 1;
        self.key = Some((lease, self.revision));
    }

    pub(super) fn holder(&self) -> Holder {
        self.key.map_or(Holder::Missing, |(lease, mod_revision)| Holder::Lease { lease, mod_revision })
    }

    /// Carries out `effect`; returns the answer that would reach the sender.
    pub(super) fn execute(&mut self, now: Instant, effect: &Effect, sent: Instant) -> Option<Event> {
        self.expire(now);
        Some(match *effect {
            Effect::Grant { lease } => {
                self.leases.insert(lease, now + TTL);
                Event::Granted { lease, ttl: TTL, sent }
            }
            Effect::Claim { lease, expected } => {
                if self.key.map_or(0, |(_, revision)| revision) != expected {
                    Event::Refused { lease, holder: self.holder() }
                } else if self.leases.contains_key(&lease) {
                    self.put(lease);
                    Event::Claimed { lease, revision: self.revision, sent }
                } else {
                    Event::LeaseMissing { lease }
                }
            }
            Effect::Renew { lease, .. } => match self.leases.get_mut(&lease) {
                Some(at) => {
                    *at = now + TTL;
                    Event::Renewed { lease, ttl: Some(TTL), sent }
                }
                None => Event::LeaseMissing { lease },
            },
            Effect::Check { .. } => Event::Seen { holder: self.holder(), revision: self.revision, sent },
            Effect::Revoke { lease } => {
                self.drop_lease(lease);
                Event::Revoked { lease }
            }
            Effect::Forget { .. } | Effect::Notify(_) => return None,
        })
    }
}
