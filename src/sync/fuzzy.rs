//! A copy whose pages are of different revisions, until the watch has told what makes them one.
//!
//! etcd may compact its history faster than the watched keys can be read. Then the pages cannot all be read at the
//! revision of the first, nor can a watch begin there once the last has arrived. So the watch is opened first, and each
//! page is read as etcd is when it is asked.
//!
//! Let the first page be of revision A and the last of Z. The watch was there before the first page was asked for, and
//! pages are linearizable: the watch tells every event after A. Apply all of them up to some F ≥ Z, in order. A key with
//! an event in (A, F] is then what the last of these made it: what it is at F. A key without one is the same at every
//! revision from A to F, and so what its page said. The copy is etcd's content at F, exactly (promise 1). Before that it
//! is of no revision at all, and is shown to nobody.

use crate::clock::Instant;
use crate::store::Snapshot;

#[derive(Debug)]
pub(super) struct Fuzzy {
    /// The pages, with all events up to its revision applied.
    pub(super) snapshot: Snapshot,
    /// The revision of the last page: from it on the copy is exact.
    pub(super) exact_from: i64,
    /// When the last page was asked for.
    pub(super) asked: Instant,
    /// The raft term of the last page.
    pub(super) raft_term: u64,
}
