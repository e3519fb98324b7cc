//! A copy whose pages have different revisions, until the watch makes it exact.
//!
//! etcd may compact its history faster than the watched keys can be read. Then the later pages cannot be read
//! at the revision of the first one, and a watch cannot start there once the last page has arrived. So the
//! watch is opened first, and each page is read at etcd's current revision.
//!
//! Why this is exact (promise 1): let the first page have revision A and the last one revision Z. The watch
//! was open before the first page was requested, and pages are linearizable, so the watch delivers every
//! event after A. Apply all of them up to some F ≥ Z, in order.
//!
//! * A key with an event in (A, F] is what the last of these events made it, which is its state at F.
//! * A key without one is the same at every revision from A to F, so its page shows its state at F.
//!
//! So the copy is etcd's content at F. Before that it matches no revision, and no one sees it.

use crate::clock::Instant;
use crate::store::Snapshot;

#[derive(Debug)]
pub(super) struct Fuzzy {
    /// The pages, with all events up to its revision applied.
    pub(super) snapshot: Snapshot,
    /// The revision of the last page. From this revision on the copy is exact.
    pub(super) exact_from: i64,
    /// When the last page was requested.
    pub(super) asked: Instant,
    /// The raft term of the last page.
    pub(super) raft_term: u64,
}
