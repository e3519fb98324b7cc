//! What a process shows that follows a leader's publications in shared memory.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use etcd_discovery_shelf::{At, Audience, Change, Put, Shelf, Writer};
use proptest::prelude::*;

use super::{Change as OwnChange, Changed, Entry, Key, Publication, Published, Snapshot};
use crate::clock::Instant;

/// No other process reads.
struct Alone;

impl Audience for Alone {
    fn opened(&mut self, _: BorrowedFd<'_>) -> Box<dyn Send> {
        Box::new(())
    }

    fn announce(&mut self, _: u32, _: BorrowedFd<'_>) {}
}

fn leader() -> Writer {
    Writer::open(Shelf::create(1).unwrap(), 1 << 24, Box::new(Alone)).unwrap()
}

fn at(revision: i64) -> At {
    At { revision, cluster_id: 1, raft_term: 1 }
}

fn publish(leader: &mut Writer, changes: &[(&[u8], bool)], revision: i64) {
    let put = Put { value: b"v", mod_revision: revision, lease: 0 };
    let changes: Vec<Change<'_>> =
        changes.iter().map(|(key, is_put)| Change { key, put: is_put.then_some(put) }).collect();
    leader.publish(&changes, at(revision)).unwrap();
}

fn since_boot(leader: &Writer) -> crate::clock::Instant {
    crate::clock::Instant::since_boot(leader.shelf().control().confirmed_at())
}

fn keys(published: &Published) -> Vec<Vec<u8>> {
    published.snapshot().iter().map(|entry| entry.key().to_vec()).collect()
}

fn since(published: &Published, generation: u64) -> Option<Vec<Vec<u8>>> {
    let mut seen = Vec::new();
    published.each_change_since(generation, |key| seen.push(key.to_vec())).then_some(seen)
}

#[test]
fn a_follower_shows_what_the_leader_has_published_whenever_it_looks() {
    let (mut leader, publication) = (leader(), Publication::default());
    publication.follow(leader.shelf());
    assert_eq!((publication.generation(), publication.load().snapshot().revision()), (0, 0));
    publish(&mut leader, &[(b"/a", true), (b"/b", true)], 5);
    let first = publication.load_full();
    assert_eq!((first.generation(), first.snapshot().revision(), keys(&first).len()), (1, 5, 2));
    assert!(first.followed().unwrap().is_current());
    publish(&mut leader, &[(b"/a", false)], 6);
    assert!(!first.followed().unwrap().is_current());
    let second = publication.load_full();
    assert_eq!((second.generation(), since(&second, 1)), (2, Some(vec![b"/a".to_vec()])));
    assert_eq!(second.changed_keys_since(&first), [Key::from(&b"/a"[..])]);
    assert_eq!(keys(&first).len(), 2, "what was read before does not change");
    assert_eq!(publication.loaded(), 2);
}

#[test]
fn a_revision_without_changes_moves_the_revision_and_not_the_generation() {
    let (mut leader, publication) = (leader(), Publication::default());
    publication.follow(leader.shelf());
    publish(&mut leader, &[(b"/a", true)], 5);
    let before = publication.generation();
    publish(&mut leader, &[], 9);
    let now = publication.load_full();
    assert_eq!((now.generation(), now.snapshot().revision()), (before, 9));
}

/// Its age would stay behind the leader's otherwise, until the next change.
#[test]
fn a_follower_takes_in_a_root_in_which_only_the_term_is_another_or_the_revision_is_lower() {
    let (mut leader, publication) = (leader(), Publication::default());
    publication.follow(leader.shelf());
    publish(&mut leader, &[(b"/a", true)], 5);
    assert_eq!(publication.load().snapshot().revision(), 5);
    for place in [At { raft_term: 2, ..at(5) }, at(3)] {
        leader.publish(&[], place).unwrap();
        leader.shelf().control().confirm(etcd_discovery_shelf::now());
        let now = publication.load_full();
        let followed = now.followed().unwrap();
        assert!(followed.is_current(), "{place:?}");
        assert_eq!(followed.confirmed_at(), Some(since_boot(&leader)));
        assert_eq!((now.generation(), now.snapshot().revision()), (1, place.revision));
    }
}

#[test]
fn whom_a_process_asks_changes_with_a_generation_and_its_content_does_not_go_back() {
    let (mut leader, publication) = (leader(), Publication::default());
    let entry = Entry::new(b"/a".to_vec(), b"own", 3, 0);
    let change = OwnChange { key: b"/a"[..].into(), mod_revision: 3, entry: Some(entry) };
    let own = Snapshot::default().staged(2, 1).after(vec![change], 3).0;
    publication.publish(own, Changed::All);
    publish(&mut leader, &[(b"/a", true)], 5);

    publication.follow(leader.shelf());
    let following = publication.load_full();
    assert_eq!((following.generation(), since(&following, 1)), (2, None), "anything may differ");

    publication.lead();
    publish(&mut leader, &[(b"/a", true)], 6);
    let left = publication.load_full();
    assert_eq!((left.generation(), left.snapshot().revision()), (3, 5), "the leader is not asked any more");
    assert_eq!(since(&left, 2), Some(Vec::new()));
    let (next, changed) = left.snapshot().after(Vec::new(), 7);
    publication.publish(next, Changed::Keys(changed));
    assert_eq!((publication.generation(), keys(&publication.load())), (4, vec![b"/a".to_vec()]));
}

#[test]
fn content_is_not_as_young_as_what_the_leader_has_published_in_memory_that_has_not_arrived() {
    let mut leader = leader();
    publish(&mut leader, &[(b"/a", true)], 5);
    let control = leader.shelf().control();
    let (early, late) = (Duration::from_secs(10), Duration::from_secs(20));
    control.confirm(early);
    let files = control.files().map(|file| file.try_clone_to_owned().unwrap());
    let follower = Shelf::attach(files, 1).unwrap();
    follower.add_segment(&leader.segment().1).unwrap();
    let publication = Publication::default();
    publication.follow(&follower);
    let confirmed_at = || publication.load().followed().unwrap().confirmed_at();
    assert_eq!(confirmed_at(), Some(Instant::since_boot(early)));

    leader.start_compaction().unwrap();
    leader.finish_compaction().unwrap();
    publish(&mut leader, &[(b"/a", false)], 6);
    leader.shelf().control().confirm(late);
    assert_eq!(
        (publication.load().snapshot().revision(), confirmed_at()),
        (5, Some(Instant::since_boot(early)))
    );
    follower.add_segment(&leader.segment().1).unwrap();
    assert_eq!(
        (publication.load().snapshot().revision(), confirmed_at()),
        (6, Some(Instant::since_boot(late)))
    );
}

#[test]
fn a_thread_that_read_earlier_does_not_replace_what_another_one_has_read_since() {
    let (mut leader, publication) = (leader(), Publication::default());
    publication.follow(leader.shelf());
    publish(&mut leader, &[(b"/a", true)], 5);
    let earlier = publication.load_full();
    publish(&mut leader, &[], 6);
    let later = publication.load_full();
    publish(&mut leader, &[(b"/b", true)], 7);
    let latest = publication.load_full();
    assert!(later.supersedes(&earlier) && latest.supersedes(&later));
    assert!(!earlier.supersedes(&later) && !later.supersedes(&latest) && !latest.supersedes(&latest));
}

proptest! {
    /// Whatever a follower missed between two looks, it finds the keys that differ, and no others.
    #[test]
    fn the_changes_since_an_earlier_look_are_those_of_a_comparison(
        rounds in prop::collection::vec(prop::collection::vec((0u8..6, any::<bool>()), 0..4), 1..12),
        compacts in prop::collection::vec(any::<bool>(), 12),
        looks in prop::collection::vec(any::<bool>(), 12),
        from in any::<prop::sample::Index>(),
    ) {
        let (mut leader, publication) = (leader(), Publication::default());
        publication.follow(leader.shelf());
        let mut history = Vec::new();
        for (index, round) in rounds.iter().enumerate() {
            let names: Vec<[u8; 1]> = round.iter().map(|(name, _)| [*name]).collect();
            let changes: Vec<(&[u8], bool)> =
                names.iter().zip(round).map(|(name, (_, put))| (name.as_slice(), *put)).collect();
            publish(&mut leader, &changes, i64::try_from(index).unwrap() + 1);
            if compacts[index] {
                leader.start_compaction().unwrap();
                leader.finish_compaction().unwrap();
            }
            if looks[index] || index == 0 {
                history.push(publication.load_full());
            }
        }
        let (older, newest) = (from.get(&history), publication.load_full());
        let compared = older.snapshot().changed_keys(newest.snapshot());
        prop_assert_eq!(newest.changed_keys_since(older), compared);
    }
}
