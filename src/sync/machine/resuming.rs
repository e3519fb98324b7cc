//! How to come back to a revision at which a watch failed.
//!
//! A watch that has to catch up is first sent what it missed, and a server may be unable to send it. In one piece it
//! may be larger than a message may be. In fragments, etcd takes a time that grows with the square of the number of
//! events; we take the silence for a dead connection, and it starts over with each new one. So the next attempt goes
//! another way, and the one after that lists: a listing needs no history.

/// Failures at one revision before it is given up.
const ATTEMPTS: u32 = 2;

/// The last watch that failed, and how.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Resume {
    revision: i64,
    failures: u32,
    fragments: bool,
}

impl Resume {
    /// The watch that showed `revision` got no further, since what came was too large or since nothing came.
    pub(super) const fn failed(&mut self, revision: i64, too_large: bool) {
        if self.revision != revision {
            *self = Self { revision, failures: 0, fragments: false };
        }
        self.failures = self.failures.saturating_add(1);
        self.fragments = too_large;
    }

    /// All is listed: what failed before says nothing of what comes now.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether another watch from `revision` would only fail again.
    pub(super) const fn is_hopeless(&self, revision: i64) -> bool {
        self.revision == revision && self.failures >= ATTEMPTS
    }

    /// Whether a watch from `revision` is to ask for fragments.
    pub(super) const fn wants_fragments(&self, revision: i64) -> bool {
        self.revision == revision && self.fragments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_comes_in_fragments_and_what_does_not_come_at_all_is_listed() {
        let mut resume = Resume::default();
        assert!(!resume.wants_fragments(7) && !resume.is_hopeless(7));
        resume.failed(7, true);
        assert!(resume.wants_fragments(7) && !resume.is_hopeless(7));
        resume.failed(7, false);
        assert!(!resume.wants_fragments(7) && resume.is_hopeless(7));
        assert!(!resume.is_hopeless(8));
    }

    #[test]
    fn failures_at_different_revisions_are_not_counted_together() {
        let mut resume = Resume::default();
        for revision in 1..9 {
            resume.failed(revision, false);
            assert!(!resume.is_hopeless(revision));
        }
    }
}
