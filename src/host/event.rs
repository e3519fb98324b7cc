//! What happens to the machine of a process, and what it asks for.

use std::time::Duration;

use super::standing::Standing;

/// What this process does for the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// It was not started, or was stopped.
    #[default]
    Stopped,
    /// It looks for a leader, or for the right to lead. Reads are answered by what was last read.
    Seeking,
    /// It follows etcd and publishes for all.
    Leader,
    /// It reads what the leader publishes, and has no watch.
    Follower,
    /// It follows etcd for itself, because there is no leader to rely on.
    Orphan,
}

impl Role {
    /// The role as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Seeking => "seeking",
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::Orphan => "orphan",
        }
    }
}

/// What the leader's page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How long ago the leader last showed that it runs.
    pub age: Duration,
    /// Whether the leader can publish. It cannot without memory.
    pub working: bool,
    /// The content; `None` before the first publication.
    pub content: Option<Standing>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The application wants the content.
    Start,
    /// The application wants no more of it.
    Stop,
    /// This process holds the lock.
    LockGot,
    /// Another process holds the lock.
    LockBusy,
    /// The lock cannot be tried for: the folder is of no use.
    LockFailed,
    /// The leader took this process in. A [`Event::Looked`] follows at once.
    Attached,
    /// What the leader sent cannot be used: it is of another version, other settings or another user.
    Refused,
    /// There is no leader to connect to, or the connection ended: the leader is gone.
    Lost,
    /// The page was looked at: twice a second while this process is attached.
    Looked(Page),
    /// This process is ready to publish, where this was published last.
    Leading(Option<Standing>),
    /// The process's own engine has published content in this process.
    EngineReady(Standing),
    /// The host has the engine's content.
    Published,
    /// The host could not be given the engine's content.
    PublishFailed,
    /// The [`deadline`](super::Machine::deadline) has come.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Try to get the lock. Answered by [`Event::LockGot`], [`Event::LockBusy`] or [`Event::LockFailed`].
    TryLock,
    /// Connect to the leader. Answered by [`Event::Attached`], [`Event::Refused`] or [`Event::Lost`].
    Attach,
    /// End the connection to the leader.
    Detach,
    /// Become the writer of the page that this process reads, or of a new one, and let others connect. Answered by
    /// [`Event::Leading`] or [`Event::PublishFailed`].
    Lead,
    /// Stop publishing, end all connections, and release the lock, in this order.
    Resign,
    /// Show readers this process's own copy from now on, and follow etcd from there. It begins with what readers were
    /// shown last, or with the content that [`Effect::Lead`] took over, if that is newer content of the same cluster.
    /// Both in one step: no reader may see newer content of the page in between.
    /// Answered by [`Event::EngineReady`], at once if there is content.
    RunEngine,
    /// Show readers what the leader publishes from now on, and stop following etcd.
    Follow,
    /// Publish the engine's content for the host. Answered by [`Event::Published`] or [`Event::PublishFailed`].
    Publish,
    /// Say in the page that publishing fails, so that the others help themselves.
    DeclareFailure,
    /// Follow etcd no more. What was shown last stays readable.
    Rest,
}
