//! What happens around a fork, in the three callbacks of the C library (`pthread_atfork`).
//!
//! * *prepare*, in the parent: the session's thread is parked.
//! * *parent*: the thread continues.
//! * *child*: the thread is gone. A new epoch begins, in which everything of the parent's is out of reach.
//!   The inherited descriptors are returned, to be closed with the bare system call.

use std::os::fd::RawFd;
use std::time::Duration;

use super::runtime::Session;
use crate::{epoch, sockets};

/// The thread answers within microseconds, except in the middle of a large message.
const TIMEOUT: Duration = Duration::from_millis(50);

/// Runs before a fork, in the process that forks.
pub fn prepare() {
    if let Some(session) = Session::running() {
        session.gate.close(TIMEOUT);
    }
}

/// Runs after a fork, in the process that forked.
pub fn in_parent() {
    if let Some(session) = Session::running() {
        session.gate.open();
    }
}

/// Runs after a fork, in the child, and begins its epoch.
///
/// Returns the parent's descriptors. The caller closes them with the bare system call.
pub fn in_child() -> impl Iterator<Item = RawFd> {
    epoch::advance();
    sockets::take_all()
}
