//! A machine beside its etcd: what happens to it, what it does, and whether that is right.

use std::collections::BTreeMap;
use std::time::Duration;

use super::account::{Account, Before, MAX_STALENESS};
use super::etcd::Etcd;
use super::queues::LIMITS;
use super::restart::OnDisk;
use super::server::{FIRST_WATCH, Stream};
use super::{Act, KEYS};
use crate::clock::Instant;
use crate::range::Ranges;
use crate::store::{Changed, Entry, Key, Snapshot};
use crate::sync::event::{Effect, Event, PageRequest, Trust, Update};
use crate::sync::machine::{Machine, Rules};
use crate::sync::report::Report;

#[derive(Debug)]
pub(super) enum Operation {
    Connect,
    List(PageRequest),
    Verify(Option<i64>),
    Compare(i64, Option<i64>),
    /// The server has answered; the answer is on its way.
    Answered(Event),
}

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // Independent properties of the server.
pub(super) struct World {
    pub(super) etcd: Etcd,
    pub(super) ranges: Ranges,
    pub(super) trust: Trust,
    pub(super) bounding_range_refused: bool,
    /// The server answers no progress request, like `etcd grpc-proxy`.
    pub(super) mute: bool,
    /// Before every answer something is written and everything is compacted.
    storm: bool,
    strikes: u8,
    /// How many watches of future events were requested.
    pub(super) watched_first: usize,
    pub(super) rules: Rules,
    pub(super) machine: Machine,
    pub(super) now: Instant,
    pub(super) emptied_at: Instant,
    /// When a server with queues last did its periodic work, and how often.
    pub(super) tended: (Instant, u32),
    /// The connection takes nothing from the queues.
    pub(super) stalled: bool,
    pub(super) coin: fastrand::Rng,
    pub(super) operation: Option<Operation>,
    pub(super) stream: Option<Stream>,
    /// What readers see, and the history that it belongs to.
    pub(super) shown: Option<(Snapshot, u32)>,
    pub(super) on_disk: Option<OnDisk>,
    pub(super) audit: Option<PageRequest>,
    /// The machine never received an event, so what it shows may be wrong until an audit.
    pub(super) tampered: bool,
    pub(super) account: Account,
}

impl World {
    pub(super) fn new(
        ranges: Ranges,
        trust: Trust,
        bounding_range_refused: bool,
        mute: bool,
        seed: u64,
    ) -> Self {
        let now = Instant::now();
        let rules = Rules {
            ranges: ranges.clone(),
            page_size: 2,
            progress_interval: Duration::from_secs(3),
            timeout: Duration::from_secs(3),
            backoff_cap: Duration::from_secs(3),
            max_staleness: MAX_STALENESS,
            audit_interval: Duration::from_secs(2),
            limits: LIMITS,
            seed,
        };
        let mut world = Self {
            etcd: Etcd::new(now),
            ranges,
            trust,
            bounding_range_refused,
            mute,
            storm: false,
            strikes: 0,
            watched_first: 0,
            rules: rules.clone(),
            on_disk: None,
            audit: None,
            tampered: false,
            account: Account::new(now),
            machine: Machine::new(rules, None, &Report::default()),
            now,
            emptied_at: now,
            tended: (now, 0),
            stalled: false,
            coin: fastrand::Rng::with_seed(seed),
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
                self.operation =
                    self.operation.take().map(|one| Operation::Answered(self.answer_at_last(&one)));
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
            Act::Storm(storm) => self.storm = storm,
            Act::Burst(number) => self.burst(number),
            Act::Stall(stalled) => self.stalled = stalled,
            Act::Restore if self.has_queues() => self.restore(),
            Act::Restore => {}
            Act::Save => self.save(),
            Act::Restart => self.restart(),
            Act::Pass(milliseconds) => self.pass(Duration::from_millis(milliseconds.into())),
        }
    }

    /// Ends all faults except a storm. The machine must then show what etcd has, and confirm it.
    pub(super) fn heal(&mut self) {
        let healed = self.now;
        self.stalled = false;
        for _ in 0..2_000 {
            self.deliver_all();
            if self.converged() && self.machine.report().confirmed_at.is_some_and(|at| at > healed) {
                let report = self.machine.report();
                assert!(!report.from_cache, "confirmed by etcd but marked as from disk");
                assert!(
                    self.tampered || report.divergences == 0,
                    "an audit found a difference that does not exist"
                );
                return;
            }
            self.pass(Duration::from_millis(50));
        }
        panic!("did not come back: {:?}", self.machine);
    }

    /// Whether events of one range may wait for a comparison of the others.
    pub(super) fn compares_at_revisions(&self) -> bool {
        let several = self.ranges.as_slice().len() > 1;
        several && self.bounding_range_refused && (self.mute || self.trust == Trust::Repeated)
    }

    /// Commits many transactions, faster than anything is sent.
    fn burst(&mut self, number: u8) {
        for value in 0..number {
            let key = usize::from(self.coin.u8(..)) % KEYS.len();
            self.write(&[(key, Some(value))]);
        }
    }

    /// A put that the machine never receives.
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

    /// In a storm, writes one key after another and compacts the history before them.
    pub(super) fn strike(&mut self) {
        if self.storm {
            self.strikes = self.strikes.wrapping_add(1);
            self.write(&[(usize::from(self.strikes) % KEYS.len(), Some(self.strikes))]);
            self.etcd.compact();
        }
    }

    pub(super) fn tell(&mut self, event: Event) {
        let before = Before::new(self.machine.report(), &event, self.shown.is_some());
        let effects = self.machine.step(self.now, event);
        for effect in &effects {
            self.carry_out(effect.clone());
        }
        let shown = self.shown.as_ref().map(|(snapshot, _)| snapshot);
        self.account.check(self.now, &before, &effects, self.machine.report(), shown);
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
            Effect::Watch { range, from, .. } => {
                self.watched_first += usize::from(from == 0);
                self.watch(range, from);
                self.strike();
            }
            Effect::RequestProgress => self.announce(-1),
            Effect::Publish(update) => self.publish(update),
            Effect::Confirm(revision) => {
                let (snapshot, life) = self.shown.take().expect("a confirmation needs a snapshot");
                self.show(snapshot.confirmed_at(revision), life);
            }
            // `Account` compares these.
            Effect::Notify(_) => {}
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
            if let Changed::Keys(keys) = &update.changed {
                changed.retain(|key| !keys.contains(key));
                assert!(changed.is_empty(), "the feed hides {changed:?}");
            }
        }
        // Everything shown came over a connection, and a history ends with its connections.
        self.show(update.snapshot, self.etcd.life);
    }

    /// Checks promises 1 and 3.
    fn show(&mut self, snapshot: Snapshot, life: u32) {
        let truth = self.etcd.content(&self.ranges, snapshot.revision());
        assert!(self.tampered || content(&snapshot) == truth, "{truth:?} is not in {snapshot:?}");
        self.shown = Some((snapshot, life));
    }

    /// Checks promise 5: content confirmed as of a time holds everything written before that time.
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
}

pub(in crate::sync) fn content(snapshot: &Snapshot) -> BTreeMap<Key, Entry> {
    snapshot.iter().map(|entry| (Key::from(entry.key()), entry.to_entry())).collect()
}
