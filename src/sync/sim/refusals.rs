//! Refusals inside an open stream: the copy stays, the reason is reported, and no loop is tight.
//!
//! Promises 4 and 12.

use std::time::Duration;

use tonic::Status;

use super::follower::{Follower, LONG, followed};
use super::wire::Line;
use crate::sync::Phase;

const TEN_MINUTES: Duration = Duration::from_secs(600);

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_created_and_canceled_in_one_message_is_denied_and_opened_again_once_allowed() {
    let (etcd, follower) = followed().await;
    etcd.conduct(|conduct| {
        conduct.refuse_watches =
            Some("rpc error: code = PermissionDenied desc = etcdserver: permission denied");
    });
    etcd.line(&Line::Cut);
    follower.within(LONG, "the denial", |follower| follower.phase() == Phase::Denied).await;
    assert!(follower.last_error().contains("grant the user to read it"), "{}", follower.last_error());
    assert!(follower.last_error().contains("prefix \"/a/\""), "{}", follower.last_error());
    assert_eq!(follower.value(b"/a/1"), Some(1));

    etcd.put(b"/a/1", 2);
    etcd.conduct(|conduct| conduct.refuse_watches = None);
    let waited = follower.shows(b"/a/1", Some(2)).await;
    assert!(waited <= Duration::from_secs(6), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_costs_one_new_connection_and_no_pause() {
    for reason in ["etcdserver: invalid auth token", "etcdserver: revision of auth store is old"] {
        let (etcd, follower) = followed().await;
        etcd.cancel(reason, 0);
        etcd.put(b"/a/1", 2);
        let waited = follower.shows(b"/a/1", Some(2)).await;
        assert!(waited < Duration::from_millis(100), "{waited:?}");
        assert_eq!((follower.report().reconnects, follower.report().relists), (1, 0), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_compacted_watch_is_listed_again_with_its_deletions_in_whatever_form_etcd_reports_it() {
    let said = "etcdserver: mvcc: required revision has been compacted";
    for (reason, by_number) in [("", true), (said, false)] {
        let (etcd, follower) = followed().await;
        etcd.conduct(|conduct| conduct.mute = true);
        etcd.write(&[(b"/a/1", None), (b"/a/2", Some(2))]);
        etcd.lock().content.compact();
        etcd.conduct(|conduct| conduct.mute = false);
        etcd.cancel(reason, if by_number { etcd.revision() } else { 0 });
        follower.shows(b"/a/2", Some(2)).await;
        assert_eq!((follower.value(b"/a/1"), follower.report().relists), (None, 1), "{reason:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_without_a_leader_is_reported_as_such_and_left() {
    let (etcd, follower) = followed().await;
    etcd.cancel("rpc error: code = Unavailable desc = etcdserver: no leader", 0);
    follower.within(LONG, "the end of the watch", |follower| follower.report().last_error.is_some()).await;
    assert!(follower.last_error().contains("has no leader"), "{}", follower.last_error());
    follower.fresh().await;
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_of_refusals_cause_no_storm() {
    for reason in ["etcdserver: permission denied", "etcdserver: invalid auth token", "whatever", ""] {
        let (etcd, follower) = followed().await;
        etcd.conduct(|conduct| conduct.refuse_watches = Some(reason));
        etcd.line(&Line::Cut);
        let before = etcd.asked().watches.len();
        follower.pass(TEN_MINUTES).await;
        let asked = etcd.asked().watches.len() - before;
        // At least a second apart on average: jitter halves a pause of three seconds.
        assert!(asked > 50 && asked < 600, "{reason:?}: {asked} watches");
        assert_eq!(follower.value(b"/a/1"), Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_read_keeps_the_copy_and_the_error_names_the_read() {
    let (etcd, follower) = followed().await;
    etcd.conduct(|conduct| {
        conduct.refuse_reads = Some(Status::permission_denied("etcdserver: permission denied"));
    });
    follower.within(LONG, "the denial", |follower| follower.phase() == Phase::Denied).await;
    assert!(follower.last_error().contains("the revision of prefix \"/a/\""), "{}", follower.last_error());
    assert!(follower.report().last_error_at.is_some());
    assert_eq!(follower.value(b"/a/1"), Some(1));
    etcd.conduct(|conduct| conduct.refuse_reads = None);
    follower.fresh().await;
}

#[tokio::test(start_paused = true)]
async fn a_first_listing_that_is_refused_publishes_nothing() {
    let etcd = super::follower::etcd_at("one");
    etcd.conduct(|conduct| {
        conduct.refuse_reads = Some(Status::permission_denied("etcdserver: permission denied"));
    });
    let follower = Follower::start(&["one"], &[b"/a/"]);
    follower.within(LONG, "the denial", |follower| follower.phase() == Phase::Denied).await;
    assert_eq!((follower.publication.generation(), follower.report().confirmed_at), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_password_that_the_server_repeats_appears_in_no_error() {
    let _password = crate::secret::Secret::new("rep3ated");
    for status in [Status::permission_denied("not for app:rep3ated"), Status::unknown("app:rep3ated")] {
        let (etcd, follower) = followed().await;
        etcd.conduct(|conduct| conduct.refuse_reads = Some(status));
        follower.within(LONG, "the error", |follower| follower.report().last_error.is_some()).await;
        assert!(!follower.last_error().contains("rep3ated"), "{}", follower.last_error());
    }
    for reason in ["permission denied for app:rep3ated", "whatever app:rep3ated"] {
        let (etcd, follower) = followed().await;
        etcd.cancel(reason, 0);
        etcd.conduct(|conduct| conduct.refuse_watches = Some(reason));
        follower.within(LONG, "the error", |follower| follower.report().last_error.is_some()).await;
        assert!(follower.last_error().contains("[FILTERED]"), "{}", follower.last_error());
        assert!(!follower.last_error().contains("rep3ated"), "{}", follower.last_error());
    }
}
