//! Freshness comes from etcd's confirmations only, and silence is noticed (promise 5).

use std::time::Duration;

use super::etcd::Progress;
use super::follower::{Follower, LONG, etcd_at, followed, settings};
use super::wire::Line;
use crate::clock::Instant;
use crate::config::Timing;

const HOUR: Duration = Duration::from_secs(3_600);

/// The longest time from a confirmation until the silence after it ends the connection.
fn bound() -> Duration {
    let timing = Timing::default();
    timing.progress_interval + timing.request_timeout
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_changes_stays_confirmed_over_one_connection() {
    let (etcd, follower) = followed().await;
    let before = etcd.asked();
    let oldest = Timing::default().progress_interval + Duration::from_millis(100);
    let start = Instant::now();
    while Instant::now() < start + HOUR {
        follower.pass(Duration::from_secs(1)).await;
        assert!(follower.age() <= oldest, "{:?}", follower.age());
    }
    let asked = etcd.asked();
    assert_eq!((asked.connections, asked.watches), (before.connections, before.watches));
    // One every three seconds, and an audit every five minutes.
    assert!(asked.reads - before.reads <= 1_216, "{} reads in an hour", asked.reads - before.reads);
}

#[tokio::test(start_paused = true)]
async fn an_hour_in_which_only_other_keys_change_stays_confirmed() {
    let (etcd, follower) = followed().await;
    let connections = etcd.asked().connections;
    for value in 0..720 {
        etcd.put(b"/elsewhere", u8::try_from(value % 256).unwrap());
        follower.pass(Duration::from_secs(5)).await;
        assert!(follower.age() <= Timing::default().progress_interval * 2, "{:?}", follower.age());
    }
    assert_eq!(etcd.asked().connections, connections);
}

#[test]
fn the_same_scenario_ends_the_same_way_on_each_run() {
    let tell = || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let start = Instant::now();
            let (etcd, follower) = followed().await;
            for value in 2..20 {
                etcd.line(if value % 3 == 0 { &Line::Stranded } else { &Line::Cut });
                etcd.put(b"/a/1", value);
                follower.shows(b"/a/1", Some(value)).await;
            }
            (etcd.asked(), follower.report().reconnects, Instant::now() - start)
        })
    };
    assert_eq!(tell(), tell());
}

#[tokio::test(start_paused = true)]
async fn a_half_open_connection_is_given_up_within_the_bound_and_the_age_is_right_meanwhile() {
    let (etcd, follower) = followed().await;
    etcd.line(&Line::Stranded);
    let stranded = Instant::now();
    etcd.put(b"/a/1", 2);
    while follower.value(b"/a/1") == Some(1) {
        let since = Instant::now() - stranded;
        assert!(follower.age() + Duration::from_millis(50) >= since, "younger than the last contact");
        assert!(since <= bound() + Duration::from_secs(1), "still silent after {since:?}");
        follower.pass(Duration::from_millis(10)).await;
    }
    assert!(follower.age() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_falls_silent_is_replaced_by_another_within_the_bound() {
    let (one, other) = (etcd_at("one"), etcd_at("other"));
    for etcd in [&one, &other] {
        etcd.put(b"/a/1", 1);
    }
    let follower = Follower::start(&["one", "other"], &[b"/a/"]);
    follower.fresh().await;
    // It stays silent: new connections to it hang as well.
    one.line(&Line::Stranded);
    let silent = one.clone();
    tokio::spawn(async move {
        loop {
            silent.line(&Line::Stranded);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    other.put(b"/a/1", 2);
    let waited = follower.shows(b"/a/1", Some(2)).await;
    assert!(waited <= Duration::from_secs(10), "{waited:?}");
    let peer = follower.report().peer.clone().unwrap();
    assert!(peer.endpoint.contains("other"), "{peer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_receives_nothing_while_reads_are_answered_is_given_up() {
    let (etcd, follower) = followed().await;
    etcd.conduct(|conduct| {
        conduct.mute = true;
        conduct.progress = Progress::Silent;
    });
    etcd.put(b"/a/1", 2);
    let noticed = |follower: &Follower| follower.last_error().contains("the watch is silent");
    follower.within(bound() + Duration::from_millis(200), "the silence to be noticed", noticed).await;
    assert!(follower.age() >= Timing::default().request_timeout, "confirmed without contact");
}

#[tokio::test(start_paused = true)]
async fn progress_answers_of_an_old_revision_confirm_nothing_and_are_no_sign_of_life() {
    let (etcd, follower) = followed().await;
    let old = etcd.revision();
    etcd.conduct(|conduct| {
        conduct.mute = true;
        conduct.progress = Progress::Old(old);
    });
    etcd.put(b"/a/1", 2);
    let start = Instant::now();
    let left = |follower: &Follower| follower.report().last_error.is_some();
    let waited = follower.within(bound() + Duration::from_millis(200), "another connection", left).await;
    assert!(etcd.asked().progress > 5, "{:?}", etcd.asked());
    assert!(follower.report().confirmed_at.is_none_or(|at| at <= start), "confirmed at an old revision");
    assert!(follower.revision() == old && follower.age() >= waited);
}

#[tokio::test(start_paused = true)]
async fn a_fleet_whose_connections_break_at_the_same_moment_does_not_come_back_at_the_same_moment() {
    const FLEET: usize = 40;
    fastrand::seed(2379);
    let etcd = etcd_at("one");
    etcd.put(b"/a/1", 1);
    let fleet: Vec<_> = (0..FLEET).map(|_| Follower::beside_others(settings(&["one"], &[b"/a/"]))).collect();
    for follower in &fleet {
        follower.fresh().await;
    }
    // Each process has two connections, and the first pause is up to 100 ms.
    let mut made = etcd.asked().connections;
    etcd.line(&Line::Cut);
    let mut spread = Vec::new();
    for _ in 0..12 {
        fleet[0].pass(Duration::from_millis(10)).await;
        let now = etcd.asked().connections;
        spread.push(now - made);
        made = now;
    }
    assert!(spread.iter().sum::<usize>() >= FLEET, "{spread:?}");
    let busy = spread.iter().filter(|made| **made > 0).count();
    assert!(busy >= 8 && spread.iter().all(|made| *made < FLEET / 2), "{spread:?}");
}

#[tokio::test(start_paused = true)]
async fn connections_that_are_cut_repeatedly_are_made_with_growing_pauses() {
    let (etcd, follower) = followed().await;
    let before = etcd.asked().connections;
    for _ in 0..1_200 {
        etcd.line(&Line::Cut);
        follower.pass(Duration::from_millis(100)).await;
    }
    let made = etcd.asked().connections - before;
    assert!(made < 400, "{made} connections in two minutes");
    follower.fresh().await;
    assert!(follower.within(LONG, "a value", |follower| follower.value(b"/a/1") == Some(1)).await.is_zero());
}
