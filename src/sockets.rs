//! The table of open descriptors that a forked child has to close.
//!
//! A child inherits the sockets of this gem and of its tokio runtime. Dropping one there would run tokio's clean-up,
//! which removes the parent's registration from the epoll instance that both share (seen: the parent then reads 0 of
//! 10 messages). So the child closes the bare descriptors instead. It finds them in this table, which can be read in a
//! fork handler, where nothing may lock or allocate.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use once_cell::race::OnceBox;

const FREE: RawFd = -1;
const SLOTS: usize = 256;

/// One part of the table, followed by another when it is full.
///
/// Hundreds of threads may wait at once, and must not use up the slots that the watch needs. Blocks are never freed,
/// so that a fork handler can read them at any moment.
struct Block {
    slots: [AtomicI32; SLOTS],
    next: OnceBox<Block>,
}

impl Block {
    const fn new() -> Self {
        Self { slots: [const { AtomicI32::new(FREE) }; SLOTS], next: OnceBox::new() }
    }

    fn claim(&self, number: RawFd) -> Option<&AtomicI32> {
        let free = |slot: &&AtomicI32| {
            slot.compare_exchange(FREE, number, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        };
        self.slots.iter().find(free)
    }
}

static TABLE: Block = Block::new();

fn slots() -> impl Iterator<Item = &'static AtomicI32> {
    std::iter::successors(Some(&TABLE), |block| block.next.get()).flat_map(|block| &block.slots)
}

/// A slot in the table, held while the descriptor is open.
///
/// Drop it before closing the descriptor, because the number may be reused at once.
#[derive(Debug)]
pub struct Registered(&'static AtomicI32);

/// Adds `socket` to the table.
pub fn register(socket: &impl AsRawFd) -> Registered {
    let number = socket.as_raw_fd();
    let mut block = &TABLE;
    loop {
        if let Some(slot) = block.claim(number) {
            return Registered(slot);
        }
        block = block.next.get_or_init(|| Box::new(Block::new()));
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.0.store(FREE, Ordering::SeqCst);
    }
}

/// Whether `number` is in the table.
#[cfg(test)]
pub(crate) fn holds(number: RawFd) -> bool {
    slots().any(|slot| slot.load(Ordering::SeqCst) == number)
}

/// Removes and returns all descriptors, for a forked child to close.
pub fn take_all() -> impl Iterator<Item = RawFd> {
    slots().map(|slot| slot.swap(FREE, Ordering::SeqCst)).filter(|socket| *socket != FREE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_in_the_table_while_it_is_registered() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let registered = register(&socket);
        assert!(holds(socket.as_raw_fd()));
        drop(registered);
        assert!(!holds(socket.as_raw_fd()));
    }

    #[test]
    fn the_table_grows_with_the_descriptors_and_reuses_free_slots() {
        // Numbers above any real descriptor of this process.

        let table = || slots().count();
        let numbers = || 1_000_000..1_000_000 + 3 * RawFd::try_from(SLOTS).unwrap();
        let held: Vec<_> = numbers().map(|number| register(&Number(number))).collect();
        assert!(numbers().all(holds));
        let size = table();
        drop(held);
        assert!(!numbers().any(holds));
        drop(numbers().map(|number| register(&Number(number))).collect::<Vec<_>>());
        assert_eq!(table(), size);
    }

    struct Number(RawFd);

    impl AsRawFd for Number {
        fn as_raw_fd(&self) -> RawFd {
            self.0
        }
    }
}
