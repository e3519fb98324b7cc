//! Checks whether an answer is from the snapshot's history.

use super::super::event::Header;
use super::Machine;
use crate::error::{Error, ErrorKind};

impl Machine {
    /// Whether the answer is from another history: another cluster, or a lower revision or raft term.
    pub(super) fn history_differs(&self, header: Header) -> bool {
        let (snapshot, least, raft_term) = match self.fuzzy() {
            Some(fuzzy) => (Some(&fuzzy.snapshot), fuzzy.exact_from, fuzzy.raft_term),
            None => (self.at_hand(), self.asked_at, self.report.raft_term),
        };
        snapshot.is_some_and(|snapshot| {
            header.cluster_id != snapshot.cluster_id()
                || header.revision < least
                || header.raft_term < raft_term
        })
    }
}

/// The error for answers that repeatedly come from another history than the snapshot's.
pub(super) fn another_history() -> Error {
    let message = "the answers come from different clusters or histories, for example behind a load balancer of two clusters; \
                the last copy is still served; configure the endpoints of one cluster";
    Error::new(ErrorKind::Connection, message)
}
