//! The local copy: immutable snapshots, their publication, who waits for it, and the disk copy.
//!
//! Nothing here knows etcd's wire types or Ruby.

pub mod disk;
mod entry;
mod followed;
#[cfg(all(test, target_os = "linux"))]
mod following_tests;
mod layers;
mod memory_store;
mod publication;
mod published;
mod shared;
mod snapshot;
mod target_index;
pub mod transaction;
mod waker;
mod waker_set;

pub use entry::{Entry, EntryRef};
pub use followed::Followed;
#[cfg(target_os = "linux")]
pub(crate) use followed::confirmed_at;
pub use layers::{Effective, EffectiveChange, View, names_of};
pub use memory_store::{MemoryStore, Write};
pub use publication::Publication;
pub use published::{Changed, Published, RECENT_KEYS};
pub use shared::SharedEntry;
pub use snapshot::{Change, Key, Snapshot};
pub use target_index::TargetIndex;
pub use waker::Waker;
pub use waker_set::WakerSet;
