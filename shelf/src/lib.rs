//! A sorted map in memory that processes of one host share: one of them writes, all of them read.
//!
//! Any of them may be killed or stopped at any time, in any order, and nothing that the others read is ever torn, wrong
//! or older than what they read before:
//!
//! * The content lies in **segments** ([`Map`]), each in an anonymous memory file of its own (a memfd). A segment is only
//!   ever appended to. The kernel frees it when the last process that reads it lets go or dies, so a killed reader pins
//!   nothing.
//! * A **control page** ([`Control`]) names the current root. One store of one word publishes a new root, so a writer
//!   that dies in the middle of a publication leaves the previous one in force.
//! * A **tree** ([`Snapshot`]) is a persistent B+tree. Every reference in it points to a smaller offset, therefore no
//!   damage can make a reader loop, and a reader never looks at bytes above the root that it started from.
//! * A **writer** ([`Writer`]) never appends to the segment of a dead one: it copies the content to a new segment, and
//!   goes on from there. Garbage is removed in the same way, on a thread of its own.
//!
//! Who is the writer is not decided here. [`handover`] passes descriptors between processes.

#![cfg(target_os = "linux")]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod build;
mod compaction;
mod control;
mod diff;
mod error;
pub mod handover;
mod layout;
mod map;
mod root;
mod segment;
mod shelf;
mod tree;
mod writer;

#[cfg(test)]
mod damage;
#[cfg(test)]
mod testing;

pub use control::{Control, FORMAT, now};
pub use error::{Error, Result};
pub use layout::Entry;
pub use map::Map;
pub use root::{At, RECENT_KEYS};
pub use segment::Audience;
pub use shelf::Shelf;
pub use tree::{Iter, Snapshot};
pub use writer::{Change, Put, Writer};
