//! The use of a disk copy.
//!
//! While etcd answers, no one needs to see the copy. It saves the listing if it belongs to etcd's history,
//! and is dropped if it does not. If etcd cannot be reached or is slow, the copy is shown: marked as from
//! disk, with the age of its last confirmation.

use std::time::Duration;

use super::super::event::{Effect, Update};
use super::{Machine, State};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::store::{Changed, Snapshot};

/// How long a process with a disk copy waits for etcd before it shows the copy, if nothing fails.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A disk copy.
#[derive(Debug, Clone)]
pub struct Cached {
    /// The content.
    pub snapshot: Snapshot,
    /// The raft term of its cluster.
    pub raft_term: u64,
    /// When etcd confirmed it; `None` if the wall clock makes that time implausible.
    pub confirmed_at: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Held {
    cached: Cached,
    until: Option<Instant>,
}

impl Machine {
    /// Keeps `cached` ready, unless there is a snapshot already.
    pub fn fall_back_on(&mut self, cached: Cached) {
        if self.snapshot.is_none() {
            self.report.raft_term = cached.raft_term;
            self.cached = Some(Held { cached, until: None });
        }
    }

    /// The copy, if it may still be needed. For the machine that takes the place of this one.
    #[must_use]
    pub fn into_fallback(self) -> Option<Cached> {
        self.cached.map(|held| held.cached)
    }

    pub(super) fn give_etcd_a_moment(&mut self, now: Instant) {
        if let Some(held) = &mut self.cached {
            held.until = Some(now + TIMEOUT);
        }
    }

    pub(super) fn wait_for_etcd_ends(&self) -> Option<Instant> {
        let waits = !matches!(self.state, State::Stopped);
        self.cached.as_ref().filter(|_| waits)?.until
    }

    /// The snapshot that is shown or would be shown.
    pub(super) fn at_hand(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref().or_else(|| self.cached.as_ref().map(|held| &held.cached.snapshot))
    }

    /// Continues from the copy, whose history is etcd's.
    ///
    /// It stays unconfirmed until the missed events arrive.
    pub(super) fn adopt_cached(&mut self, effects: &mut Vec<Effect>) {
        if self.snapshot.is_none()
            && let Some(held) = &self.cached
        {
            let snapshot = held.cached.snapshot.clone();
            self.snapshot = Some(snapshot.clone());
            effects.push(Effect::Publish(Update { snapshot, changed: Changed::All, reset: false }));
        }
    }

    /// Drops the copy, which is from another history. No one may see it.
    pub(super) fn refuse_cached(&mut self) {
        if let Some(held) = self.cached.take() {
            self.report.raft_term = 0;
            let id = held.cached.snapshot.cluster_id();
            let message = format!(
                "the copy on disk is of another cluster or history ({id:x}); reading everything again"
            );
            self.note(Error::new(ErrorKind::Cache, message));
        }
    }

    /// Shows the copy, marked as such, because etcd is away.
    pub(super) fn show_cached(&mut self, effects: &mut Vec<Effect>) {
        self.adopt_cached(effects);
        if let Some(held) = self.cached.take() {
            self.report.confirmed_at = held.cached.confirmed_at;
            self.report.from_cache = true;
        }
    }

    pub(super) fn show_cached_when_due(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.wait_for_etcd_ends().is_some_and(|until| now >= until) {
            self.show_cached(effects);
        }
    }
}
