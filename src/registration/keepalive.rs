//! The one stream over which all registrations of a client renew their leases. Pure, like the machine.
//!
//! etcd answers every renewal on the stream that sent it, in its own time. If a renewal is not answered
//! within its timeout, the stream is dropped for good. Waiting renewals are sent again on the next one, whose
//! first answer has the same timeout. A stream is known by its serial; messages of an earlier stream are
//! ignored.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::backoff::Backoff;
use crate::clock::Instant;

const BACKOFF_BASE: Duration = Duration::from_millis(50);
const STABILITY: Duration = Duration::from_secs(60);

/// What to do with the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Open stream `serial` with a renewal of this lease, which must be answered within `timeout`.
    Open {
        /// Counts the streams.
        serial: u64,
        /// The first lease.
        lease: i64,
        /// How long opening may take.
        timeout: Duration,
    },
    /// Send a renewal.
    Send(i64),
    /// Drop the stream; its connection may be dead.
    Close,
}

#[derive(Debug)]
enum State {
    /// There is no stream, and nothing waits for one.
    Closed,
    Opening {
        lease: i64,
        sent: Instant,
    },
    Open,
    Backoff {
        until: Instant,
    },
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    timeout: Duration,
    /// When it was sent, once it was.
    sent: Option<Instant>,
}

/// Decides about the stream.
#[derive(Debug)]
pub struct Keepalive {
    state: State,
    serial: u64,
    waiting: BTreeMap<i64, Waiting>,
    /// When the answers to sent renewals are due.
    due: BTreeSet<(Instant, i64)>,
    backoff: Backoff,
    random: fastrand::Rng,
}

impl Keepalive {
    /// Starts without a stream.
    #[must_use]
    pub fn new(backoff_cap: Duration, seed: u64) -> Self {
        Self {
            state: State::Closed,
            serial: 0,
            waiting: BTreeMap::new(),
            due: BTreeSet::new(),
            backoff: Backoff::new(BACKOFF_BASE, backoff_cap, STABILITY),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// The serial of the current stream.
    #[must_use]
    pub const fn serial(&self) -> u64 {
        self.serial
    }

    /// When [`Self::tick`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Backoff { until } => Some(until),
            State::Open => self.due.first().map(|(at, _)| *at),
            State::Opening { .. } | State::Closed => None,
        }
    }

    /// Renews `lease`, now or once there is a stream.
    pub fn renew(&mut self, now: Instant, lease: i64, timeout: Duration) -> Option<Order> {
        self.waiting.insert(lease, Waiting { timeout, sent: None });
        match self.state {
            State::Open => Some(self.send(now, lease)),
            State::Closed => self.open(now),
            State::Opening { .. } | State::Backoff { .. } => None,
        }
    }

    /// Stops waiting for the answer of `lease`.
    pub fn forget(&mut self, lease: i64) {
        if let Some(Waiting { timeout, sent: Some(sent) }) = self.waiting.remove(&lease) {
            self.due.remove(&(sent + timeout, lease));
        }
    }

    /// Records that the stream is open: its first renewal was answered.
    ///
    /// Returns when that renewal was sent, and what to send now.
    pub fn opened(&mut self, now: Instant, serial: u64) -> (Option<(i64, Instant)>, Vec<Order>) {
        let State::Opening { lease, sent } = self.state else { return (None, Vec::new()) };
        if serial != self.serial {
            return (None, Vec::new());
        }
        self.state = State::Open;
        self.backoff.succeeded(now);
        // A lease that no longer waits was given up, so its answer is ignored.
        let answered = self.waiting.remove(&lease).map(|_| (lease, sent));
        let waiting: Vec<i64> = self.waiting.keys().copied().collect();
        (answered, waiting.into_iter().map(|lease| self.send(now, lease)).collect())
    }

    /// Records the answer for `lease`. Returns when the renewal was sent; `None` if no one waits for it.
    pub fn answered(&mut self, lease: i64) -> Option<Instant> {
        let sent = self.waiting.get(&lease)?.sent?;
        self.forget(lease);
        Some(sent)
    }

    /// Records that the first lease of stream `serial` does not exist. Another lease may open it.
    pub fn first_is_missing(&mut self, now: Instant, serial: u64) -> (Option<i64>, Option<Order>) {
        let State::Opening { lease, .. } = self.state else { return (None, None) };
        if serial != self.serial {
            return (None, None);
        }
        self.waiting.remove(&lease);
        self.state = State::Closed;
        (Some(lease), self.open(now))
    }

    /// Records that stream `serial` broke or could not be opened.
    pub fn failed(&mut self, now: Instant, serial: u64) {
        if serial == self.serial && matches!(self.state, State::Open | State::Opening { .. }) {
            self.break_off(now);
        }
    }

    /// Runs at the time given by [`Self::deadline`].
    pub fn tick(&mut self, now: Instant) -> Option<Order> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        if let State::Backoff { .. } = self.state {
            self.state = State::Closed;
            return self.open(now);
        }
        self.break_off(now);
        Some(Order::Close)
    }

    fn break_off(&mut self, now: Instant) {
        self.due.clear();
        for waiting in self.waiting.values_mut() {
            waiting.sent = None;
        }
        let wait = self.backoff.failed(now, self.random.f64());
        self.state = State::Backoff { until: now + wait };
    }

    fn open(&mut self, now: Instant) -> Option<Order> {
        // Starts with the lease that has the least time left.
        let (lease, waiting) = self.waiting.iter().min_by_key(|(_, waiting)| waiting.timeout)?;
        let (lease, timeout) = (*lease, waiting.timeout);
        self.serial += 1;
        self.state = State::Opening { lease, sent: now };
        Some(Order::Open { serial: self.serial, lease, timeout })
    }

    fn send(&mut self, now: Instant, lease: i64) -> Order {
        if let Some(waiting) = self.waiting.get_mut(&lease) {
            waiting.sent = Some(now);
            self.due.insert((now + waiting.timeout, lease));
        }
        Order::Send(lease)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(1);

    fn opened_with(leases: &[i64]) -> (Keepalive, Instant) {
        let (mut keepalive, now) = (Keepalive::new(Duration::from_secs(3), 1), Instant::now());
        for lease in leases {
            keepalive.renew(now, *lease, TIMEOUT);
        }
        keepalive.opened(now, 1);
        (keepalive, now)
    }

    #[test]
    fn all_leases_share_one_stream() {
        let (mut keepalive, now) = (Keepalive::new(Duration::from_secs(3), 1), Instant::now());
        let first = keepalive.renew(now, 7, TIMEOUT);
        assert_eq!(first, Some(Order::Open { serial: 1, lease: 7, timeout: TIMEOUT }));
        assert_eq!(keepalive.renew(now, 8, TIMEOUT), None, "waits for the stream");
        let (answered, orders) = keepalive.opened(now, 1);
        assert_eq!((answered, orders), (Some((7, now)), vec![Order::Send(8)]));
        assert_eq!(keepalive.renew(now, 9, TIMEOUT), Some(Order::Send(9)));
    }

    #[test]
    fn an_unanswered_renewal_ends_the_stream_and_is_sent_again_on_the_next_one() {
        let (mut keepalive, now) = opened_with(&[7]);
        keepalive.renew(now, 8, TIMEOUT);
        assert_eq!(keepalive.tick(now + TIMEOUT / 2), None);
        assert_eq!(keepalive.tick(now + TIMEOUT), Some(Order::Close));
        let again = keepalive.deadline().unwrap();
        let opening = keepalive.tick(again);
        assert_eq!(opening, Some(Order::Open { serial: 2, lease: 8, timeout: TIMEOUT }));
        assert_eq!(keepalive.opened(again, 2).0, Some((8, again)), "counted from the second sending");
    }

    #[test]
    fn messages_of_an_earlier_stream_are_ignored() {
        let (mut keepalive, now) = opened_with(&[7]);
        keepalive.renew(now, 8, TIMEOUT);
        keepalive.failed(now, 1);
        assert_eq!(keepalive.answered(8), None);
        keepalive.failed(now, 1);
        let again = keepalive.deadline().unwrap();
        keepalive.tick(again);
        keepalive.failed(again, 1);
        assert_eq!(keepalive.deadline(), None, "the second stream is still being opened");
    }

    #[test]
    fn a_stream_whose_first_lease_is_missing_is_opened_with_another_lease() {
        let (mut keepalive, now) = (Keepalive::new(Duration::from_secs(3), 1), Instant::now());
        keepalive.renew(now, 7, TIMEOUT / 2);
        keepalive.renew(now, 8, TIMEOUT);
        let (missing, order) = keepalive.first_is_missing(now, 1);
        assert_eq!(missing, Some(7));
        assert_eq!(order, Some(Order::Open { serial: 2, lease: 8, timeout: TIMEOUT }));
        assert_eq!(keepalive.first_is_missing(now, 2), (Some(8), None));
    }

    #[test]
    fn a_fleet_whose_streams_broke_at_the_same_moment_does_not_open_new_ones_at_the_same_moment() {
        let (now, cap) = (Instant::now(), Duration::from_secs(3));
        for (failures, ceiling) in [(1, BACKOFF_BASE), (9, cap)] {
            crate::backoff::fleet::assert_full_jitter(ceiling, |seed| {
                let mut keepalive = Keepalive::new(cap, seed);
                keepalive.renew(now, 7, TIMEOUT);
                let fail = |_| {
                    keepalive.failed(now, keepalive.serial());
                    let until = keepalive.deadline().unwrap();
                    keepalive.tick(until);
                    until - now
                };
                (0..failures).map(fail).last().unwrap()
            });
        }
    }

    #[test]
    fn a_forgotten_lease_does_not_end_the_stream() {
        let (mut keepalive, now) = opened_with(&[7]);
        keepalive.renew(now, 8, TIMEOUT);
        keepalive.forget(8);
        assert_eq!(keepalive.deadline(), None);
        assert_eq!(keepalive.answered(8), None);
    }
}
