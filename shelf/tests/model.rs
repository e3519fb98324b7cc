//! The shelf against a `BTreeMap`: random scripts of puts, deletions, compactions and take-overs.
//!
//! After every step the new snapshot equals the model, and at the end every earlier one still equals what the model was
//! at its time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use etcd_discovery_shelf::{At, Audience, Change, Put, Shelf, Snapshot, Writer};
use proptest::prelude::*;

const CAPACITY: usize = 1 << 26;

struct Alone;

impl Audience for Alone {
    fn opened(&mut self, _: BorrowedFd<'_>) -> Box<dyn Send> {
        Box::new(())
    }

    fn announce(&mut self, _: u32, _: BorrowedFd<'_>) {}
}

type Key = Vec<u8>;
type Value = (Vec<u8>, i64, i64);
type Model = BTreeMap<Key, Value>;

#[derive(Debug, Clone)]
enum Step {
    /// Keys with new values, or `None` for deletions.
    Publish(Vec<(Key, Option<Vec<u8>>)>),
    /// Many neighbouring keys at once.
    PutMany(u16, u16),
    DeleteMany(u16, u16),
    Confirm,
    StartCompaction,
    FinishCompaction,
    TakeOver,
    /// The writer is gone without having ended.
    Abandon,
    /// No one holds the older snapshots any more.
    Forget,
}

fn key() -> impl Strategy<Value = Key> {
    // Many of the same, some that are prefixes of others, some that are empty.
    prop_oneof![
        6 => (0u16..300).prop_map(|key| format!("/service/{key}").into_bytes()),
        2 => (0u16..3_000).prop_map(|key| key.to_be_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let value = prop::option::weighted(0.7, prop::collection::vec(any::<u8>(), 0..40));
    prop_oneof![
        12 => prop::collection::vec((key(), value), 1..8).prop_map(Step::Publish),
        2 => (0u16..2_500, 1u16..500).prop_map(|(from, count)| Step::PutMany(from, count)),
        2 => (0u16..2_500, 1u16..900).prop_map(|(from, count)| Step::DeleteMany(from, count)),
        1 => Just(Step::Confirm),
        2 => Just(Step::StartCompaction),
        2 => Just(Step::FinishCompaction),
        1 => Just(Step::TakeOver),
        1 => Just(Step::Abandon),
        1 => Just(Step::Forget),
    ]
}

struct World {
    shelf: Arc<Shelf>,
    writer: Writer,
    model: Model,
    revision: i64,
    past: Vec<(Snapshot, Model)>,
}

impl World {
    fn new() -> Self {
        let shelf = Shelf::create(1).unwrap();
        let writer = Writer::open(Arc::clone(&shelf), CAPACITY, Box::new(Alone)).unwrap();
        Self { shelf, writer, model: Model::new(), revision: 0, past: Vec::new() }
    }

    fn publish(&mut self, changes: &[(Key, Option<Vec<u8>>)]) {
        self.revision += 1;
        let revision = self.revision;
        let change = |(key, value): &'_ (Key, Option<Vec<u8>>)| -> (Key, Option<Value>) {
            (key.clone(), value.clone().map(|value| (value, revision, revision % 3)))
        };
        for (key, put) in changes.iter().map(change) {
            match put {
                Some(put) => self.model.insert(key, put),
                None => self.model.remove(&key),
            };
        }
        let changes: Vec<Change<'_>> = changes
            .iter()
            .map(|(key, value)| Change {
                key,
                put: value.as_deref().map(|value| Put { value, mod_revision: revision, lease: revision % 3 }),
            })
            .collect();
        self.writer.publish(&changes, self.at()).unwrap();
    }

    fn at(&self) -> At {
        At { revision: self.revision, cluster_id: 7, raft_term: 3 }
    }

    fn act(&mut self, step: &Step) {
        let many = |from: u16, count: u16| (from..from + count).map(|key| key.to_be_bytes().to_vec());
        match step {
            Step::Publish(changes) => self.publish(changes),
            Step::PutMany(from, count) => {
                let changes: Vec<_> = many(*from, *count).map(|key| (key, Some(b"many".to_vec()))).collect();
                self.publish(&changes);
            }
            Step::DeleteMany(from, count) => {
                let changes: Vec<_> = many(*from, *count).map(|key| (key, None)).collect();
                self.publish(&changes);
            }
            Step::Confirm => {
                self.revision += 1;
                self.writer.publish(&[], self.at()).unwrap();
            }
            Step::StartCompaction => self.writer.start_compaction().unwrap(),
            Step::FinishCompaction => self.writer.finish_compaction().unwrap(),
            Step::TakeOver => self.take_over(),
            Step::Abandon => {
                let fresh = Shelf::create(1).unwrap();
                let idle = Writer::open(fresh, CAPACITY, Box::new(Alone)).unwrap();
                std::mem::forget(std::mem::replace(&mut self.writer, idle));
                self.take_over();
            }
            Step::Forget => self.past.clear(),
        }
        if let Some(snapshot) = self.shelf.snapshot().unwrap() {
            assert_eq!(snapshot.at(), self.at());
            equals(&snapshot, &self.model);
            if let Some((before, _)) = self.past.last() {
                assert!(before.generation() <= snapshot.generation());
            }
            self.past.push((snapshot, self.model.clone()));
        }
    }

    fn take_over(&mut self) {
        self.writer = Writer::open(Arc::clone(&self.shelf), CAPACITY, Box::new(Alone)).unwrap();
    }
}

fn found<'a>(
    entries: impl Iterator<Item = etcd_discovery_shelf::Result<etcd_discovery_shelf::Entry<'a>>>,
) -> Vec<(Key, Value)> {
    let of = |entry: etcd_discovery_shelf::Entry<'_>| {
        (entry.key().to_vec(), (entry.value().to_vec(), entry.mod_revision(), entry.lease()))
    };
    entries.map(|entry| of(entry.unwrap())).collect()
}

fn equals(snapshot: &Snapshot, model: &Model) {
    assert_eq!(snapshot.len(), model.len());
    let expected: Vec<_> = model.clone().into_iter().collect();
    assert_eq!(found(snapshot.iter()), expected);
    for (key, (value, revision, _)) in model.iter().step_by(7) {
        let entry = snapshot.get(key).unwrap().unwrap();
        assert_eq!((entry.value(), entry.mod_revision()), (&value[..], *revision));
        let next = [&key[..], &[0]].concat();
        assert_eq!(snapshot.get(&next).unwrap().is_some(), model.contains_key(&next));
    }
}

fn range_equals(snapshot: &Snapshot, model: &Model, start: &[u8], end: Option<&[u8]>) {
    let inside = |key: &[u8]| key >= start && end.is_none_or(|end| key < end);
    let expected: Vec<_> = model.clone().into_iter().filter(|(key, _)| inside(key)).collect();
    assert_eq!(found(snapshot.range(start, end)), expected);
}

fn differing(old: &Model, new: &Model) -> BTreeSet<Key> {
    old.keys().chain(new.keys()).filter(|key| old.get(*key) != new.get(*key)).cloned().collect()
}

fn differences_equal((old, old_model): &(Snapshot, Model), (new, new_model): &(Snapshot, Model)) {
    let expected = differing(old_model, new_model);
    for (one, other) in [(old, new), (new, old)] {
        let changed: Vec<Key> = one.changed_keys(other).unwrap().into_iter().map(<[u8]>::to_vec).collect();
        assert_eq!(changed, expected.iter().cloned().collect::<Vec<_>>());
    }
    let mut since = BTreeSet::new();
    if new.each_change_since(old.generation(), |key| since.extend([key.to_vec()])).unwrap() {
        assert!(since.is_superset(&expected), "the chain has left out a change");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_snapshot_equals_the_model_when_it_is_published_and_ever_after(
        steps in prop::collection::vec(step(), 1..40),
        ranges in prop::collection::vec((key(), prop::option::of(key())), 4),
        pairs in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 12),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.act(step);
        }
        for (snapshot, model) in &world.past {
            equals(snapshot, model);
        }
        if let Some((snapshot, model)) = world.past.last() {
            for (start, end) in &ranges {
                range_equals(snapshot, model, start, end.as_deref());
            }
        }
        if !world.past.is_empty() {
            for (one, other) in &pairs {
                let (one, other) = (one.index(world.past.len()), other.index(world.past.len()));
                differences_equal(&world.past[one.min(other)], &world.past[one.max(other)]);
            }
        }
    }
}

#[test]
fn a_key_that_comes_twice_in_one_publication_has_its_last_value() {
    let mut world = World::new();
    let put = |value: &[u8]| (b"a".to_vec(), Some(value.to_vec()));
    world.act(&Step::Publish(vec![
        put(b"1"),
        put(b"2"),
        (b"b".to_vec(), Some(vec![])),
        (b"b".to_vec(), None),
    ]));
    let snapshot = world.shelf.snapshot().unwrap().unwrap();
    assert_eq!((snapshot.len(), snapshot.get(b"a").unwrap().unwrap().value()), (1, &b"2"[..]));
}
