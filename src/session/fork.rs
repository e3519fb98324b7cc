//! What happens around a fork, in the three places where the C library calls us.
//!
//! *prepare*, in the parent: the session's thread stands still. *parent*: it goes on. *child*: the thread
//! is gone; another epoch begins, in which everything that belonged to the parent is out of reach, and the
//! inherited descriptors are handed over to be closed bare.

use std::os::fd::RawFd;
use std::time::Duration;

use super::runtime::Session;
use crate::{epoch, sockets};

/// The thread answers in microseconds, save in the middle of a large message.
const PATIENCE: Duration = Duration::from_millis(50);

/// Before a fork, in the process that forks.
pub fn prepare() {
    if let Some(session) = Session::running() {
        session.gate.close(PATIENCE);
    }
}

/// After a fork, in the process that forked.
pub fn in_parent() {
    if let Some(session) = Session::running() {
        session.gate.open();
    }
}

/// After a fork, in the child: begins its epoch. The descriptors returned are the parent's; the caller
/// closes them with the bare system call.
pub fn in_child() -> impl Iterator<Item = RawFd> {
    epoch::advance();
    sockets::take_all()
}
