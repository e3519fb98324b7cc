//! What a registration says of itself.

use crate::clock::Instant;
use crate::error::Error;
use crate::notice::Notice;

/// Where a registration stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Not in etcd yet.
    #[default]
    Registering,
    /// The key is in etcd under our live lease.
    Registered,
    /// It was, and is not known to be any more; being registered again.
    Lost,
    /// Given up on request.
    Deregistered,
}

impl Phase {
    /// The word.
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

/// What there is to tell of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands now.
    pub phase: Phase,
    /// Where it stood before; the same if only the reason is another.
    pub previous: Phase,
    /// Our lease, while there is one.
    pub lease: Option<i64>,
    /// Why it is not registered, if anything went wrong since it was.
    pub error: Option<Error>,
}

impl Standing {
    /// The same for listeners: of the registration at `key`, which announces `address`.
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
    /// What the machine decided last. Ask [`Report::phase_at`]: time passes without an event.
    pub phase: Phase,
    /// Until when `Registered` is proven: the end of the lease by the last renewal that was answered, and
    /// one TTL after the key was last seen under it, whichever is sooner.
    pub proven_until: Option<Instant>,
    /// Our lease, while there is one.
    pub lease: Option<i64>,
    /// How often the key has been put.
    pub puts: u64,
    /// Leases that answered renewals.
    pub renewals: u64,
    /// Every lease that may still be ours in etcd has been revoked.
    pub withdrawn: bool,
    /// The last thing that went wrong; it stays after recovery, for the person who looks later.
    pub last_error: Option<Error>,
}

impl Report {
    /// Where the registration stands at `now`. A process that was stopped and continued reads its clock
    /// here before its thread has had a chance to.
    #[must_use]
    pub fn phase_at(&self, now: Instant) -> Phase {
        match self.phase {
            Phase::Registered if self.proven_until.is_none_or(|until| now >= until) => Phase::Lost,
            phase => phase,
        }
    }
}
