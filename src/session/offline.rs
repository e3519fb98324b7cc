//! Serves a client without etcd, from an in-memory store. Uses no thread and no socket.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::announced::AnnouncedList;
use super::notices::Feed;
use crate::clock::Instant;
use crate::config::Settings;
use crate::epoch::ProcessCell;
use crate::error::{Error, ErrorKind, Result};
use crate::notice::{LocalCopy, Notice, Sink};
use crate::store::transaction::{Outcome, Transaction};
use crate::store::{EntryRef, MemoryStore, Publication, WakerSet, Write};
use crate::sync::{Phase, Report, Staleness, Turn};

/// One client's store. A forked child writes to its own copy only.
pub struct Offline {
    store: MemoryStore,
    wakers: Arc<ProcessCell<WakerSet>>,
    report: Arc<ArcSwap<Report>>,
    /// Whether the content comes from an outside source that confirms it.
    ///
    /// Otherwise the store is the source.
    followed: AtomicBool,
    pub(super) leases: AtomicI64,
    /// When granted leases end. Without a lock, because a forked child takes them over.
    endings: ArcSwap<Vec<(i64, Instant)>>,
    notices: Arc<Feed>,
    announced: ProcessCell<AnnouncedList>,
    max_staleness: Duration,
    staleness: ProcessCell<Mutex<Staleness>>,
}

impl Offline {
    pub(super) fn open(
        settings: &Settings,
        publication: &Arc<Publication>,
        report: &Arc<ArcSwap<Report>>,
        wakers: &Arc<ProcessCell<WakerSet>>,
        notices: &Arc<Feed>,
    ) -> Self {
        let store = MemoryStore::open(settings.ranges.clone(), Arc::clone(publication));
        report.store(Arc::new(Report { phase: Phase::Offline, ..Report::default() }));
        Self {
            store,
            wakers: Arc::clone(wakers),
            report: Arc::clone(report),
            followed: AtomicBool::new(false),
            leases: AtomicI64::new(1),
            endings: ArcSwap::default(),
            notices: Arc::clone(notices),
            announced: ProcessCell::new(),
            max_staleness: settings.timing.max_staleness,
            staleness: ProcessCell::new(),
        }
    }

    /// All keys, and the means to write them.
    #[must_use]
    pub const fn store(&self) -> &MemoryStore {
        &self.store
    }

    /// Wakes the threads that wait for a change. Call it after each write to the store.
    pub fn notify(&self) {
        if let Some(wakers) = self.wakers.get() {
            wakers.wake_all();
        }
        self.tell_announced();
    }

    /// Confirms that the content equals its source at this moment.
    pub fn confirm(&self) {
        self.followed.store(true, Ordering::SeqCst);
        self.set_confirmed();
    }

    /// Reports when the content becomes stale or fresh again. The code that follows the source calls it
    /// often.
    pub fn check_staleness(&self) {
        let begin = || Ok(Mutex::new(Staleness::new(self.max_staleness)));
        let made: std::result::Result<_, std::convert::Infallible> = self.staleness.get_or_make(begin);
        let Ok(staleness) = made;
        let mut staleness = staleness.lock().unwrap_or_else(PoisonError::into_inner);
        let (report, now) = (self.report.load_full(), Instant::now());
        staleness.begin(now);
        let turn = staleness.check(now, report.confirmed_at);
        drop(staleness);
        let all = self.store.all();
        let copy = LocalCopy { revision: all.revision(), keys: all.len() };
        match turn {
            Some(Turn::Stale { age }) => self.notices.notify(Notice::Stale {
                age,
                max_staleness: self.max_staleness,
                state: Phase::Offline.as_str(),
                copy,
                error: report.last_error.clone(),
            }),
            Some(Turn::Fresh { age, after }) => self.notices.notify(Notice::Fresh { age, after, copy }),
            None => {}
        }
    }

    /// Reports that the source of the content cannot be read or is invalid.
    pub fn fail(&self, error: &Error) {
        let (last_error, last_error_at) = (Some(error.clone()), Some(Instant::now()));
        self.report.rcu(|report| Report {
            last_error: last_error.clone(),
            last_error_at,
            ..Report::clone(report)
        });
        self.notify();
    }

    /// Confirms content that has no outside source. It is always fresh until the client stops.
    pub(super) fn confirm_now(&self) {
        if !self.followed.load(Ordering::SeqCst) {
            self.set_confirmed();
        }
    }

    fn set_confirmed(&self) {
        let now = Some(Instant::now());
        self.report.rcu(|report| Report { confirmed_at: now, ..Report::clone(report) });
    }

    /// Wakes who waits for a change in this process.
    pub(super) fn wakers(&self) -> Arc<WakerSet> {
        let made: std::result::Result<_, std::convert::Infallible> =
            self.wakers.get_or_make(|| Ok(WakerSet::default()));
        let Ok(wakers) = made;
        wakers
    }

    pub(super) fn report(&self, stopped: bool) -> Arc<Report> {
        if !stopped {
            self.confirm_now();
        }
        let report = self.report.load_full();
        if stopped { Arc::new(Report { phase: Phase::Stopped, ..Report::clone(&report) }) } else { report }
    }

    /// Writes all of `transaction` at one revision, or nothing.
    pub(super) fn commit(&self, transaction: &Transaction) -> Result<Outcome> {
        if transaction.has_empty_key() {
            return Err(empty_key());
        }
        let mut conflict = None;
        let written = self.store.write(|now| {
            conflict = transaction.conflict(now);
            conflict.is_none().then(|| transaction.writes(now))
        });
        self.notify();
        Ok(conflict.unwrap_or(Outcome::Written(written.unwrap_or_default())))
    }

    /// Grants a lease of `ttl` seconds. [`end_leases`](Self::end_leases) ends it.
    pub(super) fn grant(&self, ttl: i64) -> i64 {
        let lease = self.leases.fetch_add(1, Ordering::SeqCst);
        let end = Instant::now() + Duration::from_secs(ttl.unsigned_abs());
        self.endings.rcu(|endings| endings.iter().copied().chain([(lease, end)]).collect::<Vec<_>>());
        lease
    }

    /// Deletes everything under `lease`.
    pub(super) fn revoke(&self, lease: i64) {
        self.end(&[lease]);
    }

    /// Ends a lease that has no keys any more.
    pub(super) fn revoke_unused(&self, lease: i64) {
        if !self.store.all().iter().any(|entry| entry.lease() == lease) {
            self.end(&[lease]);
        }
    }

    /// Deletes the keys whose lease has ended, as etcd does.
    ///
    /// Returns whether there are leases that will end.
    pub fn end_leases(&self) -> bool {
        let now = Instant::now();
        let endings = self.endings.load();
        let ended: Vec<i64> =
            endings.iter().filter(|(_, end)| *end <= now).map(|(lease, _)| *lease).collect();
        if !ended.is_empty() {
            self.end(&ended);
        }
        !self.endings.load().is_empty()
    }

    fn end(&self, leases: &[i64]) {
        let under = |entry: &EntryRef| leases.contains(&entry.lease());
        let delete = |entry: EntryRef| Write { key: entry.key().into(), value: None, lease: 0 };
        self.store.write(|now| {
            let writes: Vec<Write> = now.iter().filter(under).map(delete).collect();
            (!writes.is_empty()).then_some(writes)
        });
        self.endings.rcu(|endings| {
            endings.iter().copied().filter(|(lease, _)| !leases.contains(lease)).collect::<Vec<_>>()
        });
        self.notify();
    }

    pub(super) fn write_if(
        &self,
        key: &[u8],
        value: Option<&[u8]>,
        condition: impl FnOnce(Option<EntryRef>) -> bool,
    ) -> Result<Option<i64>> {
        self.write(key, value, 0, condition)
    }

    pub(super) fn write(
        &self,
        key: &[u8],
        value: Option<&[u8]>,
        lease: i64,
        condition: impl FnOnce(Option<EntryRef>) -> bool,
    ) -> Result<Option<i64>> {
        if key.is_empty() {
            return Err(empty_key());
        }
        let revision = self.store.write(|now| {
            let write = || Write { key: key.into(), value: value.map(Into::into), lease };
            condition(now.get(key)).then(|| vec![write()])
        });
        self.notify();
        Ok(revision)
    }

    /// The registrations of this process.
    pub(super) fn announced(&self) -> Arc<AnnouncedList> {
        let made: std::result::Result<_, std::convert::Infallible> =
            self.announced.get_or_make(|| Ok(AnnouncedList::default()));
        let Ok(list) = made;
        list
    }

    pub(super) fn tell_announced(&self) {
        if let Some(list) = self.announced.get() {
            list.tell(&self.store.all(), &self.notices);
        }
    }
}

fn empty_key() -> Error {
    Error::new(ErrorKind::InvalidRequest, "the key is empty; etcd accepts no empty key")
}
