//! A listing under way: pages of several ranges, all read at one revision.
//!
//! The first page is linearizable and its header decides the revision; all others are read at it, so that
//! the whole is etcd's content at one instant although it was read over many.

use super::event::{Page, PageRequest};
use crate::range::{KeyRange, Ranges, next_key};
use crate::store::Snapshot;

#[derive(Debug)]
pub(super) struct Listing {
    ranges: Ranges,
    limit: i64,
    index: usize,
    cursor: Vec<u8>,
    /// Revision and cluster of the first page.
    at: Option<(i64, u64)>,
    staging: Snapshot,
}

/// What a page led to.
#[derive(Debug)]
pub(super) enum Progress {
    /// Ask for this one next.
    More(PageRequest),
    /// All ranges are read.
    Complete(Snapshot),
    /// The page is from another cluster than the first: nothing of this listing can be used.
    Inconsistent,
}

impl Listing {
    /// `limit` 0 reads each range in one page.
    pub(super) fn new(ranges: Ranges, limit: i64) -> Self {
        let cursor = ranges.as_slice().first().map_or_else(Vec::new, |range| range.start().to_vec());
        Self { ranges, limit, index: 0, cursor, at: None, staging: Snapshot::default() }
    }

    /// The content at a revision that is known, page by page.
    pub(super) fn again(ranges: Ranges, limit: i64, revision: i64, cluster_id: u64) -> Self {
        Self { at: Some((revision, cluster_id)), ..Self::new(ranges, limit) }
    }

    pub(super) fn request(&self) -> PageRequest {
        PageRequest {
            start: self.cursor.clone(),
            end: self.ranges.as_slice().get(self.index).map_or_else(Vec::new, KeyRange::range_end),
            limit: self.limit,
            revision: self.at.map(|(revision, _)| revision),
        }
    }

    pub(super) fn accept(&mut self, page: Page) -> Progress {
        let (revision, cluster_id) = *self.at.get_or_insert((page.header.revision, page.header.cluster_id));
        if page.header.cluster_id != cluster_id {
            return Progress::Inconsistent;
        }
        let last = page.entries.last().map(|entry| next_key(entry.key()));
        self.staging.stage(page.entries);
        match last {
            Some(next) if page.more => self.cursor = next,
            _ => {
                self.index += 1;
                let Some(range) = self.ranges.as_slice().get(self.index) else {
                    let staging = std::mem::take(&mut self.staging);
                    return Progress::Complete(staging.staged(revision, cluster_id));
                };
                self.cursor = range.start().to_vec();
            }
        }
        Progress::More(self.request())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Entry;
    use crate::sync::event::Header;

    fn page(revision: i64, keys: &[&[u8]], more: bool) -> Page {
        Page {
            header: Header { cluster_id: 1, revision, raft_term: 1 },
            entries: keys.iter().map(|key| Entry::new(key.to_vec(), b"", 1, 0)).collect(),
            more,
        }
    }

    #[test]
    fn later_pages_are_read_at_the_revision_of_the_first_and_after_its_last_key() {
        let ranges = Ranges::merge([KeyRange::prefix(b"/a/"), KeyRange::prefix(b"/b/")]);
        let mut listing = Listing::new(ranges, 2);
        assert_eq!(listing.request().revision, None);
        let Progress::More(second) = listing.accept(page(7, &[b"/a/1", b"/a/2"], true)) else { panic!() };
        assert_eq!((second.start, second.revision), (b"/a/2\0".to_vec(), Some(7)));
        let Progress::More(third) = listing.accept(page(9, &[b"/a/3"], false)) else { panic!() };
        assert_eq!((third.start, third.end, third.revision), (b"/b/".to_vec(), b"/b0".to_vec(), Some(7)));
        let Progress::Complete(snapshot) = listing.accept(page(9, &[], false)) else { panic!() };
        assert_eq!((snapshot.revision(), snapshot.len()), (7, 3));
    }

    #[test]
    fn a_page_of_another_cluster_spoils_the_listing() {
        let mut listing = Listing::new(Ranges::merge([KeyRange::prefix(b"/a/")]), 1);
        let _ = listing.accept(page(7, &[b"/a/1"], true));
        let mut foreign = page(7, &[b"/a/2"], false);
        foreign.header.cluster_id = 2;
        assert!(matches!(listing.accept(foreign), Progress::Inconsistent));
    }
}
