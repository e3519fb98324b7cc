//! The machine against a small etcd: random scripts of lost, late and repeated messages, expiry, rivals and
//! people who delete and revoke by hand.
//!
//! The promises, checked after every step:
//!
//! * *Registered* is never said for longer than one TTL after it was last true (promise 6).
//! * A put lands over nobody's registration that came after our first contact.
//! * Once messages flow again, the key is ours again, or a rival's that lives.
//! * After deregistering, nothing of ours stays for longer than one TTL, and nothing of others' is touched.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::event::{Effect, Event, Holder};
use super::machine::{Machine, Rules};
use super::report::{Phase, Report};
use crate::error::{Error, ErrorKind};

const TTL: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(2);
/// The rival's leases; ours are random.
const RIVAL: i64 = 7;

/// What etcd knows of one key and its leases.
#[derive(Default)]
struct Etcd {
    revision: i64,
    leases: BTreeMap<i64, Instant>,
    /// Lease and revision of the key.
    key: Option<(i64, i64)>,
    /// Revision of the rival's last put.
    rival_put: i64,
}

impl Etcd {
    fn expire(&mut self, now: Instant) {
        let over: Vec<i64> = self.leases.iter().filter(|(_, at)| **at <= now).map(|(id, _)| *id).collect();
        for lease in over {
            self.drop_lease(lease);
        }
    }

    fn drop_lease(&mut self, lease: i64) {
        self.leases.remove(&lease);
        if self.key.is_some_and(|(holder, _)| holder == lease) {
            self.delete();
        }
    }

    fn delete(&mut self) {
        self.revision += 1;
        self.key = None;
    }

    fn put(&mut self, lease: i64) {
        self.revision += 1;
        self.key = Some((lease, self.revision));
    }

    fn holder(&self) -> Holder {
        self.key.map_or(Holder::Nobody, |(lease, mod_revision)| Holder::Lease { lease, mod_revision })
    }

    /// Carries out `effect`, and says the answer that would reach the sender.
    fn execute(&mut self, now: Instant, effect: &Effect, sent: Instant) -> Option<Event> {
        self.expire(now);
        Some(match *effect {
            Effect::Grant { lease } => {
                self.leases.insert(lease, now + TTL);
                Event::Granted { lease, ttl: TTL, sent }
            }
            Effect::Claim { lease, expected } => {
                if self.key.map_or(0, |(_, revision)| revision) != expected {
                    Event::Refused { lease, holder: self.holder() }
                } else if self.leases.contains_key(&lease) {
                    self.put(lease);
                    Event::Claimed { lease, revision: self.revision, sent }
                } else {
                    Event::LeaseMissing { lease }
                }
            }
            Effect::Renew { lease, .. } => match self.leases.get_mut(&lease) {
                Some(at) => {
                    *at = now + TTL;
                    Event::Renewed { lease, ttl: Some(TTL), sent }
                }
                None => Event::LeaseMissing { lease },
            },
            Effect::Check { .. } => Event::Seen { holder: self.holder(), revision: self.revision, sent },
            Effect::Revoke { lease } => {
                self.drop_lease(lease);
                Event::Revoked { lease }
            }
            Effect::Forget { .. } => return None,
        })
    }
}

#[derive(Debug, Clone)]
enum Action {
    Pass(u64),
    /// Carry out a request and deliver its answer.
    Answer(usize),
    /// Carry out a request and lose its answer.
    LoseAnswer(usize),
    /// Lose a request.
    LoseRequest(usize),
    /// Carry out a request that the sender has given up already.
    Late(usize),
    /// The watch shows the key as it is.
    Notice,
    DeleteByHand,
    RevokeByHand,
    RivalPuts,
    RivalLeaves,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (0u64..1_500).prop_map(Action::Pass),
        12 => (0usize..4).prop_map(Action::Answer),
        1 => (0usize..4).prop_map(Action::LoseAnswer),
        1 => (0usize..4).prop_map(Action::LoseRequest),
        1 => (0usize..4).prop_map(Action::Late),
        2 => Just(Action::Notice),
        1 => Just(Action::DeleteByHand),
        1 => Just(Action::RevokeByHand),
        1 => Just(Action::RivalPuts),
        1 => Just(Action::RivalLeaves),
    ]
}

struct World {
    now: Instant,
    machine: Machine,
    etcd: Etcd,
    sent: Vec<(Effect, Instant)>,
    given_up: Vec<(Effect, Instant)>,
    /// The revision at which etcd first told us anything of the key.
    first_contact: Option<i64>,
    /// Since when the key has not been ours.
    not_ours_since: Option<Instant>,
}

impl World {
    fn new(seed: u64) -> Self {
        let rules = Rules { patience: PATIENCE, backoff_cap: Duration::from_secs(1), liveness: None, seed };
        let now = Instant::now();
        let mut world = Self {
            now,
            machine: Machine::new(rules, &Report::default()),
            etcd: Etcd { revision: 10, ..Etcd::default() },
            sent: Vec::new(),
            given_up: Vec::new(),
            first_contact: None,
            not_ours_since: Some(now),
        };
        world.tell(Event::Start);
        world
    }

    fn tell(&mut self, event: Event) {
        let effects = self.machine.step(self.now, event);
        for effect in effects {
            let over = self.machine.report().phase == Phase::Deregistered;
            let revokes = matches!(effect, Effect::Revoke { .. } | Effect::Forget { .. });
            assert!(!over || revokes, "{effect:?} after the end");
            match effect {
                Effect::Forget { lease } => {
                    self.sent.retain(|(e, _)| !matches!(e, Effect::Renew { lease: l, .. } if *l == lease));
                }
                effect => self.sent.push((effect, self.now)),
            }
        }
    }

    fn is_ours(&self) -> bool {
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
            assert!(self.etcd.rival_put <= contact, "a put landed over a later registration");
        }
        answer
    }

    fn deliver(&mut self, event: Event) {
        if matches!(event, Event::Claimed { .. } | Event::Refused { .. }) {
            self.first_contact.get_or_insert(self.etcd.revision);
        }
        self.tell(event);
    }

    /// What the sender learns when no answer comes.
    fn give_up(&mut self, effect: Effect, sent: Instant) {
        let error = Error::new(ErrorKind::Timeout, "no answer");
        let event = match effect {
            Effect::Grant { lease } | Effect::Claim { lease, .. } => Some(Event::Failed { lease, error }),
            Effect::Check { .. } => Some(Event::Unseen),
            Effect::Revoke { lease } => Some(Event::NotRevoked { lease }),
            // The stream asks again by itself.
            Effect::Renew { .. } => {
                self.sent.push((effect, self.now));
                return;
            }
            Effect::Forget { .. } => None,
        };
        self.given_up.push((effect, sent));
        if let Some(event) = event {
            self.tell(event);
        }
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Pass(millis) => self.pass(Duration::from_millis(*millis)),
            Action::Answer(n) if *n < self.sent.len() => {
                let (effect, sent) = self.sent.remove(*n);
                let answer = self.carry_out(&effect, sent);
                if let Some(event) = answer {
                    self.deliver(event);
                }
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
    }

    fn expire_requests(&mut self) {
        while let Some(n) = self.sent.iter().position(|(effect, sent)| {
            !matches!(effect, Effect::Renew { .. }) && self.now >= *sent + PATIENCE
        }) {
            let (effect, sent) = self.sent.remove(n);
            self.give_up(effect, sent);
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
        let says = self.machine.report().phase_at(self.now);
        if says == Phase::Registered
            && let Some(since) = self.not_ours_since
        {
            assert!(self.now <= since + TTL, "registered for more than a TTL without being so");
        }
    }

    /// All messages arrive from now on.
    fn calm(&mut self, time: Duration) {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn registered_is_true_within_a_ttl_and_comes_true_again_when_messages_flow(
        seed in any::<u64>(),
        script in prop::collection::vec(action(), 0..120),
    ) {
        let mut world = World::new(seed);
        for action in &script {
            world.act(action);
        }
        world.calm(TTL * 3);
        let rival = world.etcd.key.is_some_and(|(lease, _)| lease == RIVAL);
        let says = world.machine.report().phase_at(world.now);
        if rival {
            prop_assert_ne!(says, Phase::Registered);
            world.act(&Action::RivalLeaves);
            world.calm(TTL * 2);
        }
        prop_assert!(world.is_ours());
        prop_assert_eq!(world.machine.report().phase_at(world.now), Phase::Registered);
    }

    #[test]
    fn after_deregistering_nothing_of_ours_is_left_and_a_rival_is_untouched(
        seed in any::<u64>(),
        script in prop::collection::vec(action(), 0..80),
        after in prop::collection::vec(action(), 0..30),
    ) {
        let mut world = World::new(seed);
        for action in &script {
            world.act(action);
        }
        world.tell(Event::Deregister);
        let quiet = |action: &&Action| !matches!(action, Action::DeleteByHand | Action::RivalLeaves);
        for action in after.iter().filter(quiet) {
            // What a rival put before our first contact is ours to take over, even by a claim that was
            // under way when we withdrew.
            let later = world.first_contact.is_some_and(|contact| world.etcd.rival_put > contact);
            let rival = world.is_rivals() && later;
            world.act(action);
            prop_assert!(!rival || world.is_rivals(), "a rival's registration was touched");
        }
        world.calm(TTL);
        prop_assert_eq!(world.machine.report().phase, Phase::Deregistered);
        prop_assert!(!world.is_ours());
        prop_assert!(world.machine.deadline().is_none(), "still waiting for something");
    }
}

impl World {
    fn is_rivals(&self) -> bool {
        self.etcd.key.is_some_and(|(lease, _)| lease == RIVAL)
    }
}

#[test]
fn a_hanging_application_loses_its_registration_and_gets_it_back() {
    let rules = Rules {
        patience: PATIENCE,
        backoff_cap: Duration::from_secs(1),
        liveness: Some(Duration::from_secs(4)),
        seed: 1,
    };
    let mut world = World::new(1);
    world.machine = Machine::new(rules, &Report::default());
    world.sent.clear();
    world.tell(Event::Start);
    for _ in 0..10 {
        world.calm(Duration::from_secs(1));
        world.tell(Event::Touched);
    }
    assert!(world.is_ours());
    world.calm(Duration::from_secs(4) + TTL);
    assert!(world.etcd.key.is_none(), "no sign of life for longer than liveness and TTL together");
    assert_eq!(world.machine.report().phase_at(world.now), Phase::Lost);
    world.tell(Event::Touched);
    world.calm(Duration::from_secs(1));
    assert!(world.is_ours());
}

#[test]
fn a_successor_of_the_same_instance_survives_our_revocation() {
    let mut world = World::new(1);
    world.calm(Duration::from_secs(1));
    world.act(&Action::RivalPuts);
    world.act(&Action::Notice);
    assert_eq!(world.machine.report().phase_at(world.now), Phase::Lost);
    world.tell(Event::Deregister);
    world.calm(TTL);
    assert!(world.is_rivals());
    assert!(world.machine.report().withdrawn);
}
