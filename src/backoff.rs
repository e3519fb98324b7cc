//! How long to wait before the next attempt.
//!
//! Full jitter, because a fleet that lost etcd at one moment must not come back at one moment; a cap,
//! because recovery must follow healing within seconds; and no reset before stability, because a server
//! that accepts and then drops everyone would otherwise be hammered at the shortest delay for ever.

use std::time::Duration;

use crate::clock::Instant;

/// The delays of one client's attempts.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    stability: Duration,
    attempt: u32,
    stable_since: Option<Instant>,
}

impl Backoff {
    /// Delays between zero and `base * 2^n`, at most `cap`; `n` starts anew after `stability` of success.
    #[must_use]
    pub const fn new(base: Duration, cap: Duration, stability: Duration) -> Self {
        Self { base, cap, stability, attempt: 0, stable_since: None }
    }

    /// An attempt has succeeded at `now`: stability is counted from here.
    pub const fn succeeded(&mut self, now: Instant) {
        self.stable_since = Some(now);
    }

    /// An attempt failed at `now`, or success ended: how long to wait. `random` is in `0.0..1.0`.
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
        let mut backoff = backoff();
        assert_eq!(backoff.failed(Instant::now(), 0.0), Duration::ZERO);
    }

    #[test]
    fn only_stability_starts_the_delays_anew() {
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
