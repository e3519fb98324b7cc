//! The table of this process's open descriptors, sockets and the runtime's own, for the moment after a fork.
//!
//! A forked child inherits them. Dropping one there would run tokio's own clean-up, which takes the
//! parent's registration out of the epoll that both share (seen: the parent then reads 0 of 10 messages).
//! So the child closes the bare descriptors, and needs to know them: in a table that can be read in a fork
//! handler, where nothing may lock or allocate.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use once_cell::race::OnceBox;

const FREE: RawFd = -1;
const SLOTS: usize = 256;

/// A part of the table. When it is full, another one follows: hundreds of threads may wait at once, and the
/// watch must not go without a socket because of them. Blocks are never freed, so that a fork handler may
/// read them at any moment.
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

/// A place in the table, held for as long as the descriptor is open. Drop it before you close the descriptor:
/// its number may then be given to somebody else.
#[derive(Debug)]
pub struct Registered(&'static AtomicI32);

/// Enters `socket`.
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

/// Takes every descriptor out of the table: what a forked child has to close.
pub fn take_all() -> impl Iterator<Item = RawFd> {
    slots().map(|slot| slot.swap(FREE, Ordering::SeqCst)).filter(|socket| *socket != FREE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_in_the_table_for_as_long_as_it_is_registered() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let registered = register(&socket);
        assert!(holds(socket.as_raw_fd()));
        drop(registered);
        assert!(!holds(socket.as_raw_fd()));
    }

    #[test]
    fn the_table_grows_with_the_descriptors_and_uses_free_places_again() {
        // Numbers that the system gives to nobody here.
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
