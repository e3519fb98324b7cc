//! The election among real processes: they are killed, stopped and continued while content changes all the time.
//!
//! The engine is a simple one: it reads a page that the test writes, instead of etcd.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use etcd_discovery_core::config::{HostCopy, Settings};
use etcd_discovery_core::endpoint::Endpoint;
use etcd_discovery_core::host::{Driver, Engine, Meeting, Role, Rules, Standing, Trouble};
use etcd_discovery_core::range::Ranges;
use etcd_discovery_shelf::{At, Audience, Change, Put, Shelf, Snapshot, Writer, now};
use tokio::sync::watch;

const PROCESSES: usize = 6;
const CAPACITY: usize = 1 << 26;

fn since(begun: Duration) -> Duration {
    now().saturating_sub(begun)
}

// ---- one process ----

enum Source {
    Own,
    Page(Arc<Shelf>),
}

struct View {
    source: Source,
    own: Option<At>,
    running: bool,
    /// The content that `run` began with has not been reported yet.
    begun: bool,
}

impl View {
    fn shown(&mut self) -> Option<At> {
        match &self.source {
            Source::Own => self.own,
            Source::Page(page) => {
                // While a segment is on its way, readers see what they saw.
                if let Ok(Some(snapshot)) = page.snapshot() {
                    self.own = Some(snapshot.at());
                }
                self.own
            }
        }
    }
}

struct Simple {
    truth: Arc<Shelf>,
    view: Arc<Mutex<View>>,
}

fn standing(at: At) -> Standing {
    // When it was confirmed is not known here: in one cluster the revision decides.
    Standing { cluster_id: at.cluster_id, revision: at.revision, confirmed_at: None }
}

impl Engine for Simple {
    fn shown(&self) -> Option<Standing> {
        self.view.lock().unwrap().shown().map(standing)
    }

    fn run(&mut self, taken_over: Option<Snapshot>) {
        let mut view = self.view.lock().unwrap();
        let shown = view.shown();
        let later = |at: &At| shown.is_none_or(|shown| at.revision >= shown.revision);
        view.own = taken_over.map(|snapshot| snapshot.at()).filter(later).or(shown);
        (view.source, view.running, view.begun) = (Source::Own, true, true);
    }

    fn follow(&mut self, page: &Arc<Shelf>) {
        let mut view = self.view.lock().unwrap();
        (view.source, view.running) = (Source::Page(Arc::clone(page)), false);
    }

    fn rest(&mut self) {
        let mut view = self.view.lock().unwrap();
        view.own = view.shown();
        (view.source, view.running) = (Source::Own, false);
    }

    async fn ready(&mut self) -> Standing {
        loop {
            {
                let mut view = self.view.lock().unwrap();
                let truth = self.truth.snapshot().unwrap().map(|snapshot| snapshot.at());
                let news = truth.filter(|truth| view.own.is_none_or(|own| truth.revision > own.revision));
                if view.running && (news.is_some() || view.begun && view.own.is_some()) {
                    view.own = news.or(view.own);
                    view.begun = false;
                    return standing(view.own.unwrap());
                }
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn publish(&mut self, writer: &mut Writer) -> etcd_discovery_shelf::Result<()> {
        let Some(at) = self.view.lock().unwrap().own else { return Ok(()) };
        let value = at.revision.to_be_bytes();
        let put = Put { value: &value, mod_revision: at.revision, lease: 0 };
        writer.publish(&[Change { key: b"/revision", put: Some(put) }], at)?;
        if at.revision % 50 == 0 {
            writer.start_compaction()?;
        }
        writer.shelf().control().confirm(now());
        Ok(())
    }

    fn look(&mut self) {}

    fn became(&mut self, _: Role) {}

    fn in_trouble(&mut self, _: Role, _: Option<Trouble>) {}

    fn is_following(&self) -> bool {
        true
    }

    fn state(&self) -> u32 {
        0
    }

    fn problem(&self) -> String {
        String::new()
    }
}

/// What a process tells the test: its role, whether its engine runs, and the revision that readers see.
const RECORD: usize = 16;

fn report(view: &Mutex<View>, role: &watch::Receiver<Role>, mut to: UnixStream) {
    let mut before = None;
    loop {
        let (shown, running) = {
            let mut view = view.lock().unwrap();
            (view.shown().map_or(0, |at| at.revision), view.running)
        };
        assert!(before.is_none_or(|(_, _, revision)| shown >= revision), "{shown} after {before:?}");
        let record = (*role.borrow() as u32, running, shown);
        if before.replace(record) != Some(record) {
            let mut bytes = [0; RECORD];
            bytes[..4].copy_from_slice(&record.0.to_ne_bytes());
            bytes[4] = record.1.into();
            bytes[8..].copy_from_slice(&record.2.to_ne_bytes());
            to.write_all(&bytes).unwrap();
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Forks as an application does, with the part of the fork handler that closes what the child must not hold open. The
/// child is there until the test has ended, and no one may have to wait for it.
fn fork_idle_child(folder: &Path) {
    // SAFETY: the child closes descriptors, waits and exits.
    if unsafe { libc::fork() } == 0 {
        for descriptor in etcd_discovery_core::sockets::take_all() {
            // SAFETY: the child's own copy, which nothing in it uses.
            unsafe { libc::close(descriptor) };
        }
        let begun = now();
        while folder.exists() && since(begun) < 4 * LIMIT {
            thread::sleep(Duration::from_millis(20));
        }
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    }
}

fn meeting(folder: &Path) -> Meeting {
    let endpoint = Endpoint::parse("http://one", false).unwrap();
    let settings = Settings::new(vec![endpoint], Ranges::default()).unwrap();
    Meeting::new(Arc::new(settings), HostCopy::At(folder.to_owned()))
}

fn engine(truth: &Arc<Shelf>) -> (Simple, Arc<Mutex<View>>) {
    let view = Mutex::new(View { source: Source::Own, own: None, running: false, begun: false });
    let view = Arc::new(view);
    (Simple { truth: Arc::clone(truth), view: Arc::clone(&view) }, view)
}

fn live(truth: &Arc<Shelf>, folder: &Path, seed: u64, to: UnixStream) {
    let (engine, view) = engine(truth);
    let (role, roles) = watch::channel(Role::Stopped);
    let driver = Driver::new(engine, meeting(folder), CAPACITY, Rules::new(seed), role);
    let led = roles.clone();
    let reporter = thread::spawn(move || report(&view, &roles, to));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (wanted, wishes) = watch::channel(true);
    runtime.block_on(async {
        let driver = tokio::spawn(driver.run(wishes));
        let mut forked = false;
        while !driver.is_finished() && !reporter.is_finished() {
            if *led.borrow() == Role::Leader && !std::mem::replace(&mut forked, true) {
                fork_idle_child(folder);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    drop(wanted);
    panic!("the driver or a reader has ended");
}

// ---- the host ----

struct Process {
    pid: libc::pid_t,
    from: UnixStream,
    role: u32,
    running: bool,
    revision: i64,
}

impl Process {
    fn start(truth: &Arc<Shelf>, folder: &Path, seed: u64) -> Self {
        let (from, to) = UnixStream::pair().unwrap();
        // SAFETY: the C library's allocator is consistent in the child, which uses nothing of other threads.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            drop(from);
            let live = || live(truth, folder, seed, to);
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(live));
            // SAFETY: ends the process.
            unsafe { libc::_exit(101) };
        }
        from.set_nonblocking(true).unwrap();
        Self { pid, from, role: 0, running: false, revision: 0 }
    }

    fn signal(&self, signal: i32) {
        // SAFETY: sends a signal to a child that was not waited for yet.
        assert_eq!(unsafe { libc::kill(self.pid, signal) }, 0);
    }

    fn listen(&mut self) {
        let mut record = [0; RECORD];
        loop {
            match self.from.read(&mut record) {
                Ok(RECORD) => {
                    self.role = u32::from_ne_bytes(record[..4].try_into().unwrap());
                    self.running = record[4] == 1;
                    self.revision = i64::from_ne_bytes(record[8..].try_into().unwrap());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                other => panic!("process {} has ended by itself: {other:?}", self.pid),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(libc::SIGKILL);
        // SAFETY: waits for our own child; no status is wanted.
        unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) };
    }
}

struct Alone;

impl Audience for Alone {
    fn opened(&mut self, _: std::os::fd::BorrowedFd<'_>) -> Box<dyn Send> {
        Box::new(())
    }

    fn announce(&mut self, _: u32, _: std::os::fd::BorrowedFd<'_>) {}
}

struct Host {
    folder: PathBuf,
    truth: Writer,
    revision: i64,
    processes: Vec<Process>,
    started: u64,
}

impl Host {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("etcd_discovery_{name}_{}", std::process::id()));
        let truth = Writer::open(Shelf::create(1).unwrap(), CAPACITY, Box::new(Alone)).unwrap();
        let mut host = Self { folder, truth, revision: 0, processes: Vec::new(), started: 0 };
        host.put();
        for _ in 0..PROCESSES {
            host.start();
        }
        host
    }

    fn start(&mut self) {
        self.started += 1;
        self.processes.push(Process::start(self.truth.shelf(), &self.folder, self.started));
    }

    fn put(&mut self) {
        self.revision += 1;
        self.truth.publish(&[], At { revision: self.revision, cluster_id: 7, raft_term: 1 }).unwrap();
    }

    fn leader(&self) -> Option<usize> {
        self.processes.iter().position(|process| process.role == Role::Leader as u32)
    }

    /// Goes on putting, until `so`, and returns how long that took.
    fn until(&mut self, what: &str, limit: Duration, so: impl Fn(&Self) -> bool) -> Duration {
        let begun = now();
        loop {
            self.put();
            thread::sleep(Duration::from_millis(2));
            self.processes.iter_mut().for_each(Process::listen);
            if so(self) {
                return since(begun);
            }
            let states: Vec<_> = self
                .processes
                .iter()
                .map(|process| (process.role, process.running, process.revision))
                .collect();
            assert!(since(begun) < limit, "not {what} in {limit:?}: {states:?}, truth {}", self.revision);
        }
    }

    /// One watch, and everyone but those in `except` sees what was put after `since`.
    fn is_whole(&self, since: i64, except: &[usize]) -> bool {
        let here = || self.processes.iter().enumerate().filter(|(n, _)| !except.contains(n));
        self.processes.iter().filter(|process| process.running).count() == 1
            && here().all(|(_, process)| process.revision > since)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.processes.clear();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

const LIMIT: Duration = Duration::from_secs(30);

/// Each leader has a forked child that outlives it: it must hold neither the lock nor a connection.
#[test]
fn when_one_is_killed_the_others_go_on_with_one_watch_and_never_go_back() {
    let mut host = Host::new("killed");
    host.until("whole", LIMIT, |host| host.is_whole(1, &[]));
    let mut times = Vec::new();
    for _ in 0..30 {
        let victim =
            if fastrand::u8(0..3) > 0 { host.leader().unwrap() } else { fastrand::usize(0..PROCESSES) };
        thread::sleep(Duration::from_micros(fastrand::u64(0..20_000)));
        drop(host.processes.remove(victim));
        let since = host.revision;
        times.push(host.until("whole again", LIMIT, |host| host.is_whole(since, &[])));
        host.start();
        host.until("joined by the new one", LIMIT, |host| host.is_whole(since, &[]));
    }
    times.sort();
    // A connection that a forked child holds open is noticed too, but not before a second has passed.
    assert!(times[24] < Duration::from_millis(500), "{times:?}");
    println!("after a kill all see later puts: median {:?}, longest {:?}", times[15], times[29]);
}

#[test]
fn a_stopped_leader_is_left_in_time_and_followed_again_when_it_goes_on() {
    let mut host = Host::new("stopped");
    host.until("whole", LIMIT, |host| host.is_whole(1, &[]));
    for _ in 0..3 {
        let leader = host.leader().unwrap();
        host.processes[leader].signal(libc::SIGSTOP);
        let since = host.revision + 5;
        let others = move |host: &Host| {
            let all = host.processes.iter().enumerate().filter(|(n, _)| *n != leader);
            all.clone().all(|(_, process)| process.running && process.revision > since)
        };
        let left = host.until("left", LIMIT, others);
        // One that starts now has no leader to answer it.
        host.start();
        host.until("helping itself", LIMIT, |host| host.processes[PROCESSES].revision > since);
        host.processes[leader].signal(libc::SIGCONT);
        let since = host.revision;
        let back = host.until("whole again", LIMIT, |host| host.is_whole(since, &[]));
        assert_eq!(host.leader(), Some(leader));
        println!("left after {left:?}, one watch again after {back:?}");
        drop(host.processes.pop());
    }
}

#[test]
fn where_the_lock_file_is_removed_there_is_still_one_leader_among_those_who_are_there() {
    let mut host = Host::new("removed");
    host.until("whole", LIMIT, |host| host.is_whole(1, &[]));
    for entry in std::fs::read_dir(&host.folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "lock") {
            std::fs::remove_file(path).unwrap();
        }
    }
    // The old leader notices, and lets go.
    host.start();
    let since = host.revision + 500;
    host.until("whole again", LIMIT, |host| host.is_whole(since, &[]));
}

/// A worker drops the rights of its master: the leader among the master's processes writes there, under another lock.
#[tokio::test]
async fn a_child_that_has_become_another_user_does_not_lead_where_its_parent_followed() {
    let folder = std::env::temp_dir().join(format!("etcd_discovery_user_{}", std::process::id()));
    let followed = Shelf::create(1).unwrap();
    let mut leader = Writer::open(Arc::clone(&followed), CAPACITY, Box::new(Alone)).unwrap();
    leader.publish(&[], At { revision: 1, cluster_id: 7, raft_term: 1 }).unwrap();
    let root = followed.control().root();
    let (role, mut roles) = watch::channel(Role::Stopped);
    let (engine, _) = engine(&Shelf::create(1).unwrap());
    let driver = Driver::new(engine, meeting(&folder), CAPACITY, Rules::new(1), role);
    let (_wanted, wishes) = watch::channel(true);
    let driver = tokio::spawn(driver.knowing(Some(Arc::clone(&followed))).run(wishes));
    let leads = roles.wait_for(|role| *role == Role::Leader);
    tokio::time::timeout(LIMIT, leads).await.unwrap().unwrap();
    assert_eq!(followed.control().root(), root);
    driver.abort();
    std::fs::remove_dir_all(&folder).unwrap();
}
