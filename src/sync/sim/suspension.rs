//! A machine that sleeps: timers stand still while the content ages (promise 5).

use std::time::Duration;

use super::follower::{Follower, followed};
use super::wire::Line;
use crate::clock::{Instant, suspend};
use crate::config::Timing;
use crate::notice::Notice;

const NIGHT: Duration = Duration::from_secs(8 * 3_600);
/// Timers look at the clock once a second; then one request is sent and answered.
const AWAKE: Duration = Duration::from_millis(1_100);

fn is_stale(follower: &Follower) -> bool {
    follower.age() > Timing::default().max_staleness
}

#[tokio::test(start_paused = true)]
async fn the_content_is_stale_when_the_machine_wakes_up_and_is_confirmed_within_a_second() {
    let (etcd, follower) = followed().await;
    let before = etcd.asked();
    suspend(NIGHT);
    assert!(follower.age() >= NIGHT && is_stale(&follower), "{:?}", follower.age());
    follower.within(AWAKE, "a confirmation", |follower| !is_stale(follower)).await;
    assert!(follower.age() <= AWAKE, "{:?}", follower.age());
    let after = etcd.asked();
    assert_eq!((after.connections, after.watches), (before.connections, before.watches));
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_request_from_before_the_sleep_confirms_nothing_since() {
    let (etcd, follower) = followed().await;
    etcd.conduct(|conduct| conduct.delay = Duration::from_secs(2));
    let reads = etcd.asked().reads;
    follower.within(NIGHT, "a request", |_| etcd.asked().reads > reads).await;
    etcd.put(b"/a/1", 2);
    suspend(NIGHT);
    let woken = Instant::now();
    let confirmed = |follower: &Follower| follower.report().confirmed_at.is_some_and(|at| at >= woken);
    while !confirmed(&follower) {
        assert!(follower.age() >= NIGHT, "{:?}", follower.age());
        follower.pass(Duration::from_millis(10)).await;
        assert!(woken.elapsed() < Duration::from_secs(30), "never confirmed");
    }
    assert_eq!(follower.value(b"/a/1"), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_died_while_the_machine_slept_is_given_up_one_request_timeout_after_it_woke_up() {
    let (etcd, follower) = followed().await;
    etcd.line(&Line::Stranded);
    etcd.put(b"/a/1", 2);
    suspend(NIGHT);
    let bound = AWAKE + Timing::default().request_timeout;
    follower.within(bound, "the value", |follower| follower.value(b"/a/1") == Some(2)).await;
    follower.within(AWAKE, "a confirmation", |follower| !is_stale(follower)).await;
}

fn stale_ages(follower: &Follower) -> Vec<Duration> {
    let age = |notice: &Notice| match notice {
        Notice::Stale { age, .. } => Some(*age),
        _ => None,
    };
    follower.notices().iter().filter_map(age).collect()
}

#[tokio::test(start_paused = true)]
async fn subscribers_are_notified_of_stale_data_within_a_second_after_the_machine_woke_up_whatever_it_was_doing()
 {
    let timing = Timing::default();
    // From just after a confirmation, across requests that are under way, to just before the next one.
    for awake in (0..40).map(|step| timing.progress_interval * step / 40 * 2) {
        let (etcd, follower) = followed().await;
        follower.pass(awake).await;
        etcd.line(&Line::Stranded);
        suspend(NIGHT);
        assert_eq!(stale_ages(&follower), []);
        follower.within(AWAKE, "a notice", |follower| stale_ages(follower).len() == 1).await;
        assert!(stale_ages(&follower)[0] >= NIGHT);
        // The whole sleep counts as one period without etcd.
        follower.pass(timing.max_staleness * 2).await;
        assert_eq!(stale_ages(&follower).len(), 1);
    }
}
