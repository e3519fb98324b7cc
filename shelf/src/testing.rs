//! Helpers of tests.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use crate::segment::Audience;
use crate::writer::{Change, Put};

/// No other process reads.
#[derive(Debug)]
pub(crate) struct Alone;

impl Audience for Alone {
    fn opened(&mut self, _: BorrowedFd<'_>) -> Box<dyn Send> {
        Box::new(())
    }

    fn announce(&mut self, _: u32, _: BorrowedFd<'_>) {}
}

/// A put of a key with itself as its value.
pub(crate) fn put(key: &[u8], mod_revision: i64) -> Change<'_> {
    Change { key, put: Some(Put { value: key, mod_revision, lease: 0 }) }
}

/// A deletion.
pub(crate) fn delete(key: &[u8]) -> Change<'_> {
    Change { key, put: None }
}

/// How many of the epolls report a ring within `timeout`.
pub(crate) fn rung(epolls: &[OwnedFd], timeout: Duration) -> usize {
    let timeout = timeout.try_into().unwrap();
    let report = |epoll: &&OwnedFd| {
        let mut events = Vec::with_capacity(4);
        epoll::wait(epoll, spare_capacity(&mut events), Some(&timeout)).unwrap() > 0
    };
    epolls.iter().filter(report).count()
}

/// An epoll that waits for rings of `bell`.
pub(crate) fn listening(bell: &OwnedFd) -> OwnedFd {
    let epoll = epoll::create(CreateFlags::CLOEXEC).unwrap();
    epoll::add(&epoll, bell, EventData::new_u64(0), EventFlags::IN | EventFlags::ET).unwrap();
    epoll
}
