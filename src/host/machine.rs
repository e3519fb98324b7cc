//! The state machine of the election. Pure: no I/O, no clock, no randomness of its own.
//!
//! ```text
//!              lock got                                  page silent, useless or refused; or no leader for a second
//!   Seeking ──────────────▶ Leader          Follower ──────────────────────────────────────────┐
//!      │  ▲                                   │  ▲  ▲                                           ▼
//!      │  └──── connection lost: leader dead ─┘  │  └── the leader shows life again, and ──── Orphan: own engine,
//!      └──── lock busy, attached, page good ─────┘      its content may follow what we show    goes on seeking
//! ```
//!
//! Two rules carry everything:
//!
//! * Only the holder of the lock publishes, and the kernel releases the lock only when its holder dies or resigns. A
//!   stopped leader keeps it, so that no one leads beside it and nothing has to be fenced off.
//! * Readers are shown something else only if it [`may_follow`](Standing::may_follow) what they were shown last.

use std::time::Duration;

use super::event::{Effect, Event, Page, Role};
use super::standing::Standing;
use crate::clock::Instant;

/// The times that the machine goes by.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How long a process does without a leader before it follows etcd itself.
    pub patience: Duration,
    /// A page that shows no life for longer is silent.
    pub silence: Duration,
    /// How long the silence must be watched. After the host was suspended every page looks silent at first.
    pub watched: Duration,
    /// A page that shows life at least this recently is that of a running leader.
    pub alive: Duration,
    /// How far processes spread that a leader's death sets off at one moment.
    pub spread: Duration,
    /// How long to wait after an attempt to connect failed, at most. A leader that has just begun is not reachable yet.
    pub retry: Duration,
    /// The same for a process that has its own engine, and is in no hurry.
    pub slow_retry: Duration,
    /// How long a process with its own engine keeps a connection that is of no use. The leader may be dead all the same,
    /// and a process that was forked from it hold the connection open: only the lock tells.
    pub renew: Duration,
    /// How long to wait after publishing failed, or after the folder or the leader was of no use.
    pub publish_retry: Duration,
    /// How often publishing may fail before another process gets a turn. The limit may be this process's own.
    pub failures: u32,
    /// How long to wait after that, at most.
    pub give_up: Duration,
    /// Where jitter begins.
    pub seed: u64,
}

impl Rules {
    /// The usual times.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            patience: Duration::from_secs(1),
            silence: Duration::from_millis(2_500),
            watched: Duration::from_millis(400),
            alive: Duration::from_secs(1),
            spread: Duration::from_millis(15),
            retry: Duration::from_millis(50),
            slow_retry: Duration::from_secs(1),
            renew: Duration::from_secs(5),
            publish_retry: Duration::from_secs(10),
            failures: 3,
            give_up: Duration::from_secs(30),
            seed,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Stopped,
    /// Waits for the answer about the lock.
    Locking,
    /// Waits for the leader's answer.
    Attaching,
    Attached,
    /// Tries for the lock again then.
    Waiting {
        until: Instant,
    },
    Leading,
}

/// Decides for one process. See the module's picture.
#[derive(Debug)]
pub struct Machine {
    rules: Rules,
    state: State,
    /// Whether this process follows etcd itself.
    engine: bool,
    /// Whether readers are shown what the leader publishes.
    following: bool,
    /// When to do without a leader.
    orphan_at: Option<Instant>,
    /// When to end a connection that is of no use.
    renew_at: Option<Instant>,
    /// Since when the page was seen to be silent, and when it was last looked at.
    silent_since: Option<Instant>,
    looked_at: Option<Instant>,
    /// Of the leader: when the page was taken over.
    opened_at: Option<Instant>,
    /// Of the leader: what was published last.
    published: Option<Standing>,
    /// What the engine has published in this process.
    ready: Option<Standing>,
    /// Of the leader: when to try again, after publishing failed.
    republish_at: Option<Instant>,
    /// Of the leader: how often publishing failed since it last worked.
    failures: u32,
    random: fastrand::Rng,
}

impl Machine {
    /// A machine that has not begun.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            state: State::Stopped,
            engine: false,
            following: false,
            orphan_at: None,
            renew_at: None,
            silent_since: None,
            looked_at: None,
            opened_at: None,
            published: None,
            ready: None,
            republish_at: None,
            failures: 0,
            random: fastrand::Rng::with_seed(rules.seed),
            rules,
        }
    }

    /// What this process does for the host.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self.state {
            State::Stopped => Role::Stopped,
            State::Leading => Role::Leader,
            _ if self.engine => Role::Orphan,
            State::Attached if self.following => Role::Follower,
            _ => Role::Seeking,
        }
    }

    /// When an [`Event::Tick`] is due; `None` while only an event can go on.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let attempt = match self.state {
            State::Waiting { until } => Some(until),
            State::Leading => self.republish_at,
            _ => None,
        };
        [attempt, self.orphan_at, self.renew_at].into_iter().flatten().min()
    }

    /// Takes in what happened at `now`, where `shown` is what readers of this process were shown last, and says what to
    /// do.
    pub fn step(&mut self, now: Instant, shown: Option<Standing>, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Start if self.state == State::Stopped => {
                self.orphan_at = Some(now + self.rules.patience);
                self.try_lock(&mut effects);
            }
            Event::Stop => self.stop(&mut effects),
            Event::LockGot => self.lock_got(&mut effects),
            Event::LockBusy if self.state == State::Locking => {
                self.state = State::Attaching;
                effects.push(Effect::Attach);
            }
            // No one can be met there, so that waiting for a leader would only cost time.
            Event::LockFailed if self.state == State::Locking => {
                self.run_engine(&mut effects);
                self.wait(now, self.rules.publish_retry);
            }
            Event::Attached if self.state == State::Attaching => {
                self.state = State::Attached;
                (self.silent_since, self.looked_at) = (None, None);
            }
            // Too late: no one waits for it any more.
            Event::Attached => {
                if self.state != State::Attached {
                    effects.push(Effect::Detach);
                }
            }
            Event::Refused => self.refused(now, &mut effects),
            Event::Lost => self.lost(now),
            Event::Looked(page) if self.state == State::Attached => {
                self.looked(now, shown, page, &mut effects);
            }
            Event::Leading(published) => {
                self.opened_at = Some(now);
                self.published = published;
                self.publish(&mut effects);
            }
            Event::EngineReady(content) => {
                self.ready = Some(content);
                self.publish(&mut effects);
            }
            Event::Published => (self.republish_at, self.failures) = (None, 0),
            Event::PublishFailed => self.publish_failed(now, &mut effects),
            // Of no use in this state, or nothing but the time.
            Event::Start | Event::LockBusy | Event::LockFailed | Event::Looked(_) | Event::Tick => {}
        }
        self.ticked(now, &mut effects);
        if !self.engine || !self.is_connecting() {
            self.renew_at = None;
        } else if self.renew_at.is_none() {
            self.renew_at = Some(now + self.rules.renew.mul_f64(1.0 - self.random.f64() / 2.0));
        }
        effects
    }

    const fn is_connecting(&self) -> bool {
        matches!(self.state, State::Attaching | State::Attached)
    }

    fn try_lock(&mut self, effects: &mut Vec<Effect>) {
        self.state = State::Locking;
        effects.push(Effect::TryLock);
    }

    fn stop(&mut self, effects: &mut Vec<Effect>) {
        effects.push(Effect::Rest);
        match self.state {
            State::Leading => effects.push(Effect::Resign),
            State::Attaching | State::Attached => effects.push(Effect::Detach),
            State::Stopped | State::Locking | State::Waiting { .. } => {}
        }
        *self = Self { random: self.random.clone(), ..Self::new(self.rules) };
    }

    fn lock_got(&mut self, effects: &mut Vec<Effect>) {
        match self.state {
            State::Locking => {
                self.state = State::Leading;
                self.opened_at = None;
                effects.push(Effect::Lead);
                // After the page was taken over: from there the engine goes on.
                self.run_engine(effects);
            }
            State::Leading => {}
            // Too late: no one waits for it any more.
            _ => effects.push(Effect::Resign),
        }
    }

    fn run_engine(&mut self, effects: &mut Vec<Effect>) {
        self.orphan_at = None;
        self.following = false;
        if !std::mem::replace(&mut self.engine, true) {
            self.ready = None;
            effects.push(Effect::RunEngine);
        }
    }

    fn follow(&mut self, effects: &mut Vec<Effect>) {
        self.orphan_at = None;
        self.engine = false;
        if !std::mem::replace(&mut self.following, true) {
            effects.push(Effect::Follow);
        }
    }

    // ---- without a leader ----

    fn refused(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if !self.is_connecting() {
            return;
        }
        effects.push(Effect::Detach);
        self.run_engine(effects);
        self.wait(now, self.rules.publish_retry);
    }

    fn lost(&mut self, now: Instant) {
        match self.state {
            // The lock is free. One of all those who try gets it.
            State::Attached => self.wait(now, self.rules.spread),
            State::Attaching if self.engine => self.wait(now, self.rules.slow_retry),
            State::Attaching => self.wait(now, self.rules.retry),
            _ => return,
        }
        if !self.engine {
            self.orphan_at.get_or_insert(now + self.rules.patience);
        }
    }

    fn wait(&mut self, now: Instant, most: Duration) {
        self.following = false;
        self.state = State::Waiting { until: now + most.mul_f64(self.random.f64()) };
    }

    // ---- with a leader ----

    fn looked(&mut self, now: Instant, shown: Option<Standing>, page: Page, effects: &mut Vec<Effect>) {
        let silent = self.is_silent(now, page.age);
        let acceptable = match (page.content, shown) {
            (Some(content), Some(shown)) => content.may_follow(&shown),
            (None, Some(_)) => false,
            // Whatever comes is more than nothing.
            (_, None) => true,
        };
        if self.following {
            if silent || !page.working {
                self.run_engine(effects);
            }
        } else if page.working && acceptable && page.age <= self.rules.alive {
            self.follow(effects);
        } else if !self.engine && (silent || !page.working) {
            self.run_engine(effects);
        } else if !self.engine {
            // It has just begun, and will catch up with what is shown here. It gets as long as a silent one.
            self.orphan_at.get_or_insert(now + self.rules.silence);
        }
    }

    /// Whether the page has been silent for too long, in the sight of this process.
    ///
    /// A process that was itself stopped, or asleep with the host, begins to watch again: the leader was too, perhaps.
    fn is_silent(&mut self, now: Instant, age: Duration) -> bool {
        let gap = self.looked_at.replace(now).map_or(Duration::ZERO, |before| now - before);
        if age <= self.rules.silence {
            self.silent_since = None;
            return false;
        }
        if gap > self.rules.silence {
            self.silent_since = None;
        }
        let since = *self.silent_since.get_or_insert(now);
        now - since >= self.rules.watched
    }

    // ---- as the leader ----

    fn publish(&mut self, effects: &mut Vec<Effect>) {
        let may = self.state == State::Leading && self.republish_at.is_none();
        let (Some(content), Some(opened_at)) = (self.ready.filter(|_| may), self.opened_at) else { return };
        // An engine that was an orphan's may be behind what the former leader published. But what etcd has confirmed
        // since then is what etcd has: if its revision is lower, the same cluster was restored from a backup.
        let is_confirmed = content.confirmed_at.is_some_and(|confirmed_at| confirmed_at > opened_at);
        if is_confirmed || self.published.is_none_or(|published| content.may_follow(&published)) {
            self.published = Some(content);
            effects.push(Effect::Publish);
        }
    }

    fn publish_failed(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.state != State::Leading {
            return;
        }
        effects.push(Effect::DeclareFailure);
        self.failures += 1;
        // Who was not even able to begin has no followers that a new attempt could spare their own engines.
        if self.opened_at.is_none() || self.failures >= self.rules.failures {
            effects.push(Effect::Resign);
            (self.opened_at, self.published, self.republish_at, self.failures) = (None, None, None, 0);
            self.wait(now, self.rules.give_up);
        } else {
            self.republish_at = Some(now + self.rules.publish_retry);
        }
    }

    fn ticked(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.orphan_at.is_some_and(|at| at <= now) {
            self.run_engine(effects);
        }
        if self.renew_at.take_if(|at| *at <= now).is_some() {
            effects.push(Effect::Detach);
            self.wait(now, self.rules.slow_retry);
        }
        match self.state {
            State::Waiting { until } if until <= now => self.try_lock(effects),
            State::Leading if self.republish_at.is_some_and(|at| at <= now) => {
                self.republish_at = None;
                self.publish(effects);
            }
            _ => {}
        }
    }
}
