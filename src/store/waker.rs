//! Wakes a Ruby thread, or a fiber's scheduler, by making a file descriptor readable.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::Timespec;

use crate::epoch;
use crate::error::{Error, ErrorKind, Result};

#[cfg(target_os = "linux")]
mod bells;
#[cfg(target_os = "linux")]
mod event_fd;
// Tests compare it with the other kind.
#[cfg(any(test, not(target_os = "linux")))]
mod socket_pair;

#[cfg(target_os = "linux")]
use event_fd::EventFd as Channel;
#[cfg(not(target_os = "linux"))]
use socket_pair::SocketPair as Channel;

/// The longest single wait. Some system calls refuse more than a month.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// A descriptor that is filled at most once, however often it is woken.
///
/// In a forked child an inherited one does nothing: its descriptors are closed at the fork and their numbers may be
/// reused, so nothing touches them there.
#[derive(Debug)]
pub struct Waker {
    channel: Option<Channel>,
    woken: AtomicBool,
    epoch: u64,
}

impl Waker {
    /// Creates the descriptor in this process.
    ///
    /// # Errors
    /// `ResourceExhausted` when the system has no more descriptors.
    pub fn new() -> Result<Self> {
        let channel = Channel::new().map_err(|error| no_descriptor(&error))?;
        Ok(Self { channel: Some(channel), woken: AtomicBool::new(false), epoch: epoch::current() })
    }

    fn own(&self) -> Option<&Channel> {
        self.channel.as_ref().filter(|_| self.epoch == epoch::current())
    }

    /// The descriptor that becomes readable on a wake; `None` in a forked child.
    #[must_use]
    pub fn descriptor(&self) -> Option<RawFd> {
        self.own().map(|channel| channel.as_fd().as_raw_fd())
    }

    /// Makes the descriptor readable. Never blocks, and takes no lock: a signal handler may call it.
    pub fn wake(&self) {
        if let Some(channel) = self.own()
            && !self.woken.swap(true, Ordering::SeqCst)
        {
            channel.fill();
        }
    }

    /// Waits until it is woken, for at most `timeout` (`None`: forever), and prepares for the next wake. It may return
    /// earlier. Read the state afterwards: a change in between then wakes again.
    ///
    /// Returns false in a forked child, at once.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        let Some(channel) = self.own() else { return false };
        channel.wait(timeout);
        if self.woken.load(Ordering::SeqCst) {
            channel.empty();
            // Only after the descriptor is empty. Otherwise a wake in between would be lost to the emptying.
            self.woken.store(false, Ordering::SeqCst);
        }
        true
    }

    /// Prepares for the next wake. Clear first, then read the state: a change in between then wakes again.
    pub fn clear(&self) {
        self.wait(Some(Duration::ZERO));
    }

    /// Is woken by each ring of `bell` too, from its next wait on. Without descriptors it is not.
    #[cfg(target_os = "linux")]
    pub(super) fn hear(&self, bell: &OwnedFd) {
        if let Some(channel) = self.own() {
            let _ = channel.hear(bell);
        }
    }

    /// No longer listens to `bell`, which may be closed then.
    #[cfg(target_os = "linux")]
    pub(super) fn ignore(&self, bell: &OwnedFd) {
        if let Some(channel) = self.own() {
            channel.ignore(bell);
        }
    }
}

fn timespec(timeout: Duration) -> Timespec {
    let timeout = timeout.min(LONGEST);
    Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or_default(),
        tv_nsec: timeout.subsec_nanos().into(),
    }
}

fn no_descriptor(error: &io::Error) -> Error {
    let message = format!(
        "the system gives no descriptor ({error}): this process or its container is at a limit (ulimit -n)"
    );
    Error::new(ErrorKind::ResourceExhausted, message)
}

impl Drop for Waker {
    fn drop(&mut self) {
        if self.epoch != epoch::current() {
            std::mem::forget(self.channel.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::socket_pair::SocketPair;
    use super::*;

    fn is_readable(channel: &impl AsFd) -> bool {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(channel, PollFlags::IN)], Some(&at_once)).unwrap() == 1
    }

    fn readable_after_three_wakes_a_clear_and_another_wake() -> Option<[bool; 4]> {
        let waker = Waker::new().unwrap();
        let channel = waker.own()?;
        let made = is_readable(channel);
        (0..3).for_each(|_| waker.wake());
        let woken = is_readable(channel);
        waker.clear();
        let cleared = is_readable(channel);
        waker.wake();
        Some([made, woken, cleared, is_readable(channel)])
    }

    #[test]
    fn several_wakes_are_ended_by_one_clear_and_after_it_the_waker_can_be_woken_again() {
        loop {
            let epoch = epoch::current();
            let readable = readable_after_three_wakes_a_clear_and_another_wake();
            // Another test simulates a fork, which disables every waker.
            if epoch == epoch::current() {
                return assert_eq!(readable, Some([false, true, false, true]));
            }
        }
    }

    #[test]
    fn both_kinds_of_descriptor_are_readable_from_a_fill_to_the_next_emptying() {
        let (pair, own) = (SocketPair::new().unwrap(), Channel::new().unwrap());
        let readable = || [is_readable(&pair), is_readable(&own)];
        let mut seen = vec![readable()];
        for fills in [1, 20] {
            (0..fills).for_each(|_| {
                pair.fill();
                own.fill();
            });
            pair.wait(None);
            own.wait(None);
            seen.push(readable());
            pair.empty();
            own.empty();
            seen.push(readable());
        }
        assert_eq!(seen, [[false; 2], [true; 2], [false; 2], [true; 2], [false; 2]]);
    }
}
