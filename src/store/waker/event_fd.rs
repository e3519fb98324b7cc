//! The waker's descriptor on Linux: a counter in the kernel that is readable while it is not zero.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use once_cell::sync::OnceCell;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

use super::bells::Bells;
use super::timespec;
use crate::sockets::{self, Registered};

#[derive(Debug)]
pub(super) struct EventFd {
    // Before the counter, which they watch.
    bells: OnceCell<Bells>,
    // Declared before the descriptor: it leaves the table before its descriptor is closed.
    _registered: Registered,
    counter: OwnedFd,
}

impl EventFd {
    pub(super) fn new() -> io::Result<Self> {
        let counter = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { bells: OnceCell::new(), _registered: sockets::register(&counter), counter })
    }

    /// Makes the descriptor readable. A signal handler may call it.
    pub(super) fn fill(&self) {
        // The only possible failure is a full counter, and then the descriptor is readable already.
        let _ = rustix::io::write(&self.counter, &1u64.to_ne_bytes());
    }

    /// Makes the descriptor unreadable, except for a ring. One read resets the counter, whatever it was.
    pub(super) fn empty(&self) {
        let _ = rustix::io::read(&self.counter, &mut [0; 8]);
    }

    /// Waits until the descriptor is readable, for at most `timeout`, and takes note of the rings.
    pub(super) fn wait(&self, timeout: Option<Duration>) {
        let timeout = timeout.map(timespec);
        match self.bells.get() {
            Some(bells) => bells.wait(timeout.as_ref()),
            // A signal may end it early, which is harmless.
            None => drop(poll(&mut [PollFd::new(&self.counter, PollFlags::IN)], timeout.as_ref())),
        }
    }

    /// Also becomes readable when `bell` rings, from now on. A wait that has begun does not notice.
    pub(super) fn hear(&self, bell: &OwnedFd) -> io::Result<()> {
        self.bells.get_or_try_init(|| Bells::new(&self.counter))?.add(bell)
    }

    /// No longer listens to `bell`.
    pub(super) fn ignore(&self, bell: &OwnedFd) {
        if let Some(bells) = self.bells.get() {
            bells.remove(bell);
        }
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bells.get().map_or_else(|| self.counter.as_fd(), Bells::as_fd)
    }
}
