//! The table of this process's open sockets, for the moment after a fork.
//!
//! A forked child inherits them. Dropping one there would run tokio's own clean-up, which takes the
//! parent's registration out of the epoll that both share (seen: the parent then reads 0 of 10 messages).
//! So the child closes the bare descriptors, and needs to know them: in a table that can be read in a fork
//! handler, where nothing may lock or allocate.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicI32, Ordering};

const FREE: RawFd = -1;
const SLOTS: usize = 256;

static OPEN: [AtomicI32; SLOTS] = [const { AtomicI32::new(FREE) }; SLOTS];

/// A place in the table, held for as long as the socket is open.
#[derive(Debug)]
pub struct Registered(usize);

/// Enters `socket`. `None` when the table is full: then the socket must not be used.
#[must_use]
pub fn register(socket: RawFd) -> Option<Registered> {
    let claim =
        |slot: &AtomicI32| slot.compare_exchange(FREE, socket, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    OPEN.iter().position(claim).map(Registered)
}

impl Drop for Registered {
    fn drop(&mut self) {
        OPEN[self.0].store(FREE, Ordering::SeqCst);
    }
}

/// Takes every socket out of the table: what a forked child has to close.
pub fn take_all() -> impl Iterator<Item = RawFd> {
    OPEN.iter().map(|slot| slot.swap(FREE, Ordering::SeqCst)).filter(|socket| *socket != FREE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_in_the_table_for_as_long_as_it_is_registered() {
        let socket = 1_000_000;
        let listed = || OPEN.iter().any(|slot| slot.load(Ordering::SeqCst) == socket);
        let registered = register(socket);
        assert!(registered.is_some() && listed());
        drop(registered);
        assert!(!listed());
    }
}
