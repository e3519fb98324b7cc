//! Readers on damaged bytes: whatever lies in a segment, they neither panic nor loop, and they read nothing that is not
//! in it.

use std::sync::Arc;

use proptest::prelude::*;

use crate::control::root_word;
use crate::error::Error;
use crate::layout::{Ref, UNIT};
use crate::root::{At, Root};
use crate::segment::Appender;
use crate::shelf::Shelf;
use crate::testing::{Alone, delete, put};
use crate::tree::Snapshot;
use crate::writer::Writer;

const CAPACITY: usize = 1 << 20;
const KEYS: u32 = 3_000;

/// The bytes of a segment with a tree of three levels and a chain of changes, and the offsets of two roots in it.
fn sound() -> (Vec<u8>, usize, usize) {
    let shelf = Shelf::create(1).unwrap();
    let mut writer = Writer::open(Arc::clone(&shelf), CAPACITY, Box::new(Alone)).unwrap();
    let keys: Vec<[u8; 4]> = (0..KEYS).map(u32::to_be_bytes).collect();
    let at = |revision| At { revision, ..At::default() };
    let puts: Vec<_> = keys.iter().map(|key| put(key, 1)).collect();
    writer.publish(&puts, at(1)).unwrap();
    let first = writer.snapshot().unwrap().unwrap().offset();
    for key in keys.iter().step_by(100) {
        writer.publish(&[put(key, 2), delete(&key[..3])], at(2)).unwrap();
    }
    let last = writer.snapshot().unwrap().unwrap();
    let written = writer.written();
    let bytes = last.map().bytes(0, written, written).unwrap().to_vec();
    (bytes, first, last.offset())
}

/// A shelf with a segment of these bytes; only its header is right.
fn shelf_with(bytes: &[u8], root: usize) -> (Arc<Shelf>, Appender) {
    let shelf = Shelf::create(1).unwrap();
    let mut out = Appender::create(shelf.control(), CAPACITY, &mut Alone).unwrap();
    out.append(&[&bytes[out.position()..]]).unwrap();
    shelf.add_segment(&out.file()).unwrap();
    shelf.control().commit(root_word(out.map().id(), root), 1, 0, 0);
    (shelf, out)
}

/// Reads everything in every way. Returns how many entries there were.
fn read(snapshot: &Snapshot) -> usize {
    let key = 1_500u32.to_be_bytes();
    let _ = snapshot.get(&key).map(|entry| entry.map(|entry| entry.value().len()));
    let _ = snapshot.get(b"");
    let entries = snapshot.iter().filter_map(Result::ok).map(|entry| entry.key().len().min(1)).sum::<usize>();
    assert!(snapshot.range(&key, Some(b"\xff")).count() <= snapshot.len() + 1);
    let _ = snapshot.each_change_since(0, |_| {});
    entries
}

fn read_all(shelf: &Shelf, map: &Appender, roots: &[usize]) {
    let _ = shelf.snapshot().map(|snapshot| snapshot.map(|snapshot| read(&snapshot)));
    let snapshots: Vec<Snapshot> =
        roots.iter().filter_map(|root| Snapshot::open(Arc::clone(map.map()), *root).ok()).collect();
    for one in &snapshots {
        assert!(read(one) <= one.len());
        for other in &snapshots {
            let _ = one.changed_keys(other).map(|keys| keys.len());
            let _ = one.differences(other).map(|keys| keys.len());
        }
    }
}

#[test]
fn the_sound_segment_reads_as_it_was_written() {
    let (bytes, first, last) = sound();
    let (shelf, out) = shelf_with(&bytes, last);
    let newest = shelf.snapshot().unwrap().unwrap();
    assert_eq!(read(&newest), KEYS as usize);
    let oldest = Snapshot::open(Arc::clone(out.map()), first).unwrap();
    assert_eq!(oldest.differences(&newest).unwrap().len(), KEYS as usize / 100);
    assert_eq!(oldest.changed_keys(&newest).unwrap().len(), KEYS as usize / 100);
}

/// A tree that leads to one leaf from everywhere, and a root that takes it for a large one.
fn tower(out: &mut Appender, key: &[u8]) -> usize {
    let entry = out.entry(key, b"1", 1, 0).unwrap();
    let mut node = out.node(0, &[entry; 32], &[]).unwrap();
    for level in 1..12 {
        node = out.node(level, &[node; 32], &[entry; 32]).unwrap();
    }
    root_over(out, node)
}

fn root_over(out: &mut Appender, node: Ref) -> usize {
    let offset = out.position();
    let root = Root { size: offset / UNIT, tree: Some(node), generation: 1, chain_from: 1, ..Root::EMPTY };
    out.append(&[&root.bytes(offset)]).unwrap();
    offset
}

/// A tree of a few nodes then has more leaves than any memory could hold.
#[test]
fn trees_that_lead_to_one_leaf_from_everywhere_are_read_no_longer_than_their_size_says() {
    let shelf = Shelf::create(1).unwrap();
    let mut out = Appender::create(shelf.control(), CAPACITY, &mut Alone).unwrap();
    let roots = [tower(&mut out, b"a"), tower(&mut out, b"b")];
    let [one, other] = roots.map(|root| Snapshot::open(Arc::clone(out.map()), root).unwrap());
    assert!(one.iter().count() <= one.len() + 1);
    assert!(matches!(one.differences(&other), Err(Error::Damaged)));
    read_all(&shelf, &out, &roots);
}

#[test]
fn a_node_under_one_of_another_level_is_damage() {
    let shelf = Shelf::create(1).unwrap();
    let mut out = Appender::create(shelf.control(), CAPACITY, &mut Alone).unwrap();
    let entry = out.entry(b"a", b"1", 1, 0).unwrap();
    let leaf = out.node(0, &[entry], &[]).unwrap();
    let top = out.node(2, &[leaf], &[entry]).unwrap();
    let root = root_over(&mut out, top);
    let snapshot = Snapshot::open(Arc::clone(out.map()), root).unwrap();
    assert!(matches!(snapshot.get(b"a"), Err(Error::Damaged)));
    assert!(matches!(snapshot.iter().next(), Some(Err(Error::Damaged))));
}

#[test]
fn content_that_is_smaller_than_its_root_says_is_not_taken_over() {
    let shelf = Shelf::create(1).unwrap();
    let mut out = Appender::create(shelf.control(), CAPACITY, &mut Alone).unwrap();
    let entry = out.entry(b"a", b"1", 1, 0).unwrap();
    let leaf = out.node(0, &[entry], &[]).unwrap();
    let root = root_over(&mut out, leaf);
    shelf.add_segment(&out.file()).unwrap();
    shelf.control().commit(root_word(out.map().id(), root), 1, 0, 0);
    let taken_over = Writer::open(Arc::clone(&shelf), CAPACITY, Box::new(Alone));
    assert!(matches!(taken_over.err(), Some(Error::Damaged)));
}

#[test]
fn a_root_anywhere_in_the_segment_is_refused_unless_one_was_written_there() {
    let (bytes, first, last) = sound();
    let (_shelf, out) = shelf_with(&bytes, last);
    let opens = |offset: usize| Snapshot::open(Arc::clone(out.map()), offset).is_ok();
    let found: Vec<usize> = (0..bytes.len() + 64).step_by(8).filter(|offset| opens(*offset)).collect();
    assert_eq!((found.first(), found.last()), (Some(&first), Some(&last)));
    assert_eq!(found.len(), 1 + KEYS as usize / 100);
    for offset in [0, 1, 7, first + 1, bytes.len(), CAPACITY, usize::MAX, usize::MAX - 8] {
        assert!(!opens(offset), "{offset}");
    }
}

#[derive(Debug, Clone)]
enum Harm {
    /// One byte becomes another.
    Byte(usize, u8),
    /// Four aligned bytes become this number: as references are.
    Half(usize, u32),
    /// A piece is copied to another place.
    Copy(usize, usize, usize),
    /// Everything from here on is zero.
    Cut(usize),
    /// Noise.
    Noise(usize, Vec<u8>),
}

fn harm(len: usize) -> impl Strategy<Value = Harm> {
    // Mostly where the roots and the top of the tree are.
    let place = || prop_oneof![1 => 64..len, 3 => len.saturating_sub(2_000)..len];
    prop_oneof![
        4 => (place(), any::<u8>()).prop_map(|(at, byte)| Harm::Byte(at, byte)),
        6 => (place(), prop_oneof![any::<u32>(), 0..u32::try_from(len / 8).unwrap()]).prop_map(|(at, half)| Harm::Half(at, half)),
        2 => (place(), place(), 1usize..512).prop_map(|(from, to, size)| Harm::Copy(from, to, size)),
        1 => place().prop_map(Harm::Cut),
        1 => (place(), prop::collection::vec(any::<u8>(), 1..256)).prop_map(|(at, noise)| Harm::Noise(at, noise)),
    ]
}

fn apply(bytes: &mut [u8], harm: &Harm) {
    let len = bytes.len();
    match harm {
        Harm::Byte(at, byte) => bytes[*at] = *byte,
        Harm::Half(at, half) => {
            let at = at / 4 * 4;
            if let Some(place) = bytes.get_mut(at..at + 4) {
                place.copy_from_slice(&half.to_ne_bytes());
            }
        }
        Harm::Copy(from, to, size) => {
            let size = *size.min(&(len - from)).min(&(len - to));
            bytes.copy_within(*from..from + size, *to);
        }
        Harm::Cut(at) => bytes[*at..].fill(0),
        Harm::Noise(at, noise) => {
            let size = noise.len().min(len - at);
            bytes[*at..at + size].copy_from_slice(&noise[..size]);
        }
    }
}

/// Made once: the cases differ in the damage.
static SOUND: std::sync::LazyLock<(Vec<u8>, usize, usize)> = std::sync::LazyLock::new(sound);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_reader_on_damaged_bytes_neither_panics_nor_loops(
        harms in prop::collection::vec(harm(SOUND.0.len()), 1..12),
    ) {
        let (mut bytes, first, last) = SOUND.clone();
        for harm in &harms {
            apply(&mut bytes, harm);
        }
        let (shelf, out) = shelf_with(&bytes, last);
        read_all(&shelf, &out, &[first, last]);
        // A successor may find it so. It refuses, or it takes over what can be read.
        if let Ok(writer) = Writer::open(Arc::clone(&shelf), CAPACITY, Box::new(Alone)) {
            let snapshot = writer.snapshot().unwrap().unwrap();
            prop_assert_eq!(snapshot.iter().flatten().count(), snapshot.len());
        }
    }

    #[test]
    fn any_root_word_is_read_or_refused(word in any::<u64>(), in_segment in 0..1u64 << 21) {
        let (bytes, _, last) = SOUND.clone();
        let (shelf, out) = shelf_with(&bytes, last);
        for word in [word, (1 << 40) | in_segment, (1 << 40) | (in_segment * 8)] {
            shelf.control().commit(word, 1, 0, 0);
            let _ = shelf.snapshot().map(|snapshot| snapshot.map(|snapshot| read(&snapshot)));
        }
        drop(out);
    }
}
