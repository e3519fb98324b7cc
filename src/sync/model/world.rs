//! A machine, its etcd, and the wire between them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::etcd::Etcd;
use super::restart::OnDisk;
use super::{Act, KEYS};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::range::{KeyRange, Ranges};
use crate::store::{Change, Entry, Key, Snapshot};
use crate::sync::event::{
    Comparison, Effect, Event, Fault, Found, PageRequest, Peer, Response, Trust, Update,
};
use crate::sync::machine::{Machine, Rules};
use crate::sync::report::Report;

/// Ids are the server's to choose.
const FIRST_WATCH: i64 = 5;

/// How long a server whose progress answers overtake events leaves them undelivered.
const LONGEST_OVERTAKING: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) enum Operation {
    Connect,
    List(PageRequest),
    Verify(Option<i64>),
    Compare(i64, Option<i64>),
    /// The server has said this; it is on its way.
    Answered(Event),
}

#[derive(Debug)]
struct Watcher {
    id: i64,
    range: KeyRange,
    start: i64,
    /// The next revision to send.
    next: i64,
}

#[derive(Debug, Default)]
pub(super) struct Stream {
    watchers: Vec<Watcher>,
    queue: VecDeque<Response>,
    delivered: Vec<Response>,
}

#[derive(Debug)]
pub(super) struct World {
    etcd: Etcd,
    ranges: Ranges,
    trust: Trust,
    hull_refused: bool,
    /// Answers no progress request, as `etcd grpc-proxy`.
    mute: bool,
    pub(super) rules: Rules,
    pub(super) machine: Machine,
    now: Instant,
    emptied_at: Instant,
    pub(super) operation: Option<Operation>,
    pub(super) stream: Option<Stream>,
    /// What readers see, and of which history it is.
    pub(super) shown: Option<(Snapshot, u32)>,
    pub(super) on_disk: Option<OnDisk>,
    pub(super) audit: Option<PageRequest>,
    /// An event was kept from the machine: what it shows may be wrong until an audit.
    pub(super) tampered: bool,
}

impl World {
    pub(super) fn new(ranges: Ranges, trust: Trust, hull_refused: bool, mute: bool, seed: u64) -> Self {
        let now = Instant::now();
        let rules = Rules {
            ranges: ranges.clone(),
            page_size: 2,
            progress_interval: Duration::from_secs(3),
            patience: Duration::from_secs(3),
            backoff_cap: Duration::from_secs(3),
            audit_interval: Duration::from_secs(2),
            seed,
        };
        let mut world = Self {
            etcd: Etcd::new(now),
            ranges,
            trust,
            hull_refused,
            mute,
            rules: rules.clone(),
            on_disk: None,
            audit: None,
            tampered: false,
            machine: Machine::new(rules, None, &Report::default()),
            now,
            emptied_at: now,
            operation: None,
            stream: None,
            shown: None,
        };
        world.tell(Event::Start);
        world
    }

    pub(super) fn play(&mut self, act: Act) {
        self.pass(Duration::from_millis(1));
        match act {
            Act::Write(keys) => self.write(&keys),
            Act::Compact => self.etcd.compact(),
            Act::Answer => {
                self.operation = self.operation.take().map(|one| Operation::Answered(self.answer(&one)));
            }
            Act::Deliver => self.deliver(),
            Act::CatchUp(fragment) => self.catch_up(fragment),
            Act::Repeat => self.repeat(),
            Act::Announce => self.announce(FIRST_WATCH),
            Act::Cut => self.cut(),
            Act::Refuse(how) => self.refuse(how),
            Act::LoseData => {
                self.cut();
                self.etcd.lose_data(self.now);
            }
            Act::Replace => {
                self.cut();
                self.etcd.replace(self.now);
            }
            Act::Save => self.save(),
            Act::Restart => self.restart(),
            Act::Pass(milliseconds) => self.pass(Duration::from_millis(milliseconds.into())),
        }
    }

    /// All goes well from now on: the machine must come to show what etcd has, and to confirm it.
    pub(super) fn heal(&mut self) {
        let healed = self.now;
        for _ in 0..2_000 {
            self.deliver_all();
            if self.converged() && self.machine.report().confirmed_at.is_some_and(|at| at > healed) {
                let report = self.machine.report();
                assert!(!report.from_cache, "etcd's word, called the disk's");
                assert!(self.tampered || report.divergences == 0, "an audit found what is not there");
                return;
            }
            self.pass(Duration::from_millis(50));
        }
        panic!("did not come back: {:?}", self.machine);
    }

    /// A put that the machine never hears of.
    pub(super) fn lose_a_put(&mut self, index: usize) {
        self.deliver_all();
        self.tampered = true;
        self.write(&[(index, Some(1))]);
        if let Some(stream) = &mut self.stream {
            stream.watchers.iter_mut().for_each(|watcher| watcher.next = self.etcd.revision() + 1);
            stream.queue.retain(|response| response.changes.is_empty());
        }
    }

    fn converged(&self) -> bool {
        let current = self.etcd.content(&self.ranges, self.etcd.revision());
        self.shown
            .as_ref()
            .is_some_and(|(snapshot, life)| *life == self.etcd.life && content(snapshot) == current)
    }

    // ---- the machine's side ----

    pub(super) fn tell(&mut self, event: Event) {
        for effect in self.machine.step(self.now, event) {
            self.carry_out(effect);
        }
        self.check_confirmation();
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Connect { .. } => self.operation = Some(Operation::Connect),
            Effect::Disconnect | Effect::CloseStream => {
                self.operation = None;
                self.audit = None;
                self.stream = None;
            }
            Effect::List(request) => self.operation = Some(Operation::List(request)),
            Effect::Verify { at } => self.operation = Some(Operation::Verify(at)),
            Effect::Audit(request) => self.audit = Some(request),
            Effect::Compare { since, at } => self.operation = Some(Operation::Compare(since, at)),
            Effect::Watch { range, from, .. } => self.watch(range, from),
            Effect::RequestProgress => self.announce(-1),
            Effect::Publish(update) => self.publish(update),
            Effect::Confirm(revision) => {
                let (snapshot, life) = self.shown.take().expect("a confirmation needs a snapshot");
                self.show(snapshot.confirmed_at(revision), life);
            }
        }
    }

    fn publish(&mut self, update: Update) {
        if self.shown.is_none() && self.machine.report().from_cache {
            return self.show_from_disk(update.snapshot);
        }
        if let Some((old, _)) = &self.shown {
            let back = update.snapshot.revision() < old.revision();
            let other = update.snapshot.cluster_id() != old.cluster_id();
            assert!(update.reset || !(back || other), "the revision went back without a reset");
            let mut changed = old.changed_keys(&update.snapshot);
            if let crate::store::Changed::Keys(keys) = &update.changed {
                changed.retain(|key| !keys.contains(key));
                assert!(changed.is_empty(), "the feed hides {changed:?}");
            }
        }
        // Whatever is shown came over a connection, and a history ends with its connections.
        self.show(update.snapshot, self.etcd.life);
    }

    /// Promises 1 and 3.
    fn show(&mut self, snapshot: Snapshot, life: u32) {
        let truth = self.etcd.content(&self.ranges, snapshot.revision());
        assert!(self.tampered || content(&snapshot) == truth, "{truth:?} is not in {snapshot:?}");
        self.shown = Some((snapshot, life));
    }

    /// Promise 5: what is confirmed as of a time holds everything that was written before it.
    fn check_confirmation(&self) {
        let Some(confirmed_at) = self.machine.report().confirmed_at else { return };
        let Some((snapshot, life)) = &self.shown else { panic!("confirmed without a snapshot") };
        let Some(last) = self.etcd.marks.iter().rev().find(|mark| mark.at < confirmed_at) else { return };
        assert!(
            self.tampered || (last.life == *life && last.revision <= snapshot.revision()),
            "confirmed as of {confirmed_at:?}, shown is {} of life {life}, but there was {last:?}",
            snapshot.revision(),
        );
    }

    // ---- etcd's side ----

    fn write(&mut self, keys: &[(usize, Option<u8>)]) {
        // etcd lets a transaction touch a key once, and takes deleting what is not there for nothing.
        let everything = Ranges::merge([KeyRange::prefix(b"")]);
        let content = self.etcd.content(&everything, self.etcd.revision());
        let mut transaction: BTreeMap<Key, Option<u8>> = BTreeMap::new();
        for (index, value) in keys {
            let key: Key = KEYS[*index].into();
            if value.is_some() || content.contains_key(&key) {
                transaction.insert(key, *value);
            }
        }
        if transaction.is_empty() {
            return;
        }
        self.etcd.write(transaction.into_iter().collect(), &self.ranges, self.now);
        let (etcd, Some(stream)) = (&self.etcd, &mut self.stream) else { return };
        for watcher in &mut stream.watchers {
            if watcher.next == etcd.revision() {
                watcher.next += 1;
                let changes = etcd.events(&watcher.range, etcd.revision());
                if !changes.is_empty() {
                    let (header, watch_id) = (etcd.header(), watcher.id);
                    stream.queue.push_back(Response { header, watch_id, changes, ..Response::default() });
                }
            }
        }
    }

    fn watch(&mut self, range: KeyRange, start: i64) {
        let header = self.etcd.header();
        let wider = !self.ranges.as_slice().contains(&range);
        let stream = self.stream.get_or_insert_default();
        let id = i64::try_from(stream.watchers.len()).unwrap() * 3 + FIRST_WATCH;
        if wider && self.hull_refused {
            let reason = "etcdserver: permission denied".to_owned();
            let refusal = Response {
                header,
                watch_id: -1,
                created: true,
                canceled: true,
                reason,
                ..Response::default()
            };
            stream.queue.push_back(refusal);
            return;
        }
        stream.watchers.push(Watcher { id, range, start, next: start });
        stream.queue.push_back(Response { header, watch_id: id, created: true, ..Response::default() });
    }

    fn catch_up(&mut self, fragment: usize) {
        let (etcd, Some(stream)) = (&self.etcd, &mut self.stream) else { return };
        for watcher in stream.watchers.iter_mut().filter(|watcher| watcher.next <= etcd.revision()) {
            let (header, watch_id) = (etcd.header(), watcher.id);
            if watcher.next < etcd.compacted {
                let compact_revision = etcd.compacted;
                watcher.next = i64::MAX;
                let gone =
                    Response { header, watch_id, canceled: true, compact_revision, ..Response::default() };
                stream.queue.push_back(gone);
                continue;
            }
            let mut events = etcd.events(&watcher.range, watcher.next);
            events.retain(|change| etcd.keeps(change));
            watcher.next = etcd.revision() + 1;
            let parts: Vec<&[Change]> = events.chunks(fragment).collect();
            for (number, part) in parts.iter().enumerate() {
                let (changes, fragment) = (part.to_vec(), number + 1 < parts.len());
                stream.queue.push_back(Response {
                    header,
                    watch_id,
                    fragment,
                    changes,
                    ..Response::default()
                });
            }
        }
    }

    /// Says how far the server is, asked (−1) or of its own accord; from a server with the defect it overtakes what is queued, and does not care
    /// whether the watches have caught up.
    fn announce(&mut self, watch_id: i64) {
        let (etcd, Some(stream)) = (&self.etcd, &mut self.stream) else { return };
        if self.mute {
            return;
        }
        let answer = Response { header: etcd.header(), watch_id, ..Response::default() };
        let all_created = stream.queue.iter().all(|response| !response.created);
        if self.trust == Trust::Repeated {
            if all_created {
                stream.queue.push_front(answer);
            }
            return;
        }
        let synced =
            |watcher: &Watcher| watcher.next == etcd.revision() + 1 && watcher.start <= etcd.revision();
        if stream.watchers.iter().all(synced) {
            stream.queue.push_back(answer);
        }
    }

    fn repeat(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        if let Some(response) = stream.delivered.last().cloned() {
            stream.queue.push_front(response);
        }
    }

    // ---- the wire ----

    fn deliver(&mut self) {
        if let Some(request) = self.audit.take() {
            let page = self.etcd.page(&request);
            return self.tell(Event::Audited(page));
        }
        if let Some(operation) = self.operation.take() {
            let event = self.answer(&operation);
            return self.tell(event);
        }
        let Some(response) = self.stream.as_mut().and_then(|stream| stream.queue.pop_front()) else { return };
        if let Some(stream) = &mut self.stream
            && !response.changes.is_empty()
            && !response.fragment
        {
            stream.delivered.push(response.clone());
        }
        self.tell(Event::Responded(response));
    }

    fn answer(&self, operation: &Operation) -> Event {
        let gone = || Event::Failed(Fault::RevisionGone);
        match operation {
            Operation::Answered(event) => event.clone(),
            Operation::Connect => {
                Event::Connected(Peer { endpoint: String::new(), version: String::new(), trust: self.trust })
            }
            Operation::List(request) => self.etcd.page(request).map_or_else(gone, Event::Listed),
            Operation::Verify(Some(at)) if *at < self.etcd.compacted || *at > self.etcd.revision() => gone(),
            Operation::Verify(_) => Event::Verified(self.etcd.header()),
            Operation::Compare(_, Some(at)) if *at < self.etcd.compacted || *at > self.etcd.revision() => {
                gone()
            }
            Operation::Compare(since, at) => {
                let content = self.etcd.content(&self.ranges, at.unwrap_or_else(|| self.etcd.revision()));
                let found = |range: &KeyRange| {
                    let inside = || content.values().filter(|entry| range.contains(entry.key()));
                    let newer = inside().any(|entry| entry.mod_revision() > *since);
                    Found { newer, count: i64::try_from(inside().count()).unwrap() }
                };
                let found = self.ranges.as_slice().iter().map(found).collect();
                Event::Compared(Comparison { header: self.etcd.header(), found })
            }
        }
    }

    fn deliver_all(&mut self) {
        self.catch_up(usize::MAX);
        self.deliver_queued();
        self.catch_up(usize::MAX);
        self.deliver_queued();
    }

    fn deliver_queued(&mut self) {
        for _ in 0..1_000 {
            let waiting = self.stream.as_ref().is_some_and(|stream| !stream.queue.is_empty());
            if self.operation.is_none() && self.audit.is_none() && !waiting {
                break;
            }
            self.deliver();
        }
        self.emptied_at = self.now;
    }

    fn cut(&mut self) {
        let under_way = self.operation.take().is_some() || self.stream.take().is_some();
        self.stream = None;
        if under_way {
            self.tell(Event::Failed(Fault::Lost(Error::new(ErrorKind::Connection, "cut"))));
        }
    }

    fn refuse(&mut self, how: u8) {
        let error = Error::new(ErrorKind::Authentication, "refused");
        let under_way = self.operation.take().is_some() || self.stream.take().is_some();
        self.stream = None;
        if under_way {
            let fault = if how == 0 { Fault::TokenExpired(error) } else { Fault::Denied(error) };
            self.tell(Event::Failed(fault));
        }
    }

    /// Time passes, in the steps in which the machine wants to be told, and in which a server whose
    /// answers overtake events delivers those. A watch that has to catch up waits as long as it takes, and the server
    /// answers meanwhile as if nothing were missing.
    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            let tick = self.machine.deadline().unwrap_or(end);
            let delivery = self.emptied_at + LONGEST_OVERTAKING;
            let next = if self.trust == Trust::Repeated { tick.min(delivery) } else { tick };
            self.now = next.clamp(self.now, end);
            if self.trust == Trust::Repeated && self.now >= delivery {
                self.deliver_queued();
            }
            if self.machine.deadline().is_some_and(|at| at <= self.now) {
                self.tell(Event::Tick);
                assert!(
                    self.machine.deadline().is_none_or(|at| at > self.now),
                    "a tick that changes nothing would spin: {:?}",
                    self.machine,
                );
            }
        }
    }
}

pub(super) fn content(snapshot: &Snapshot) -> BTreeMap<Key, Entry> {
    snapshot.iter().map(|entry| (Key::from(entry.key()), entry.clone())).collect()
}
