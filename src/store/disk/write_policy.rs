//! Decides whether to write a copy, from the header of the file on disk. It does no I/O.
//!
//! Every process of a host may write the file, and checks the file's header first. So one process writes it from time
//! to time, and the processes need not agree on a writer.

use super::format::Header;

/// The least time between two writes of different content.
const CONTENT_MS: i64 = 5_000;
/// The time between two writes of the same content.
///
/// Such a write updates its age and the revision to resume from.
const REFRESH_MS: i64 = 60_000;

/// A copy that could be written.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// The header of the copy.
    pub header: Header,
    /// The revision since which the content has not changed, or a later one.
    pub changed_at: i64,
    /// Whether the file on disk was refused, so that it may be replaced at once.
    pub replace: bool,
}

/// What to do with a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Write it.
    Write,
    /// The same content is on disk, and was confirmed recently.
    UpToDate,
    /// Different content is on disk, written only moments ago.
    TooSoon,
}

impl Candidate {
    /// Decides what to do, given the header `on_disk` and the time `now_ms`.
    #[must_use]
    pub fn verdict(&self, on_disk: Option<Header>, now_ms: i64) -> Verdict {
        let Some(old) = on_disk.filter(|old| !self.replace && old.cluster_id == self.header.cluster_id)
        else {
            return Verdict::Write;
        };
        // The clock was set back since the file was written, so its age is unknown.
        let from_the_future = old.confirmed_ms > now_ms;
        let elapsed = self.header.confirmed_ms.saturating_sub(old.confirmed_ms);
        let other_history = old.revision > self.header.revision || old.raft_term != self.header.raft_term;
        let changed = old.revision < self.changed_at || other_history;
        match elapsed {
            _ if from_the_future => Verdict::Write,
            ..0 => Verdict::UpToDate,
            REFRESH_MS.. => Verdict::Write,
            CONTENT_MS.. if changed => Verdict::Write,
            _ if changed => Verdict::TooSoon,
            _ => Verdict::UpToDate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn header(revision: i64, confirmed_ms: i64) -> Header {
        Header { cluster_id: 7, raft_term: 2, revision, confirmed_ms }
    }

    fn verdict(on_disk: Header, confirmed_ms: i64) -> Verdict {
        let candidate = Candidate { header: header(12, confirmed_ms), changed_at: 10, replace: false };
        candidate.verdict(Some(on_disk), NOW + 1_000_000)
    }

    #[test]
    fn different_content_is_written_every_few_seconds_and_the_same_once_a_minute() {
        assert_eq!(verdict(header(9, NOW), NOW + CONTENT_MS - 1), Verdict::TooSoon);
        assert_eq!(verdict(header(9, NOW), NOW + CONTENT_MS), Verdict::Write);
        assert_eq!(verdict(header(10, NOW), NOW + CONTENT_MS), Verdict::UpToDate);
        assert_eq!(verdict(header(13, NOW), NOW + CONTENT_MS), Verdict::Write, "a history that was lost");
        assert_eq!(verdict(header(10, NOW), NOW + REFRESH_MS), Verdict::Write);
    }

    #[test]
    fn a_process_without_contact_does_not_replace_a_copy_that_another_confirmed_later() {
        assert_eq!(verdict(header(50, NOW), NOW - 1), Verdict::UpToDate);
        assert_eq!(verdict(header(9, NOW), NOW - 1), Verdict::UpToDate);
    }

    #[test]
    fn a_missing_file_another_clusters_and_a_refused_one_are_replaced_at_once() {
        let mut candidate = Candidate { header: header(12, NOW), changed_at: 10, replace: false };
        assert_eq!(candidate.verdict(None, NOW), Verdict::Write);
        let other_cluster = Header { cluster_id: 8, ..header(99, NOW) };
        assert_eq!(candidate.verdict(Some(other_cluster), NOW), Verdict::Write);
        candidate.replace = true;
        assert_eq!(candidate.verdict(Some(header(12, NOW)), NOW), Verdict::Write);
    }

    #[test]
    fn a_file_from_the_future_is_replaced() {
        let candidate = Candidate { header: header(12, NOW), changed_at: 10, replace: false };
        assert_eq!(candidate.verdict(Some(header(12, NOW + 1)), NOW), Verdict::Write);
    }
}
