//! What the election decides about: the engine that follows etcd in one process, and where its readers look.

use std::sync::Arc;

use etcd_discovery_shelf::{Shelf, Snapshot, Writer};

use super::event::Role;
use super::standing::Standing;
use super::trouble::Trouble;

/// One process's readers, and its own way of following etcd.
pub trait Engine {
    /// What readers were shown last.
    fn shown(&self) -> Option<Standing>;

    /// Shows readers the process's own copy from now on, and follows etcd from there: see
    /// [`Effect::RunEngine`](super::Effect::RunEngine). As the leader it begins with `taken_over`.
    fn run(&mut self, taken_over: Option<Snapshot>);

    /// Shows readers what the leader publishes, and stops following etcd.
    fn follow(&mut self, shelf: &Arc<Shelf>);

    /// Follows etcd no more. What was shown last stays readable.
    fn rest(&mut self);

    /// Waits for content that the engine publishes in this process. Never ends while the engine does not run.
    fn ready(&mut self) -> impl Future<Output = Standing> + Send;

    /// Publishes the engine's content for the host, with the time when it was confirmed.
    ///
    /// # Errors
    /// If there is no memory.
    fn publish(&mut self, writer: &mut Writer) -> etcd_discovery_shelf::Result<()>;

    /// Is called twice a second while this process is attached to a leader.
    fn look(&mut self);

    /// Learns what this process does for its host from now on.
    fn became(&mut self, role: Role);

    /// Learns what keeps this process, with its role from now on, from sharing the copy; `None` if nothing does any more.
    fn in_trouble(&mut self, role: Role, trouble: Option<Trouble>);

    /// Whether the engine follows etcd at the moment, and needs nothing for that.
    fn is_following(&self) -> bool;

    /// The engine's state as a number below 2⁸, for followers.
    fn state(&self) -> u32;

    /// What went wrong last, for followers; empty if nothing is wrong now.
    fn problem(&self) -> String;
}
