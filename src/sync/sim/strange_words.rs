//! No message from etcd, or from whatever answers instead of it, can end the process (promise 9).

use etcd_client::proto::{PbEvent, PbWatchResponse};

use super::etcd::{Simulated, put_event};
use super::follower::{Follower, LONG, followed};
use super::wire::Line;

const MEBIBYTE: usize = 1 << 20;

/// A message that is correct except for its events.
fn saying(etcd: &Simulated, events: Vec<PbEvent>) -> PbWatchResponse {
    PbWatchResponse { header: Some(etcd.header()), events, ..PbWatchResponse::default() }
}

async fn expect_to_go_on(etcd: &Simulated, follower: &Follower) {
    etcd.put(b"/a/8", 8);
    follower.shows(b"/a/8", Some(8)).await;
    follower.fresh().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_of_an_unknown_type_is_taken_for_a_put() {
    let (etcd, follower) = followed().await;
    let event = PbEvent { r#type: 42, ..put_event(b"/a/1", 7, etcd.revision() + 1) };
    etcd.say(&saying(&etcd, vec![event]));
    follower.shows(b"/a/1", Some(7)).await;
    etcd.put(b"/a/1", 7);
    expect_to_go_on(&etcd, &follower).await;
}

#[tokio::test(start_paused = true)]
async fn messages_without_a_header_a_key_or_a_known_watch_do_no_harm() {
    let (etcd, follower) = followed().await;
    let nothing = PbEvent { r#type: 0, kv: None, prev_kv: None };
    etcd.say(&saying(&etcd, vec![nothing]));
    let unknown = PbWatchResponse { watch_id: 999, ..saying(&etcd, vec![put_event(b"/a/1", 9, 900)]) };
    let stream = etcd.lock().watchers[0].stream.clone();
    stream.send(Ok(unknown)).unwrap();
    etcd.say(&PbWatchResponse::default());
    let numbers = [i64::MIN, -1, 0, i64::MAX];
    for number in numbers {
        let mut header = etcd.header();
        (header.revision, header.raft_term) = (number, number.unsigned_abs());
        stream
            .send(Ok(PbWatchResponse {
                header: Some(header),
                watch_id: number,
                ..PbWatchResponse::default()
            }))
            .unwrap();
    }
    expect_to_go_on(&etcd, &follower).await;
    assert_eq!(follower.value(b"/a/1"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn events_out_of_order_end_the_stream_and_keep_the_copy() {
    let (etcd, follower) = followed().await;
    let next = etcd.revision() + 1;
    etcd.say(&saying(&etcd, vec![put_event(b"/a/2", 2, next + 1), put_event(b"/a/3", 3, next)]));
    expect_to_go_on(&etcd, &follower).await;
    assert_eq!((follower.value(b"/a/1"), follower.value(b"/a/3")), (Some(1), None));
}

#[tokio::test(start_paused = true)]
async fn keys_that_were_not_requested_are_not_shown_and_the_server_that_sends_them_is_reported_as_broken() {
    let (etcd, follower) = followed().await;
    etcd.say(&saying(&etcd, vec![put_event(b"/b/1", 2, etcd.revision() + 1)]));
    let blamed = |follower: &Follower| follower.last_error().contains("a proxy before it, is broken");
    follower.within(LONG, "the blame", blamed).await;
    expect_to_go_on(&etcd, &follower).await;
    assert_eq!(follower.value(b"/b/1"), None);

    etcd.conduct(|conduct| conduct.foreign_keys = true);
    let newcomer = Follower::start(&["one"], &[b"/a/"]);
    newcomer.within(LONG, "the blame", blamed).await;
    assert!(
        newcomer.last_error().contains("\"/zz\" is outside the requested range"),
        "{}",
        newcomer.last_error()
    );
    let before = etcd.asked().reads;
    newcomer.pass(std::time::Duration::from_secs(600)).await;
    assert!(etcd.asked().reads - before < 2_000, "{} reads", etcd.asked().reads - before);
    assert_eq!(newcomer.publication.generation(), 0);
    etcd.conduct(|conduct| conduct.foreign_keys = false);
    newcomer.shows(b"/a/1", Some(1)).await;
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_not_http_cost_a_connection() {
    let (etcd, follower) = followed().await;
    let noise: Vec<u8> =
        (0..200_000u32).map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
    for bytes in [noise, vec![0; 100_000], b"HTTP/1.1 200 OK\r\n\r\nhello".to_vec()] {
        etcd.line(&Line::Garbled(bytes));
        expect_to_go_on(&etcd, &follower).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_above_tonics_own_limit_is_accepted_and_one_above_ours_costs_a_connection() {
    let (etcd, follower) = followed().await;
    etcd.put(b"/a/2", 1);
    follower.shows(b"/a/2", Some(1)).await;
    etcd.conduct(|conduct| conduct.mute = true);
    for (size, taken) in [(6 * MEBIBYTE, true), (65 * MEBIBYTE, false)] {
        let connections = etcd.asked().connections;
        let mut event = put_event(b"/a/1", 0, etcd.revision() + 1);
        event.kv.as_mut().unwrap().value = vec![5; size];
        etcd.say(&saying(&etcd, vec![event]));
        etcd.put(b"/a/1", 5);
        if taken {
            follower.shows(b"/a/1", Some(5)).await;
        }
        let reconnected = |_: &Follower| etcd.asked().connections > connections;
        let refused =
            follower.within(LONG, "either", |f| f.value(b"/a/1") == Some(5) && taken || reconnected(f));
        refused.await;
        assert_eq!(etcd.asked().connections > connections, !taken, "{size}");
    }
    etcd.conduct(|conduct| conduct.mute = false);
    expect_to_go_on(&etcd, &follower).await;
}
