//! Whether a copy is worth a write. Pure: what is on disk in, the verdict out.
//!
//! Every process of a host may write the file, and each looks at its head first: so the file has one writer in
//! a while, whoever comes first, and nobody needs to be in charge.

use super::format::Head;

/// Between two writes of different content.
const CONTENT_MS: i64 = 5_000;
/// Between two writes of the same content, for the sake of its age and of the revision to resume from.
const REFRESH_MS: i64 = 60_000;

/// A copy that might be written.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// Its head.
    pub head: Head,
    /// The revision since which its content has not changed; not too low.
    pub changed_at: i64,
    /// What is on disk was refused: nothing there is worth keeping.
    pub replace: bool,
}

/// What to do with a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Write it.
    Write,
    /// The same content is on disk, confirmed lately.
    UpToDate,
    /// Different content is on disk, but has been for a moment only.
    TooSoon,
}

impl Candidate {
    /// What to do, given what is `on_disk`, at the time `now_ms`.
    #[must_use]
    pub fn verdict(&self, on_disk: Option<Head>, now_ms: i64) -> Verdict {
        let Some(old) = on_disk.filter(|old| !self.replace && old.cluster_id == self.head.cluster_id) else {
            return Verdict::Write;
        };
        // The clock was set back since: nobody knows how old that file is.
        let from_the_future = old.confirmed_ms > now_ms;
        let elapsed = self.head.confirmed_ms.saturating_sub(old.confirmed_ms);
        let other_history = old.revision > self.head.revision || old.raft_term != self.head.raft_term;
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

    fn head(revision: i64, confirmed_ms: i64) -> Head {
        Head { cluster_id: 7, raft_term: 2, revision, confirmed_ms }
    }

    fn verdict(on_disk: Head, confirmed_ms: i64) -> Verdict {
        let candidate = Candidate { head: head(12, confirmed_ms), changed_at: 10, replace: false };
        candidate.verdict(Some(on_disk), NOW + 1_000_000)
    }

    #[test]
    fn different_content_is_written_every_few_seconds_and_the_same_once_a_minute() {
        assert_eq!(verdict(head(9, NOW), NOW + CONTENT_MS - 1), Verdict::TooSoon);
        assert_eq!(verdict(head(9, NOW), NOW + CONTENT_MS), Verdict::Write);
        assert_eq!(verdict(head(10, NOW), NOW + CONTENT_MS), Verdict::UpToDate);
        assert_eq!(verdict(head(13, NOW), NOW + CONTENT_MS), Verdict::Write, "a history that was lost");
        assert_eq!(verdict(head(10, NOW), NOW + REFRESH_MS), Verdict::Write);
    }

    #[test]
    fn a_process_that_has_lost_etcd_does_not_replace_what_another_knows_later() {
        assert_eq!(verdict(head(50, NOW), NOW - 1), Verdict::UpToDate);
        assert_eq!(verdict(head(9, NOW), NOW - 1), Verdict::UpToDate);
    }

    #[test]
    fn nothing_another_cluster_and_what_was_refused_are_replaced_at_once() {
        let mut candidate = Candidate { head: head(12, NOW), changed_at: 10, replace: false };
        assert_eq!(candidate.verdict(None, NOW), Verdict::Write);
        assert_eq!(candidate.verdict(Some(Head { cluster_id: 8, ..head(99, NOW) }), NOW), Verdict::Write);
        candidate.replace = true;
        assert_eq!(candidate.verdict(Some(head(12, NOW)), NOW), Verdict::Write);
    }

    #[test]
    fn a_file_from_the_future_is_replaced() {
        let candidate = Candidate { head: head(12, NOW), changed_at: 10, replace: false };
        assert_eq!(candidate.verdict(Some(head(12, NOW + 1)), NOW), Verdict::Write);
    }
}
