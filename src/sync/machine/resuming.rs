//! How to return to a revision at which a watch failed.
//!
//! A watch that catches up first receives what it missed, and a server may be unable to send that. In one
//! piece, it may exceed the message size. In fragments, etcd takes a time that grows with the square of the
//! number of events; the silence then looks like a dead connection, and each new connection starts over. So
//! the next attempt asks in the other form, and the one after that lists everything: a listing needs no
//! history.

/// Failures at one revision before the machine gives up on it.
const ATTEMPTS: u32 = 2;

/// The last watch that failed, and how.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Resume {
    revision: i64,
    failures: u32,
    fragments: bool,
}

impl Resume {
    /// Records that the watch at `revision` failed: its message was too large, or nothing came.
    pub(super) const fn failed(&mut self, revision: i64, too_large: bool) {
        if self.revision != revision {
            *self = Self { revision, failures: 0, fragments: false };
        }
        self.failures = self.failures.saturating_add(1);
        self.fragments = too_large;
    }

    /// Forgets earlier failures after a full listing: they no longer predict anything.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether another watch from `revision` would only fail again.
    pub(super) const fn is_hopeless(&self, revision: i64) -> bool {
        self.revision == revision && self.failures >= ATTEMPTS
    }

    /// Whether a watch from `revision` should request fragments.
    pub(super) const fn wants_fragments(&self, revision: i64) -> bool {
        self.revision == revision && self.fragments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_too_large_comes_in_fragments_and_one_that_never_comes_is_replaced_by_a_listing() {
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
