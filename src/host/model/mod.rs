//! The machines of several processes against a small host: one lock, pages, sockets, and a cluster that changes.
//!
//! Processes are killed, stopped, continued and started at random; messages are late; memory runs out; the folder
//! cannot be used; the cluster is replaced. The promises, checked after every step:
//!
//! * Never two leaders, and only the holder of the lock publishes.
//! * No process shows content that is older than what it showed before (promise 2).
//! * No process relies on a leader that is silent.
//! * Once everything runs again, there is one watch on the host, and everyone shows what the cluster has.

use std::time::Duration;

use proptest::prelude::*;

use super::event::{Effect, Event, Page, Role};
use super::machine::{Machine, Rules};
use super::standing::Standing;
use crate::clock::Instant;
use world::{Action, PROCESSES, World};

mod process;
mod world;

fn action() -> impl Strategy<Value = Action> {
    let process = || 0..PROCESSES;
    prop_oneof![
        8 => (1u64..1_500).prop_map(Action::Pass),
        1 => (1_000u64..8_000).prop_map(Action::Pass),
        8 => Just(Action::Put),
        12 => process().prop_map(Action::Engine),
        6 => process().prop_map(Action::Start),
        3 => process().prop_map(Action::Kill),
        1 => process().prop_map(Action::KillWithChild),
        3 => process().prop_map(Action::Freeze),
        5 => process().prop_map(Action::Continue),
        2 => process().prop_map(Action::End),
        1 => Just(Action::ReplaceCluster),
        1 => any::<bool>().prop_map(Action::Memory),
        1 => any::<bool>().prop_map(Action::Compatible),
        1 => any::<bool>().prop_map(Action::Folder),
        1 => (1u64..20_000).prop_map(Action::Suspend),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn never_two_leaders_never_back_and_in_the_end_one_watch(
        seed in any::<u64>(),
        script in prop::collection::vec(action(), 0..150),
    ) {
        let mut world = World::new(seed);
        for action in &script {
            world.act(action);
        }
        world.calm();
        let roles = world.roles();
        prop_assert_eq!(roles.iter().filter(|role| **role == Role::Leader).count(), 1, "{:?}", roles);
        prop_assert_eq!(roles.iter().filter(|role| **role == Role::Follower).count(), PROCESSES - 1, "{:?}", roles);
        prop_assert_eq!(world.watches(), 1);
        prop_assert!(world.all_current());
        for action in [Action::Put, Action::Pass(600)] {
            world.act(&action);
        }
        let leader = world.roles().iter().position(|role| *role == Role::Leader).unwrap_or(0);
        world.act(&Action::Engine(leader));
        prop_assert!(world.all_current(), "a follower does not see what the leader publishes");
    }
}

// ---- single cases ----

fn attached(now: Instant) -> Machine {
    let mut machine = Machine::new(Rules::new(1));
    assert_eq!(machine.step(now, None, Event::Start), [Effect::TryLock]);
    assert_eq!(machine.step(now, None, Event::LockBusy), [Effect::Attach]);
    assert_eq!(machine.step(now, None, Event::Attached), []);
    machine
}

fn standing(revision: i64) -> Standing {
    Standing { cluster_id: 1, revision, confirmed_at: None }
}

fn page(age: u64, revision: i64) -> Event {
    let age = Duration::from_millis(age);
    Event::Looked(Page { age, working: true, content: Some(standing(revision)) })
}

#[test]
fn a_follower_leaves_a_silent_leader_and_comes_back_when_the_leader_has_caught_up() {
    let now = Instant::now();
    let mut machine = attached(now);
    assert_eq!(machine.step(now, None, page(0, 5)), [Effect::Follow]);
    let at = |millis| now + Duration::from_millis(millis);
    assert_eq!(machine.step(at(2_400), Some(standing(5)), page(2_400, 5)), []);
    assert_eq!(machine.step(at(2_900), Some(standing(5)), page(2_900, 5)), []);
    assert_eq!(machine.step(at(3_400), Some(standing(5)), page(3_400, 5)), [Effect::RunEngine]);
    assert_eq!(machine.role(), Role::Orphan);
    // The leader goes on, behind what this process has read from etcd by now.
    assert_eq!(machine.step(at(4_000), Some(standing(7)), page(0, 6)), []);
    assert_eq!(machine.step(at(4_500), Some(standing(7)), page(0, 7)), [Effect::Follow]);
    assert_eq!(machine.role(), Role::Follower);
}

/// The leader may be dead, and a process that was forked from it hold the connection open.
#[test]
fn a_process_with_its_own_engine_tries_for_the_lock_again_though_its_connection_holds() {
    let now = Instant::now();
    let mut machine = attached(now);
    let useless = Event::Looked(Page { age: Duration::ZERO, working: false, content: None });
    assert_eq!(machine.step(now, None, useless), [Effect::RunEngine]);
    let due = machine.deadline().unwrap();
    assert!(due >= now + Duration::from_millis(2_500) && due <= now + Duration::from_secs(5));
    assert_eq!(machine.step(due, None, Event::Tick), [Effect::Detach]);
    assert_eq!(machine.step(machine.deadline().unwrap(), None, Event::Tick), [Effect::TryLock]);
    assert_eq!(machine.step(due, None, Event::LockGot), [Effect::Lead]);
}

/// All processes slept, and the leader has had no time to show life yet. Thirty watches at once would be a storm.
#[test]
fn after_the_host_was_suspended_no_follower_opens_a_watch() {
    let now = Instant::now();
    let mut machine = attached(now);
    machine.step(now, None, page(0, 5));
    let woken = now + Duration::from_secs(8 * 3_600);
    assert_eq!(machine.step(woken, Some(standing(5)), page(8 * 3_600_000, 5)), []);
    assert_eq!(machine.step(woken + Duration::from_millis(300), Some(standing(5)), page(10, 5)), []);
    assert_eq!(machine.role(), Role::Follower);
}

#[test]
fn a_process_without_a_leader_follows_etcd_itself_after_a_second() {
    let now = Instant::now();
    let mut machine = Machine::new(Rules::new(1));
    machine.step(now, None, Event::Start);
    machine.step(now, None, Event::LockBusy);
    // A stopped leader answers no one.
    assert_eq!(machine.deadline(), Some(now + Duration::from_secs(1)));
    assert_eq!(machine.step(now + Duration::from_secs(1), None, Event::Tick), [Effect::RunEngine]);
    assert_eq!(machine.role(), Role::Orphan);
    assert_eq!(machine.step(now + Duration::from_secs(2), None, Event::Attached), []);
    assert_eq!(machine.step(now + Duration::from_secs(2), None, page(0, 1)), [Effect::Follow]);
}

#[test]
fn a_process_that_cannot_use_the_folder_follows_etcd_itself_at_once_and_tries_again_within_ten_seconds() {
    let now = Instant::now();
    let mut machine = Machine::new(Rules::new(1));
    machine.step(now, None, Event::Start);
    assert_eq!(machine.step(now, None, Event::LockFailed), [Effect::RunEngine]);
    assert_eq!(machine.role(), Role::Orphan);
    let due = machine.deadline().unwrap();
    assert!(due <= now + Duration::from_secs(10));
    assert_eq!(machine.step(due, None, Event::Tick), [Effect::TryLock]);
    assert_eq!(machine.step(due, None, Event::LockFailed), []);
    let due = machine.deadline().unwrap();
    machine.step(due, None, Event::Tick);
    assert_eq!(machine.step(due, None, Event::LockGot), [Effect::Lead]);
}

#[test]
fn a_leader_that_starts_without_content_is_waited_for_by_those_who_have_none_either() {
    let now = Instant::now();
    let mut machine = attached(now);
    let empty = Event::Looked(Page { age: Duration::ZERO, working: true, content: None });
    assert_eq!(machine.step(now, None, empty), [Effect::Follow]);
    assert_eq!(machine.deadline(), None);
    // One who has content keeps it, and helps itself if the leader takes too long.
    let mut machine = attached(now);
    assert_eq!(machine.step(now, Some(standing(5)), empty), []);
    let due = machine.deadline().unwrap();
    assert_eq!(machine.step(due, Some(standing(5)), Event::Tick), [Effect::RunEngine]);
}

#[test]
fn a_leader_without_memory_says_so_tries_again_twice_and_then_lets_another_process_try() {
    let now = Instant::now();
    let mut machine = Machine::new(Rules::new(1));
    machine.step(now, None, Event::Start);
    assert_eq!(machine.step(now, None, Event::LockGot), [Effect::Lead, Effect::RunEngine]);
    machine.step(now, None, Event::Leading(None));
    assert_eq!(machine.step(now, None, Event::EngineReady(standing(5))), [Effect::Publish]);
    assert_eq!(machine.step(now, None, Event::PublishFailed), [Effect::DeclareFailure]);
    assert_eq!(machine.step(now, None, Event::EngineReady(standing(6))), []);
    let mut due = machine.deadline().unwrap();
    assert_eq!(machine.step(due, None, Event::Tick), [Effect::Publish]);
    machine.step(due, None, Event::Published);
    assert_eq!(machine.step(due, None, Event::EngineReady(standing(7))), [Effect::Publish]);
    for _ in 0..2 {
        assert_eq!(machine.step(due, None, Event::PublishFailed), [Effect::DeclareFailure]);
        due = machine.deadline().unwrap();
        assert_eq!(machine.step(due, None, Event::Tick), [Effect::Publish]);
    }
    assert_eq!(machine.step(due, None, Event::PublishFailed), [Effect::DeclareFailure, Effect::Resign]);
    assert_eq!(machine.role(), Role::Orphan);
    let again = machine.deadline().unwrap();
    assert!(again <= due + Duration::from_secs(30));
    assert_eq!(machine.step(again, None, Event::Tick), [Effect::TryLock]);
}

#[test]
fn a_process_that_cannot_begin_to_lead_lets_another_one_try_at_once_and_follows_etcd_itself() {
    let now = Instant::now();
    let mut machine = Machine::new(Rules::new(1));
    machine.step(now, None, Event::Start);
    machine.step(now, None, Event::LockGot);
    // Its engine is faster, and may be behind the page, which no one knows yet.
    assert_eq!(machine.step(now, None, Event::EngineReady(standing(4))), []);
    assert_eq!(machine.step(now, None, Event::PublishFailed), [Effect::DeclareFailure, Effect::Resign]);
    assert_eq!(machine.role(), Role::Orphan);
    let due = machine.deadline().unwrap();
    assert_eq!(machine.step(due, None, Event::Tick), [Effect::TryLock]);
    assert_eq!(machine.step(due, None, Event::LockGot), [Effect::Lead]);
    assert_eq!(machine.step(due, None, Event::Leading(None)), [Effect::Publish]);
}

#[test]
fn a_new_leader_publishes_nothing_older_than_what_the_former_one_published() {
    let now = Instant::now();
    let mut machine = Machine::new(Rules::new(1));
    machine.step(now, None, Event::Start);
    machine.step(now, None, Event::LockGot);
    machine.step(now, None, Event::Leading(Some(standing(9))));
    assert_eq!(machine.step(now, None, Event::EngineReady(standing(8))), []);
    assert_eq!(machine.step(now, None, Event::EngineReady(standing(9))), [Effect::Publish]);
}

/// The same cluster with lower revisions, as after a restore from a backup, or a start without its data.
#[test]
fn what_etcd_has_confirmed_since_the_leader_leads_is_published_though_its_revision_be_lower() {
    let (now, later) = (Instant::now(), Instant::now() + Duration::from_secs(1));
    let confirmed =
        |revision, at| Event::EngineReady(Standing { confirmed_at: Some(at), ..standing(revision) });
    let mut machine = Machine::new(Rules::new(1));
    machine.step(now, None, Event::Start);
    machine.step(now, None, Event::LockGot);
    machine.step(now, None, Event::Leading(Some(standing(9))));
    assert_eq!(machine.step(later, None, confirmed(8, now)), []);
    assert_eq!(machine.step(later, None, confirmed(2, later)), [Effect::Publish]);
    assert_eq!(machine.step(later, None, confirmed(3, later)), [Effect::Publish]);
}

#[test]
fn those_whom_a_leaders_death_sets_off_try_for_the_lock_within_fifteen_milliseconds_and_not_at_once() {
    let now = Instant::now();
    let delays: std::collections::BTreeSet<_> = (0..32)
        .map(|seed| {
            let mut machine = Machine::new(Rules::new(seed));
            for event in [Event::Start, Event::LockBusy, Event::Attached, page(0, 5), Event::Lost] {
                machine.step(now, None, event);
            }
            machine.deadline().unwrap().saturating_duration_since(now)
        })
        .collect();
    assert!(
        delays.len() > 30 && delays.iter().all(|delay| *delay <= Duration::from_millis(15)),
        "{delays:?}"
    );
}
