//! What the machine says of itself: the ground for `status`, `healthy?` and `stale?`.

use super::event::Peer;
use crate::clock::Instant;
use crate::error::Error;

/// What the client is doing, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Not started, or stopped.
    #[default]
    Stopped,
    /// Started, with nothing to watch.
    Idle,
    /// Opening connections and authenticating.
    Connecting,
    /// Reading all watched keys.
    Listing,
    /// Asking whether the history is still the one that the snapshot is of.
    Verifying,
    /// Creating watches.
    Opening,
    /// Following etcd.
    Watching,
    /// Waiting before the next attempt.
    Backoff,
    /// etcd refuses this user; asking again from time to time.
    Denied,
    /// Served from here, in place of etcd.
    Offline,
}

impl Phase {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Listing => "listing",
            Self::Verifying => "verifying",
            Self::Opening => "opening",
            Self::Watching => "watching",
            Self::Backoff => "backoff",
            Self::Denied => "denied",
            Self::Offline => "offline",
        }
    }
}

/// The state of one client's synchronisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What it is doing.
    pub phase: Phase,
    /// When etcd last confirmed that the snapshot is its content; `None` before it ever did in this
    /// process and for an inherited snapshot that nobody confirmed (promise 5).
    pub confirmed_at: Option<Instant>,
    /// What is served is a copy from disk: etcd has not been heard of it in this process yet.
    pub from_cache: bool,
    /// The highest raft term that a linearizable answer bore.
    pub raft_term: u64,
    /// The server of the current connection.
    pub peer: Option<Peer>,
    /// Connections made again after the first.
    pub reconnects: u64,
    /// Full listings after the first.
    pub relists: u64,
    /// Histories lost: the cluster is another one, or was set back.
    pub resets: u64,
    /// Comparisons of the snapshot with etcd, come to their end.
    pub audits: u64,
    /// Those that found a difference.
    pub divergences: u64,
    /// The last thing that went wrong; it stays after recovery, for the person who looks later.
    pub last_error: Option<Error>,
    /// When that was.
    pub last_error_at: Option<Instant>,
}

impl Report {
    /// What of it is as true in a process, or a machine, that goes on from the same snapshot.
    #[must_use]
    pub fn inherited(&self) -> Self {
        let Self { confirmed_at, from_cache, raft_term, .. } = *self;
        Self { confirmed_at, from_cache, raft_term, ..Self::default() }
    }
}
