//! One watch per host: the processes of a host elect one that follows etcd, and all others read what it publishes.
//!
//! A lock decides who leads, shared memory carries the content, and a socket says when the leader has died. A process
//! that cannot rely on a leader follows etcd itself, as it would without any of this.

#[cfg(target_os = "linux")]
mod driver;
#[cfg(target_os = "linux")]
mod engine;
mod event;
#[cfg(target_os = "linux")]
mod folder;
mod identity;
#[cfg(target_os = "linux")]
mod leading;
#[cfg(target_os = "linux")]
mod link;
#[cfg(target_os = "linux")]
mod lock;
mod machine;
#[cfg(target_os = "linux")]
mod meeting;
#[cfg(test)]
mod model;
#[cfg(target_os = "linux")]
mod remembered;
mod standing;
#[cfg(target_os = "linux")]
mod trouble;

#[cfg(target_os = "linux")]
pub use driver::{Driver, state_of};
#[cfg(target_os = "linux")]
pub use engine::Engine;
pub use event::{Effect, Event, Page, Role};
pub use identity::{Identity, Surroundings};
pub use machine::{Machine, Rules};
#[cfg(target_os = "linux")]
pub use meeting::Meeting;
#[cfg(target_os = "linux")]
pub use remembered::Remembered;
pub use standing::Standing;
#[cfg(target_os = "linux")]
pub use trouble::Trouble;
