//! Wakes a Ruby thread, or a fiber's scheduler, by making a file descriptor readable.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::epoch;
use crate::sockets::{self, Registered};

#[derive(Debug)]
struct Pair {
    // Declared before the streams: they leave the table before their descriptors are closed.
    _registered: [Registered; 2],
    receiver: UnixStream,
    sender: UnixStream,
}

/// A socket pair that holds at most one byte, however often it is woken.
///
/// In a forked child an inherited one does nothing: its sockets are closed at the fork and their descriptor numbers
/// may be reused, so nothing touches them there.
#[derive(Debug)]
pub struct Waker {
    pair: Option<Pair>,
    woken: AtomicBool,
    epoch: u64,
}

impl Waker {
    /// Creates the socket pair in this process.
    ///
    /// # Errors
    /// When the system has no more descriptors.
    pub fn new() -> io::Result<Self> {
        let (receiver, sender) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        sender.set_nonblocking(true)?;
        let registered = [&receiver, &sender].map(sockets::register);
        let pair = Pair { _registered: registered, receiver, sender };
        Ok(Self { pair: Some(pair), woken: AtomicBool::new(false), epoch: epoch::current() })
    }

    fn own(&self) -> Option<&Pair> {
        self.pair.as_ref().filter(|_| self.epoch == epoch::current())
    }

    /// The descriptor that becomes readable on a wake; `None` in a forked child.
    #[must_use]
    pub fn descriptor(&self) -> Option<RawFd> {
        self.own().map(|pair| pair.receiver.as_raw_fd())
    }

    /// Makes the descriptor readable. Never blocks, and takes no lock: a signal handler may call it.
    pub fn wake(&self) {
        if let Some(pair) = self.own()
            && !self.woken.swap(true, Ordering::SeqCst)
        {
            // The only possible failure is a full buffer, and then the descriptor is readable already.
            let _ = (&pair.sender).write(&[1]);
        }
    }

    /// Prepares for the next wake. Clear first, then read the state: a change in between then wakes again.
    pub fn clear(&self) {
        let Some(pair) = self.own() else { return };
        let mut byte = [0; 8];
        while matches!((&pair.receiver).read(&mut byte), Ok(count) if count > 0) {}
        // Only after the byte is read. Otherwise a wake in between would lose its byte to this read.
        self.woken.store(false, Ordering::SeqCst);
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        if self.epoch != epoch::current() {
            std::mem::forget(self.pair.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_to_read(waker: &Waker) -> usize {
        waker.own().map_or(0, |pair| (&pair.receiver).read(&mut [0; 64]).unwrap_or(0))
    }

    fn bytes_after_three_wakes_a_clear_and_another_wake() -> [usize; 3] {
        let waker = Waker::new().unwrap();
        (0..3).for_each(|_| waker.wake());
        let woken = bytes_to_read(&waker);
        waker.clear();
        let cleared = bytes_to_read(&waker);
        waker.wake();
        [woken, cleared, bytes_to_read(&waker)]
    }

    #[test]
    fn several_wakes_are_one_byte_and_after_a_clear_it_can_be_woken_again() {
        loop {
            let epoch = epoch::current();
            let bytes = bytes_after_three_wakes_a_clear_and_another_wake();
            // Another test simulates a fork, which disables every waker.
            if epoch == epoch::current() {
                return assert_eq!(bytes, [1, 0, 1]);
            }
        }
    }
}
