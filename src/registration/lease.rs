//! The lease of one registration as known here, and the leases before it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Instant;

/// How many earlier leases are remembered, to recognize this registration's key.
const REMEMBERED: usize = 16;

/// A granted lease, with the times at which something is due.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) id: i64,
    pub(super) ttl: Duration,
    /// When the lease expires, counted from the *sending* of the last answered renewal.
    ///
    /// So it expires here before it expires in etcd.
    pub(super) deadline: Instant,
    /// When to renew it; `None` while a renewal is under way.
    pub(super) renew_at: Option<Instant>,
    /// When to look at the key; `None` while a look is under way.
    pub(super) check_at: Option<Instant>,
    /// When the key was last known to be under it.
    seen: Instant,
}

impl Lease {
    pub(super) fn granted(id: i64, ttl: Duration, sent: Instant, renew_at: Instant) -> Self {
        Self { id, ttl, deadline: sent + ttl, renew_at: Some(renew_at), check_at: None, seen: sent }
    }

    pub(super) fn renewed(&mut self, ttl: Duration, sent: Instant, next: Instant) {
        self.deadline = self.deadline.max(sent + ttl);
        self.ttl = ttl;
        self.renew_at = Some(next);
    }

    pub(super) fn saw_key(&mut self, sent: Instant) {
        self.seen = self.seen.max(sent);
    }

    /// Until when the key is proven to be in etcd under this lease, up to one TTL back.
    pub(super) fn proven_until(&self) -> Instant {
        self.deadline.min(self.seen + self.ttl)
    }
}

/// The earlier leases of this registration.
#[derive(Debug, Default)]
pub(super) struct Former {
    /// The newest comes last.
    own: VecDeque<i64>,
    /// Leases that etcd may still have.
    doubtful: Vec<i64>,
}

impl Former {
    pub(super) fn remember(&mut self, lease: i64) {
        if self.own.len() == REMEMBERED {
            self.own.pop_front();
        }
        self.own.push_back(lease);
    }

    pub(super) fn is_own(&self, lease: i64) -> bool {
        self.own.contains(&lease)
    }

    pub(super) fn doubt(&mut self, lease: i64) {
        if !self.doubtful.contains(&lease) {
            self.doubtful.push(lease);
        }
        if self.doubtful.len() > REMEMBERED {
            self.doubtful.remove(0); // Expired long ago, because no one renews it.
        }
    }

    pub(super) fn revoked(&mut self, lease: i64) {
        self.doubtful.retain(|doubtful| *doubtful != lease);
    }

    pub(super) fn doubtful(&self) -> &[i64] {
        &self.doubtful
    }

    pub(super) fn take_doubtful(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.doubtful)
    }
}
