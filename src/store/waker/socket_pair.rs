//! The waker's descriptor where the system has no eventfd: one end of a socket pair.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use super::timespec;
use crate::sockets::{self, Registered};

#[derive(Debug)]
pub(super) struct SocketPair {
    // Declared before the streams: they leave the table before their descriptors are closed.
    _registered: [Registered; 2],
    receiver: UnixStream,
    sender: UnixStream,
}

impl SocketPair {
    pub(super) fn new() -> io::Result<Self> {
        let (receiver, sender) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        sender.set_nonblocking(true)?;
        let registered = [&receiver, &sender].map(sockets::register);
        Ok(Self { _registered: registered, receiver, sender })
    }

    /// Makes the descriptor readable. A signal handler may call it.
    pub(super) fn fill(&self) {
        // The only possible failure is a full buffer, and then the descriptor is readable already.
        let _ = (&self.sender).write(&[1]);
    }

    /// Makes the descriptor unreadable.
    pub(super) fn empty(&self) {
        let mut bytes = [0; 8];
        while matches!((&self.receiver).read(&mut bytes), Ok(count) if count > 0) {}
    }

    /// Waits until the descriptor is readable, for at most `timeout`.
    pub(super) fn wait(&self, timeout: Option<Duration>) {
        // A signal may end it early, which is harmless.
        let _ = poll(&mut [PollFd::new(&self.receiver, PollFlags::IN)], timeout.map(timespec).as_ref());
    }
}

impl AsFd for SocketPair {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}
