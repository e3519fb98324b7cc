//! Wakes a waker when another process rings.
//!
//! A ring is a write to a counter that all processes of a host share and no one reads, so it stays readable. An epoll
//! reports each write to it once (`EPOLLET`). A thread that waits for the epoll is thus woken by the other process itself,
//! without a thread in between.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;

use crate::sockets::{self, Registered};

/// How many descriptors one wait takes note of. What is left ends the next one.
const AT_ONCE: usize = 4;

#[derive(Debug)]
pub(super) struct Bells {
    // Declared before the descriptor: it leaves the table before its descriptor is closed.
    _registered: Registered,
    epoll: OwnedFd,
}

impl Bells {
    /// Is readable while `own` is, and when a bell has rung.
    pub(super) fn new(own: &OwnedFd) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, own, EventData::new_u64(0), EventFlags::IN)?;
        Ok(Self { _registered: sockets::register(&epoll), epoll })
    }

    pub(super) fn add(&self, bell: &OwnedFd) -> io::Result<()> {
        match epoll::add(&self.epoll, bell, EventData::new_u64(0), EventFlags::IN | EventFlags::ET) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// To be called before `bell` is closed: the kernel keeps what other processes have open.
    pub(super) fn remove(&self, bell: &OwnedFd) {
        let _ = epoll::delete(&self.epoll, bell);
    }

    /// Waits, and takes note of the rings: they do not end the next wait.
    pub(super) fn wait(&self, timeout: Option<&Timespec>) {
        let mut events = Vec::with_capacity(AT_ONCE);
        let _ = epoll::wait(&self.epoll, spare_capacity(&mut events), timeout);
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}
