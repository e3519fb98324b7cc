//! How the logins of one user went: what a forked child goes on with.

use std::time::Duration;

use super::token::Token;
use crate::backoff::Backoff;
use crate::clock::Instant;
use crate::error::{Error, Result};

/// For the first login. 300 logins at once take a server with one core as long.
const FIRST_PATIENCE: Duration = Duration::from_secs(30);
/// For a login after some that took too long.
const MOST_PATIENCE: Duration = Duration::from_secs(480);
/// Full jitter between zero and this before a second login, and twice as much before each further one.
pub(super) const BACKOFF_BASE: Duration = Duration::from_millis(500);
/// A wrong password must not keep etcd busy, and the right one must be noticed.
pub(super) const BACKOFF_CAP: Duration = Duration::from_secs(20);
const STABILITY: Duration = Duration::from_secs(60);

/// The token, and when another may be asked for.
#[derive(Clone)]
pub(super) struct LoginState {
    /// Counts the logins, to tell a refused token from its successor.
    pub(super) serial: u64,
    /// `None` before the first login, and where etcd's authentication is off.
    pub(super) token: Option<Token>,
    /// The one before it. A server may still refuse it, and repeat it in its words.
    former: Option<Token>,
    /// Whether only another login can help.
    pub(super) void: bool,
    pub(super) patience: Duration,
    backoff: Backoff,
    /// Until when nobody asks again, and why.
    pub(super) refused: Option<(Instant, Error)>,
}

impl LoginState {
    pub(super) fn new() -> Self {
        Self {
            serial: 0,
            token: None,
            former: None,
            void: true,
            patience: FIRST_PATIENCE,
            backoff: Backoff::new(BACKOFF_BASE, BACKOFF_CAP, STABILITY),
            refused: None,
        }
    }

    /// Whether etcd may be asked at `now`.
    ///
    /// # Errors
    /// Why it refused last, for a while after that.
    pub(super) fn check(&self, now: Instant) -> Result<()> {
        match &self.refused {
            Some((until, error)) if now < *until => Err(error.clone()),
            _ => Ok(()),
        }
    }

    pub(super) fn succeeded(&mut self, now: Instant, token: Option<Token>) {
        self.backoff.succeeded(now);
        self.serial += 1;
        self.former = std::mem::replace(&mut self.token, token);
        self.void = false;
        self.patience = FIRST_PATIENCE;
        self.refused = None;
    }

    /// Nobody asks again for up to `longest`.
    pub(super) fn refused(&mut self, now: Instant, random: f64, longest: Duration, error: Error) {
        self.refused = Some((now + self.backoff.failed(now, random).min(longest), error));
    }

    pub(super) fn took_too_long(&mut self) {
        self.patience = (self.patience * 2).min(MOST_PATIENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_refused_login_is_not_tried_again_at_once_and_its_pauses_grow() {
        let mut state = LoginState::new();
        let (mut now, wrong) = (Instant::now(), Error::new(ErrorKind::Authentication, "wrong password"));
        let mut pauses = Vec::new();
        for _ in 0..10 {
            assert_eq!(state.check(now), Ok(()));
            state.refused(now, 0.999, BACKOFF_CAP, wrong.clone());
            assert_eq!(state.check(now), Err(wrong.clone()));
            let until = state.refused.as_ref().map(|(until, _)| *until).unwrap();
            pauses.push(until - now);
            now = until;
        }
        assert!(pauses.is_sorted() && pauses[0] < BACKOFF_BASE && pauses[9] > BACKOFF_CAP.mul_f64(0.9));
    }
}
