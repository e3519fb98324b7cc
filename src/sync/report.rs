//! The machine's status: the basis of `status`, `healthy?` and `stale?`.

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
    /// Checking that etcd's history is still the one that the snapshot belongs to.
    Verifying,
    /// Creating watches.
    Opening,
    /// Following etcd.
    Watching,
    /// Waiting before the next attempt.
    Backoff,
    /// etcd refuses this user; the client asks again at intervals.
    Denied,
    /// Served without etcd.
    Offline,
}

impl Phase {
    const ALL: [Self; 10] = [
        Self::Stopped,
        Self::Idle,
        Self::Connecting,
        Self::Listing,
        Self::Verifying,
        Self::Opening,
        Self::Watching,
        Self::Backoff,
        Self::Denied,
        Self::Offline,
    ];

    /// The phase as a number, for other processes of this host with the same version.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The phase with this [`code`](Self::code).
    #[must_use]
    pub fn of_code(code: u32) -> Self {
        Self::ALL.into_iter().find(|phase| phase.code() == code).unwrap_or_default()
    }

    /// The phase as a word.
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

/// The state of one client's synchronization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What the client is doing.
    pub phase: Phase,
    /// When etcd last confirmed the snapshot (promise 5).
    ///
    /// `None` before the first confirmation in this process, unless the parent process inherited a confirmed
    /// one.
    pub confirmed_at: Option<Instant>,
    /// The snapshot is a disk copy that etcd has not confirmed in this process yet.
    pub from_cache: bool,
    /// The highest raft term that a linearizable answer had.
    pub raft_term: u64,
    /// The server of the current connection.
    pub peer: Option<Peer>,
    /// Connections after the first.
    pub reconnects: u64,
    /// Full listings after the first.
    pub relists: u64,
    /// Histories lost: another cluster answered, or the cluster was restored from a backup.
    pub resets: u64,
    /// Completed audits, which compare the snapshot with etcd.
    pub audits: u64,
    /// Audits that found a difference.
    pub divergences: u64,
    /// The last error. It stays after recovery, for later diagnosis.
    pub last_error: Option<Error>,
    /// When the last error occurred.
    pub last_error_at: Option<Instant>,
}

impl Report {
    /// The part of the report that stays true in another process or machine with the same snapshot.
    #[must_use]
    pub fn inherited(&self) -> Self {
        let Self { confirmed_at, from_cache, raft_term, .. } = *self;
        Self { confirmed_at, from_cache, raft_term, ..Self::default() }
    }
}
