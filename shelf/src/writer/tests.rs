//! Chains of changes, generations, and what happens when there is no room.

use super::*;
use crate::testing::{Alone, delete, listening, put, rung};
use std::time::Duration;

const CAPACITY: usize = 1 << 26;

fn opened(shelf: &Arc<Shelf>) -> Writer {
    Writer::open(Arc::clone(shelf), CAPACITY, Box::new(Alone)).unwrap()
}

fn at(revision: i64) -> At {
    At { revision, cluster_id: 9, raft_term: 2 }
}

fn since(snapshot: &Snapshot, generation: u64) -> Option<Vec<Vec<u8>>> {
    let mut keys = Vec::new();
    snapshot.each_change_since(generation, |key| keys.push(key.to_vec())).unwrap().then_some(keys)
}

#[test]
fn the_chain_names_the_changed_keys_newest_first_also_across_compactions_and_take_overs() {
    let shelf = Shelf::create(1).unwrap();
    let mut writer = opened(&shelf);
    writer.publish(&[put(b"a", 1), put(b"b", 1)], at(1)).unwrap();
    let first = shelf.snapshot().unwrap().unwrap().generation();
    writer.publish(&[put(b"c", 2)], at(2)).unwrap();
    writer.start_compaction().unwrap();
    writer.publish(&[delete(b"a")], at(3)).unwrap();
    writer.finish_compaction().unwrap();
    drop(writer);
    let mut writer = opened(&shelf);
    writer.publish(&[put(b"d", 4)], at(4)).unwrap();
    let last = shelf.snapshot().unwrap().unwrap();
    assert_eq!(since(&last, first).unwrap(), [b"d", b"a", b"c"].map(|key| key.to_vec()));
    assert_eq!(since(&last, last.generation()), Some(vec![]));
    assert_eq!((last.map().id() > 2, last.at(), last.len()), (true, at(4), 3));
}

#[test]
fn each_publication_wakes_those_who_wait_also_those_of_the_next_writer() {
    let shelf = Shelf::create(1).unwrap();
    let epolls = [listening(shelf.control().bell())];
    for revision in 1..3 {
        let mut writer = opened(&shelf);
        while rung(&epolls, Duration::ZERO) > 0 {}
        for _ in 0..2 {
            writer.publish(&[put(b"a", revision)], at(revision)).unwrap();
            assert_eq!([(); 2].map(|()| rung(&epolls, Duration::ZERO)), [1, 0]);
        }
    }
}

#[test]
fn the_writers_own_process_lets_go_of_former_segments_though_it_never_reads() {
    let shelf = Shelf::create(1).unwrap();
    let mut writer = opened(&shelf);
    writer.publish(&[put(b"a", 1)], at(1)).unwrap();
    let first = [writer.out.map(), shelf.snapshot().unwrap().unwrap().map()].map(Arc::downgrade);
    writer.start_compaction().unwrap();
    writer.finish_compaction().unwrap();
    assert_eq!((first.map(|map| map.strong_count()), shelf.pinned_segments()), ([0, 0], 0));
}

#[test]
fn a_reader_that_is_too_far_behind_is_told_to_compare_also_after_a_compaction() {
    let shelf = Shelf::create(1).unwrap();
    let mut writer = opened(&shelf);
    let keys: Vec<[u8; 4]> = (0..=4_096u32).map(u32::to_be_bytes).collect();
    for (key, revision) in keys.iter().zip(1..) {
        writer.publish(&[put(key, revision)], at(revision)).unwrap();
    }
    for _ in 0..2 {
        let last = shelf.snapshot().unwrap().unwrap();
        assert_eq!(since(&last, 0), None);
        let recent = since(&last, last.generation() - 10).unwrap();
        assert_eq!(&recent[..8], &keys.iter().rev().map(|key| key.to_vec()).take(8).collect::<Vec<_>>());
        writer.start_compaction().unwrap();
        writer.finish_compaction().unwrap();
    }
    // A publication of more keys than the chain may have.
    let all: Vec<_> = keys.iter().map(|key| put(key, 5_000)).collect();
    let before = shelf.snapshot().unwrap().unwrap();
    writer.publish(&all, at(5_000)).unwrap();
    let last = shelf.snapshot().unwrap().unwrap();
    assert_eq!(since(&last, before.generation()), None);
    assert_eq!(before.changed_keys(&last).unwrap().len(), keys.len());
}

#[test]
fn a_generation_behind_the_root_is_raised_above_it_by_the_next_writer() {
    let shelf = Shelf::create(1).unwrap();
    opened(&shelf).publish(&[put(b"a", 1)], at(1)).unwrap();
    let control = shelf.control();
    let generation = shelf.snapshot().unwrap().unwrap().generation();
    // As if the writer had died between the two stores.
    control.commit(control.root(), generation - 1, 9, 2);
    let writer = opened(&shelf);
    assert_eq!(writer.snapshot().unwrap().unwrap().generation(), generation + 1);
    // And as if a root with a lower number had followed.
    control.commit(control.root(), generation + 10, 9, 2);
    assert_eq!(opened(&shelf).snapshot().unwrap().unwrap().generation(), generation + 11);
    assert_eq!(control.generation(), generation + 11);
}

#[test]
fn content_that_does_not_fit_is_an_error_and_what_was_published_stays() {
    let shelf = Shelf::create(1).unwrap();
    let mut writer = Writer::open(Arc::clone(&shelf), 1 << 20, Box::new(Alone)).unwrap();
    let value = vec![7; 100_000];
    let change = |key| Change { key, put: Some(Put { value: &value, mod_revision: 1, lease: 0 }) };
    let keys: Vec<[u8; 1]> = (0..30).map(|key| [key]).collect();
    let failed = keys.iter().zip(1..).find_map(|(key, revision)| {
        writer.publish(&[change(key)], at(revision)).err().map(|error| (revision, error))
    });
    let Some((failed_at, Error::Full { capacity })) = failed else { panic!("{failed:?}") };
    assert_eq!((failed_at, capacity), (11, 1 << 20));
    let check = |shelf: &Shelf, revision, len| {
        let last = shelf.snapshot().unwrap().unwrap();
        assert_eq!((last.at(), last.len(), last.iter().count()), (at(revision), len, len));
        assert!(last.iter().all(|entry| entry.unwrap().value() == value));
    };
    check(&shelf, 10, 10);
    // Room that deletions make is used, and so is garbage: the same key again and again.
    writer.publish(&[delete(&keys[0])], at(11)).unwrap();
    for revision in 12..=59 {
        writer.publish(&[change(&keys[1])], at(revision)).unwrap();
    }
    check(&shelf, 59, 9);
}

#[test]
fn a_confirmation_moves_the_revision_and_not_the_generation() {
    let shelf = Shelf::create(1).unwrap();
    let mut writer = opened(&shelf);
    writer.publish(&[put(b"a", 1)], at(1)).unwrap();
    let before = shelf.snapshot().unwrap().unwrap();
    writer.publish(&[], at(7)).unwrap();
    let after = shelf.snapshot().unwrap().unwrap();
    assert_eq!((after.at(), after.generation(), after.len()), (at(7), before.generation(), 1));
    assert_eq!(since(&after, before.generation()), Some(vec![]));
}

#[test]
fn a_snapshot_of_nothing_is_published_as_such() {
    let shelf = Shelf::create(1).unwrap();
    let mut writer = opened(&shelf);
    assert!(shelf.snapshot().unwrap().is_none());
    writer.publish(&[], at(5)).unwrap();
    let empty = shelf.snapshot().unwrap().unwrap();
    assert_eq!((empty.at(), empty.is_empty(), empty.iter().count()), (at(5), true, 0));
    assert!(empty.generation() > 0 && empty.get(b"a").unwrap().is_none());
}
