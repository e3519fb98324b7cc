//! One process's part in following etcd once per host: what the election of [`crate::host`] starts and stops here.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use etcd_discovery_shelf::{self as shelf, At, Put, Shelf, Writer};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::bell::Bell;
pub(super) use super::leader_report::shown_report;
use super::leader_report::{problem_of, state_of};
use super::supervise::supervise;
use crate::backoff;
use crate::clock::Instant;
use crate::config::{HostCopy, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::host::{self, Engine, Meeting, Role, Rules, Standing, Trouble};
use crate::notice::{LocalCopy, Notice};
use crate::store::{Changed, Followed, Published, Snapshot};
use crate::sync::{Phase, Report, Sinks, Staleness, Turn};

pub(super) use host::Remembered;

/// How often the leader passes on when etcd last confirmed the content.
const LOOK: Duration = Duration::from_millis(500);
/// The largest size of a segment. Only what is used is allocated.
const CAPACITY: usize = 16 << 30;

/// Starts what follows etcd in this process, and returns it.
pub(super) type Follow = Arc<dyn Fn() -> JoinSet<()> + Send + Sync>;

/// What a process with a host copy is on its host.
pub(super) struct Hosting {
    role: watch::Receiver<Role>,
}

impl Hosting {
    /// What this process does now.
    pub(super) fn role(&self) -> Role {
        *self.role.borrow()
    }
}

/// Takes part in the election at `host_copy`, until the client that `wanted` comes from is dropped. After a panic the
/// process takes part again (promise 9). Writes to `problem` why this process cannot share the copy.
///
/// # Errors
/// Only on systems other than Linux, which lack such memory.
#[expect(clippy::unnecessary_wraps, reason = "an error elsewhere")]
pub(super) fn take_part(
    settings: &Arc<Settings>,
    host_copy: &HostCopy,
    sinks: &Sinks,
    remembered: &Arc<Remembered>,
    problem: &Arc<ArcSwapOption<Error>>,
    wanted: watch::Receiver<bool>,
    follow: Follow,
) -> Result<(Hosting, impl Future<Output = ()> + Send + use<>)> {
    let (sender, role) = watch::channel(Role::default());
    let hosting = Hosting { role };
    let remembered = Arc::clone(remembered);
    let (settings, host_copy, problem) = (Arc::clone(settings), host_copy.clone(), Arc::clone(problem));
    let (sinks, shown, cap) = (sinks.clone(), sinks.clone(), settings.timing.backoff_cap);
    let start = move |defect: Option<Error>| {
        let (max_staleness, problem) = (settings.timing.max_staleness, Arc::clone(&problem));
        let bell = Bell::new(sinks.clone(), settings.fleet.is_some());
        let engine = HostEngine::new(sinks.clone(), bell, Arc::clone(&follow), max_staleness, problem);
        let rules = Rules::new(backoff::seed());
        let meeting = Meeting::new(Arc::clone(&settings), host_copy.clone());
        let driver = host::Driver::new(engine, meeting, CAPACITY, rules, sender.clone());
        // What panicked may be a look at damaged memory.
        let known = if defect.is_some() { None } else { sinks.publication.load().followed().cloned() };
        driver
            .knowing(known.map(Followed::into_shelf).and_then(Shelf::usable))
            .remembering(Arc::clone(&remembered))
            .run(wanted.clone())
    };
    let panicked = move |error: &Error| {
        shown.driver_panicked(error);
        shown.notices.notify(Notice::CacheFailed { error: error.clone().during("host_copy") });
    };
    let task = supervise(cap, panicked, start);
    Ok((hosting, task))
}

/// The engine of one process: its driver of [`crate::sync`], its publication, its report.
struct HostEngine {
    sinks: Sinks,
    bell: Bell,
    follow: Follow,
    /// Follow etcd. They end when this is dropped.
    tasks: Option<JoinSet<()>>,
    /// What the election knows of it.
    reported: Option<Standing>,
    /// The generation and the revision of the leader's content that waiters were last woken for.
    seen: (u64, i64),
    /// The content of its own that a forked child began with. It is not freed while this process follows: the allocator would write
    /// between the entries, and so make each page of it private to this process.
    inherited: Option<Arc<Published>>,
    /// What this process was last.
    role: Option<Role>,
    /// Of a follower: whether its leader's content is stale.
    staleness: Staleness,
    /// Why this process cannot share the copy.
    problem: Arc<ArcSwapOption<Error>>,
    /// The trouble of its own that it reported last, until that is over.
    notified: Option<String>,
}

impl HostEngine {
    fn new(
        sinks: Sinks,
        bell: Bell,
        follow: Follow,
        max_staleness: Duration,
        problem: Arc<ArcSwapOption<Error>>,
    ) -> Self {
        let inherited = Some(sinks.publication.load_full());
        // A segment in shared memory is not inherited for good: its leader has gone on to others.
        let inherited = inherited.filter(|published| !published.snapshot().is_shared());
        let staleness = Staleness::new(max_staleness);
        let (tasks, reported, seen, role, notified) = Default::default();
        Self { sinks, bell, follow, tasks, reported, seen, inherited, role, staleness, problem, notified }
    }

    /// The report on what readers of this process are shown.
    fn report(&self) -> Report {
        shown_report(&self.sinks.report, &self.sinks.publication)
    }

    fn standing(&self) -> Option<Standing> {
        // The report is read first: the snapshot, read after it, holds at least what the report confirms.
        let report = self.report();
        let published = self.sinks.publication.load();
        (published.generation() > 0).then(|| Standing {
            cluster_id: published.snapshot().cluster_id(),
            revision: published.snapshot().revision(),
            confirmed_at: report.confirmed_at,
        })
    }

    /// Ends what follows etcd here, and frees what it held of the content.
    fn end_tasks(&mut self) {
        self.tasks = None;
        self.reported = None;
        let contents = &self.sinks.contents;
        contents.machine.take();
        contents.saved.take();
        contents.given.take();
    }

    /// Shows what the leader has taken over, if that is newer than what is shown.
    fn adopt(&self, taken_over: shelf::Snapshot) {
        let publication = &self.sinks.publication;
        let taken_over = Snapshot::from_host(taken_over);
        let shown = publication.load_full();
        let before = shown.snapshot();
        if shown.generation() == 0 {
            publication.publish(taken_over, Changed::All);
        } else if taken_over.cluster_id() == before.cluster_id() && taken_over.revision() > before.revision()
        {
            let keys = before.changed_keys(&taken_over);
            publication.publish(taken_over, Changed::Keys(keys));
        }
    }

    fn turned(&self, published: &Published, turn: Turn) -> Notice {
        let copy = copy_of(published);
        let report = self.report();
        match turn {
            Turn::Stale { age } => Notice::Stale {
                age,
                max_staleness: self.staleness.limit(),
                state: report.phase.as_str(),
                copy,
                error: report.last_error.clone(),
            },
            Turn::Fresh { age, after } => Notice::Fresh { age, after, copy },
        }
    }
}

fn copy_of(published: &Published) -> LocalCopy {
    LocalCopy { revision: published.snapshot().revision(), keys: published.snapshot().len() }
}

impl Engine for HostEngine {
    fn shown(&self) -> Option<Standing> {
        self.standing()
    }

    fn run(&mut self, taken_over: Option<shelf::Snapshot>) {
        // What a driver starts from.
        let report = self.report().inherited();
        self.sinks.report.store(Arc::new(report));
        self.sinks.publication.lead();
        if let Some(taken_over) = taken_over {
            self.adopt(taken_over);
        }
        self.staleness.end();
        self.reported = None;
        // This process gets a content of its own, and needs the memory.
        self.inherited = None;
        self.tasks = Some((self.follow)());
        self.bell.listen_to(None);
    }

    fn follow(&mut self, shared: &Arc<Shelf>) {
        self.end_tasks();
        self.sinks.publication.follow(shared);
        self.bell.listen_to(Some(shared.control().bell()));
    }

    fn rest(&mut self) {
        let report = self.report();
        self.end_tasks();
        self.sinks.publication.lead();
        let stopped = Report { phase: Phase::Stopped, peer: None, ..report };
        self.sinks.report.store(Arc::new(stopped));
        self.staleness.end();
        self.bell.listen_to(None);
    }

    async fn ready(&mut self) -> Standing {
        self.bell.pass_on().await;
        if self.tasks.is_none() {
            return std::future::pending().await;
        }
        loop {
            let now = self.standing();
            if let Some(standing) = now.filter(|_| now != self.reported) {
                self.reported = now;
                return standing;
            }
            tokio::select! {
                () = self.sinks.changed.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    fn publish(&mut self, writer: &mut Writer) -> shelf::Result<()> {
        // The report is read first: the snapshot, read after it, holds at least what the report confirms.
        let report = self.sinks.report.load_full();
        let now = self.sinks.publication.load_full();
        let given = self.sinks.contents.given.with(|given| Arc::clone(given));
        let keys = match (given, writer.snapshot()?) {
            (Some(given), _) => now.changed_keys_since(&given),
            (None, Some(before)) => Snapshot::from_host(before).changed_keys(now.snapshot()),
            (None, None) => Snapshot::default().changed_keys(now.snapshot()),
        };
        let put = |key| {
            let entry = now.snapshot().get(key)?;
            Some(Put { value: entry.value(), mod_revision: entry.mod_revision(), lease: entry.lease() })
        };
        let changes: Vec<_> = keys.iter().map(|key| shelf::Change { key, put: put(key) }).collect();
        let at = At {
            revision: now.snapshot().revision(),
            cluster_id: now.snapshot().cluster_id(),
            raft_term: report.raft_term,
        };
        if !changes.is_empty() || writer.at() != Some(at) {
            writer.publish(&changes, at)?;
        }
        if let Some(confirmed_at) = report.confirmed_at {
            writer.shelf().control().confirm(confirmed_at.after_boot());
        }
        self.sinks.contents.given.put(now);
        Ok(())
    }

    fn look(&mut self) {
        let published = self.sinks.publication.load_full();
        let Some(followed) = published.followed() else { return self.staleness.end() };
        // For the tasks of this process, which know of no leader.
        self.sinks.report.store(Arc::new(self.report()));
        let seen = (published.generation(), published.snapshot().revision());
        if std::mem::replace(&mut self.seen, seen) != seen {
            // Some wakers may not hear the bell: the system refused them a descriptor.
            self.bell.wake_all();
        }
        let now = Instant::now();
        self.staleness.begin(now);
        let confirmed_at = followed.confirmed_at();
        if let Some(turn) = self.staleness.check(now, confirmed_at) {
            self.sinks.notices.notify(self.turned(&published, turn));
            self.sinks.wakers.wake_all();
        }
    }

    fn became(&mut self, role: Role) {
        // The others pass within a second.
        if !matches!(role, Role::Leader | Role::Follower | Role::Orphan) {
            return;
        }
        let published = self.sinks.publication.load();
        let previous = self.role.replace(role).map(Role::as_str);
        let leader = published.followed().map_or_else(std::process::id, Followed::leader);
        let copy = copy_of(&published);
        self.sinks.notices.notify(Notice::HostRole { role: role.as_str(), previous, leader, copy });
    }

    fn in_trouble(&mut self, role: Role, trouble: Option<Trouble>) {
        let Some(Trouble { message, is_own }) = trouble else {
            self.notified = None;
            return self.problem.store(None);
        };
        let who = if role == Role::Leader { "each process of this host" } else { "this process" };
        let error =
            Error::new(ErrorKind::Cache, format!("host_copy: {message}; {who} follows etcd by itself"));
        self.problem.store(Some(Arc::new(error.clone())));
        // The leader reports its own, and each attempt may fail for the same reason.
        if is_own && self.notified.as_ref() != Some(&message) {
            self.notified = Some(message);
            self.sinks.notices.notify(Notice::CacheFailed { error });
        }
    }

    fn is_following(&self) -> bool {
        self.sinks.report.load().phase == Phase::Watching
    }

    fn state(&self) -> u32 {
        state_of(&self.sinks.report.load())
    }

    fn problem(&self) -> String {
        problem_of(&self.sinks.report.load())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::sync::sim::follower::{Follower, settings};

    #[tokio::test]
    async fn a_process_takes_part_again_after_a_panic() {
        let folder = std::env::temp_dir().join(format!("etcd_discovery_hosting_{}", std::process::id()));
        let (begun, roles) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(None)));
        let (counted, reported) = (Arc::clone(&begun), Arc::clone(&roles));
        let place = HostCopy::At(folder.clone());
        let follower = Follower::run_by(settings(&["one"], &[b"/a/"]), move |parts| {
            let follow: Follow = Arc::new(move || {
                assert!(counted.fetch_add(1, Ordering::SeqCst) > 0, "a defect, on purpose");
                JoinSet::new()
            });
            let (memory, problem) = Default::default();
            let place = &place;
            let part =
                take_part(&parts.settings, place, &parts.sinks, &memory, &problem, parts.wanted, follow)
                    .unwrap();
            *reported.lock().unwrap() = Some(part.0);
            part.1
        });
        let leads = || roles.lock().unwrap().as_ref().is_some_and(|hosting| hosting.role() == Role::Leader);
        let led = async {
            while begun.load(Ordering::SeqCst) < 2 || !leads() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), led).await.unwrap();
        let notices = follower.notices();
        let [Notice::CacheFailed { error }, Notice::HostRole { role: "leader", .. }] = &notices[..] else {
            panic!("{notices:?}")
        };
        assert_eq!(error.kind(), ErrorKind::Internal);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
