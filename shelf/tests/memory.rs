//! How much memory it takes, and what happens when there is none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::sync::Arc;

use etcd_discovery_shelf::{At, Change, Error, Put, Shelf, Writer};
use support::{Alone, Child, Oracle, publish_next};

const CAPACITY: usize = 1 << 26;

/// Bytes of segments in memory that this process maps or holds.
fn allocated(writer: &Writer) -> usize {
    usize::try_from(rustix::fs::fstat(writer.segment().1).unwrap().st_blocks).unwrap() * 512
}

/// How many segments this process maps, in a shelf with this descriptor.
fn mapped_segments() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let inodes: std::collections::HashSet<&str> = maps
        .lines()
        .filter(|line| line.contains("memfd:etcd_discovery"))
        .filter_map(|line| line.split_whitespace().nth(4))
        .collect();
    inodes.len()
}

#[test]
fn memory_is_bounded_by_twice_the_content_and_a_pinned_segment_is_let_go_with_its_snapshot() {
    // In a process of its own: the other tests map segments too.
    let child = Child::fork(|| {
        let others = mapped_segments();
        let shelf = Shelf::create(1).unwrap();
        let mut writer = Writer::open(Arc::clone(&shelf), CAPACITY, Box::new(Alone)).unwrap();
        let value = vec![1; 10_000];
        let keys: Vec<[u8; 2]> = (0..500u16).map(u16::to_be_bytes).collect();
        let mut pinned = None;
        let mut most = 0;
        for revision in 1..20_000i64 {
            let key = &keys[usize::try_from(revision).unwrap() % keys.len()];
            let put = Put { value: &value, mod_revision: revision, lease: 0 };
            let at = At { revision, cluster_id: 1, raft_term: 1 };
            writer.publish(&[Change { key, put: Some(put) }], at).unwrap();
            if revision == 3_000 {
                pinned = shelf.snapshot().unwrap();
            }
            // As a reader does from time to time.
            drop(shelf.snapshot().unwrap());
            most = most.max(allocated(&writer));
            // The control page, the present segment, one that is being made, and the pinned one.
            assert!(mapped_segments() - others <= 4, "{}", mapped_segments() - others);
        }
        let content = 500 * 10_000;
        // What is published while the copy is made comes on top.
        assert!(most < 4 * content, "{most} bytes");
        let held = pinned.take().unwrap();
        assert_eq!((held.at().revision, held.iter().count(), shelf.pinned_segments()), (3_000, 500, 1));
        drop(held);
        assert_eq!(shelf.pinned_segments(), 0);
        writer.finish_compaction().unwrap();
        drop(shelf.snapshot().unwrap());
        assert_eq!(mapped_segments() - others, 2, "the control page and one segment");
    });
    assert_eq!(child.wait(), 0);
}

/// The writer is never dropped there, nor is what its threads hold.
#[test]
fn a_child_of_the_writer_keeps_no_segment_once_it_lets_go_also_if_it_is_forked_amid_a_compaction() {
    let child = Child::fork(|| {
        let others = mapped_segments();
        let shelf = Shelf::create(1).unwrap();
        let mut writer = Writer::open(Arc::clone(&shelf), CAPACITY, Box::new(Alone)).unwrap();
        publish_next(&mut writer, 1);
        let snapshot = shelf.snapshot().unwrap().unwrap();
        for finish in [false, true] {
            writer.start_compaction().unwrap();
            if finish {
                writer.finish_compaction().unwrap();
            }
            let child = Child::fork(|| {
                let pinned = usize::from(finish);
                assert_eq!(mapped_segments() - others, 2 + pinned, "the control page and those of readers");
                Oracle::default().check(&snapshot);
                Oracle::default().check(&shelf.snapshot().unwrap().unwrap());
                shelf.let_go();
                assert_eq!((mapped_segments() - others, shelf.pinned_segments()), (2, 1));
                Oracle::default().check(&snapshot);
                assert!(matches!(shelf.snapshot(), Err(Error::UnknownSegment(_))));
                // It goes on as soon as it is sent the present segment.
                shelf.add_segment(&writer.segment().1).unwrap();
                Oracle::default().check(&shelf.snapshot().unwrap().unwrap());
            });
            assert_eq!(child.wait(), 0);
        }
    });
    assert_eq!(child.wait(), 0);
}

/// A system without memory: here a limit on the address space, where every mapping fails.
#[test]
fn without_memory_a_new_segment_is_an_error_and_what_was_published_stays() {
    let child = Child::fork(|| {
        let shelf = Shelf::create(1).unwrap();
        let mut writer = Writer::open(Arc::clone(&shelf), CAPACITY, Box::new(Alone)).unwrap();
        publish_next(&mut writer, 1);
        let none = libc::rlimit { rlim_cur: 0, rlim_max: libc::RLIM_INFINITY };
        let unlimited = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: sets a limit of this process, from a value that outlives the call.
        let limit = |limit: &libc::rlimit| unsafe { libc::setrlimit(libc::RLIMIT_AS, limit) };
        assert_eq!(limit(&none), 0);
        let refused = writer.start_compaction();
        assert_eq!(limit(&unlimited), 0);
        assert!(matches!(refused, Err(Error::System { .. })), "{refused:?}");
        let mut oracle = Oracle::default();
        oracle.check(&shelf.snapshot().unwrap().unwrap());
        publish_next(&mut writer, 2);
        writer.start_compaction().unwrap();
        writer.finish_compaction().unwrap();
        oracle.check(&shelf.snapshot().unwrap().unwrap());
    });
    assert_eq!(child.wait(), 0);
}
