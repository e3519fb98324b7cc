//! A property test: the machine against a small etcd, with random scripts.
//!
//! The scripts contain lost, late and repeated messages, expiry, rivals, and people who delete and revoke by
//! hand. The promises checked after every step:
//!
//! * *Registered* is reported for at most one TTL after it was last true (promise 6).
//! * A lease expires here before it expires in etcd.
//! * A put never replaces a registration that came after the first contact.
//! * Once messages arrive again, the key belongs to this registration again, or to a rival that lives.
//! * One TTL after deregistering, nothing of this registration is left, and nothing of others was touched.
//! * Each transition is reported exactly once, and in order.

use std::time::Duration;

use proptest::prelude::*;

use super::event::{Effect, Event, Holder};
use super::machine::{Machine, Rules};
use super::report::{Phase, Report};
use account::Account;
use world::{Action, World};

use crate::clock::Instant;

mod account;
mod etcd;
mod world;

const TTL: Duration = Duration::from_secs(6);
const TIMEOUT: Duration = Duration::from_secs(2);
/// The rival's leases; the machine's are random.
const RIVAL: i64 = 7;

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (0u64..1_500).prop_map(Action::Pass),
        1 => (0u64..20_000).prop_map(Action::Stall),
        12 => (0usize..4).prop_map(Action::Answer),
        3 => (0usize..4).prop_map(Action::Hold),
        3 => (0usize..4).prop_map(Action::Deliver),
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn registered_is_true_within_a_ttl_and_comes_true_again_once_messages_arrive(
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
    fn after_deregistering_nothing_of_this_registration_is_left_and_a_rival_is_untouched(
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
            // A rival's put from before the first contact may be taken over, even by a claim that was under
            // way during the withdrawal.
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

#[test]
fn a_hanging_application_loses_its_registration_and_gets_it_back() {
    let rules = Rules {
        timeout: TIMEOUT,
        backoff_cap: Duration::from_secs(1),
        liveness: Some(Duration::from_secs(4)),
        seed: 1,
    };
    let mut world = World::new(1);
    world.machine = Machine::new(rules, &Report::default());
    world.sent.clear();
    world.account = Account::default();
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

/// The put took effect, and the lease expired here before the answer arrived.
#[test]
fn an_answer_that_comes_too_late_still_marks_the_first_contact() {
    let rules = Rules { timeout: TIMEOUT, backoff_cap: TIMEOUT, liveness: None, seed: 1 };
    let (mut machine, start) = (Machine::new(rules, &Report::default()), Instant::now());
    let requests = |mut effects: Vec<Effect>| {
        effects.retain(|effect| !matches!(effect, Effect::Notify(_)));
        effects
    };
    let granted = |effects: Vec<Effect>| match requests(effects)[..] {
        [Effect::Grant { lease }] => lease,
        ref other => panic!("{other:?} is no grant"),
    };
    let lease = granted(machine.step(start, Event::Start));
    machine.step(start, Event::Granted { lease, ttl: TIMEOUT, sent: start });
    let now = start + TIMEOUT;
    machine.step(now, Event::Claimed { lease, revision: 11, sent: start });

    let now = machine.deadline().unwrap_or(now);
    let lease = granted(machine.step(now, Event::Tick));
    machine.step(now, Event::Granted { lease, ttl: TTL, sent: now });
    let holder = Holder::Lease { lease: RIVAL, mod_revision: 12 };
    let effects = requests(machine.step(now, Event::Refused { lease, holder }));
    assert!(effects.is_empty(), "{effects:?}: a successor's key is taken over");
}

#[test]
fn a_successor_of_the_same_instance_survives_the_revocation() {
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
