//! Where a reader looks whether its snapshot is still the newest, beside the publication of its own process.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};

use etcd_discovery_core::store::Followed;

/// Without a leader: a word that never changes.
static NO_LEADER: AtomicU64 = AtomicU64::new(0);

/// What the reader's snapshot was read from. Guarded by the GVL.
pub(super) struct Source {
    /// Keeps the memory of `word` mapped, and no content: a process may never read again.
    followed: RefCell<Option<Followed>>,
    /// Changes when the leader publishes. A pointer, because each read of a key looks at it.
    word: Cell<*const AtomicU64>,
    seen: Cell<u64>,
}

// SAFETY: the word is an atomic, which all threads may read, and `followed`, which can be sent, keeps it mapped wherever
// this is sent to.
unsafe impl Send for Source {}

impl Source {
    pub(super) const fn new() -> Self {
        Self { followed: RefCell::new(None), word: Cell::new(&raw const NO_LEADER), seen: Cell::new(0) }
    }

    /// Whether the leader, if there is one, has published nothing since.
    #[inline]
    pub(super) fn is_current(&self) -> bool {
        // SAFETY: the word is a static, or lies in memory that `followed` keeps mapped: both change together.
        unsafe { &*self.word.get() }.load(Ordering::Acquire) == self.seen.get()
    }

    /// Looks at what the present snapshot was read from.
    pub(super) fn change(&self, followed: Option<&Followed>) {
        let (word, seen) = followed.map_or((&NO_LEADER, 0), Followed::root);
        self.word.set(word);
        self.seen.set(seen);
        // After the pointer: what was followed before may be unmapped by this.
        self.followed.replace(followed.cloned());
    }
}
