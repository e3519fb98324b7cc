//! Processes with their machines, and the host and the cluster around them.

use std::time::Duration;

use super::process::{Process, Shared, Source};
use super::{Effect, Event, Instant, Page, Role, Rules, Standing};

pub(super) const PROCESSES: usize = 5;
/// At the other end of a connection: a process that does nothing with it.
const CHILD: usize = usize::MAX;
/// How often a process looks at the page, and a leader shows life.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, Clone)]
pub(super) enum Action {
    /// So many milliseconds go by.
    Pass(u64),
    /// The whole host sleeps for so many milliseconds.
    Suspend(u64),
    /// Somebody changes a key.
    Put,
    /// This process's engine hears of everything in the cluster.
    Engine(usize),
    Start(usize),
    Kill(usize),
    /// A process that was forked from it holds its sockets open.
    KillWithChild(usize),
    Freeze(usize),
    Continue(usize),
    /// The application ends it.
    End(usize),
    /// Another cluster at the same address, with lower revisions.
    ReplaceCluster,
    /// Whether there is memory for publications.
    Memory(bool),
    /// Whether what a leader sends can be used.
    Compatible(bool),
    /// Whether the folder can be used by those who try for the lock.
    Folder(bool),
}

pub(super) struct World {
    now: Instant,
    processes: Vec<Process>,
    pages: Vec<Shared>,
    lock: Option<usize>,
    /// The cluster's id rises with each replacement, which the machines do not know.
    cluster: u64,
    revision: i64,
    memory: bool,
    compatible: bool,
    folder: bool,
    seed: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let now = Instant::now();
        let mut world = Self {
            now,
            processes: Vec::new(),
            pages: Vec::new(),
            lock: None,
            cluster: 1,
            revision: 10,
            memory: true,
            compatible: true,
            folder: true,
            seed,
        };
        for _ in 0..PROCESSES {
            let process = world.newborn();
            world.processes.push(process);
        }
        world
    }

    fn newborn(&mut self) -> Process {
        self.seed = self.seed.wrapping_add(1);
        Process::new(self.seed, self.now)
    }

    pub(super) fn roles(&self) -> Vec<Role> {
        self.processes.iter().filter(|process| process.alive).map(|process| process.machine.role()).collect()
    }

    pub(super) fn watches(&self) -> usize {
        self.processes.iter().filter(|process| process.alive && process.engine).count()
    }

    pub(super) fn all_current(&self) -> bool {
        let current = (self.cluster, self.revision);
        self.processes.iter().all(|process| {
            self.shown(process).is_some_and(|shown| (shown.cluster_id, shown.revision) == current)
        })
    }

    fn shown(&self, process: &Process) -> Option<Standing> {
        match process.source {
            Source::Own => process.own,
            Source::Page(page) => self.pages[page].content,
        }
    }

    pub(super) fn act(&mut self, action: &Action) {
        match *action {
            Action::Pass(millis) => self.pass(Duration::from_millis(millis)),
            Action::Suspend(millis) => {
                self.now += Duration::from_millis(millis);
                self.processes.iter_mut().for_each(|process| process.awake_since = self.now);
            }
            Action::Put => self.revision += 1,
            Action::Engine(n) => self.run_engine_of(n),
            Action::Start(n) => self.start(n),
            Action::Kill(n) if self.processes[n].alive => self.kill(n),
            Action::KillWithChild(n) if self.processes[n].alive => {
                for process in &mut self.processes {
                    if let Some((leader, _)) = process.leader.as_mut().filter(|(leader, _)| *leader == n) {
                        *leader = CHILD;
                    }
                }
                self.kill(n);
            }
            Action::Freeze(n) => self.processes[n].frozen = self.processes[n].alive,
            Action::Continue(n) => {
                if std::mem::take(&mut self.processes[n].frozen) {
                    self.processes[n].awake_since = self.now;
                }
            }
            Action::End(n) if self.runs(n) => self.tell(n, Event::Stop),
            Action::ReplaceCluster => (self.cluster, self.revision) = (self.cluster + 1, 1),
            Action::Memory(there) => self.memory = there,
            Action::Compatible(is) => self.compatible = is,
            Action::Folder(there) => self.folder = there,
            Action::Kill(_) | Action::KillWithChild(_) | Action::End(_) => {}
        }
        self.deliver();
        self.check();
        if let Some(holder) = self.lock.filter(|holder| self.runs(*holder)) {
            assert_eq!(self.processes[holder].machine.role(), Role::Leader, "the lock is held by no leader");
        }
    }

    fn runs(&self, n: usize) -> bool {
        self.processes.get(n).is_some_and(|process| process.alive && !process.frozen)
    }

    fn start(&mut self, n: usize) {
        if !self.processes[n].alive {
            self.processes[n] = Process { alive: true, ..self.newborn() };
        }
        if self.runs(n) {
            self.tell(n, Event::Start);
        }
    }

    fn kill(&mut self, n: usize) {
        let newborn = self.newborn();
        self.processes[n] = newborn;
        self.release(n);
    }

    /// The kernel closes the sockets and releases the lock.
    fn release(&mut self, n: usize) {
        self.processes[n].listening = false;
        if self.lock == Some(n) {
            self.lock = None;
        }
        for process in &mut self.processes {
            if process.leader.is_some_and(|(leader, _)| leader == n) {
                process.leader = None;
                process.inbox.push_back(Event::Lost);
            }
        }
    }

    fn run_engine_of(&mut self, n: usize) {
        if !self.runs(n) || !self.processes[n].engine {
            return;
        }
        let confirmed_at = Some(self.now);
        let content = Standing { cluster_id: self.cluster, revision: self.revision, confirmed_at };
        self.processes[n].own = Some(content);
        self.tell(n, Event::EngineReady(content));
    }

    fn tell(&mut self, n: usize, event: Event) {
        self.processes[n].inbox.push_back(event);
        self.deliver();
    }

    fn deliver(&mut self) {
        while let Some(n) = (0..PROCESSES).find(|n| self.runs(*n) && !self.processes[*n].inbox.is_empty()) {
            let shown = self.shown(&self.processes[n]);
            let Some(event) = self.processes[n].inbox.pop_front() else { continue };
            let effects = self.processes[n].machine.step(self.now, shown, event);
            for effect in effects {
                self.execute(n, effect);
                self.check();
            }
        }
        self.answer_connections();
    }

    /// A leader that runs takes in those who have connected to it.
    fn answer_connections(&mut self) {
        let mut answered = false;
        for n in 0..PROCESSES {
            let Some((leader, false)) = self.processes[n].leader else { continue };
            if !self.runs(leader) {
                continue;
            }
            answered = true;
            if self.compatible {
                self.processes[n].leader = Some((leader, true));
                self.processes[n].page = self.processes[leader].page;
                self.processes[n].inbox.push_back(Event::Attached);
                self.processes[n].due = self.now;
            } else {
                self.processes[n].leader = None;
                self.processes[n].inbox.push_back(Event::Refused);
            }
        }
        if answered {
            self.deliver();
        }
    }

    fn look(&mut self, n: usize) {
        if self.processes[n].machine.role() == Role::Leader
            && let Some(page) = self.processes[n].page
        {
            self.pages[page].beat = self.now;
        }
        if let (Some((_, true)), Some(page)) = (self.processes[n].leader, self.processes[n].page) {
            let Shared { content, working, beat } = self.pages[page].clone();
            let age = self.now.saturating_duration_since(beat);
            self.tell(n, Event::Looked(Page { age, working, content }));
        }
    }

    fn execute(&mut self, n: usize, effect: Effect) {
        let shown = self.shown(&self.processes[n]);
        match effect {
            Effect::TryLock if !self.folder => self.processes[n].inbox.push_back(Event::LockFailed),
            Effect::TryLock => {
                let free = self.lock.is_none_or(|holder| holder == n);
                self.lock = if free { Some(n) } else { self.lock };
                self.processes[n].inbox.push_back(if free { Event::LockGot } else { Event::LockBusy });
            }
            Effect::Attach => match self.lock.filter(|holder| self.processes[*holder].listening) {
                Some(holder) => self.processes[n].leader = Some((holder, false)),
                None => self.processes[n].inbox.push_back(Event::Lost),
            },
            Effect::Detach => self.processes[n].leader = None,
            Effect::Lead => self.lead(n),
            Effect::Resign => self.release(n),
            Effect::RunEngine => {
                let taken_over = self.processes[n].page.filter(|_| self.lock == Some(n));
                let taken_over = taken_over.and_then(|page| self.pages[page].content);
                let later = |content: &Standing| shown.is_none_or(|shown| content.may_follow(&shown));
                let begin = taken_over.filter(later).or(shown);
                self.processes[n].own = begin;
                self.processes[n].source = Source::Own;
                self.processes[n].engine = true;
                self.processes[n].inbox.extend(begin.map(Event::EngineReady));
            }
            Effect::Follow => {
                assert!(self.processes[n].leader.is_some_and(|(_, answered)| answered));
                if let Some(page) = self.processes[n].page {
                    self.processes[n].source = Source::Page(page);
                }
                self.processes[n].engine = false;
            }
            Effect::Publish => self.publish(n),
            Effect::DeclareFailure => {
                if let Some(page) = self.processes[n].page {
                    self.pages[page].working = false;
                }
            }
            Effect::Rest => {
                self.processes[n].own = shown;
                self.processes[n].source = Source::Own;
                self.processes[n].engine = false;
            }
        }
    }

    fn lead(&mut self, n: usize) {
        assert_eq!(self.lock, Some(n), "leads without the lock");
        self.processes[n].leader = None;
        self.processes[n].listening = true;
        let page = self.processes[n].page.unwrap_or_else(|| {
            self.pages.push(Shared { content: None, working: true, beat: self.now });
            self.pages.len() - 1
        });
        self.processes[n].page = Some(page);
        self.pages[page].beat = self.now;
        // The take-over copies the content, and that takes memory.
        self.pages[page].working = self.memory;
        let published = self.pages[page].content;
        let outcome = if self.memory { Event::Leading(published) } else { Event::PublishFailed };
        self.processes[n].inbox.push_back(outcome);
    }

    fn publish(&mut self, n: usize) {
        assert_eq!(self.lock, Some(n), "publishes without the lock");
        let content = self.processes[n].own;
        let Some(page) = self.processes[n].page.filter(|_| self.memory) else {
            return self.processes[n].inbox.push_back(Event::PublishFailed);
        };
        self.pages[page].content = content;
        self.pages[page].working = true;
        self.processes[n].inbox.push_back(Event::Published);
    }

    // ---- time ----

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((at, n)) = self.next_due().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            if self.processes[n].due <= self.now {
                self.processes[n].due = self.now + LOOK;
                self.look(n);
            }
            if self.processes[n].machine.deadline().is_some_and(|due| due <= self.now) {
                self.tell(n, Event::Tick);
                let next = self.processes[n].machine.deadline();
                assert!(next.is_none_or(|next| next > self.now), "a tick changed nothing");
            }
            self.check();
            self.check_trust();
        }
        self.now = end;
    }

    fn next_due(&self) -> Option<(Instant, usize)> {
        let of = |n: usize| {
            let process = &self.processes[n];
            [Some(process.due), process.machine.deadline()].into_iter().flatten().min().map(|at| (at, n))
        };
        (0..PROCESSES).filter(|n| self.runs(*n)).filter_map(of).min()
    }

    // ---- the promises ----

    fn check(&mut self) {
        let leaders = self.processes.iter().filter(|process| process.machine.role() == Role::Leader).count();
        assert!(leaders <= 1, "{leaders} leaders");
        for n in 0..PROCESSES {
            if self.processes[n].machine.role() == Role::Leader {
                assert_eq!(self.lock, Some(n), "a leader without the lock");
            }
            let shown = self.shown(&self.processes[n]).map(|shown| (shown.cluster_id, shown.revision));
            let saw = self.processes[n].saw;
            assert!(shown >= saw, "process {n} showed {saw:?}, and now {shown:?}");
            self.processes[n].saw = shown;
        }
    }

    /// A process that runs leaves a silent leader in time.
    fn check_trust(&self) {
        let rules = Rules::new(0);
        let limit = rules.silence + rules.watched + LOOK * 2;
        for process in self.processes.iter().filter(|process| process.alive && !process.frozen) {
            if process.machine.role() == Role::Follower
                && let Some(page) = process.page
            {
                let since = self.pages[page].beat.max(process.awake_since);
                let silent = self.now.saturating_duration_since(since);
                assert!(silent <= limit, "trusts a page that has been silent for {silent:?}");
            }
        }
    }

    /// Everything runs, and goes on running.
    pub(super) fn calm(&mut self) {
        (self.memory, self.compatible, self.folder) = (true, true, true);
        for n in 0..PROCESSES {
            self.act(&Action::Continue(n));
            self.act(&Action::Start(n));
        }
        for _ in 0..120 {
            self.act(&Action::Pass(500));
            for n in 0..PROCESSES {
                self.act(&Action::Engine(n));
            }
        }
    }
}
