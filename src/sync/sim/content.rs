//! What is shown is etcd's content, complete and in order, however messages arrive (promises 1 to 3).

use etcd_client::proto::PbWatchResponse;

use super::super::model::content;
use super::etcd::{Progress, Simulated, deletion, put_event};
use super::follower::{Follower, LONG, etcd_at, followed};
use super::wire::Line;
use crate::clock::Instant;
use crate::range::{KeyRange, Ranges};

/// A message with `events` from a server at a later revision than any of them, as in a catch-up.
fn ahead(etcd: &super::etcd::Simulated, events: Vec<etcd_client::proto::PbEvent>) -> PbWatchResponse {
    let mut header = etcd.header();
    header.revision += 3_500;
    PbWatchResponse { header: Some(header), events, ..PbWatchResponse::default() }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_arrives_in_fragments_is_shown_once_it_is_complete() {
    let (etcd, follower) = followed().await;
    etcd.conduct(|conduct| conduct.mute = true);
    let next = etcd.revision() + 1;
    etcd.put(b"/a/1", 2);
    etcd.write(&[(b"/a/2", Some(3)), (b"/a/3", Some(3)), (b"/a/4", Some(3))]);

    let first = vec![put_event(b"/a/1", 2, next), put_event(b"/a/2", 3, next + 1)];
    etcd.say(&PbWatchResponse { fragment: true, ..ahead(&etcd, first) });
    etcd.say(&PbWatchResponse { fragment: true, ..ahead(&etcd, vec![put_event(b"/a/3", 3, next + 1)]) });
    follower.shows(b"/a/1", Some(2)).await;
    assert_eq!((follower.revision(), follower.value(b"/a/2")), (next, None));

    etcd.say(&ahead(&etcd, vec![put_event(b"/a/4", 3, next + 1)]));
    follower.shows(b"/a/4", Some(3)).await;
    assert_eq!((follower.revision(), follower.value(b"/a/2")), (next + 1, Some(3)));
}

#[tokio::test(start_paused = true)]
async fn old_and_repeated_events_change_nothing() {
    let (etcd, follower) = followed().await;
    etcd.put(b"/a/1", 2);
    follower.shows(b"/a/1", Some(2)).await;
    let old = vec![put_event(b"/a/1", 1, 2), deletion(b"/a/1", 2), put_event(b"/a/1", 99, etcd.revision())];
    for event in old {
        etcd.say(&ahead(&etcd, vec![event]));
    }
    etcd.put(b"/a/2", 7);
    follower.shows(b"/a/2", Some(7)).await;
    assert_eq!(follower.value(b"/a/1"), Some(2));
    assert_eq!((follower.report().relists, follower.report().reconnects), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_watch_resumes_after_the_last_event_and_not_after_the_servers_revision() {
    let (etcd, follower) = followed().await;
    etcd.conduct(|conduct| conduct.mute = true);
    let next = etcd.revision() + 1;
    etcd.say(&ahead(&etcd, vec![put_event(b"/a/1", 2, next)]));
    follower.shows(b"/a/1", Some(2)).await;
    etcd.conduct(|conduct| conduct.mute = false);
    etcd.put(b"/a/1", 2);
    etcd.line(&Line::Cut);
    etcd.put(b"/a/2", 3);
    follower.shows(b"/a/2", Some(3)).await;
    assert_eq!(etcd.asked().watches.last(), Some(&next));
    assert_eq!(follower.report().relists, 0);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_over_two_ranges_is_shown_complete_when_one_of_the_watches_is_slower() {
    let etcd = etcd_at("one");
    let follower = Follower::start(&["one"], &[b"/a/", b"/b/"]);
    follower.fresh().await;
    etcd.conduct(|conduct| conduct.mute = true);
    etcd.write(&[(b"/a/1", Some(1)), (b"/b/1", Some(1))]);
    let (header, at) = (Some(etcd.header()), etcd.revision());
    let watches: Vec<_> = etcd.lock().watchers.iter().map(|watch| (watch.id, watch.stream.clone())).collect();
    for ((watch_id, stream), key) in watches.into_iter().zip([b"/a/1", b"/b/1"]) {
        assert_eq!((follower.value(b"/a/1"), follower.value(b"/b/1")), (None, None));
        let events = vec![put_event(key, 1, at)];
        stream.send(Ok(PbWatchResponse { header, watch_id, events, ..PbWatchResponse::default() })).unwrap();
        follower.pass(std::time::Duration::from_millis(20)).await;
    }
    follower.shows(b"/b/1", Some(1)).await;
    assert_eq!(follower.value(b"/a/1"), Some(1));
}

/// An old server, whose progress answers may overtake events, and a process that follows it.
async fn beside_a_hasty_etcd() -> (Simulated, Follower) {
    let etcd = etcd_at("one");
    etcd.conduct(|conduct| {
        conduct.version = "3.4.23";
        conduct.progress = Progress::Hasty;
    });
    let follower = Follower::start(&["one"], &[b"/a/"]);
    follower.fresh().await;
    (etcd, follower)
}

#[tokio::test(start_paused = true)]
async fn a_progress_answer_of_an_old_server_that_overtakes_an_event_does_not_hide_the_event() {
    let (etcd, follower) = beside_a_hasty_etcd().await;
    etcd.conduct(|conduct| conduct.mute = true);
    etcd.put(b"/a/1", 1);
    let age_before = follower.age();
    follower.within(LONG, "a progress request", |_| etcd.asked().progress > 1).await;
    assert!(follower.age() > age_before, "confirmed by an answer that overtook an event");
    etcd.conduct(|conduct| conduct.mute = false);
    etcd.lock().tell_watchers();
    follower.shows(b"/a/1", Some(1)).await;
    assert_eq!(follower.report().relists, 0);
}

#[tokio::test(start_paused = true)]
async fn an_old_server_is_not_believed_while_a_new_watch_may_be_catching_up() {
    let (etcd, follower) = beside_a_hasty_etcd().await;
    let (cut_at, watches) = (Instant::now(), etcd.asked().watches.len());
    etcd.conduct(|conduct| conduct.mute = true);
    etcd.line(&Line::Cut);
    etcd.line(&Line::Up);
    etcd.put(b"/a/1", 1);
    follower.within(LONG, "a new watch", |_| etcd.asked().watches.len() > watches).await;
    // This lasts until the silent watch is given up.
    follower.pass(std::time::Duration::from_millis(2_500)).await;
    assert!(etcd.asked().progress > 2 && follower.report().confirmed_at.is_some_and(|at| at <= cut_at));
    etcd.conduct(|conduct| conduct.mute = false);
    etcd.lock().tell_watchers();
    follower.shows(b"/a/1", Some(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_history_of_the_same_cluster_is_noticed_and_read_again() {
    let (etcd, follower) = followed().await;
    for value in 0..20 {
        etcd.put(b"/a/2", value);
    }
    follower.shows(b"/a/2", Some(19)).await;
    etcd.lock().content.lose_data(Instant::now());
    etcd.line(&Line::Cut);
    etcd.put(b"/a/3", 1);
    follower.shows(b"/a/3", Some(1)).await;
    assert_eq!((follower.value(b"/a/1"), follower.value(b"/a/2")), (None, None));
    assert_eq!((follower.revision(), follower.report().resets), (etcd.revision(), 1));
}

#[tokio::test(start_paused = true)]
async fn another_cluster_on_the_open_stream_is_noticed_and_read_again() {
    let (etcd, follower) = followed().await;
    etcd.lock().content.replace(Instant::now());
    etcd.put(b"/a/9", 9);
    follower.shows(b"/a/9", Some(9)).await;
    follower.fresh().await;
    assert_eq!(follower.report().resets, 1);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_leads_to_another_member_is_resolved_again_for_the_next_connection() {
    let (etcd, follower) = followed().await;
    let moved = etcd_at("one");
    for value in 0..9 {
        moved.put(b"/a/1", value);
    }
    etcd.line(&Line::Cut);
    follower.shows(b"/a/1", Some(8)).await;
    assert_eq!(etcd.asked().watches.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_compaction_overtakes_every_time_still_ends() {
    let etcd = etcd_at("one");
    for (key, value) in [b"/a/1", b"/a/2", b"/a/3", b"/a/4", b"/a/5"].into_iter().zip(1..) {
        etcd.put(key, value);
    }
    etcd.put(b"/elsewhere", 1);
    etcd.conduct(|conduct| conduct.compact_between_pages = true);
    let follower = Follower::start(&["one"], &[b"/a/"]);
    follower.fresh().await;
    let shown = follower.publication.load().snapshot().clone();
    let watched = Ranges::merge([KeyRange::prefix(b"/a/")]);
    assert_eq!((shown.len(), content(&shown)), (5, etcd.lock().content.content(&watched, shown.revision())));
    assert_eq!(shown.revision(), etcd.revision());
}
