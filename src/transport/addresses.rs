//! Remembers addresses that recently failed to connect, so that they are tried last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::clock::Instant;

/// How long a failed address is tried after the others. Being wrong costs little: it is still tried.
const REMEMBERED: Duration = Duration::from_secs(60);

/// The recently failed addresses, shared by all connections of a client and by its forked children.
///
/// Nothing here locks: a forked child could inherit a held lock that no thread releases.
#[derive(Debug, Default)]
pub(super) struct Addresses(ArcSwap<Vec<(SocketAddr, Instant)>>);

impl Addresses {
    /// Records that `address` failed at `now`.
    pub(super) fn failed(&self, address: SocketAddr, now: Instant) {
        self.change(|bad| {
            bad.retain(|(other, at)| *other != address && now < *at + REMEMBERED);
            bad.push((address, now));
        });
    }

    /// Records that `address` answers.
    pub(super) fn succeeded(&self, address: SocketAddr) {
        if self.0.load().iter().any(|(bad, _)| *bad == address) {
            self.change(|bad| bad.retain(|(other, _)| *other != address));
        }
    }

    /// Moves addresses that failed recently to the end, the most recent failure last.
    pub(super) fn sort(&self, addresses: &mut [SocketAddr], now: Instant) {
        let bad = self.0.load();
        let failed = |address: &SocketAddr| {
            let found = bad.iter().find(|(bad, at)| bad == address && now < *at + REMEMBERED);
            found.map(|(_, at)| *at)
        };
        addresses.sort_by_key(failed);
    }

    fn change(&self, mut change: impl FnMut(&mut Vec<(SocketAddr, Instant)>)) {
        self.0.rcu(|bad| {
            let mut bad = Vec::clone(bad);
            change(&mut bad);
            Arc::new(bad)
        });
    }
}

/// A connection attempt to an address.
///
/// Dropped after its deadline without an answer, it counts as failed.
pub(super) struct PendingAttempt {
    addresses: Arc<Addresses>,
    address: Option<SocketAddr>,
    deadline: Instant,
}

impl PendingAttempt {
    /// Starts an attempt.
    ///
    /// Dropped before `deadline`, it only lost the race. Without an `address`, it records nothing.
    pub(super) const fn new(
        addresses: Arc<Addresses>,
        address: Option<SocketAddr>,
        deadline: Instant,
    ) -> Self {
        Self { addresses, address, deadline }
    }

    pub(super) fn succeeded(mut self) {
        if let Some(address) = self.address.take() {
            self.addresses.succeeded(address);
        }
    }

    pub(super) fn failed(mut self) {
        self.deadline = Instant::now();
    }
}

impl Drop for PendingAttempt {
    fn drop(&mut self) {
        let now = Instant::now();
        if let Some(address) = self.address.filter(|_| now >= self.deadline) {
            self.addresses.failed(address, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> SocketAddr {
        ([10, 0, 0, last], 2379).into()
    }

    fn order(addresses: &Addresses, now: Instant) -> Vec<SocketAddr> {
        let mut order = [1, 2, 3].map(address).to_vec();
        addresses.sort(&mut order, now);
        order
    }

    #[test]
    fn a_failed_address_is_tried_last_for_a_while() {
        let (addresses, now) = (Addresses::default(), Instant::now());
        addresses.failed(address(1), now);
        assert_eq!(order(&addresses, now), [2, 3, 1].map(address));
        addresses.failed(address(2), now + Duration::from_secs(1));
        assert_eq!(order(&addresses, now + Duration::from_secs(1)), [3, 1, 2].map(address));
        assert_eq!(order(&addresses, now + REMEMBERED), [1, 3, 2].map(address));
        addresses.succeeded(address(2));
        assert_eq!(order(&addresses, now + REMEMBERED), [1, 2, 3].map(address));
    }

    fn attempt(addresses: &Arc<Addresses>, deadline: Instant) -> PendingAttempt {
        PendingAttempt::new(Arc::clone(addresses), Some(address(1)), deadline)
    }

    #[test]
    fn an_attempt_dropped_after_its_deadline_counts_as_failed() {
        let (addresses, now) = (Arc::new(Addresses::default()), Instant::now());
        drop(attempt(&addresses, now));
        assert_eq!(order(&addresses, now), [2, 3, 1].map(address));
        attempt(&addresses, now).succeeded();
        assert_eq!(order(&addresses, now), [1, 2, 3].map(address));
    }

    #[test]
    fn an_attempt_that_lost_the_race_before_its_deadline_fails_only_if_it_reported_an_error() {
        let (addresses, now) = (Arc::new(Addresses::default()), Instant::now());
        let later = now + REMEMBERED;
        drop(attempt(&addresses, later));
        assert_eq!(order(&addresses, now), [1, 2, 3].map(address));
        attempt(&addresses, later).failed();
        assert_eq!(order(&addresses, now), [2, 3, 1].map(address));
    }
}
