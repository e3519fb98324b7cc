//! What etcd cannot send in one piece comes in parts; what it cannot send at all is listed (promise 1).

use std::time::Duration;

use super::etcd::Simulated;
use super::follower::{Follower, LONG, etcd_at, followed};
use super::wire::Line;

const KEYS: [&[u8]; 4] = [b"/a/2", b"/a/3", b"/a/4", b"/a/5"];

fn write_while_cut_off(etcd: &Simulated) {
    etcd.line(&Line::Cut);
    for key in KEYS {
        etcd.put(key, 7);
    }
}

#[tokio::test(start_paused = true)]
async fn missed_events_that_are_too_large_for_one_message_come_in_fragments() {
    let (etcd, follower) = followed().await;
    etcd.conduct(|conduct| conduct.most_at_once = 2);
    write_while_cut_off(&etcd);
    let waited = follower.shows(KEYS[3], Some(7)).await;
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    assert_eq!(follower.report().relists, 0);
    assert!(follower.last_error().contains("one message is too large (found"), "{}", follower.last_error());
}

#[tokio::test(start_paused = true)]
async fn missed_events_that_cannot_be_sent_at_all_are_listed() {
    let (etcd, follower) = followed().await;
    etcd.conduct(|conduct| {
        conduct.most_at_once = 2;
        conduct.fragments_take_forever = true;
    });
    etcd.write(&[(b"/a/1", None)]);
    write_while_cut_off(&etcd);
    let waited = follower.shows(KEYS[3], Some(7)).await;
    assert!(waited < Duration::from_secs(12), "{waited:?}");
    assert_eq!((follower.value(b"/a/1"), follower.report().relists), (None, 1));
    follower.fresh().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_repeatedly_silent_at_one_revision_is_listed() {
    let (etcd, follower) = followed().await;
    etcd.conduct(|conduct| conduct.mute = true);
    write_while_cut_off(&etcd);
    follower.shows(KEYS[3], Some(7)).await;
    assert_eq!(follower.report().relists, 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_too_large_is_requested_in_smaller_ones_over_the_same_connection() {
    let etcd = etcd_at("one");
    for key in KEYS {
        etcd.put(key, 7);
    }
    etcd.conduct(|conduct| conduct.most_at_once = 1);
    let follower = Follower::start(&["one"], &[b"/a/"]);
    follower.fresh().await;
    assert_eq!((follower.publication.load().snapshot().len(), follower.report().reconnects), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_single_key_that_is_too_large_is_named_and_etcd_is_not_asked_in_a_tight_loop() {
    let etcd = etcd_at("one");
    etcd.put(b"/a/large", 7);
    etcd.conduct(|conduct| conduct.most_at_once = 0);
    let follower = Follower::start(&["one"], &[b"/a/"]);
    follower.within(LONG, "an error", |follower| follower.report().last_error.is_some()).await;
    let error = follower.last_error();
    assert!(error.contains("one key with its value") && error.contains("\"/a/\""), "{error}");
    let before = etcd.asked().reads;
    follower.pass(Duration::from_secs(600)).await;
    assert!(etcd.asked().reads - before < 1_000, "{} reads", etcd.asked().reads - before);
    etcd.conduct(|conduct| conduct.most_at_once = 1);
    follower.shows(b"/a/large", Some(7)).await;
}

#[tokio::test(start_paused = true)]
async fn pages_that_take_longer_than_the_request_timeout_still_arrive() {
    let etcd = etcd_at("one");
    for key in KEYS {
        etcd.put(key, 7);
    }
    etcd.conduct(|conduct| conduct.delay = Duration::from_secs(5));
    let follower = Follower::start(&["one"], &[b"/a/"]);
    follower.shows(KEYS[3], Some(7)).await;
    etcd.conduct(|conduct| conduct.delay = Duration::ZERO);
    follower.fresh().await;
}
