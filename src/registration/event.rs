//! The messages between the machine and the driver.
//!
//! Answers carry their lease. Each attempt has its own lease, so a late answer is recognized as late.

use std::time::Duration;

use super::report::Standing;
use crate::clock::Instant;
use crate::error::Error;

/// Who holds the key in etcd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// There is no such key.
    Missing,
    /// The key exists.
    Lease {
        /// The lease of the key, or 0.
        lease: i64,
        /// The revision of its last change.
        mod_revision: i64,
    },
}

/// An input of the machine.
///
/// `sent` is when the request was sent: the answer proves nothing about later times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Start.
    Start,
    /// End, and revoke this registration's leases.
    Deregister,
    /// The application reported that it is alive.
    Touched,
    /// [`Effect::Grant`] succeeded, with the TTL that etcd gives.
    Granted {
        /// The lease.
        lease: i64,
        /// How long it lives without renewal.
        ttl: Duration,
        /// When the request was sent.
        sent: Instant,
    },
    /// [`Effect::Claim`] succeeded.
    Claimed {
        /// The lease of the key now.
        lease: i64,
        /// The revision of the put.
        revision: i64,
        /// When the request was sent.
        sent: Instant,
    },
    /// [`Effect::Claim`] found the key changed.
    Refused {
        /// The lease of the claim.
        lease: i64,
        /// Who holds the key instead.
        holder: Holder,
    },
    /// etcd does not know this lease: expired or revoked.
    LeaseMissing {
        /// The lease.
        lease: i64,
    },
    /// A renewal was answered.
    Renewed {
        /// The lease.
        lease: i64,
        /// How long it lives from now on; `None` means as long as before.
        ttl: Option<Duration>,
        /// When the renewal was sent.
        sent: Instant,
    },
    /// The key's holder was read, by [`Effect::Check`] or in a changed snapshot.
    Seen {
        /// Who holds it.
        holder: Holder,
        /// The revision of this observation.
        revision: i64,
        /// The earliest time at which it was true.
        sent: Instant,
    },
    /// [`Effect::Check`] failed.
    Unseen,
    /// [`Effect::Grant`] or [`Effect::Claim`] failed, perhaps after it took effect.
    Failed {
        /// The lease of the attempt.
        lease: i64,
        /// Why.
        error: Error,
    },
    /// [`Effect::Revoke`] succeeded, or the lease did not exist.
    Revoked {
        /// The lease.
        lease: i64,
    },
    /// [`Effect::Revoke`] failed.
    NotRevoked {
        /// The lease.
        lease: i64,
    },
    /// The time given by [`super::Machine::deadline`] has come.
    Tick,
}

/// A command for the driver. Each request leads to one event; only a renewal may stay unanswered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Grant this lease. The machine chooses the id, so that a grant without an answer can be revoked.
    Grant {
        /// The id.
        lease: i64,
    },
    /// Put the key under the lease if its last change has revision `expected` (0: if it does not exist).
    Claim {
        /// The lease.
        lease: i64,
        /// The revision.
        expected: i64,
    },
    /// Renew the lease.
    Renew {
        /// The lease.
        lease: i64,
        /// How long the answer may take before the stream counts as dead.
        timeout: Duration,
    },
    /// Stop waiting for the answer to a renewal.
    Forget {
        /// The lease.
        lease: i64,
    },
    /// Read who holds the key that was put under this lease.
    Check {
        /// The lease.
        lease: i64,
    },
    /// Revoke the lease, which deletes the key if it is still under that lease.
    Revoke {
        /// The lease.
        lease: i64,
    },
    /// Notify the listeners. This is the last effect of a step.
    Notify(Standing),
}
