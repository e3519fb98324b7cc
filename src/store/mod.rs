//! The local copy: immutable snapshots, their publication, the threads that wait for it, and the disk copy.
//!
//! Nothing here knows etcd's wire types or Ruby.

mod bell;
pub mod disk;
mod entry;
mod layers;
mod ledger;
mod publication;
mod signal;
mod snapshot;
mod target_index;
pub mod transaction;

pub use bell::Bell;
pub use entry::Entry;
pub use layers::{Effective, EffectiveChange, View, names_of};
pub use ledger::{Ledger, Write};
pub use publication::{Changed, Publication, Published, RECENT_KEYS};
pub use signal::Signal;
pub use snapshot::{Change, Key, Snapshot};
pub use target_index::TargetIndex;
