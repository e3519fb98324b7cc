//! What a forked child has of its parent's driver, which is never polled or dropped there.

use super::follower::{Follower, followed};
use crate::store::{Changed, Entry, Snapshot};

/// An entry that is shown now.
fn shown(follower: &Follower, key: &[u8]) -> Entry {
    follower.publication.load().snapshot().get(key).unwrap().to_entry()
}

/// What the child's own driver does when all that the parent knew has changed.
fn replace_all(follower: &Follower) {
    follower.publication.publish(Snapshot::default().staged(99, 1), Changed::All);
}

#[tokio::test(start_paused = true)]
async fn a_forked_child_keeps_no_entry_that_has_changed() {
    let (etcd, follower) = followed().await;
    etcd.put(b"/a/1", 2);
    follower.shows(b"/a/1", Some(2)).await;
    let entry = shown(&follower, b"/a/1");
    replace_all(&follower);
    assert_eq!(entry.clones(), 2, "the parent's driver goes on from it");
    assert!(follower.contents.release());
    assert_eq!(entry.clones(), 1);
}
