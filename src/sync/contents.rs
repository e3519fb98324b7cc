//! What the tasks of one process hold of etcd's content.

use std::sync::Arc;

use super::machine::Machine;
use crate::releasable::Releasable;
use crate::store::{Published, Snapshot};

/// All snapshots that a client's tasks hold beside the published one.
///
/// A forked child never drops the parent's tasks, but frees this. So no task may keep a snapshot anywhere else while it
/// waits.
#[derive(Debug, Default)]
pub struct Contents {
    /// Of the driver: what is shown, what is being listed, the copy from disk.
    pub machine: Releasable<Machine>,
    /// What is being written to disk.
    pub saved: Releasable<Snapshot>,
    /// Of a leader: what it has given to the other processes of the host.
    pub given: Releasable<Arc<Published>>,
}

impl Contents {
    /// Frees everything, in a forked child.
    ///
    /// Returns false if something was in use at the fork, and stays in memory.
    pub fn release(&self) -> bool {
        let all = [self.machine.release(), self.saved.release(), self.given.release()];
        all.iter().all(|released| *released)
    }
}
