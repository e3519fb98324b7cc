//! The status of one registration.

use crate::clock::Instant;
use crate::error::Error;
use crate::notice::Notice;

/// The state of a registration, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Not in etcd yet.
    #[default]
    Registering,
    /// The key is in etcd under a live lease of this registration.
    Registered,
    /// It was registered and may not be any more. It is being registered again.
    Lost,
    /// Ended on request.
    Deregistered,
}

impl Phase {
    /// The phase as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registering => "registering",
            Self::Registered => "registered",
            Self::Lost => "lost",
            Self::Deregistered => "deregistered",
        }
    }
}

/// A transition of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The state now.
    pub phase: Phase,
    /// The state before; the same if only the reason changed.
    pub previous: Phase,
    /// The registration's lease, while there is one.
    pub lease: Option<i64>,
    /// Why it is not registered, if anything went wrong since it was.
    pub error: Option<Error>,
}

impl Standing {
    /// The event for listeners, about the registration at `key`, which announces `address`.
    #[must_use]
    pub fn notice(self, key: Vec<u8>, address: Vec<u8>) -> Notice {
        let Self { phase, previous, lease, error } = self;
        Notice::Registration {
            key,
            address,
            state: phase.as_str(),
            previous: previous.as_str(),
            lease,
            error,
        }
    }
}

/// The state of one registration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What the machine decided last. Ask [`Report::phase_at`], because time passes without an event.
    pub phase: Phase,
    /// Until when `Registered` is proven.
    ///
    /// The earlier of two times: the end of the lease by the last answered renewal, and one TTL after the key
    /// was last seen under the lease.
    pub proven_until: Option<Instant>,
    /// The registration's lease, while there is one.
    pub lease: Option<i64>,
    /// How often the key has been put.
    pub puts: u64,
    /// How many renewals were answered.
    pub renewals: u64,
    /// Every lease that etcd may still have for this registration has been revoked.
    pub withdrawn: bool,
    /// The last error. It stays after recovery, for later diagnosis.
    pub last_error: Option<Error>,
}

impl Report {
    /// The state at `now`.
    ///
    /// A process that was stopped and continued may read this before its thread has run again.
    #[must_use]
    pub fn phase_at(&self, now: Instant) -> Phase {
        match self.phase {
            Phase::Registered if self.proven_until.is_none_or(|until| now >= until) => Phase::Lost,
            phase => phase,
        }
    }
}
