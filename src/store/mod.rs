//! The local copy: immutable snapshots, their publication, the threads that wait for it, and the disk copy.
//!
//! Nothing here knows etcd's wire types or Ruby.

pub mod disk;
mod entry;
mod layers;
mod memory_store;
mod publication;
mod snapshot;
mod target_index;
pub mod transaction;
mod waker;
mod waker_set;

pub use entry::Entry;
pub use layers::{Effective, EffectiveChange, View, names_of};
pub use memory_store::{MemoryStore, Write};
pub use publication::{Changed, Publication, Published, RECENT_KEYS};
pub use snapshot::{Change, Key, Snapshot};
pub use target_index::TargetIndex;
pub use waker::Waker;
pub use waker_set::WakerSet;
