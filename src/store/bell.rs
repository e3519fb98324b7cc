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
    ear: UnixStream,
    clapper: UnixStream,
}

/// A socket pair that holds at most one byte, however often it is woken.
///
/// In a forked child an inherited one does nothing: its sockets are closed at the fork and their descriptor numbers
/// may be reused, so nothing touches them there.
#[derive(Debug)]
pub struct Bell {
    pair: Option<Pair>,
    rung: AtomicBool,
    epoch: u64,
}

impl Bell {
    /// Creates the socket pair in this process.
    ///
    /// # Errors
    /// When the system has no more descriptors.
    pub fn new() -> io::Result<Self> {
        let (ear, clapper) = UnixStream::pair()?;
        ear.set_nonblocking(true)?;
        clapper.set_nonblocking(true)?;
        let registered = [&ear, &clapper].map(sockets::register);
        let pair = Pair { _registered: registered, ear, clapper };
        Ok(Self { pair: Some(pair), rung: AtomicBool::new(false), epoch: epoch::current() })
    }

    fn own(&self) -> Option<&Pair> {
        self.pair.as_ref().filter(|_| self.epoch == epoch::current())
    }

    /// The descriptor that becomes readable on a wake; `None` in a forked child.
    #[must_use]
    pub fn descriptor(&self) -> Option<RawFd> {
        self.own().map(|pair| pair.ear.as_raw_fd())
    }

    /// Makes the descriptor readable. Never blocks, and takes no lock: a signal handler may call it.
    pub fn ring(&self) {
        if let Some(pair) = self.own()
            && !self.rung.swap(true, Ordering::SeqCst)
        {
            // The only possible failure is a full buffer, and then the descriptor is readable already.
            let _ = (&pair.clapper).write(&[1]);
        }
    }

    /// Prepares for the next wake. Clear first, then read the state: a change in between then wakes again.
    pub fn hush(&self) {
        let Some(pair) = self.own() else { return };
        let mut byte = [0; 8];
        while matches!((&pair.ear).read(&mut byte), Ok(count) if count > 0) {}
        // Only after the byte is read. Otherwise a wake in between would lose its byte to this read.
        self.rung.store(false, Ordering::SeqCst);
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        if self.epoch != epoch::current() {
            std::mem::forget(self.pair.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_to_read(bell: &Bell) -> usize {
        bell.own().map_or(0, |pair| (&pair.ear).read(&mut [0; 64]).unwrap_or(0))
    }

    fn bytes_after_three_rings_a_hush_and_another_ring() -> [usize; 3] {
        let bell = Bell::new().unwrap();
        (0..3).for_each(|_| bell.ring());
        let rung = bytes_to_read(&bell);
        bell.hush();
        let hushed = bytes_to_read(&bell);
        bell.ring();
        [rung, hushed, bytes_to_read(&bell)]
    }

    #[test]
    fn however_often_it_is_rung_there_is_one_byte_and_after_a_hush_it_can_be_rung_again() {
        loop {
            let epoch = epoch::current();
            let bytes = bytes_after_three_rings_a_hush_and_another_ring();
            // Another test plays a fork, which makes every bell mute.
            if epoch == epoch::current() {
                return assert_eq!(bytes, [1, 0, 1]);
            }
        }
    }
}
