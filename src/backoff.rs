//! Computes the delay before the next attempt: exponential backoff with full jitter and a cap.
//!
//! * Full jitter: a fleet that lost etcd at one moment must not come back at one moment.
//! * A cap: clients must recover within seconds after etcd does.
//! * The delays reset only after a stable period. Otherwise a server that accepts connections and drops them would be
//!   hammered at the shortest delay forever.

use std::time::Duration;
#[cfg(not(test))]
use std::time::{SystemTime, UNIX_EPOCH};

use crate::clock::Instant;

/// The backoff of one client.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    stability: Duration,
    attempt: u32,
    stable_since: Option<Instant>,
}

impl Backoff {
    /// Delays between zero and `base * 2^n`, at most `cap`.
    ///
    /// `n` starts again at 0 after `stability` of success.
    #[must_use]
    pub const fn new(base: Duration, cap: Duration, stability: Duration) -> Self {
        Self { base, cap, stability, attempt: 0, stable_since: None }
    }

    /// Records a success at `now`, from which stability is counted.
    pub const fn succeeded(&mut self, now: Instant) {
        self.stable_since = Some(now);
    }

    /// Records a failed attempt, or the end of a success, at `now`.
    ///
    /// Returns the delay; `random` is in `0.0..1.0`.
    pub fn failed(&mut self, now: Instant, random: f64) -> Duration {
        let stable = self.stable_since.take().is_some_and(|since| now >= since + self.stability);
        if stable {
            self.attempt = 0;
        }
        let ceiling = self.base.saturating_mul(1 << self.attempt.min(16)).min(self.cap);
        self.attempt = self.attempt.saturating_add(1);
        ceiling.mul_f64(random.clamp(0.0, 1.0))
    }
}

/// A random seed that differs between processes, also between forked ones.
///
/// A forked child inherits the thread's generator. With that alone all workers of one master would draw the same
/// delays and the same lease ids.
#[must_use]
pub fn seed() -> u64 {
    fastrand::u64(..) ^ of_this_process()
}

#[cfg(not(test))]
fn of_this_process() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(std::process::id()).rotate_left(32) ^ u64::from(now.subsec_nanos())
}

/// A constant, so that tests are reproducible.
#[cfg(test)]
const fn of_this_process() -> u64 {
    0
}

/// A test helper for every kind of retry.
///
/// A fleet that failed at one moment must not come back at one moment.
#[cfg(test)]
pub(crate) mod fleet {
    use super::*;

    const SIZE: u64 = 500;

    /// Asserts that the delays of a fleet, one process for each seed, are full jitter under `ceiling`.
    pub(crate) fn assert_full_jitter(ceiling: Duration, delay_of: impl FnMut(u64) -> Duration) {
        let delays: Vec<Duration> = (0..SIZE).map(delay_of).collect();
        assert!(delays.iter().all(|delay| *delay <= ceiling), "above {ceiling:?}: {:?}", delays.iter().max());
        for tenth in 0..10 {
            let (from, to) = (ceiling * tenth / 10, ceiling * (tenth + 1) / 10);
            let share = delays.iter().filter(|delay| (from..to).contains(*delay)).count();
            assert!((20..=90).contains(&share), "{share} of {SIZE} come back within {from:?} to {to:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff() -> Backoff {
        Backoff::new(Duration::from_millis(100), Duration::from_secs(3), Duration::from_secs(120))
    }

    #[test]
    fn delays_grow_to_the_cap_and_never_pass_it() {
        let (mut backoff, now) = (backoff(), Instant::now());
        let delays: Vec<_> = (0..40).map(|_| backoff.failed(now, 1.0)).collect();
        assert_eq!(delays[0], Duration::from_millis(100));
        assert_eq!(delays[1], Duration::from_millis(200));
        assert!(delays[8..].iter().all(|delay| *delay == Duration::from_secs(3)));
    }

    #[test]
    fn the_jitter_is_full() {
        for random in [0.0, 0.25, 0.5, 0.99] {
            let (mut backoff, now) = (backoff(), Instant::now());
            assert_eq!(backoff.failed(now, random), Duration::from_millis(100).mul_f64(random));
            assert_eq!(backoff.failed(now, random), Duration::from_millis(200).mul_f64(random));
        }
    }

    #[test]
    fn a_random_number_out_of_range_leads_neither_above_the_ceiling_nor_below_zero() {
        let now = Instant::now();
        assert_eq!(backoff().failed(now, 1.5), Duration::from_millis(100));
        assert_eq!(backoff().failed(now, -0.5), Duration::ZERO);
    }

    #[test]
    fn a_fleet_that_fails_at_one_moment_comes_back_spread_over_the_whole_delay() {
        let now = Instant::now();
        fleet::assert_full_jitter(Duration::from_secs(3), |seed| {
            let (mut backoff, mut random) = (backoff(), fastrand::Rng::with_seed(seed));
            (0..10).map(|_| backoff.failed(now, random.f64())).last().unwrap()
        });
    }

    #[test]
    fn only_a_stable_period_resets_the_delays() {
        let (mut backoff, now) = (backoff(), Instant::now());
        for _ in 0..5 {
            backoff.failed(now, 1.0);
        }
        backoff.succeeded(now);
        assert_eq!(backoff.failed(now + Duration::from_secs(119), 1.0), Duration::from_secs(3));
        backoff.succeeded(now);
        assert_eq!(backoff.failed(now + Duration::from_secs(120), 1.0), Duration::from_millis(100));
    }
}
