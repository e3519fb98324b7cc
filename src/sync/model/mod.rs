//! A property test: the machine against a reference etcd made of plain vectors, with a script of random
//! events.
//!
//! The reference also does what a real etcd does rarely. The checks are:
//!
//! * Every published snapshot is that etcd's content at that revision (promises 1 to 3).
//! * No confirmation claims more than is true (promise 5).
//! * Each transition is reported exactly once, and in order.

mod account;
pub(super) mod etcd;
mod queues;
mod restart;
mod server;
mod wire;
mod world;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use self::world::World;
pub(super) use self::world::content;
use super::event::Trust;
use crate::range::{KeyRange, Ranges};

/// The keys that scripts write: in the first range, between the ranges, and in the others.
pub(super) const KEYS: [&[u8]; 7] = [b"/a/1", b"/a/2", b"/a/3", b"/b/1", b"/c/1", b"/c/2", b"/d"];

/// One step of a script.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Commits a transaction: keys by index, each with a value or deleted.
    Write(Vec<(usize, Option<u8>)>),
    /// Compacts everything up to the current revision.
    Compact,
    /// The server creates its answer. Later writes are not in it.
    Answer,
    /// Delivers the answer under way, or the next message of the stream.
    Deliver,
    /// Brings a lagging watch up to date, in fragments of this many events.
    CatchUp(usize),
    /// Delivers an old message again.
    Repeat,
    /// The server reports its progress unasked.
    Announce,
    /// Breaks the connection.
    Cut,
    /// The server refuses the current operation, or cancels the watch.
    Refuse(u8),
    /// The server loses its data: same cluster, lower revision.
    LoseData,
    /// Another cluster answers at the endpoint.
    Replace,
    /// Switches whether etcd compacts its history before every answer.
    Storm(bool),
    /// Commits this many transactions in a row while nothing is sent.
    Burst(u8),
    /// Switches whether the connection takes data from the server.
    Stall(bool),
    /// The leader sends a snapshot to the server, a member that was behind.
    Restore,
    /// Writes the published content to disk, if etcd has confirmed it.
    Save,
    /// Ends the process and starts another one with the disk copy.
    Restart,
    /// Lets milliseconds pass.
    Pass(u16),
}

fn act() -> impl Strategy<Value = Act> {
    let write = prop::collection::vec((0..KEYS.len(), prop::option::weighted(0.8, any::<u8>())), 1..4);
    prop_oneof![
        8 => write.prop_map(Act::Write),
        1 => Just(Act::Compact),
        3 => Just(Act::Answer),
        14 => Just(Act::Deliver),
        4 => (1usize..4).prop_map(Act::CatchUp),
        2 => Just(Act::Repeat),
        1 => Just(Act::Announce),
        2 => Just(Act::Cut),
        1 => (0u8..4).prop_map(Act::Refuse),
        1 => Just(Act::LoseData),
        1 => Just(Act::Replace),
        1 => any::<bool>().prop_map(Act::Storm),
        2 => (3u8..9).prop_map(Act::Burst),
        2 => any::<bool>().prop_map(Act::Stall),
        1 => Just(Act::Restore),
        2 => Just(Act::Save),
        1 => Just(Act::Restart),
        4 => (0u16..4_000).prop_map(Act::Pass),
    ]
}

fn ranges() -> impl Strategy<Value = Ranges> {
    prop_oneof![
        Just(Ranges::merge([KeyRange::prefix(b"/a/")])),
        Just(Ranges::merge([KeyRange::prefix(b"/a/"), KeyRange::prefix(b"/c/")])),
        Just(Ranges::merge([KeyRange::key(b"/a/2"), KeyRange::prefix(b"/c/"), KeyRange::key(b"/d")])),
        Just(Ranges::merge([KeyRange::prefix(b"")])),
    ]
}

fn trust() -> impl Strategy<Value = Trust> {
    prop_oneof![Just(Trust::Exact), Just(Trust::Repeated)]
}

/// Runs the same scripts each time; with `PROPTEST_CASES`, runs that number of new ones.
fn config() -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return config;
    }
    ProptestConfig { cases: 3_000, rng_seed: RngSeed::Fixed(2379), ..config }
}

#[test]
fn a_key_that_comes_and_goes_in_an_undelivered_half_of_a_message_is_not_shown() {
    let ranges = Ranges::merge([KeyRange::prefix(b"/a/"), KeyRange::prefix(b"/c/")]);
    let mut world = World::new(ranges, Trust::Repeated, true, false, 0);
    world.play(Act::Pass(2_264));
    world.play(Act::Write(vec![(4, Some(0)), (0, Some(0))]));
    world.play(Act::Pass(1_228));
    world.play(Act::Write(vec![(4, None)]));
    world.play(Act::Write(vec![(0, None), (4, Some(0))]));
    world.play(Act::Write(vec![(0, Some(0))]));
    world.play(Act::Write(vec![(0, None), (4, None)]));
    world.play(Act::CatchUp(3));
    for _ in 0..4 {
        world.play(Act::Deliver);
    }
    world.play(Act::Pass(17));
    world.heal();
}

#[test]
fn a_key_that_comes_and_goes_before_a_comparison_is_shown_at_the_revisions_that_had_it() {
    let ranges = Ranges::merge([KeyRange::prefix(b"/a/"), KeyRange::prefix(b"/c/")]);
    let mut world = World::new(ranges, Trust::Repeated, true, false, 0);
    world.play(Act::Deliver);
    world.play(Act::Answer);
    world.play(Act::Write(vec![(4, Some(0)), (1, Some(0))]));
    world.play(Act::Write(vec![(1, None)]));
    world.play(Act::Pass(1_743));
    world.play(Act::CatchUp(1));
    world.play(Act::Pass(59));
    world.heal();
}

/// Every combination of ranges, trust in progress answers, a refused bounding range, and mute progress.
fn every_world() -> impl Iterator<Item = World> {
    let a = || KeyRange::prefix(b"/a/");
    let ranges = [
        Ranges::merge([a()]),
        Ranges::merge([a(), KeyRange::prefix(b"/c/")]),
        Ranges::merge([KeyRange::key(b"/a/2"), KeyRange::prefix(b"/c/"), KeyRange::key(b"/d")]),
        Ranges::merge([KeyRange::prefix(b"")]),
    ];
    ranges.into_iter().flat_map(|ranges| {
        (0..8).map(move |kind| {
            let trust = if kind & 1 == 0 { Trust::Exact } else { Trust::Repeated };
            World::new(ranges.clone(), trust, kind & 2 == 0, kind & 4 == 0, kind)
        })
    })
}

#[test]
fn a_history_that_does_not_last_from_one_answer_to_the_next_is_read_and_followed() {
    for mut world in every_world() {
        world.play(Act::Write((0..KEYS.len()).map(|index| (index, Some(1))).collect()));
        world.play(Act::Storm(true));
        world.heal();
        assert!(world.watched_first > 0, "{:?}", world.machine);
        let (relists, reconnects) = (world.machine.report().relists, world.machine.report().reconnects);
        for value in 0..20 {
            world.play(Act::Write(vec![(usize::from(value) % KEYS.len(), Some(value))]));
            world.play(Act::Pass(500));
            world.heal();
        }
        // The storm compacts the revision at which an old server would be compared, so everything is read
        // again.
        let report = world.machine.report();
        if !world.compares_at_revisions() {
            assert_eq!((report.relists, report.reconnects), (relists, reconnects), "{report:?}");
        }
    }
}

#[test]
fn changes_outside_the_watched_keys_delay_no_listing() {
    let ranges = Ranges::merge([KeyRange::prefix(b"/a/")]);
    for trust in [Trust::Exact, Trust::Repeated] {
        let mut world = World::new(ranges.clone(), trust, false, false, 0);
        world.play(Act::Write((0..KEYS.len()).map(|index| (index, Some(1))).collect()));
        world.play(Act::Storm(true));
        for value in 0..40 {
            world.play(Act::Write(vec![(3, Some(value))]));
            world.play(Act::Deliver);
        }
        world.play(Act::Storm(false));
        world.heal();
        assert!(world.watched_first > 0);
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_published_snapshot_is_etcds_content_and_the_machine_always_comes_back(
        script in prop::collection::vec(act(), 1..120),
        ranges in ranges(),
        trust in trust(),
        bounding_range_refused in any::<bool>(),
        mute in any::<bool>(),
        storm in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut world = World::new(ranges, trust, bounding_range_refused, mute, seed);
        world.play(Act::Storm(storm));
        for act in script {
            world.play(act);
        }
        world.heal();
    }

    #[test]
    fn a_lost_event_is_found_by_an_audit_and_repaired(
        script in prop::collection::vec(act(), 1..30),
        ranges in ranges(),
        trust in trust(),
        seed in any::<u64>(),
    ) {
        let watched: Vec<usize> = (0..KEYS.len()).filter(|index| ranges.contains(KEYS[*index])).collect();
        let mut world = World::new(ranges, trust, false, false, seed);
        for act in script {
            world.play(act);
        }
        world.play(Act::Storm(false));
        world.heal();
        world.lose_a_put(watched[0]);
        world.play(Act::Write(vec![(watched[1], Some(1))]));
        world.heal();
        let report = world.machine.report();
        prop_assert!(report.audits > 0 && report.divergences == 1, "{report:?}");
    }
}
