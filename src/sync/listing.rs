//! A listing under way: the pages of several ranges.
//!
//! The first page is linearizable, and its header sets the revision. All other pages are read at that
//! revision, so that the result is etcd's content at one instant. Beside an open watch, each page is read at
//! the current revision instead, and the watch's events are applied to the pages read so far (see
//! [`super::fuzzy`]).
//!
//! Each page is checked. A broken or hostile server must not put foreign keys into the copy, nor fill the
//! memory with pages that never end (promise 11).

use std::borrow::Cow;

use super::event::{Page, PageRequest};
use crate::range::{KeyRange, Ranges, next_key};
use crate::store::{Change, Snapshot};

/// The maximum bytes of keys and values in a listing: etcd's own default limit for a whole database.
const MOST_BYTES: usize = 2 << 30;

#[derive(Debug)]
pub(super) struct Listing {
    ranges: Ranges,
    index: usize,
    cursor: Vec<u8>,
    /// Revision and cluster of the first page.
    at: Option<(i64, u64)>,
    /// The raft term of the last page. It never decreases within one history.
    raft_term: u64,
    /// The lowest revision that the next page may have, if each page has its own revision.
    least: Option<i64>,
    /// The keys requested with the current page; 0 for all.
    limit: i64,
    /// The keys of the current range that are still missing, once a page has reported their number.
    to_come: Option<i64>,
    bytes: usize,
    staging: Snapshot,
}

/// What a page led to.
#[derive(Debug)]
pub(super) enum Progress {
    /// Ask for the next page.
    More,
    /// All ranges are read.
    Complete(Snapshot),
    /// The page is from another cluster or history than the first one. Nothing of this listing can be used.
    Inconsistent,
    /// No correct etcd answers like this; the text says what is wrong.
    Broken(String),
}

impl Listing {
    pub(super) fn new(ranges: Ranges) -> Self {
        let cursor = ranges.as_slice().first().map_or_else(Vec::new, |range| range.start().to_vec());
        Self {
            ranges,
            index: 0,
            cursor,
            at: None,
            raft_term: 0,
            least: None,
            limit: 0,
            to_come: None,
            bytes: 0,
            staging: Snapshot::default(),
        }
    }

    /// Lists the content at a known revision, page by page.
    pub(super) fn again(ranges: Ranges, revision: i64, cluster_id: u64) -> Self {
        Self { at: Some((revision, cluster_id)), ..Self::new(ranges) }
    }

    /// Lists each page at etcd's current revision.
    pub(super) fn beside_watch(ranges: Ranges) -> Self {
        Self { least: Some(0), ..Self::new(ranges) }
    }

    /// The revision of the first page, once it has arrived.
    pub(super) fn revision(&self) -> Option<i64> {
        self.at.map(|(revision, _)| revision)
    }

    /// Applies `events`, complete up to `frontier`, to the pages read so far.
    ///
    /// Call it before the next page is requested; that page already includes the events.
    pub(super) fn replay(&mut self, events: Vec<Change>, frontier: i64) {
        let read = events.into_iter().filter(|event| *event.key < *self.cursor).collect();
        (self.staging, _) = self.staging.after(read, frontier);
        self.least = self.least.max(Some(frontier));
    }

    /// The next page to request, with at most `limit` keys; 0 for all keys of the range.
    pub(super) fn request(&mut self, limit: i64) -> PageRequest {
        self.limit = limit;
        PageRequest {
            start: self.cursor.clone(),
            end: self.ranges.as_slice().get(self.index).map_or_else(Vec::new, KeyRange::range_end),
            limit,
            revision: self.revision().filter(|_| self.least.is_none()),
        }
    }

    pub(super) fn accept(&mut self, page: Page) -> Progress {
        let (first, cluster_id) = *self.at.get_or_insert((page.header.revision, page.header.cluster_id));
        let set_back = self.least.is_some_and(|least| page.header.revision < least);
        if page.header.cluster_id != cluster_id || page.header.raft_term < self.raft_term || set_back {
            return Progress::Inconsistent;
        }
        self.raft_term = page.header.raft_term;
        let revision = if self.least.is_some() { page.header.revision } else { first };
        if self.least.is_some() {
            // Keys may come and go between the pages.
            (self.least, self.to_come) = (Some(revision), None);
        }
        if let Err(fault) = self.check(&page, revision) {
            return Progress::Broken(fault);
        }
        let last = page.entries.last().map(|entry| next_key(entry.key()));
        self.staging.stage(page.entries);
        match last {
            Some(next) if page.more => self.cursor = next,
            _ => {
                self.index += 1;
                self.to_come = None;
                let Some(range) = self.ranges.as_slice().get(self.index) else {
                    let staging = std::mem::take(&mut self.staging);
                    return Progress::Complete(staging.staged(first, cluster_id));
                };
                self.cursor = range.start().to_vec();
            }
        }
        Progress::More
    }

    /// Counts the page's keys; fails with a text that says what is wrong with the page.
    fn check(&mut self, page: &Page, revision: i64) -> Result<(), String> {
        let range = self.ranges.as_slice().get(self.index);
        let mut least = Cow::Borrowed(self.cursor.as_slice());
        for entry in &page.entries {
            let (key, at) = (entry.key(), entry.mod_revision());
            let shown = || format!("{:?}", String::from_utf8_lossy(key));
            if !range.is_some_and(|range| range.contains(key)) {
                return Err(format!("the key {} is outside the requested range", shown()));
            }
            if key < &*least {
                return Err(format!("the key {} is out of order", shown()));
            }
            if !(1..=revision).contains(&at) {
                return Err(format!("the key {} has revision {at} at revision {revision}", shown()));
            }
            least = Cow::Owned(next_key(key));
            self.bytes += key.len() + entry.value().len();
        }
        if page.more && page.entries.is_empty() {
            return Err("a page without keys says that more keys follow".to_owned());
        }
        let keys = i64::try_from(page.entries.len()).unwrap_or(i64::MAX);
        let expected = self.to_come.unwrap_or(page.count);
        let to_come = expected - keys;
        if to_come < 0 || page.more != (to_come > 0) {
            let more = if page.more { "more follow" } else { "none follow" };
            return Err(format!("a page has {keys} of {expected} keys and says that {more}"));
        }
        self.to_come = Some(to_come);
        if self.bytes > MOST_BYTES {
            return Err(format!("the watched keys and values are more than {MOST_BYTES} bytes"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Entry;
    use crate::sync::event::Header;

    /// A page after which `to_come` keys follow.
    fn page(revision: i64, keys: &[&[u8]], to_come: i64) -> Page {
        Page {
            header: Header { cluster_id: 1, revision, raft_term: 1 },
            entries: keys.iter().map(|key| Entry::new(key.to_vec(), b"", 1, 0)).collect(),
            more: to_come > 0,
            count: i64::try_from(keys.len()).unwrap() + to_come,
            ..Page::default()
        }
    }

    fn listing(prefixes: &[&[u8]]) -> Listing {
        let mut listing = Listing::new(Ranges::merge(prefixes.iter().map(|prefix| KeyRange::prefix(prefix))));
        listing.request(2);
        listing
    }

    fn fault(progress: &Progress) -> &str {
        let Progress::Broken(fault) = progress else { panic!("{progress:?}") };
        fault
    }

    #[test]
    fn later_pages_are_read_at_the_revision_of_the_first_and_after_its_last_key() {
        let mut listing = listing(&[b"/a/", b"/b/"]);
        assert_eq!(listing.request(2).revision, None);
        assert!(matches!(listing.accept(page(7, &[b"/a/1", b"/a/2"], 1)), Progress::More));
        let second = listing.request(5);
        assert_eq!((second.start, second.revision, second.limit), (b"/a/2\0".to_vec(), Some(7), 5));
        assert!(matches!(listing.accept(page(9, &[b"/a/3"], 0)), Progress::More));
        let third = listing.request(2);
        assert_eq!((third.start, third.end, third.revision), (b"/b/".to_vec(), b"/b0".to_vec(), Some(7)));
        let Progress::Complete(snapshot) = listing.accept(page(9, &[], 0)) else { panic!() };
        assert_eq!((snapshot.revision(), snapshot.len()), (7, 3));
    }

    #[test]
    fn beside_a_watch_each_page_has_its_own_revision_and_events_change_the_pages_read_so_far() {
        let mut listing = listing(&[b"/a/", b"/b/"]);
        listing.least = Some(0);
        let _ = listing.accept(page(7, &[b"/a/1", b"/a/2"], 5));
        let event = |key: &[u8]| Change { key: key.into(), mod_revision: 8, entry: None };
        listing.replay(vec![event(b"/a/1"), event(b"/b/1")], 8);
        let second = listing.request(2);
        assert_eq!((second.start, second.revision), (b"/a/2\0".to_vec(), None));
        let _ = listing.accept(page(8, &[b"/a/3"], 0));
        let Progress::Complete(snapshot) = listing.accept(page(9, &[b"/b/1"], 0)) else { panic!() };
        let keys: Vec<_> = snapshot.iter().map(|entry| entry.key().to_vec()).collect();
        assert_eq!(
            (snapshot.revision(), keys),
            (7, [b"/a/2", b"/a/3", b"/b/1"].map(|key| key.to_vec()).to_vec())
        );
    }

    #[test]
    fn beside_a_watch_a_page_older_than_the_events_is_from_another_history() {
        let mut listing = listing(&[b"/a/"]);
        listing.least = Some(0);
        let _ = listing.accept(page(7, &[b"/a/1"], 1));
        listing.replay(Vec::new(), 9);
        assert!(matches!(listing.accept(page(8, &[b"/a/2"], 0)), Progress::Inconsistent));
    }

    #[test]
    fn a_page_of_another_cluster_spoils_the_listing() {
        let mut listing = listing(&[b"/a/"]);
        let _ = listing.accept(page(7, &[b"/a/1"], 1));
        let mut foreign = page(7, &[b"/a/2"], 0);
        foreign.header.cluster_id = 2;
        assert!(matches!(listing.accept(foreign), Progress::Inconsistent));
    }

    #[test]
    fn a_page_of_a_lower_raft_term_is_from_another_history() {
        let mut listing = listing(&[b"/a/"]);
        let _ = listing.accept(page(7, &[b"/a/1"], 1));
        let mut restored = page(9, &[b"/a/2"], 0);
        restored.header.raft_term = 0;
        assert!(matches!(listing.accept(restored), Progress::Inconsistent));
    }

    #[test]
    fn keys_outside_the_requested_range_never_enter_the_copy() {
        for foreign in [b"/b/1".as_slice(), b"/a", b"/a0", b""] {
            let progress = listing(&[b"/a/"]).accept(page(7, &[foreign], 0));
            assert!(fault(&progress).contains("outside the requested range"), "{progress:?}");
        }
        let mut second = listing(&[b"/a/", b"/b/"]);
        assert!(matches!(second.accept(page(7, &[b"/a/1"], 0)), Progress::More));
        assert!(fault(&second.accept(page(7, &[b"/a/2"], 0))).contains("outside the requested range"));
    }

    #[test]
    fn keys_that_do_not_ascend_are_refused_within_a_page_and_from_page_to_page() {
        for keys in [[b"/a/2".as_slice(), b"/a/1"], [b"/a/1", b"/a/1"]] {
            let progress = listing(&[b"/a/"]).accept(page(7, &keys, 0));
            assert!(fault(&progress).contains("out of order"), "{progress:?}");
        }
        let mut twice = listing(&[b"/a/"]);
        assert!(matches!(twice.accept(page(7, &[b"/a/1", b"/a/2"], 2)), Progress::More));
        assert!(fault(&twice.accept(page(7, &[b"/a/2", b"/a/3"], 0))).contains("out of order"));
    }

    #[test]
    fn an_empty_page_that_announces_more_keys_is_an_error() {
        let progress = listing(&[b"/a/"]).accept(page(7, &[], 5));
        assert!(fault(&progress).contains("without keys"), "{progress:?}");
    }

    #[test]
    fn a_page_that_contradicts_the_announced_number_of_keys_is_an_error() {
        let mut endless = listing(&[b"/a/"]);
        assert!(matches!(endless.accept(page(7, &[b"/a/1", b"/a/2"], 2)), Progress::More));
        assert!(matches!(endless.accept(page(7, &[b"/a/3"], 9)), Progress::More));
        assert!(fault(&endless.accept(page(7, &[b"/a/4"], 9))).contains("more follow"));
        let mut short = page(7, &[b"/a/1"], 2);
        short.more = false;
        assert!(fault(&listing(&[b"/a/"]).accept(short)).contains("none follow"));
    }

    #[test]
    fn a_key_of_a_later_revision_than_the_page_is_refused() {
        let mut late = page(7, &[b"/a/1"], 0);
        late.entries[0] = Entry::new(b"/a/1".to_vec(), b"", 8, 0);
        assert!(fault(&listing(&[b"/a/"]).accept(late)).contains("has revision 8 at revision 7"));
    }
}
