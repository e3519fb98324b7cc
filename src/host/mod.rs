//! One watch per host: the processes of a host elect one that follows etcd, and all others read what it publishes.
//!
//! A lock decides who leads, shared memory carries the content, and a socket says when the leader has died. A process
//! that cannot rely on a leader follows etcd itself, as it would without any of this.

mod event;
mod identity;
mod machine;
#[cfg(test)]
mod model;
mod standing;

pub use event::{Effect, Event, Page, Role};
pub use identity::Identity;
pub use machine::{Machine, Rules};
pub use standing::Standing;
