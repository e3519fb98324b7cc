//! Runs attempts that start one after another and continue in parallel until one succeeds.
//!
//! This is "Happy Eyeballs" (RFC 8305): an address that drops packets, or a name server that is down, costs a short
//! pause instead of the whole timeout.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, Stream, StreamExt};
use tokio::time::{Instant, sleep_until};

/// Tries `candidates` in order. The next attempt starts when another failed, or after `pause`.
///
/// Returns the first success, or else the last error; `None` if there was no candidate. Dropping the future ends all
/// attempts.
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
    let mut all_started = false;
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
            candidate = next, if !all_started => match candidate {
                Some(candidate) => {
                    running.push(attempt(candidate));
                    next_start = Instant::now() + pause;
                }
                None => all_started = true,
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

    /// Races candidates given as milliseconds until they answer; a negative one fails after that time.
    async fn run(candidates: &[i64]) -> (Option<Result<i64, i64>>, u128) {
        let started = Instant::now();
        let result = race(iter(candidates.to_vec()), PAUSE, async |after: i64| {
            tokio::time::sleep(Duration::from_millis(after.unsigned_abs())).await;
            if after < 0 { Err(after) } else { Ok(after) }
        })
        .await;
        (result, started.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn a_candidate_that_never_answers_costs_a_pause_instead_of_the_timeout() {
        assert_eq!(run(&[1_000_000, 5]).await, (Some(Ok(5)), 255));
        assert_eq!(run(&[1_000_000, 1_000_000, 1_000_000, 5]).await, (Some(Ok(5)), 755));
    }

    #[tokio::test(start_paused = true)]
    async fn a_candidate_that_fails_costs_no_pause() {
        assert_eq!(run(&[-1, -1, 5]).await, (Some(Ok(5)), 7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_candidate_still_wins_if_the_others_fail() {
        assert_eq!(run(&[600, -1, -1]).await, (Some(Ok(600)), 600));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_error_is_returned_if_all_fail_and_nothing_without_candidates() {
        assert_eq!(run(&[-20, -1]).await, (Some(Err(-1)), 21));
        assert_eq!(run(&[]).await, (None, 0));
    }
}
