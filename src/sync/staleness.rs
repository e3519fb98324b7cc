//! Decides when data counts as stale: a rule about time, for the code that confirms the data.

use std::time::Duration;

use crate::clock::Instant;

/// A change between fresh and stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The data has not been confirmed for the limit.
    Stale {
        /// The time since the last confirmation; without one, since the start.
        age: Duration,
    },
    /// The data has been confirmed again.
    Fresh {
        /// The time since the confirmation.
        age: Duration,
        /// How long the data was stale.
        after: Duration,
    },
}

/// Whether the data is stale, and since when.
#[derive(Debug, Clone)]
pub struct Staleness {
    limit: Duration,
    /// Data that was never confirmed ages from this time. `None` while no one waits for it.
    begun: Option<Instant>,
    stale_since: Option<Instant>,
}

impl Staleness {
    /// A rule that does not apply yet.
    #[must_use]
    pub const fn new(limit: Duration) -> Self {
        Self { limit, begun: None, stale_since: None }
    }

    /// The limit.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.limit
    }

    /// Applies the rule from `now` on, unless it already applies.
    pub fn begin(&mut self, now: Instant) {
        self.begun.get_or_insert(now);
    }

    /// Stops applying the rule: data that no one follows is neither stale nor fresh.
    pub const fn end(&mut self) {
        self.begun = None;
        self.stale_since = None;
    }

    /// When the data becomes stale without another confirmation; `None` if it is stale already.
    #[must_use]
    pub fn deadline(&self, confirmed_at: Option<Instant>) -> Option<Instant> {
        let begun = self.begun.filter(|_| self.stale_since.is_none())?;
        Some(confirmed_at.unwrap_or(begun) + self.limit)
    }

    /// Returns a change between fresh and stale, given the time of the last confirmation.
    pub fn check(&mut self, now: Instant, confirmed_at: Option<Instant>) -> Option<Turn> {
        let age = now.saturating_duration_since(confirmed_at.or(self.begun)?);
        self.begun?;
        match self.stale_since {
            None if age >= self.limit => {
                self.stale_since = Some(now);
                Some(Turn::Stale { age })
            }
            Some(since) if age < self.limit => {
                self.stale_since = None;
                Some(Turn::Fresh { age, after: now.saturating_duration_since(since) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn data_that_was_never_confirmed_ages_from_the_start_of_the_wait() {
        let (mut rule, start) = (Staleness::new(LIMIT), Instant::now());
        assert_eq!((rule.deadline(None), rule.check(start + LIMIT, None)), (None, None));
        rule.begin(start);
        assert_eq!(rule.deadline(None), Some(start + LIMIT));
        assert_eq!(rule.check(start + LIMIT, None), Some(Turn::Stale { age: LIMIT }));
    }

    #[test]
    fn each_turn_is_reported_once_and_stale_data_has_no_deadline() {
        let (mut rule, start) = (Staleness::new(LIMIT), Instant::now());
        rule.begin(start);
        assert_eq!(rule.check(start + LIMIT * 2, Some(start)), Some(Turn::Stale { age: LIMIT * 2 }));
        assert_eq!(rule.check(start + LIMIT * 3, Some(start)), None);
        assert_eq!(rule.deadline(Some(start)), None);
        let fresh = Turn::Fresh { age: LIMIT / 2, after: LIMIT };
        assert_eq!(rule.check(start + LIMIT * 3, Some(start + LIMIT * 5 / 2)), Some(fresh));
        assert_eq!(rule.check(start + LIMIT * 3, Some(start + LIMIT * 5 / 2)), None);
        assert_eq!(rule.deadline(Some(start + LIMIT * 5 / 2)), Some(start + LIMIT * 7 / 2));
    }
}
