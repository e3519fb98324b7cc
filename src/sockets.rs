//! The table of this process's open descriptors, sockets and the runtime's own, for the moment after a fork.
//!
//! A forked child inherits them. Dropping one there would run tokio's own clean-up, which takes the
//! parent's registration out of the epoll that both share (seen: the parent then reads 0 of 10 messages).
//! So the child closes the bare descriptors, and needs to know them: in a table that can be read in a fork
//! handler, where nothing may lock or allocate.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

const FREE: RawFd = -1;
const SLOTS: usize = 256;

static OPEN: [AtomicI32; SLOTS] = [const { AtomicI32::new(FREE) }; SLOTS];

/// A place in the table, held for as long as the descriptor is open. To be dropped before it is closed and
/// its number given to somebody else's.
#[derive(Debug)]
pub struct Registered(usize);

/// Enters `socket`.
///
/// # Errors
/// When the table is full: then the socket must not be used.
pub fn register(socket: &impl AsRawFd) -> io::Result<Registered> {
    let number = socket.as_raw_fd();
    let claim =
        |slot: &AtomicI32| slot.compare_exchange(FREE, number, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    let full = || io::Error::other("too many sockets of etcd_discovery are open in this process");
    OPEN.iter().position(claim).map(Registered).ok_or_else(full)
}

impl Drop for Registered {
    fn drop(&mut self) {
        OPEN[self.0].store(FREE, Ordering::SeqCst);
    }
}

/// Whether `number` is in the table.
#[cfg(test)]
pub(crate) fn holds(number: RawFd) -> bool {
    OPEN.iter().any(|slot| slot.load(Ordering::SeqCst) == number)
}

/// Takes every descriptor out of the table: what a forked child has to close.
pub fn take_all() -> impl Iterator<Item = RawFd> {
    OPEN.iter().map(|slot| slot.swap(FREE, Ordering::SeqCst)).filter(|socket| *socket != FREE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_in_the_table_for_as_long_as_it_is_registered() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let registered = register(&socket);
        assert!(registered.is_ok() && holds(socket.as_raw_fd()));
        drop(registered);
        assert!(!holds(socket.as_raw_fd()));
    }
}
