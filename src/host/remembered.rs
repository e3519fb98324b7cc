//! The shared memory that one client of a process knows, where a forked child finds it.
//!
//! The child never drops its parent's driver, which holds the memory too. So it goes on with what is remembered here, and
//! gives back its segments when they are of no more use.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use etcd_discovery_shelf::Shelf;

/// What one client knows of its host's shared memory.
#[derive(Debug, Default)]
pub struct Remembered(ArcSwapOption<Shelf>);

impl Remembered {
    /// What is known, if this process still has the descriptors.
    pub(super) fn get(&self) -> Option<Arc<Shelf>> {
        self.0.load_full().and_then(Shelf::usable)
    }

    /// Remembers `shared`. Readers of the one before keep what they have read there, and get no more.
    pub(super) fn put(&self, shared: &Arc<Shelf>) {
        let before = self.0.swap(Some(Arc::clone(shared)));
        before.filter(|before| !Arc::ptr_eq(before, shared)).into_iter().for_each(give_back);
    }

    /// Gives back the segments, and keeps the page.
    pub(super) fn let_go(&self) {
        if let Some(known) = self.0.load().as_ref() {
            known.let_go();
        }
    }

    /// Gives back the segments, where nothing more is read from them. Snapshots stay readable.
    pub fn forget(&self) {
        self.0.swap(None).into_iter().for_each(give_back);
    }
}

fn give_back(shelf: Arc<Shelf>) {
    shelf.let_go();
    // Without its descriptors it must not be dropped.
    drop(shelf.usable());
}
