//! Keeps one client's disk copy up to date, and reads it when the process starts.
//!
//! A disk can be slow, and a network disk can hang. So each access to the file runs on a thread of its own, while the
//! session's thread continues and hands it the entries in batches. The thread lives for one access. A child forked
//! meanwhile does not have this thread: it closes the files that it inherits (see [`crate::sockets`]), and could not
//! free a snapshot that the thread held (see [`crate::releasable`]).

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::supervise::supervise;
use crate::backoff::Backoff;
use crate::clock::Instant;
use crate::error::{Error, ErrorKind, Result};
use crate::notice::Notice;
use crate::range::Ranges;
use crate::store::disk::{CacheFile, Candidate, DiskCopy, Header, Outcome, Source, Verdict, milliseconds};
use crate::store::{Entry, Snapshot};
use crate::sync::{Cached, Sinks};

/// The thread's name in `ps -L`, `top -H` and debuggers.
const THREAD_NAME: &str = "etcd_disk";
/// The start waits for the disk for at most this long, then asks etcd.
const LONGEST_LOAD: Duration = Duration::from_secs(2);
/// How often the content is checked for changes to write.
const LOOK: Duration = Duration::from_secs(1);
/// The pause between two writes by this process.
const REST: Duration = Duration::from_secs(5);
/// Unchanged content is written again after this time, so that the copy's age stays low.
const REFRESH: Duration = Duration::from_secs(60);

/// The number of entries that the thread asks for at once.
const BATCH: usize = 1_000;

/// The key of the last entry that the thread has, and where to send the next ones.
type Ask = (Option<Vec<u8>>, oneshot::Sender<Vec<Entry>>);

/// Where a client's disk copy is, and its last problem, if any.
#[derive(Debug)]
pub(super) struct Disk {
    file: CacheFile,
    /// Why the copy could not be read or written; shown in `status`.
    problem: ArcSwapOption<Error>,
}

impl Disk {
    pub(super) fn new(file: CacheFile) -> Self {
        Self { file, problem: ArcSwapOption::empty() }
    }

    pub(super) fn problem(&self) -> Option<Arc<Error>> {
        self.problem.load_full()
    }
}

/// Reads the copy, if one is configured, and lets one of the `helpers` keep it up to date.
pub(super) async fn keep(writer: Option<CacheWriter>, helpers: &mut JoinSet<()>) -> Option<Cached> {
    let mut writer = writer?;
    let cached = writer.load().await;
    // A separate task, so that a panic in it does not end the watch.
    helpers.spawn(async move {
        let next = writer.successor();
        let mut first = Some(writer);
        let start = |_| first.take().unwrap_or_else(|| next.successor()).run();
        supervise(REFRESH, |error| next.tell(Some(error.clone())), start).await;
    });
    cached
}

/// What was last offered to the disk.
#[derive(Debug, Clone, Copy)]
struct Offered {
    generation: u64,
    at: Instant,
}

/// The disk's part in one process's session.
pub(super) struct CacheWriter {
    disk: Arc<Disk>,
    ranges: Ranges,
    sinks: Sinks,
    settled: Option<Offered>,
    /// The generation seen last, and its revision.
    seen: (u64, i64),
    /// The file was refused, so it is useless to other processes too and may be replaced.
    replace: bool,
    failures: Backoff,
}

impl CacheWriter {
    pub(super) fn new(disk: Arc<Disk>, ranges: Ranges, sinks: Sinks) -> Self {
        let failures = Backoff::new(REST, REFRESH, REFRESH * 2);
        Self { disk, ranges, sinks, settled: None, seen: (0, 0), replace: false, failures }
    }

    /// A new writer for the same copy, which has written nothing yet.
    fn successor(&self) -> Self {
        Self::new(Arc::clone(&self.disk), self.ranges.clone(), self.sinks.clone())
    }

    /// Loads the copy, for a process that has no content yet.
    pub(super) async fn load(&mut self) -> Option<Cached> {
        if self.sinks.publication.generation() > 0 {
            return None;
        }
        let (disk, ranges) = (Arc::clone(&self.disk), self.ranges.clone());
        let look = move || Ok((disk.file.check(), disk.file.load(&ranges)));
        let found = tokio::time::timeout(LONGEST_LOAD, on_a_thread(look)).await;
        let found = found.unwrap_or_else(|_| Err(Error::new(ErrorKind::Cache, "the disk does not answer")));
        // A file that cannot be written may still be readable.
        let (usable, loaded) = found.unwrap_or_else(|error| (Ok(()), Err(error)));
        match loaded {
            Ok(copy) => {
                self.tell(usable.err());
                copy.map(cached)
            }
            Err(error) => {
                self.replace = true;
                self.tell(Some(error));
                None
            }
        }
    }

    /// Writes new content to the disk for as long as it is polled.
    pub(super) async fn run(mut self) {
        loop {
            // Random, so that the processes of a host do not all check at once.
            let mut pause = LOOK.mul_f64(2.0 * fastrand::f64());
            if let Some(candidate) = self.fresh() {
                let generation = self.seen.0;
                let saved = self.save(candidate).await;
                self.sinks.contents.saved.take();
                if matches!(saved, Ok(Outcome::Checked(Verdict::Write | Verdict::UpToDate))) {
                    self.settled = Some(Offered { generation, at: Instant::now() });
                    self.replace = false;
                }
                match &saved {
                    Ok(Outcome::Busy | Outcome::Checked(Verdict::TooSoon)) => {}
                    Ok(Outcome::Checked(_)) => {
                        self.failures.succeeded(Instant::now());
                        pause = REST;
                    }
                    Err(_) => pause = self.failures.failed(Instant::now(), fastrand::f64()),
                }
                self.tell(saved.err());
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Puts the content aside for [`Self::save`] if etcd confirmed it here and the disk may lack it.
    fn fresh(&mut self) -> Option<Candidate> {
        // The report is read first: the snapshot, read after it, holds at least what the report confirms.
        let report = self.sinks.report.load_full();
        let published = self.sinks.publication.load_full();
        let confirmed_at =
            report.confirmed_at.filter(|_| !report.from_cache && published.generation() > 0)?;
        let snapshot = published.snapshot();
        if self.seen.0 != published.generation() {
            self.seen = (published.generation(), snapshot.revision());
        }
        let settled = self
            .settled
            .is_some_and(|last| last.generation == published.generation() && last.at.elapsed() < REFRESH);
        if settled {
            return None;
        }
        let confirmed = SystemTime::now().checked_sub(confirmed_at.elapsed())?;
        let header = Header {
            cluster_id: snapshot.cluster_id(),
            raft_term: report.raft_term,
            revision: snapshot.revision(),
            confirmed_ms: milliseconds(confirmed),
        };
        self.sinks.contents.saved.put(snapshot.clone());
        Some(Candidate { header, changed_at: self.seen.1, replace: self.replace })
    }

    /// Writes what [`Self::fresh`] has put aside, on a thread that holds a few of its entries at a time.
    async fn save(&self, candidate: Candidate) -> Result<Outcome> {
        let (disk, ranges) = (Arc::clone(&self.disk), self.ranges.clone());
        let (asks, mut asked) = mpsc::unbounded_channel::<Ask>();
        let saving = on_a_thread(move || {
            let gone = || io::Error::other("the client has ended");
            let batches = &mut |last: Option<&Entry>| {
                let (reply, batch) = oneshot::channel();
                asks.send((last.map(|entry| entry.key().to_vec()), reply)).map_err(|_| gone())?;
                batch.blocking_recv().map_err(|_| gone())
            };
            disk.file.save(Source { header: candidate.header, ranges, batches }, &candidate)
        });
        let answering = async {
            while let Some((last, reply)) = asked.recv().await {
                let batch = |snapshot: &mut Snapshot| snapshot.batch(last.as_deref(), BATCH);
                // The receiver is gone if the thread has failed.
                let _ = reply.send(self.sinks.contents.saved.with(batch).unwrap_or_default());
            }
        };
        tokio::join!(saving, answering).0
    }

    fn tell(&self, problem: Option<Error>) {
        let problem = problem.map(Arc::new);
        if self.disk.problem.swap(problem.clone()) != problem {
            self.sinks.wakers.wake_all();
            if let Some(error) = problem {
                self.sinks.notices.notify(Notice::CacheFailed { error: Error::clone(&error) });
            }
        }
    }
}

/// Translates a copy for the machine: wall-clock times become times of the process's clock.
fn cached(copy: DiskCopy) -> Cached {
    let age = milliseconds(SystemTime::now()).checked_sub(copy.header.confirmed_ms);
    let age = age.and_then(|age| u64::try_from(age).ok()).map(Duration::from_millis);
    Cached {
        snapshot: copy.snapshot,
        raft_term: copy.header.raft_term,
        confirmed_at: age.and_then(|age| Instant::now().checked_sub(age)),
    }
}

async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (done, result) = oneshot::channel();
    let thread = std::thread::Builder::new().name(THREAD_NAME.into()).spawn(move || {
        // The receiver is gone if the client was dropped.
        let _ = done.send(work());
    });
    let refused = |error: std::io::Error| {
        Error::new(ErrorKind::Cache, format!("cannot start a thread to access it: {error}"))
    };
    thread.map_err(refused)?;
    result.await.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::Internal,
            "internal error in etcd_discovery (a Rust panic ended the access to the disk); please report it",
        ))
    })
}
