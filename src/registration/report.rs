//! What a registration says of itself.

use crate::clock::Instant;
use crate::error::Error;

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
    /// Whether it stands elsewhere than `earlier` says, at `now`, or was put again. That its lease was renewed
    /// is no news.
    #[must_use]
    pub fn is_news_after(&self, earlier: &Self, now: Instant) -> bool {
        self.phase_at(now) != earlier.phase_at(now) || self.puts != earlier.puts
    }

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
