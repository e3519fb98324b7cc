//! The words between the machine and the driver. Answers carry the lease that they are about: each
//! attempt has a lease of its own, so that an answer that comes late is known for what it is.

use std::time::Duration;

use super::report::Standing;
use crate::clock::Instant;
use crate::error::Error;

/// Who holds the key in etcd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// There is no such key.
    Nobody,
    /// The key is there.
    Lease {
        /// The lease that it lives under, or 0.
        lease: i64,
        /// The revision of its last change.
        mod_revision: i64,
    },
}

/// What happened. `sent` is when the question was sent: no answer proves anything of a later moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Begin.
    Start,
    /// End: revoke what is ours.
    Deregister,
    /// The application showed that it is alive.
    Touched,
    /// [`Effect::Grant`] succeeded, with the TTL that etcd gives.
    Granted {
        /// The lease.
        lease: i64,
        /// How long it lives without renewal.
        ttl: Duration,
        /// When it was asked for.
        sent: Instant,
    },
    /// [`Effect::Claim`] succeeded.
    Claimed {
        /// The lease that the key is under now.
        lease: i64,
        /// The revision of the put.
        revision: i64,
        /// When it was sent.
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
        /// How long it lives from now on; `None`: as long as before.
        ttl: Option<Duration>,
        /// When the renewal was sent.
        sent: Instant,
    },
    /// The key was looked at: by [`Effect::Check`], or in a snapshot that has changed.
    Seen {
        /// Who holds it.
        holder: Holder,
        /// The revision at which this is so.
        revision: i64,
        /// When it was so at the earliest.
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
    /// [`Effect::Revoke`] succeeded, or there was no such lease.
    Revoked {
        /// The lease.
        lease: i64,
    },
    /// [`Effect::Revoke`] failed.
    NotRevoked {
        /// The lease.
        lease: i64,
    },
    /// The time asked for by [`super::Machine::deadline`] has come.
    Tick,
}

/// What the driver shall do. Each request is answered by one event, save a renewal, which may stay unanswered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Grant this lease. The id is ours to choose, so that a grant without an answer can be revoked.
    Grant {
        /// The id.
        lease: i64,
    },
    /// Put the key under the lease if its last change is of revision `expected` (0: if it is not there).
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
        /// How long the answer may take before the stream is taken for dead.
        patience: Duration,
    },
    /// Stop waiting for the answer to a renewal.
    Forget {
        /// The lease.
        lease: i64,
    },
    /// Look who holds the key that was put under this lease.
    Check {
        /// The lease.
        lease: i64,
    },
    /// Revoke the lease, and with it the key if the key is still under it.
    Revoke {
        /// The lease.
        lease: i64,
    },
    /// Tell the listeners. The last effect of a step.
    Notify(Standing),
}
