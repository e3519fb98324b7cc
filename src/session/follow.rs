//! Follows etcd for one client and survives panics in this library (promise 9).

use std::sync::Arc;

use tokio::sync::watch;

use super::supervise::supervise;
use crate::config::Settings;
use crate::error::Error;
use crate::sync::{Cached, Driver, Sinks};
use crate::transport::{Endpoints, Link};

/// Runs the driver. After a panic, a new one continues from the last snapshot and reports the panic.
pub(super) async fn follow(
    settings: Arc<Settings>,
    endpoints: Arc<Endpoints>,
    link: Arc<Link>,
    sinks: Sinks,
    mut wanted: watch::Receiver<bool>,
    mut cached: Option<Cached>,
) {
    let longest_pause = settings.timing.backoff_cap;
    let shown = sinks.clone();
    let start = move |defect: Option<Error>| {
        wanted.mark_changed();
        let (settings, endpoints, link) = (Arc::clone(&settings), Arc::clone(&endpoints), Arc::clone(&link));
        // Taken back from the previous driver's machine, so that a copy without use does not stay in memory.
        let cached = cached.take().or_else(|| sinks.contents.machine.take()?.into_fallback());
        let mut driver = Driver::new(settings, endpoints, link, sinks.clone(), wanted.clone());
        if let Some(error) = defect {
            driver.remember(error);
        }
        if let Some(cached) = cached {
            driver.fall_back_on(cached);
        }
        driver.run()
    };
    supervise(longest_pause, |error| shown.driver_panicked(error), start).await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Instant;
    use crate::defect;
    use crate::error::ErrorKind;
    use crate::notice::Notice;
    use crate::store::{Entry, Snapshot};
    use crate::sync::Phase;
    use crate::sync::sim::etcd::Simulated;
    use crate::sync::sim::follower::{Follower, LONG, Parts, etcd_at, settings};

    /// An etcd that holds `/a/1`, and a process that follows it as every client does.
    async fn supervised() -> (Simulated, Follower) {
        let etcd = etcd_at("one");
        etcd.put(b"/a/1", 1);
        let follower = Follower::run_by(settings(&["one"], &[b"/a/"]), |parts| {
            let Parts { settings, endpoints, link, sinks, wanted } = parts;
            follow(settings, endpoints, link, sinks, wanted, None)
        });
        follower.fresh().await;
        (etcd, follower)
    }

    fn error_kind(follower: &Follower) -> Option<ErrorKind> {
        follower.report().last_error.as_ref().map(Error::kind)
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_while_following_is_an_internal_error_and_the_watch_resumes_from_the_last_snapshot() {
        let (etcd, follower) = supervised().await;
        let (connections, watches) = (etcd.asked().connections, etcd.asked().watches.len());
        let before = follower.notices().len();
        defect::arm(b"/a/panics-once", 1);
        etcd.put(b"/a/panics-once", 1);
        let reported = |follower: &Follower| error_kind(follower) == Some(ErrorKind::Internal);
        follower.within(LONG, "the error", reported).await;
        assert_eq!(follower.phase(), Phase::Backoff, "nothing is followed now, and the state says so");
        assert_eq!((follower.value(b"/a/1"), follower.value(b"/a/panics-once")), (Some(1), None));
        assert!(follower.last_error().contains("please report it"), "{}", follower.last_error());

        follower.shows(b"/a/panics-once", Some(1)).await;
        follower.fresh().await;
        etcd.put(b"/a/1", 2);
        follower.shows(b"/a/1", Some(2)).await;
        assert_eq!((etcd.asked().watches.len(), follower.report().relists), (watches + 1, 0));
        assert!(etcd.asked().connections > connections && follower.report().reconnects == 1);
        assert_eq!(error_kind(&follower), Some(ErrorKind::Internal), "the status keeps the error");
        let happened = follower.notices().split_off(before);
        let [Notice::Disconnected { error, .. }, Notice::Reconnected { connections: 1, .. }] = &happened[..]
        else {
            panic!("{happened:?}")
        };
        assert_eq!(error.kind(), ErrorKind::Internal);
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_from_disk_does_not_stay_in_memory_beside_what_etcd_has() {
        let etcd = etcd_at("one");
        etcd.put(b"/a/1", 1);
        let entry = Entry::new(b"/a/1".to_vec(), b"from disk", 1, 0);
        let mut snapshot = Snapshot::default();
        snapshot.stage(vec![entry.clone()]);
        let cached = Cached { snapshot: snapshot.staged(1, 99), raft_term: 1, confirmed_at: None };
        let follower = Follower::run_by(settings(&["one"], &[b"/a/"]), |parts| {
            let Parts { settings, endpoints, link, sinks, wanted } = parts;
            follow(settings, endpoints, link, sinks, wanted, Some(cached))
        });
        assert_eq!(entry.clones(), 2);
        follower.fresh().await;
        assert_eq!((follower.value(b"/a/1"), entry.clones()), (Some(1), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_from_disk_is_still_there_after_a_panic_before_etcd_could_be_asked() {
        let mut snapshot = Snapshot::default();
        snapshot.stage(vec![Entry::new(b"/a/1".to_vec(), &[7], 1, 0)]);
        let cached = Cached { snapshot: snapshot.staged(1, 99), raft_term: 1, confirmed_at: None };
        let follower = Follower::run_by(settings(&["unreachable"], &[b"/a/"]), |parts| {
            let Parts { settings, endpoints, link, sinks, wanted } = parts;
            let again = (Arc::clone(&settings), Arc::clone(&endpoints), Arc::clone(&link));
            let mut panicked = Driver::new(again.0, again.1, again.2, sinks.clone(), wanted.clone());
            panicked.fall_back_on(cached);
            drop(panicked);
            follow(settings, endpoints, link, sinks, wanted, None)
        });
        follower.shows(b"/a/1", Some(7)).await;
        assert!(follower.report().from_cache);
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_panics_every_time_leaves_the_copy_stale_and_causes_no_storm() {
        let (etcd, follower) = supervised().await;
        let (before, struck) = (etcd.asked().watches.len(), Instant::now());
        defect::arm(b"/a/panics-always", u32::MAX);
        etcd.put(b"/a/panics-always", 1);
        follower.pass(Duration::from_secs(600)).await;
        let watches = etcd.asked().watches.len() - before;
        assert!((200..1_200).contains(&watches), "{watches} watches in ten minutes");
        assert_eq!(follower.value(b"/a/1"), Some(1));
        assert!(follower.report().confirmed_at.is_some_and(|at| at <= struck), "{:?}", follower.report());
        assert_ne!(follower.phase(), Phase::Watching);

        defect::arm(b"/a/panics-always", 0);
        follower.shows(b"/a/panics-always", Some(1)).await;
        follower.fresh().await;
    }
}
