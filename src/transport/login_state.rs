//! The state of one user's logins, which forked children inherit.

use std::time::Duration;

use super::token::Token;
use crate::backoff::Backoff;
use crate::clock::Instant;
use crate::error::{Error, Result};

/// The timeout of the first login. 300 concurrent logins take a server with one core this long.
const FIRST_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest timeout, after several logins timed out.
const MAX_TIMEOUT: Duration = Duration::from_secs(480);
/// The longest pause before the second login. It doubles before each further one.
pub(super) const BACKOFF_BASE: Duration = Duration::from_millis(500);
/// The longest pause.
///
/// A wrong password must not keep etcd busy, and a corrected one must take effect soon.
pub(super) const BACKOFF_CAP: Duration = Duration::from_secs(20);
const STABILITY: Duration = Duration::from_secs(60);

/// The token, and when the next login may be tried.
#[derive(Clone)]
pub(super) struct LoginState {
    /// The number of logins, to distinguish a refused token from its successor.
    pub(super) serial: u64,
    /// `None` before the first login, and with etcd's authentication switched off.
    pub(super) token: Option<Token>,
    /// The previous token. It stays secret while a server may still repeat it in an error.
    former: Option<Token>,
    /// Whether a new login is needed.
    pub(super) invalid: bool,
    pub(super) timeout: Duration,
    backoff: Backoff,
    /// The end of the pause after a refused login, and the error.
    pub(super) refused: Option<(Instant, Error)>,
}

impl LoginState {
    pub(super) fn new() -> Self {
        Self {
            serial: 0,
            token: None,
            former: None,
            invalid: true,
            timeout: FIRST_TIMEOUT,
            backoff: Backoff::new(BACKOFF_BASE, BACKOFF_CAP, STABILITY),
            refused: None,
        }
    }

    /// Checks whether a login may be tried at `now`.
    ///
    /// # Errors
    /// The last refusal, during the pause after it.
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
        self.invalid = false;
        self.timeout = FIRST_TIMEOUT;
        self.refused = None;
    }

    /// Starts a pause of at most `longest` before the next login.
    pub(super) fn refused(&mut self, now: Instant, random: f64, longest: Duration, error: Error) {
        self.refused = Some((now + self.backoff.failed(now, random).min(longest), error));
    }

    /// Doubles the timeout, because the server is busy.
    pub(super) fn timed_out(&mut self) {
        self.timeout = (self.timeout * 2).min(MAX_TIMEOUT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn after_each_refused_login_there_is_a_pause_and_the_pauses_grow() {
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
