//! Attempts that begin one after another and go on side by side, until the first of them succeeds.
//!
//! "Happy Eyeballs" (RFC 8305): an address that swallows packets, or a name server that is down, costs a short pause
//! and not the whole timeout.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, Stream, StreamExt};
use tokio::time::{Instant, sleep_until};

/// Tries `candidates` in their order. The next one begins when another failed, or after `pause`.
///
/// Gives the first success, else the last error; `None` if there was no candidate. Dropping it ends all attempts.
pub(super) async fn race<C, T, E, F>(
    candidates: impl Stream<Item = C>,
    pause: Duration,
    attempt: impl Fn(C) -> F,
) -> Option<Result<T, E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut candidates = pin!(candidates);
    let mut running = FuturesUnordered::new();
    let mut next_start = Instant::now();
    let mut all_begun = false;
    let mut failed = None;
    loop {
        let next = async {
            sleep_until(next_start).await;
            candidates.next().await
        };
        tokio::select! {
            biased;
            Some(result) = running.next(), if !running.is_empty() => match result {
                Ok(winner) => return Some(Ok(winner)),
                Err(error) => {
                    failed = Some(Err(error));
                    next_start = Instant::now();
                }
            },
            candidate = next, if !all_begun => match candidate {
                Some(candidate) => {
                    running.push(attempt(candidate));
                    next_start = Instant::now() + pause;
                }
                None => all_begun = true,
            },
            else => return failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream::iter;

    use super::*;

    const PAUSE: Duration = Duration::from_millis(250);

    /// Candidates are milliseconds until an answer: a negative one fails, after its amount.
    async fn run(candidates: &[i64]) -> (Option<Result<i64, i64>>, u128) {
        let begun = Instant::now();
        let result = race(iter(candidates.to_vec()), PAUSE, async |after: i64| {
            tokio::time::sleep(Duration::from_millis(after.unsigned_abs())).await;
            if after < 0 { Err(after) } else { Ok(after) }
        })
        .await;
        (result, begun.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_never_answers_costs_a_pause_and_not_the_timeout() {
        assert_eq!(run(&[1_000_000, 5]).await, (Some(Ok(5)), 255));
        assert_eq!(run(&[1_000_000, 1_000_000, 1_000_000, 5]).await, (Some(Ok(5)), 755));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_fails_costs_nothing() {
        assert_eq!(run(&[-1, -1, 5]).await, (Some(Ok(5)), 7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_one_still_wins_if_the_others_fail() {
        assert_eq!(run(&[600, -1, -1]).await, (Some(Ok(600)), 600));
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_fail_leave_the_last_error_and_none_leave_nothing() {
        assert_eq!(run(&[-20, -1]).await, (Some(Err(-1)), 21));
        assert_eq!(run(&[]).await, (None, 0));
    }
}
