//! Whether an answer is of the history that the snapshot is of.

use super::super::event::Header;
use super::Machine;
use crate::error::{Error, ErrorKind};

impl Machine {
    /// Another cluster, a revision that was taken back, or a term that was: not the history that the
    /// snapshot is of.
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

/// What is said when an answer is not of the history that the snapshot is of, again and again.
pub(super) fn another_history() -> Error {
    let told = "the answers are of different clusters or histories, as behind a balancer of two clusters; what was read \
                last is still served; give the endpoints of one cluster";
    Error::new(ErrorKind::Connection, told)
}
