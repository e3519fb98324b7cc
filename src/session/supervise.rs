//! Restarts tasks that end with a panic in this library (promise 9).

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::backoff::{self, Backoff};
use crate::clock::{self, Instant};
use crate::error::{Error, ErrorKind};

const BACKOFF_BASE: Duration = Duration::from_millis(500);
/// A task that ran for longer than this did not fail at its start.
const STABILITY: Duration = Duration::from_secs(60);

/// Runs a task until it ends, and starts it again after each panic.
///
/// What panics once may panic every time, so the pauses grow up to `longest_pause`, with full jitter (promise
/// 12). `panicked` is called at once. `start` is called with the same error after the pause, and with `None`
/// the first time.
pub(super) async fn supervise<F>(
    longest_pause: Duration,
    mut panicked: impl FnMut(&Error),
    mut start: impl FnMut(Option<Error>) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let (mut pauses, mut defect) = (Pauses::new(longest_pause, backoff::seed()), None);
    loop {
        pauses.started(Instant::now());
        // A dropped set ends its task; a spawned task would continue.
        let mut task = JoinSet::new();
        task.spawn(start(defect.take()));
        match task.join_next().await {
            Some(Err(ended)) if ended.is_panic() => {}
            _ => return,
        }
        let error = Error::new(
            ErrorKind::Internal,
            "internal error in etcd_discovery (a Rust panic was caught); restarting the task; please report it",
        );
        panicked(&error);
        defect = Some(error);
        let now = Instant::now();
        clock::sleep_until(Some(now + pauses.panicked(now))).await;
    }
}

/// Runs `task` until the client that `wanted` comes from is dropped.
pub(super) async fn until_dropped(mut wanted: watch::Receiver<bool>, task: impl Future<Output = ()> + Send) {
    let dropped = async { while wanted.changed().await.is_ok() {} };
    tokio::select! { () = task => {}, () = dropped => {} }
}

/// The pauses before a task is started again.
struct Pauses {
    backoff: Backoff,
    random: fastrand::Rng,
}

impl Pauses {
    fn new(longest: Duration, seed: u64) -> Self {
        let backoff = Backoff::new(BACKOFF_BASE, longest, STABILITY);
        Self { backoff, random: fastrand::Rng::with_seed(seed) }
    }

    fn started(&mut self, now: Instant) {
        self.backoff.succeeded(now);
    }

    fn panicked(&mut self, now: Instant) -> Duration {
        self.backoff.failed(now, self.random.f64())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::backoff::fleet;

    const LONGEST: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_started_again_with_the_error_and_one_that_ends_is_not() {
        let (runs, reported) = (Arc::new(AtomicU32::new(0)), RefCell::new(Vec::new()));
        let given = RefCell::new(Vec::new());
        let start = |error: Option<Error>| {
            given.borrow_mut().push(error.map(|error| error.kind()));
            let runs = Arc::clone(&runs);
            async move { assert!(runs.fetch_add(1, Ordering::SeqCst) >= 2, "a defect, on purpose") }
        };
        supervise(LONGEST, |error| reported.borrow_mut().push(error.kind()), start).await;
        assert_eq!(runs.load(Ordering::SeqCst), 3);
        let internal = ErrorKind::Internal;
        assert_eq!(*reported.borrow(), [internal, internal]);
        assert_eq!(*given.borrow(), [None, Some(internal), Some(internal)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_every_time_is_restarted_with_growing_pauses() {
        let mut starts = 0;
        let start = |_| {
            starts += 1;
            async { panic!("a defect, on purpose") }
        };
        let hour = Duration::from_secs(3_600);
        let end = tokio::time::timeout(hour, supervise(LONGEST, |_| (), start)).await;
        assert!(end.is_err() && (1_200..4_800).contains(&starts), "{starts} starts in an hour");
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_ends_with_its_supervisor() {
        let alive = Arc::new(());
        let held = Arc::clone(&alive);
        let start = move |_| {
            let held = Arc::clone(&held);
            async move {
                std::future::pending::<()>().await;
                drop(held);
            }
        };
        let supervisor = tokio::spawn(supervise(LONGEST, |_| (), start));
        tokio::time::sleep(LONGEST).await;
        assert_eq!(Arc::strong_count(&alive), 3);
        supervisor.abort();
        tokio::time::sleep(LONGEST).await;
        assert_eq!(Arc::strong_count(&alive), 1);
    }

    #[test]
    fn a_fleet_that_panics_on_the_same_event_does_not_restart_at_the_same_moment() {
        let now = Instant::now();
        for (panics, ceiling) in [(1, BACKOFF_BASE), (9, LONGEST)] {
            fleet::assert_full_jitter(ceiling, |seed| {
                let mut pauses = Pauses::new(LONGEST, seed);
                let pause = |_| {
                    pauses.started(now);
                    pauses.panicked(now)
                };
                (0..panics).map(pause).last().unwrap()
            });
        }
    }
}
