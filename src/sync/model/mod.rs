//! The machine against a reference: an etcd made of plain vectors, which also does what a real one does
//! seldom, and a script of random events. Every snapshot that the machine publishes must be that etcd's
//! content at that revision (promises 1 to 3), and no confirmation may be truer than etcd (promise 5). Each transition is
//! reported exactly once, and in order.

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
    /// A transaction: keys by index, with a value or deleted.
    Write(Vec<(usize, Option<u8>)>),
    /// Everything up to the current revision is compacted.
    Compact,
    /// The server answers; what happens before the answer arrives is not in it.
    Answer,
    /// The answer under way, or the next message of the stream, arrives.
    Deliver,
    /// A watch that lags is brought up to date; in fragments of so many events.
    CatchUp(usize),
    /// A message that was delivered before arrives again.
    Repeat,
    /// The server says of its own accord how far it is.
    Announce,
    /// The connection breaks.
    Cut,
    /// The server refuses what is under way, or cancels the watch.
    Refuse(u8),
    /// The server loses its data: a lower revision, the same cluster.
    LoseData,
    /// Another cluster answers at the endpoint.
    Replace,
    /// From now on etcd compacts its history before every answer, or no more.
    Storm(bool),
    /// So many transactions in a row, while nothing is sent.
    Burst(u8),
    /// From now on the connection takes nothing from the server, or takes again.
    Stall(bool),
    /// The server, a member that was behind, is sent a snapshot by its leader.
    Restore,
    /// What is shown is written to disk, if etcd has confirmed it.
    Save,
    /// The process ends, and begins again with what is on disk.
    Restart,
    /// Milliseconds pass.
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

/// The same scripts on every run; `PROPTEST_CASES` hunts with that number of new ones.
fn config() -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return config;
    }
    ProptestConfig { cases: 3_000, rng_seed: RngSeed::Fixed(2379), ..config }
}

#[test]
fn a_key_that_comes_and_goes_in_the_half_of_a_message_that_is_still_to_come_is_not_shown() {
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

/// Every kind of world: which ranges, what the server's progress is worth, whether the whole is refused, whether it
/// answers no progress request.
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
        // An old server is compared with at a revision that the storm takes away: then all is read again.
        let report = world.machine.report();
        if !world.compares_at_revisions() {
            assert_eq!((report.relists, report.reconnects), (relists, reconnects), "{report:?}");
        }
    }
}

#[test]
fn what_changes_only_outside_the_watched_keys_holds_up_no_listing() {
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
        hull_refused in any::<bool>(),
        mute in any::<bool>(),
        storm in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut world = World::new(ranges, trust, hull_refused, mute, seed);
        world.play(Act::Storm(storm));
        for act in script {
            world.play(act);
        }
        world.heal();
    }

    #[test]
    fn an_event_that_was_lost_is_found_by_an_audit_and_mended(
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
