//! The machine, a small etcd, and the messages between them, which may be lost, late and repeated.

use std::time::Duration;

use super::super::event::{Effect, Event};
use super::super::machine::{Machine, Rules};
use super::super::report::{Phase, Report};
use super::account::Account;
use super::etcd::Etcd;
use super::{RIVAL, TIMEOUT, TTL};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// This many milliseconds pass.
    Pass(u64),
    /// The same while the machine's process is stopped.
    Stall(u64),
    /// Carry out a request and deliver its answer.
    Answer(usize),
    /// Carry out a request and keep its answer for later.
    Hold(usize),
    /// Deliver an answer that was kept.
    Deliver(usize),
    /// Carry out a request and lose its answer.
    LoseAnswer(usize),
    /// Lose a request.
    LoseRequest(usize),
    /// Carry out a request that the sender has given up already.
    Late(usize),
    /// The watch shows the key's current state.
    Notice,
    DeleteByHand,
    RevokeByHand,
    RivalPuts,
    RivalLeaves,
}

/// An answer on its way, with etcd's revision.
struct Held {
    effect: Effect,
    sent: Instant,
    answer: Event,
    revision: i64,
}

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) machine: Machine,
    pub(super) etcd: Etcd,
    pub(super) sent: Vec<(Effect, Instant)>,
    held: Vec<Held>,
    given_up: Vec<(Effect, Instant)>,
    /// The revision at which etcd first reported anything about the key.
    pub(super) first_contact: Option<i64>,
    /// Since when the key has not belonged to the machine.
    not_ours_since: Option<Instant>,
    pub(super) account: Account,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let rules = Rules { timeout: TIMEOUT, backoff_cap: Duration::from_secs(1), liveness: None, seed };
        let now = Instant::now();
        let mut world = Self {
            now,
            machine: Machine::new(rules, &Report::default()),
            etcd: Etcd { revision: 10, ..Etcd::default() },
            sent: Vec::new(),
            held: Vec::new(),
            given_up: Vec::new(),
            first_contact: None,
            not_ours_since: Some(now),
            account: Account::default(),
        };
        world.tell(Event::Start);
        world
    }

    pub(super) fn tell(&mut self, event: Event) {
        let before = self.machine.report().clone();
        let effects = self.machine.step(self.now, event);
        self.account.check(self.now, &before, &effects, self.machine.report());
        for effect in effects.into_iter().filter(|effect| !matches!(effect, Effect::Notify(_))) {
            let over = self.machine.report().phase == Phase::Deregistered;
            let revokes = matches!(effect, Effect::Revoke { .. } | Effect::Forget { .. });
            assert!(!over || revokes, "{effect:?} after the end");
            match effect {
                Effect::Forget { lease } => {
                    let of_it = |e: &Effect| matches!(e, Effect::Renew { lease: l, .. } if *l == lease);
                    self.sent.retain(|(effect, _)| !of_it(effect));
                    self.held.retain(|held| !of_it(&held.effect));
                }
                effect => self.sent.push((effect, self.now)),
            }
        }
    }

    pub(super) fn is_rivals(&self) -> bool {
        self.etcd.key.is_some_and(|(lease, _)| lease == RIVAL)
    }

    pub(super) fn is_ours(&self) -> bool {
        self.etcd.key.is_some_and(|(lease, _)| lease != RIVAL)
    }

    fn carry_out(&mut self, effect: &Effect, sent: Instant) -> Option<Event> {
        self.etcd.expire(self.now);
        let before = self.etcd.key;
        let answer = self.etcd.execute(self.now, effect, sent);
        if let Some(Event::Claimed { .. }) = answer
            && let Some((RIVAL, _)) = before
        {
            let contact = self.first_contact.unwrap_or(i64::MAX);
            assert!(self.etcd.rival_put <= contact, "a put replaced a later registration");
        }
        answer
    }

    fn deliver(&mut self, event: Event, revision: i64) {
        if matches!(event, Event::Claimed { .. } | Event::Refused { .. }) {
            self.first_contact.get_or_insert(revision);
        }
        self.tell(event);
    }

    fn answer(&mut self, n: usize) {
        let (effect, sent) = self.sent.remove(n);
        if let Some(event) = self.carry_out(&effect, sent) {
            self.deliver(event, self.etcd.revision);
        }
    }

    fn hold(&mut self, n: usize) {
        let (effect, sent) = self.sent.remove(n);
        if let Some(answer) = self.carry_out(&effect, sent) {
            self.held.push(Held { effect, sent, answer, revision: self.etcd.revision });
        }
    }

    fn give_up(&mut self, effect: Effect, sent: Instant) {
        if !matches!(effect, Effect::Renew { .. }) {
            self.given_up.push((effect.clone(), sent));
        }
        self.miss(effect);
    }

    /// What the sender learns when no answer comes.
    fn miss(&mut self, effect: Effect) {
        let error = Error::new(ErrorKind::Timeout, "no answer");
        let event = match effect {
            Effect::Grant { lease } | Effect::Claim { lease, .. } => Some(Event::Failed { lease, error }),
            Effect::Check { .. } => Some(Event::Unseen),
            Effect::Revoke { lease } => Some(Event::NotRevoked { lease }),
            // The stream repeats it by itself.
            Effect::Renew { .. } => {
                self.sent.push((effect, self.now));
                None
            }
            Effect::Forget { .. } | Effect::Notify(_) => None,
        };
        if let Some(event) = event {
            self.tell(event);
        }
    }

    pub(super) fn act(&mut self, action: &Action) {
        match action {
            Action::Pass(millis) => self.pass(Duration::from_millis(*millis)),
            Action::Stall(millis) => self.stall(Duration::from_millis(*millis)),
            Action::Answer(n) if *n < self.sent.len() => self.answer(*n),
            Action::Hold(n) if *n < self.sent.len() => self.hold(*n),
            Action::Deliver(n) if *n < self.held.len() => {
                let held = self.held.remove(*n);
                self.deliver(held.answer, held.revision);
            }
            Action::LoseAnswer(n) if *n < self.sent.len() => {
                let (effect, sent) = self.sent.remove(*n);
                self.carry_out(&effect, sent);
                self.give_up(effect, sent);
            }
            Action::LoseRequest(n) if *n < self.sent.len() => {
                let (effect, sent) = self.sent.remove(*n);
                self.give_up(effect, sent);
            }
            Action::Late(n) if *n < self.given_up.len() => {
                let (effect, sent) = self.given_up.remove(*n);
                let _ = self.carry_out(&effect, sent);
            }
            Action::Notice => {
                let event =
                    Event::Seen { holder: self.etcd.holder(), revision: self.etcd.revision, sent: self.now };
                self.tell(event);
            }
            Action::DeleteByHand if self.etcd.key.is_some() => self.etcd.delete(),
            Action::RevokeByHand => {
                let ours = self.machine.report().lease;
                if let Some(lease) = ours {
                    self.etcd.drop_lease(lease);
                }
            }
            Action::RivalPuts => {
                self.etcd.leases.insert(RIVAL, self.now + Duration::from_secs(3_600));
                self.etcd.put(RIVAL);
                self.etcd.rival_put = self.etcd.revision;
            }
            Action::RivalLeaves => self.etcd.drop_lease(RIVAL),
            _ => {}
        }
        self.check();
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.machine.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.expire_requests();
            self.check();
            self.tell(Event::Tick);
            assert!(self.machine.deadline().is_none_or(|next| next > self.now), "a tick changed nothing");
        }
        self.now = end;
        self.expire_requests();
        self.account.check_time(self.now, self.machine.report());
    }

    /// A caller that asks at the end is answered before the machine looks at its clock.
    fn stall(&mut self, time: Duration) {
        self.now += time;
        self.check();
        self.expire_requests();
        self.tell(Event::Tick);
    }

    fn expire_requests(&mut self) {
        while let Some(n) = self
            .sent
            .iter()
            .position(|(effect, sent)| !matches!(effect, Effect::Renew { .. }) && self.now >= *sent + TIMEOUT)
        {
            let (effect, sent) = self.sent.remove(n);
            self.give_up(effect, sent);
        }
        while let Some(n) = self.held.iter().position(|held| self.now >= held.sent + TIMEOUT) {
            let held = self.held.remove(n);
            self.miss(held.effect);
        }
    }

    fn check(&mut self) {
        self.etcd.expire(self.now);
        let ours = self.is_ours();
        if ours {
            self.not_ours_since = None;
        } else {
            self.not_ours_since.get_or_insert(self.now);
        }
        let report = self.machine.report();
        let ends = report.lease.and_then(|lease| self.etcd.leases.get(&lease));
        if let (Some(until), Some(ends)) = (report.proven_until, ends) {
            assert!(until <= *ends, "the lease is taken to last longer than it does");
        }
        let says = report.phase_at(self.now);
        if says == Phase::Registered
            && let Some(since) = self.not_ours_since
        {
            assert!(self.now <= since + TTL, "registered for more than a TTL without the key");
        }
    }

    /// From now on all messages arrive.
    pub(super) fn calm(&mut self, time: Duration) {
        while !self.held.is_empty() {
            self.act(&Action::Deliver(0));
        }
        let end = self.now + time;
        while self.now < end {
            while !self.sent.is_empty() {
                self.act(&Action::Answer(0));
            }
            self.act(&Action::Pass(50));
        }
        while !self.sent.is_empty() {
            self.act(&Action::Answer(0));
        }
    }
}
