//! Processes that start together are all ready after the time that their listings take.

use std::time::Duration;

use super::etcd::Simulated;
use super::follower::{Follower, LONG, etcd_at, settings};
use super::wire::Line;
use crate::clock::Instant;
use crate::config::{PAGE_SIZE, Settings};
use crate::sync::Phase;

const KEYS: u16 = 4_000;

/// A server for which each page is work: a walk over all keys that follow, and the keys that it sends.
fn busy_etcd(host: &str) -> Simulated {
    let etcd = etcd_at(host);
    let keys: Vec<_> = (0..KEYS).map(|number| format!("/a/{number:04}").into_bytes()).collect();
    let puts: Vec<_> = keys.iter().map(|key| (key.as_slice(), Some(7))).collect();
    etcd.write(&puts);
    etcd.conduct(|conduct| conduct.work = (Duration::from_micros(40), Duration::from_micros(240)));
    etcd
}

/// Starts `count` processes at one moment; returns the time until the last one follows the server.
async fn last_ready(host: &str, count: usize) -> Duration {
    let start = Instant::now();
    let follower =
        || Follower::beside_others(Settings { page_size: PAGE_SIZE, ..settings(&[host], &[b"/a/"]) });
    let followers: Vec<_> = (0..count).map(|_| follower()).collect();
    for follower in &followers {
        let ready = |follower: &Follower| follower.phase() == Phase::Watching;
        follower.within(LONG, "a listing", ready).await;
        assert_eq!(follower.publication.load().snapshot().len(), usize::from(KEYS));
    }
    Instant::now() - start
}

#[tokio::test(start_paused = true)]
async fn many_processes_that_start_together_are_all_ready_within_twice_the_time_of_their_listings() {
    fastrand::seed(2379);
    let (_one, _many) = (busy_etcd("one"), busy_etcd("many"));
    let (alone, last) = (last_ready("one", 1).await, last_ready("many", 16).await);
    assert!(alone < Duration::from_secs(2), "{alone:?}");
    assert!(last < alone * 16 * 2, "{last:?} for 16, {alone:?} for one");
}

/// A process whose connection is lost while it waits for the third page of six keys.
async fn interrupted() -> (Simulated, Follower, i64) {
    let etcd = etcd_at("one");
    for key in [b"/a/1", b"/a/2", b"/a/3", b"/a/4", b"/a/5", b"/a/6"] {
        etcd.put(key, 7);
    }
    etcd.conduct(|conduct| conduct.delay = Duration::from_secs(1));
    let follower = Follower::start(&["one"], &[b"/a/"]);
    follower.within(LONG, "the third page", |_| etcd.asked().pages.len() == 3).await;
    let at = etcd.revision();
    etcd.line(&Line::Cut);
    etcd.put(b"/a/1", 8);
    (etcd, follower, at)
}

#[tokio::test(start_paused = true)]
async fn a_listing_goes_on_after_a_lost_connection_with_the_page_that_was_lost() {
    let (etcd, follower, at) = interrupted().await;
    follower.shows(b"/a/1", Some(8)).await;
    let pages = etcd.asked().pages;
    let asked: Vec<_> = pages.iter().map(|(start, revision)| (start.as_str(), *revision)).collect();
    let lost = ("/a/4\0", at);
    assert_eq!(asked, [("/a/", 0), ("/a/2\0", at), lost, lost, ("/a/5\0", at)]);
    assert_eq!((follower.publication.load().snapshot().len(), follower.report().relists), (6, 0));
}

#[tokio::test(start_paused = true)]
async fn a_listing_starts_over_if_its_revision_was_compacted_while_the_connection_was_lost() {
    let (etcd, follower, _) = interrupted().await;
    etcd.lock().content.compact();
    follower.shows(b"/a/1", Some(8)).await;
    assert_eq!(etcd.asked().pages.iter().filter(|(_, revision)| *revision == 0).count(), 2);
    assert_eq!(follower.publication.load().snapshot().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn the_age_of_a_listing_that_was_interrupted_counts_from_its_first_page() {
    let (_etcd, follower, _) = interrupted().await;
    let lost = Instant::now();
    follower.within(LONG, "the listing", |follower| follower.report().confirmed_at.is_some()).await;
    let age = follower.report().confirmed_at.map(|at| lost.saturating_duration_since(at));
    assert!(age >= Some(Duration::from_secs(2)), "{age:?}");
}
