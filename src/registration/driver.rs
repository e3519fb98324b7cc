//! Carries out what the machines of one client's registrations decide, and feeds them the results.
//!
//! One task on the session's thread serves all of them. It waits for neither the GVL nor the watch. All
//! renewals share one stream: etcd-client's keeper is made for one lease, but its id may be changed between
//! two renewals, and etcd answers each renewal by the id in it. So one keeper serves every lease.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, Notify, mpsc};

use super::event::{Effect, Event};
use super::keepalive::{Keepalive, Order};
use super::machine::{Machine, Rules};
use super::registry::{Command, Entry, Registry};
use super::report::Phase;
use super::requests::{self, Opened, Stream};
use super::workload::{Outcome, Request, Workload};
use crate::backoff;
use crate::clock::{self, Instant};
use crate::config::Settings;
use crate::notice::Sink;
use crate::store::Publication;
use crate::sync::Report as SyncReport;
use crate::transport::{Connection, Link};

mod keys;

/// What the driver works with.
#[derive(Clone)]
pub struct Context {
    /// The client's settings.
    pub settings: Arc<Settings>,
    /// For all requests and the stream.
    pub link: Arc<Link>,
    /// The registrations.
    pub registry: Arc<Registry>,
    /// The watched keys, which may include registered ones.
    pub publication: Arc<Publication>,
    /// Notified of each publication.
    pub published: Arc<Notify>,
    /// How fresh the watched keys are.
    pub sync: Arc<ArcSwap<SyncReport>>,
    /// Receives the events.
    pub notices: Arc<dyn Sink>,
    /// The callers' commands.
    pub commands: Arc<Mutex<mpsc::UnboundedReceiver<Command>>>,
}

struct Member {
    machine: Machine,
    entry: Arc<Entry>,
    timer: Option<Instant>,
    /// The key of the last claim.
    key: Option<Vec<u8>>,
    under_way: usize,
}

/// The driver's side of the current stream.
struct Open {
    renewals: mpsc::UnboundedSender<i64>,
    answers: etcd_client::LeaseKeepAliveStream,
    connection: Connection,
    link_serial: u64,
}

/// The I/O of one client's registrations.
pub struct Driver {
    context: Context,
    members: HashMap<u64, Member>,
    timers: BTreeSet<(Instant, u64)>,
    leases: HashMap<i64, u64>,
    keys: BTreeSet<(Vec<u8>, u64)>,
    seen_generation: u64,
    keepalive: Keepalive,
    stream: Option<Open>,
    workload: Workload,
}

enum Wakeup {
    Command(Option<Command>),
    Done(Outcome),
    Answer(Result<Option<etcd_client::LeaseKeepAliveResponse>, etcd_client::Error>),
    Published,
    Time,
}

impl Driver {
    /// A driver that continues with whatever the registry holds.
    #[must_use]
    pub fn new(context: Context) -> Self {
        let cap = context.settings.timing.backoff_cap;
        let workload = Workload::new(Arc::clone(&context.link));
        Self {
            context,
            members: HashMap::new(),
            timers: BTreeSet::new(),
            leases: HashMap::new(),
            keys: BTreeSet::new(),
            seen_generation: 0,
            keepalive: Keepalive::new(cap, backoff::seed()),
            stream: None,
            workload,
        }
    }

    /// Runs until nothing is registered and no one can register any more.
    pub async fn run(mut self) {
        let commands = Arc::clone(&self.context.commands);
        let mut commands = commands.lock().await;
        for id in self.context.registry.ids() {
            self.add(id);
        }
        let mut listening = true;
        while listening || !self.members.is_empty() {
            match self.next(&mut commands, listening).await {
                Wakeup::Command(None) => listening = false,
                Wakeup::Command(Some(command)) => self.on_command(command),
                Wakeup::Done(outcome) => self.on_outcome(outcome),
                Wakeup::Answer(answer) => self.answered(answer),
                Wakeup::Published => self.check_snapshot(),
                Wakeup::Time => {}
            }
            self.tick();
        }
    }

    async fn next(&mut self, commands: &mut mpsc::UnboundedReceiver<Command>, listening: bool) -> Wakeup {
        let timers = [self.timers.first().map(|(at, _)| *at), self.keepalive.deadline()];
        let deadline = timers.into_iter().flatten().chain(self.workload.deadline()).min();
        let published = Arc::clone(&self.context.published);
        tokio::select! {
            command = commands.recv(), if listening => Wakeup::Command(command),
            outcome = self.workload.next() => Wakeup::Done(outcome),
            answer = receive(&mut self.stream) => Wakeup::Answer(answer),
            () = published.notified(), if !self.keys.is_empty() => Wakeup::Published,
            () = clock::sleep_until(deadline) => Wakeup::Time,
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        while let Some((at, id)) = self.timers.first().copied()
            && at <= now
        {
            self.step(id, Event::Tick);
        }
        if let Some(order) = self.keepalive.tick(now) {
            self.order(order);
        }
        self.workload.flush(now);
    }

    // ---- members ----

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Add(id) => self.add(id),
            Command::Touch(id) => self.step(id, Event::Touched),
            Command::Deregister(id) => self.step(id, Event::Deregister),
        }
    }

    fn add(&mut self, id: u64) {
        let Some(entry) = self.context.registry.get(id).filter(|_| !self.members.contains_key(&id)) else {
            return;
        };
        let timing = &self.context.settings.timing;
        let rules = Rules {
            timeout: timing.request_timeout,
            backoff_cap: timing.backoff_cap,
            liveness: entry.spec.liveness,
            seed: backoff::seed(),
        };
        let machine = Machine::new(rules, &entry.report.load());
        self.members.insert(id, Member { machine, entry, timer: None, key: None, under_way: 0 });
        self.step(id, Event::Start);
    }

    fn step(&mut self, id: u64, event: Event) {
        let Some(member) = self.members.get_mut(&id) else { return };
        if let Event::LeaseMissing { lease } = event {
            self.leases.remove(&lease);
        }
        let effects = member.machine.step(Instant::now(), event);
        if let Some(timer) = member.timer.take() {
            self.timers.remove(&(timer, id));
        }
        member.timer = member.machine.deadline();
        self.timers.extend(member.timer.map(|timer| (timer, id)));
        let report = member.machine.report();
        let before = member.entry.report.load_full();
        if *before != *report {
            member.entry.report.store(Arc::new(report.clone()));
            member.entry.wakers.wake_all();
        }
        for effect in effects {
            self.execute(id, effect);
        }
        self.remove_if_over(id);
    }

    /// Removes a finished machine, after its last request was answered: a grant may still take effect.
    fn remove_if_over(&mut self, id: u64) {
        let over = |member: &Member| {
            let report = member.machine.report();
            report.phase == Phase::Deregistered && member.timer.is_none() && member.under_way == 0
        };
        if self.members.get(&id).is_some_and(over)
            && let Some(member) = self.members.remove(&id)
        {
            if let Some(key) = member.key {
                self.keys.remove(&(key, id));
            }
            self.context.registry.remove(id);
        }
    }

    fn execute(&mut self, id: u64, effect: Effect) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let spec = &member.entry.spec;
        match effect {
            Effect::Grant { lease } => {
                self.leases.insert(lease, id);
                member.under_way += 1;
                self.workload.submit(Request::Grant { id, lease, ttl: spec.ttl });
            }
            Effect::Claim { lease, expected } => {
                let (key, value) = (spec.key.key(lease), spec.value.clone());
                if member.key.as_ref() != Some(&key) {
                    let before = member.key.replace(key.clone());
                    self.keys.insert((key.clone(), id));
                    if let Some(before) = before {
                        self.keys.remove(&(before, id));
                    }
                }
                member.under_way += 1;
                self.workload.submit(Request::Claim { id, key, value, lease, expected });
            }
            Effect::Revoke { lease } => {
                self.leases.remove(&lease);
                member.under_way += 1;
                self.workload.submit(Request::Revoke { id, lease });
            }
            Effect::Renew { lease, timeout } => {
                if let Some(order) = self.keepalive.renew(Instant::now(), lease, timeout) {
                    self.order(order);
                }
            }
            Effect::Forget { lease } => {
                self.leases.remove(&lease);
                self.keepalive.forget(lease);
            }
            Effect::Check { .. } => self.check(id),
            Effect::Notify(standing) => {
                let key =
                    standing.lease.map_or_else(|| spec.key.base().to_vec(), |lease| spec.key.key(lease));
                self.context.notices.notify(standing.notice(key, spec.address.clone()));
            }
        }
    }

    // ---- answers ----

    fn on_outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Answered(id, event) => {
                if let Some(member) = self.members.get_mut(&id) {
                    member.under_way = member.under_way.saturating_sub(1);
                }
                self.step(id, event);
            }
            Outcome::Looked(ids, sent, looks) => match looks {
                Some((holders, revision)) => {
                    for (id, holder) in ids.into_iter().zip(holders) {
                        self.step(id, Event::Seen { holder, revision, sent });
                    }
                }
                None => ids.into_iter().for_each(|id| self.step(id, Event::Unseen)),
            },
            Outcome::Opened(serial, opened) => self.opened(serial, opened),
        }
    }

    fn opened(&mut self, serial: u64, opened: Opened) {
        let now = Instant::now();
        match opened {
            Opened::Stream(stream) if serial == self.keepalive.serial() => {
                self.stream = Some(attend(*stream));
                let (first, orders) = self.keepalive.opened(now, serial);
                for order in orders {
                    self.order(order);
                }
                if let Some((lease, sent)) = first {
                    // etcd-client does not expose the TTL of the first answer.
                    self.renewed(lease, None, sent);
                }
            }
            Opened::Stream(_) => {}
            Opened::Missing => {
                let (missing, order) = self.keepalive.first_is_missing(now, serial);
                if let Some(lease) = missing {
                    self.missing(lease);
                }
                if let Some(order) = order {
                    self.order(order);
                }
            }
            Opened::Failed => self.keepalive.failed(now, serial),
        }
    }

    fn answered(&mut self, answer: Result<Option<etcd_client::LeaseKeepAliveResponse>, etcd_client::Error>) {
        let Ok(Some(answer)) = answer else {
            self.keepalive.failed(Instant::now(), self.keepalive.serial());
            return self.close_stream();
        };
        let lease = answer.id();
        let Some(sent) = self.keepalive.answered(lease) else { return };
        if answer.ttl() <= 0 {
            return self.missing(lease);
        }
        self.renewed(lease, Some(requests::seconds(answer.ttl())), sent);
    }

    fn renewed(&mut self, lease: i64, ttl: Option<Duration>, sent: Instant) {
        if let Some(id) = self.leases.get(&lease) {
            self.step(*id, Event::Renewed { lease, ttl, sent });
        }
    }

    fn missing(&mut self, lease: i64) {
        if let Some(id) = self.leases.get(&lease) {
            self.step(*id, Event::LeaseMissing { lease });
        }
    }

    // ---- the stream ----

    fn order(&mut self, order: Order) {
        match order {
            Order::Open { serial, lease, timeout } => {
                self.workload.open(serial, lease, timeout);
            }
            Order::Send(lease) => {
                if let Some(stream) = &self.stream {
                    // If the stream's writer has ended, the missing answer shows it.
                    let _ = stream.renewals.send(lease);
                }
            }
            Order::Close => self.close_stream(),
        }
    }

    fn close_stream(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.context.link.give_up(&stream.connection, stream.link_serial);
        }
    }
}

/// Hands the stream's sending side to a separate task, which ends with the stream.
///
/// A server that reads nothing must not block the driver.
fn attend(stream: Stream) -> Open {
    let Stream { mut keeper, answers, connection, link_serial } = stream;
    // Bounded by the number of leases: each has at most one renewal under way.
    let (renewals, mut leases) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(lease) = leases.recv().await {
            keeper.id = lease;
            if keeper.keep_alive().await.is_err() {
                break;
            }
        }
    });
    Open { renewals, answers, connection, link_serial }
}

async fn receive(
    stream: &mut Option<Open>,
) -> Result<Option<etcd_client::LeaseKeepAliveResponse>, etcd_client::Error> {
    match stream {
        Some(stream) => stream.answers.message().await,
        None => std::future::pending().await,
    }
}
