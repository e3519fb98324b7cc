//! The waker's descriptor on Linux: a counter in the kernel that is readable while it is not zero.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};

use crate::sockets::{self, Registered};

#[derive(Debug)]
pub(super) struct EventFd {
    // Declared before the descriptor: it leaves the table before its descriptor is closed.
    _registered: Registered,
    counter: OwnedFd,
}

impl EventFd {
    pub(super) fn new() -> io::Result<Self> {
        let counter = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { _registered: sockets::register(&counter), counter })
    }

    /// Makes the descriptor readable. A signal handler may call it.
    pub(super) fn fill(&self) {
        // The only possible failure is a full counter, and then the descriptor is readable already.
        let _ = rustix::io::write(&self.counter, &1u64.to_ne_bytes());
    }

    /// Makes the descriptor unreadable. One read resets the counter, whatever it was.
    pub(super) fn empty(&self) {
        let _ = rustix::io::read(&self.counter, &mut [0; 8]);
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.counter.as_fd()
    }
}
