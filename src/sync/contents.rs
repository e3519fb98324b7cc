//! What the tasks of one process hold of etcd's content.

use super::machine::Machine;
use crate::releasable::Releasable;
use crate::store::Snapshot;

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
}

impl Contents {
    /// Frees everything, in a forked child. Returns false if something was in use at the fork, and stays in memory.
    pub fn release(&self) -> bool {
        let (machine, saved) = (self.machine.release(), self.saved.release());
        machine && saved
    }
}
