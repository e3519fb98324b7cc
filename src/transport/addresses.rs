//! The addresses that did not answer lately. They are tried after all others of their name.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::clock::Instant;

/// How long an address that did not answer stands behind the others. It costs little to be wrong: it is still tried.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Shared by all connections of a client, and by its forked children. So nothing here locks: a child could inherit a
/// lock that no one releases.
#[derive(Debug, Default)]
pub(super) struct Addresses(ArcSwap<Vec<(SocketAddr, Instant)>>);

impl Addresses {
    /// `address` did not answer at `now`.
    pub(super) fn failed(&self, address: SocketAddr, now: Instant) {
        self.change(|bad| {
            bad.retain(|(other, at)| *other != address && now < *at + REMEMBERED);
            bad.push((address, now));
        });
    }

    /// `address` answers.
    pub(super) fn works(&self, address: SocketAddr) {
        if self.0.load().iter().any(|(bad, _)| *bad == address) {
            self.change(|bad| bad.retain(|(other, _)| *other != address));
        }
    }

    /// Puts those that failed lately behind the others, and the one that failed last behind all.
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

/// An address that owes an answer. Dropped without one after its time is over, it has failed.
pub(super) struct Owing {
    addresses: Arc<Addresses>,
    address: Option<SocketAddr>,
    until: Instant,
}

impl Owing {
    /// What is dropped before `until` has only been overtaken. Without an `address`, nothing is remembered.
    pub(super) const fn new(addresses: Arc<Addresses>, address: Option<SocketAddr>, until: Instant) -> Self {
        Self { addresses, address, until }
    }

    pub(super) fn answered(mut self) {
        if let Some(address) = self.address.take() {
            self.addresses.works(address);
        }
    }

    pub(super) fn failed(mut self) {
        self.until = Instant::now();
    }
}

impl Drop for Owing {
    fn drop(&mut self) {
        let now = Instant::now();
        if let Some(address) = self.address.filter(|_| now >= self.until) {
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
    fn an_address_that_did_not_answer_is_tried_last_for_a_while() {
        let (addresses, now) = (Addresses::default(), Instant::now());
        addresses.failed(address(1), now);
        assert_eq!(order(&addresses, now), [2, 3, 1].map(address));
        addresses.failed(address(2), now + Duration::from_secs(1));
        assert_eq!(order(&addresses, now + Duration::from_secs(1)), [3, 1, 2].map(address));
        assert_eq!(order(&addresses, now + REMEMBERED), [1, 3, 2].map(address));
        addresses.works(address(2));
        assert_eq!(order(&addresses, now + REMEMBERED), [1, 2, 3].map(address));
    }

    fn owing(addresses: &Arc<Addresses>, until: Instant) -> Owing {
        Owing::new(Arc::clone(addresses), Some(address(1)), until)
    }

    #[test]
    fn an_address_that_owes_an_answer_and_does_not_give_it_in_time_has_failed() {
        let (addresses, now) = (Arc::new(Addresses::default()), Instant::now());
        drop(owing(&addresses, now));
        assert_eq!(order(&addresses, now), [2, 3, 1].map(address));
        owing(&addresses, now).answered();
        assert_eq!(order(&addresses, now), [1, 2, 3].map(address));
    }

    #[test]
    fn an_address_that_was_overtaken_at_once_has_not_failed_unless_it_said_so() {
        let (addresses, now) = (Arc::new(Addresses::default()), Instant::now());
        let later = now + REMEMBERED;
        drop(owing(&addresses, later));
        assert_eq!(order(&addresses, now), [1, 2, 3].map(address));
        owing(&addresses, later).failed();
        assert_eq!(order(&addresses, now), [2, 3, 1].map(address));
    }
}
