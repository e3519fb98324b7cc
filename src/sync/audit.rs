//! Audits: from time to time, checks that the snapshot equals etcd's content.
//!
//! etcd promises that a watch delivers every change, and this library promises to apply each one. The audit
//! checks both promises.
//!
//! It compares keys and their revisions with etcd, at the snapshot's own revision; equal revisions mean equal
//! values. It is cheap: no quorum, no values, and a pause between pages. The processes of a fleet ask at
//! different times.

use std::time::Duration;

use super::event::{Page, PageRequest};
use super::listing::{Listing, Progress};
use super::pages::PageSize;
use crate::clock::Instant;
use crate::range::Ranges;
use crate::store::{EntryRef, Snapshot};

/// The pause between two pages. An audit is never urgent.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
enum Stage {
    /// Waits for this time; `None` waits forever.
    Idle(Option<Instant>),
    /// Asks for the next page at `next`; `None` while a page is under way.
    Reading { listing: Box<Listing>, against: Snapshot, next: Option<Instant> },
}

#[derive(Debug)]
pub(super) struct Audit {
    interval: Duration,
    pages: PageSize,
    stage: Stage,
}

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// The snapshot of this revision is right.
    Same,
    /// The snapshot of this revision is wrong; the first key that differs.
    Differs(i64, Vec<u8>),
}

impl Audit {
    /// An interval of 0 means no audits.
    pub(super) fn new(interval: Duration, page_size: i64) -> Self {
        Self { interval, pages: PageSize::new(page_size), stage: Stage::Idle(None) }
    }

    /// Plans the next audit when a watch opens. Drops an audit that is under way. `random` is from 0.0 to
    /// 1.0.
    pub(super) fn begin(&mut self, now: Instant, random: f64) {
        if !matches!(self.stage, Stage::Idle(Some(_))) && !self.interval.is_zero() {
            self.stage = Stage::Idle(Some(now + self.interval.mul_f64(random)));
        }
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Idle(at) => *at,
            Stage::Reading { next, .. } => *next,
        }
    }

    /// Returns the next page to ask for. Call it at the deadline.
    pub(super) fn due(&mut self, ranges: &Ranges, shown: &Snapshot) -> PageRequest {
        let limit = self.pages.keys();
        if let Stage::Reading { listing, next, .. } = &mut self.stage {
            *next = None;
            return listing.request(limit);
        }
        let (revision, cluster_id) = (shown.revision(), shown.cluster_id());
        let mut listing = Box::new(Listing::again(ranges.clone(), revision, cluster_id));
        let request = listing.request(limit);
        self.stage = Stage::Reading { listing, against: shown.clone(), next: None };
        request
    }

    /// Takes a page; `None` if it could not be read: its revision is compacted, or the member is behind.
    pub(super) fn answered(&mut self, now: Instant, page: Option<Page>, random: f64) -> Option<Finding> {
        let Stage::Reading { listing, against, next } = &mut self.stage else { return None };
        match &page {
            Some(page) => self.pages.arrived(page),
            // Perhaps the page was too large or too slow, so the next one is smaller.
            None => drop(self.pages.halve()),
        }
        let finding = match page.map(|page| listing.accept(page)) {
            Some(Progress::More) => {
                *next = Some(now + PAUSE);
                return None;
            }
            Some(Progress::Complete(read)) => Some(compare(against, &read)),
            // A page that is invalid in itself proves nothing about the snapshot.
            Some(Progress::Inconsistent | Progress::Broken(_)) | None => None,
        };
        self.stage = Stage::Idle(Some(now + self.interval.mul_f64(0.75 + random / 2.0)));
        finding
    }
}

fn compare(shown: &Snapshot, read: &Snapshot) -> Finding {
    let (mut ours, mut theirs) = (shown.iter(), read.iter());
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return Finding::Same,
            (Some(one), Some(other))
                if one.key() == other.key() && one.mod_revision() == other.mod_revision() => {}
            (one, other) => {
                let keys = [one, other].into_iter().flatten().map(EntryRef::key);
                let first = keys.min().unwrap_or_default().to_vec();
                return Finding::Differs(shown.revision(), first);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range::KeyRange;
    use crate::store::Entry;
    use crate::sync::event::Header;

    const INTERVAL: Duration = Duration::from_secs(60);

    fn entries(content: &[(&str, i64)]) -> Vec<Entry> {
        content.iter().map(|(key, rev)| Entry::new(key.as_bytes().to_vec(), b"", *rev, 0)).collect()
    }

    /// What an audit of `shown` finds if etcd answers with `pages`; `None` for a page that fails.
    fn audited(shown: &[(&str, i64)], pages: &[Option<&[(&str, i64)]>]) -> Option<Finding> {
        let mut snapshot = Snapshot::default();
        snapshot.stage(entries(shown));
        let (mut audit, now) = (Audit::new(INTERVAL, 2), Instant::now());
        audit.begin(now, 0.5);
        assert_eq!(audit.deadline(), Some(now + INTERVAL / 2));
        let mut finding = None;
        for (number, page) in pages.iter().enumerate() {
            let ranges = Ranges::merge([KeyRange::prefix(b"/a/")]);
            let request = audit.due(&ranges, &snapshot.clone().staged(9, 7));
            assert_eq!((request.revision, audit.deadline()), (Some(9), None));
            let header = Header { cluster_id: 7, revision: 12, raft_term: 1 };
            let more = number + 1 < pages.len();
            let rest: usize = pages[number..].iter().flatten().map(|page| page.len()).sum();
            let count = i64::try_from(rest).unwrap();
            let page =
                page.map(|page| Page { header, entries: entries(page), more, count, ..Page::default() });
            finding = audit.answered(now, page, 0.5);
        }
        assert_eq!(audit.deadline(), Some(now + INTERVAL));
        finding
    }

    #[test]
    fn the_same_keys_with_the_same_revisions_are_the_same_content() {
        let shown = [("/a/1", 3), ("/a/2", 5), ("/a/3", 9)];
        assert_eq!(audited(&shown, &[Some(&shown[..2]), Some(&shown[2..])]), Some(Finding::Same));
    }

    #[test]
    fn an_extra_key_a_missing_key_and_a_key_of_another_revision_are_reported() {
        let shown = [("/a/1", 3), ("/a/3", 9)];
        let differs = |key: &str| Some(Finding::Differs(9, key.as_bytes().to_vec()));
        assert_eq!(audited(&shown, &[Some(&[("/a/1", 3)])]), differs("/a/3"));
        assert_eq!(
            audited(&shown, &[Some(&[("/a/1", 3), ("/a/2", 4)]), Some(&[("/a/3", 9)])]),
            differs("/a/2")
        );
        assert_eq!(audited(&shown, &[Some(&[("/a/1", 4), ("/a/3", 9)])]), differs("/a/1"));
    }

    #[test]
    fn a_compacted_revision_proves_nothing() {
        assert_eq!(audited(&[("/a/1", 3)], &[None]), None);
    }
}
