//! Several prefixes with a watch each, at a server whose progress answers may overtake events.
//!
//! Each prefix has its own watch because the user may read no more (promises 1, 3 and 5).

use std::time::Duration;

use etcd_client::proto::PbWatchResponse;

use super::etcd::{Progress, Simulated, put_event};
use super::follower::{Follower, LONG, etcd_at};
use crate::clock::Instant;
use crate::config::Timing;

const PREFIXES: &[&[u8]] = &[b"/a/", b"/c/", b"/e/"];

/// Far less than a read takes here, and more than a round trip.
const MOMENT: Duration = Duration::from_millis(20);

/// An old server with slow reads, as with many keys, and a user who may read only three prefixes.
async fn beside_a_hasty_etcd() -> (Simulated, Follower) {
    let etcd = etcd_at("one");
    etcd.conduct(|conduct| {
        conduct.version = "3.4.23";
        conduct.progress = Progress::Hasty;
        conduct.allowed = Some(PREFIXES);
    });
    let follower = Follower::start(&["one"], PREFIXES);
    follower.fresh().await;
    follower.pass(Duration::from_secs(3)).await;
    etcd.conduct(|conduct| conduct.delay = Duration::from_millis(300));
    (etcd, follower)
}

#[tokio::test(start_paused = true)]
async fn a_change_of_one_of_several_prefixes_is_shown_within_a_round_trip() {
    let (etcd, follower) = beside_a_hasty_etcd().await;
    for value in 0..60 {
        let key: &[u8] = [b"/a/1", b"/c/1", b"/e/1"][usize::from(value) % 3];
        etcd.put(b"/b/neighbour", value);
        etcd.put(key, value);
        let waited = follower.shows(key, Some(value)).await;
        assert!(waited <= MOMENT, "{waited:?}");
        follower.pass(Duration::from_millis(217)).await;
    }
    assert_eq!((follower.report().reconnects, follower.report().relists), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn while_neighbours_write_the_data_is_confirmed_at_each_interval_without_reading_it() {
    let (etcd, follower) = beside_a_hasty_etcd().await;
    let reads = etcd.asked().reads;
    let most = Timing::default().progress_interval + Duration::from_millis(600);
    let start = Instant::now();
    while Instant::now() < start + LONG {
        etcd.put(b"/b/neighbour", 1);
        follower.pass(Duration::from_millis(100)).await;
        assert!(follower.age() <= most, "{:?}", follower.age());
    }
    // One read for each proof; a comparison would be three.
    assert!(etcd.asked().reads - reads <= 45, "{} reads", etcd.asked().reads - reads);
}

#[tokio::test(start_paused = true)]
async fn more_changes_than_a_server_queues_delay_nothing_for_long() {
    let (etcd, follower) = beside_a_hasty_etcd().await;
    for value in 0..250 {
        etcd.put(PREFIXES[usize::from(value) % 3], value);
    }
    etcd.put(b"/a/last", 9);
    let waited = follower.shows(b"/a/last", Some(9)).await;
    assert!(waited <= Duration::from_millis(1_300), "{waited:?}");
    follower.pass(Duration::from_secs(4)).await;
    etcd.put(b"/c/last", 9);
    let waited = follower.shows(b"/c/last", Some(9)).await;
    assert!(waited <= MOMENT, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_arrives_after_its_watch_was_believed_to_be_past_it_is_read_from_etcd() {
    let (etcd, follower) = beside_a_hasty_etcd().await;
    etcd.conduct(|conduct| conduct.mute = true);
    etcd.put(b"/a/late", 1);
    let (late, header) = (etcd.revision(), Some(etcd.header()));
    follower.within(LONG, "the wrong belief", |follower| follower.revision() >= late).await;
    assert_eq!(follower.value(b"/a/late"), None);
    let watch_id = etcd.lock().watchers[0].id;
    let events = vec![put_event(b"/a/late", 1, late)];
    let message = PbWatchResponse { header, watch_id, events, ..PbWatchResponse::default() };
    etcd.lock().watchers[0].stream.send(Ok(message)).unwrap();
    etcd.conduct(|conduct| conduct.mute = false);
    follower.shows(b"/a/late", Some(1)).await;
    assert_eq!((follower.report().divergences, follower.report().relists), (1, 1));
    assert!(follower.last_error().contains("15220"), "{}", follower.last_error());
}
