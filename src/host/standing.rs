//! How far some content is, and which content may replace which (promise 2).

use crate::clock::Instant;

/// Which content a process shows to its readers, or a leader publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The cluster that the content is from.
    pub cluster_id: u64,
    /// Its revision there.
    pub revision: i64,
    /// When etcd last confirmed it, by the clock that all processes of the host share.
    pub confirmed_at: Option<Instant>,
}

impl Standing {
    /// Whether readers that have seen `before` may be shown this.
    ///
    /// In one cluster the revision decides. Revisions of different clusters cannot be compared, but a client moves to
    /// another cluster only when the first one is gone: what was confirmed later is from the cluster that exists.
    #[must_use]
    pub fn may_follow(&self, before: &Self) -> bool {
        if self.cluster_id == before.cluster_id {
            self.revision >= before.revision
        } else {
            self.confirmed_at > before.confirmed_at
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn in_one_cluster_the_revision_decides_and_between_clusters_the_confirmation() {
        let now = Instant::now();
        let standing = |cluster_id, revision, seconds: u64| {
            let confirmed_at = (seconds > 0).then(|| now + Duration::from_secs(seconds));
            Standing { cluster_id, revision, confirmed_at }
        };
        assert!(standing(1, 5, 0).may_follow(&standing(1, 5, 9)));
        assert!(!standing(1, 4, 9).may_follow(&standing(1, 5, 0)));
        assert!(standing(2, 1, 9).may_follow(&standing(1, 5, 8)));
        assert!(standing(2, 1, 9).may_follow(&standing(1, 5, 0)));
        assert!(!standing(2, 9, 8).may_follow(&standing(1, 5, 8)));
        assert!(!standing(2, 9, 0).may_follow(&standing(1, 5, 0)));
    }
}
