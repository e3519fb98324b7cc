//! Through `etcd grpc-proxy`, comparisons prove freshness (promise 5): it answers no progress request.

use std::time::Duration;

use super::etcd::{Progress, Simulated};
use super::follower::{Follower, LONG, etcd_at};
use crate::clock::Instant;
use crate::config::Timing;

/// An etcd behind a proxy, and a process that follows `prefixes` through it.
async fn proxied(prefixes: &[&[u8]]) -> (Simulated, Follower) {
    let etcd = etcd_at("one");
    etcd.conduct(|conduct| conduct.progress = Progress::Silent);
    etcd.put(b"/a/1", 1);
    let follower = Follower::start(&["one"], prefixes);
    follower.fresh().await;
    (etcd, follower)
}

#[tokio::test(start_paused = true)]
async fn while_only_other_keys_change_the_connection_is_kept_and_the_age_stays_small() {
    let (etcd, follower) = proxied(&[b"/a/"]).await;
    let connections = etcd.asked().connections;
    for value in 0..120 {
        etcd.put(b"/elsewhere", value);
        follower.pass(Duration::from_secs(5)).await;
        let timing = Timing::default();
        assert!(follower.age() <= timing.progress_interval + timing.request_timeout, "{:?}", follower.age());
    }
    assert_eq!((etcd.asked().connections, follower.report().relists), (connections, 0));
    assert!(follower.last_error().contains("grpc-proxy"), "{}", follower.last_error());
    assert!(etcd.asked().progress < 20, "{:?}", etcd.asked());
}

#[tokio::test(start_paused = true)]
async fn a_single_slow_comparison_makes_nothing_stale_afterwards() {
    let (etcd, follower) = proxied(&[b"/a/"]).await;
    etcd.conduct(|conduct| conduct.delay = Timing::default().request_timeout * 9 / 10);
    for value in 0..4 {
        etcd.put(b"/elsewhere", value);
        follower.pass(Duration::from_secs(2)).await;
    }
    etcd.conduct(|conduct| conduct.delay = Duration::ZERO);
    follower.fresh().await;
    for value in 0..60 {
        etcd.put(b"/elsewhere", value);
        follower.pass(Duration::from_secs(1)).await;
        assert!(follower.age() <= Timing::default().max_staleness, "{:?}", follower.age());
    }
    assert_eq!(follower.report().reconnects, 0);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_the_watch_does_not_deliver_is_not_hidden_by_a_confirmation() {
    let (etcd, follower) = proxied(&[b"/a/"]).await;
    etcd.put(b"/a/2", 2);
    follower.shows(b"/a/2", Some(2)).await;
    etcd.conduct(|conduct| conduct.mute = true);
    etcd.write(&[(b"/a/1", None)]);
    let deleted = Instant::now();
    follower.within(LONG, "another connection", |follower| follower.report().reconnects > 0).await;
    assert!(follower.age() >= Instant::now() - deleted, "confirmed without a key's deletion");
    etcd.conduct(|conduct| conduct.mute = false);
    etcd.lock().tell_watchers();
    follower.shows(b"/a/1", None).await;
    follower.fresh().await;
}

#[tokio::test(start_paused = true)]
async fn a_deletion_beside_a_new_key_is_not_hidden_by_a_confirmation() {
    let (etcd, follower) = proxied(&[b"/a/"]).await;
    etcd.conduct(|conduct| conduct.mute = true);
    etcd.write(&[(b"/a/1", None), (b"/a/2", Some(1))]);
    let changed = Instant::now();
    follower.within(LONG, "another connection", |follower| follower.report().reconnects > 0).await;
    assert!(follower.age() >= Instant::now() - changed, "confirmed by the number of keys alone");
}

#[tokio::test(start_paused = true)]
async fn several_ranges_are_followed_over_one_watch() {
    let (etcd, follower) = proxied(&[b"/a/", b"/b/"]).await;
    for value in 2..20 {
        etcd.write(&[(b"/a/1", Some(value)), (b"/b/1", Some(value))]);
        follower.shows(b"/a/1", Some(value)).await;
        assert_eq!(follower.value(b"/b/1"), Some(value));
    }
    follower.fresh().await;
    assert_eq!((follower.report().reconnects, follower.report().relists), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_events_have_overtaken_is_not_taken_for_another_history() {
    for progress in [Progress::Silent, Progress::Correct] {
        let etcd = etcd_at("one");
        etcd.conduct(|conduct| conduct.progress = progress);
        let follower = Follower::start(&["one"], &[b"/a/"]);
        follower.fresh().await;
        etcd.conduct(|conduct| conduct.delay = Duration::from_millis(700));
        for value in 0..100 {
            etcd.write(&[(b"/a/1", Some(value)), (b"/elsewhere", Some(value))]);
            follower.pass(Duration::from_millis(300)).await;
        }
        follower.fresh().await;
        assert_eq!((follower.report().resets, follower.report().relists), (0, 0), "{progress:?}");
    }
}
