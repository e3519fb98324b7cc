//! Keeps the copy on disk of one client, and reads it when the process begins.
//!
//! Disks can be slow, and one over the network can hang. So what touches the file runs on a thread of its own
//! that lives for one write, with a snapshot that nobody changes; the session's thread goes on. A child that is
//! forked meanwhile has no such thread, and closes the files that it inherits (see [`crate::sockets`]).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::supervise::supervise;
use crate::backoff::Backoff;
use crate::clock::Instant;
use crate::error::{Error, ErrorKind, Result};
use crate::notice::Notice;
use crate::range::Ranges;
use crate::store::disk::{CacheFile, Candidate, DiskCopy, Header, Outcome, Verdict, milliseconds};
use crate::sync::{Cached, Outlet};

/// Seen in `ps -L`, `top -H` and debuggers.
const THREAD_NAME: &str = "etcd_disk";
/// etcd is not kept waiting for a disk any longer.
const LONGEST_LOAD: Duration = Duration::from_secs(2);
/// Between two looks at whether there is something to write.
const LOOK: Duration = Duration::from_secs(1);
/// Between two writes by this process.
const REST: Duration = Duration::from_secs(5);
/// Content that has not changed is offered again after this, for the sake of its age.
const REFRESH: Duration = Duration::from_secs(60);

/// Where a client's copy is, and what is wrong with it, if anything.
#[derive(Debug)]
pub(super) struct Disk {
    file: CacheFile,
    /// Why the copy could not be read or written; for `status`.
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

/// Reads the copy, if there is to be one, and has it kept by one of the `helpers`.
pub(super) async fn keep(keeper: Option<Keeper>, helpers: &mut JoinSet<()>) -> Option<Cached> {
    let mut keeper = keeper?;
    let cached = keeper.load().await;
    // A task of its own: a defect of it must not end the watch.
    helpers.spawn(async move {
        let next = keeper.successor();
        let mut first = Some(keeper);
        let start = |_| first.take().unwrap_or_else(|| next.successor()).run();
        supervise(REFRESH, |error| next.tell(Some(error.clone())), start).await;
    });
    cached
}

/// What was offered to the disk last.
#[derive(Debug, Clone, Copy)]
struct Offered {
    generation: u64,
    at: Instant,
}

/// The disk's part in one process's session.
pub(super) struct Keeper {
    disk: Arc<Disk>,
    ranges: Ranges,
    outlet: Outlet,
    settled: Option<Offered>,
    /// The generation seen last, and the revision at which it was.
    seen: (u64, i64),
    /// The file was refused: it is worth nothing to others either.
    replace: bool,
    failures: Backoff,
}

impl Keeper {
    pub(super) fn new(disk: Arc<Disk>, ranges: Ranges, outlet: Outlet) -> Self {
        let failures = Backoff::new(REST, REFRESH, REFRESH * 2);
        Self { disk, ranges, outlet, settled: None, seen: (0, 0), replace: false, failures }
    }

    /// Another one for the same copy, which has written nothing yet.
    fn successor(&self) -> Self {
        Self::new(Arc::clone(&self.disk), self.ranges.clone(), self.outlet.clone())
    }

    /// The copy, for a process that has nothing yet.
    pub(super) async fn load(&mut self) -> Option<Cached> {
        if self.outlet.publication.generation() > 0 {
            return None;
        }
        let (disk, ranges) = (Arc::clone(&self.disk), self.ranges.clone());
        let look = move || Ok((disk.file.check(), disk.file.load(&ranges)));
        let found = tokio::time::timeout(LONGEST_LOAD, on_a_thread(look)).await;
        let found = found.unwrap_or_else(|_| Err(Error::new(ErrorKind::Cache, "the disk does not answer")));
        // Where nothing can be written, something may still be read.
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

    /// Writes what is new, for as long as it is polled.
    pub(super) async fn run(mut self) {
        loop {
            // The processes of a host should not all look at once.
            let mut pause = LOOK.mul_f64(2.0 * fastrand::f64());
            if let Some((copy, candidate)) = self.fresh() {
                let (disk, generation) = (Arc::clone(&self.disk), self.seen.0);
                let saved = on_a_thread(move || disk.file.save(&copy, &candidate)).await;
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

    /// What is shown, if etcd has confirmed it in this process and the disk may not have it.
    fn fresh(&mut self) -> Option<(DiskCopy, Candidate)> {
        // Before the snapshot: what the report confirms, the snapshot then holds.
        let report = self.outlet.report.load_full();
        let published = self.outlet.publication.load_full();
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
        let candidate = Candidate { header, changed_at: self.seen.1, replace: self.replace };
        Some((DiskCopy { header, ranges: self.ranges.clone(), snapshot: snapshot.clone() }, candidate))
    }

    fn tell(&self, problem: Option<Error>) {
        let problem = problem.map(Arc::new);
        if self.disk.problem.swap(problem.clone()) != problem {
            self.outlet.signal.notify();
            if let Some(error) = problem {
                self.outlet.notices.notify(Notice::CacheFailed { error: Error::clone(&error) });
            }
        }
    }
}

/// What the copy means to the machine: the clock of the wall becomes that of the process.
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
        // Nobody listens any more when the client has gone.
        let _ = done.send(work());
    });
    let refused = |error: std::io::Error| Error::new(ErrorKind::Cache, format!("no thread for it: {error}"));
    thread.map_err(refused)?;
    result.await.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::Internal,
            "internal error in etcd_discovery (a Rust panic ended the access to the disk); please report it",
        ))
    })
}
