//! What a copy from disk is good for.
//!
//! While etcd can be asked, nobody needs to see it: the copy spares the listing, if it is of etcd's history,
//! and is thrown away if not. When etcd cannot be reached, or lets us wait, it is the best that there is: it
//! is shown, and said to be from disk, with the age of its last confirmation.

use std::time::Duration;

use super::super::event::{Effect, Update};
use super::{Machine, State};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::store::{Changed, Snapshot};

/// How long a process that could serve its copy waits for etcd, before anything has failed.
const PATIENCE: Duration = Duration::from_secs(1);

/// A copy from disk.
#[derive(Debug, Clone)]
pub struct Cached {
    /// The content.
    pub snapshot: Snapshot,
    /// The raft term of its cluster.
    pub raft_term: u64,
    /// When etcd confirmed it; `None` when the clock makes no sense of that.
    pub confirmed_at: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Held {
    cached: Cached,
    until: Option<Instant>,
}

impl Machine {
    /// Has `cached` at hand, unless there is a snapshot already.
    pub fn fall_back_on(&mut self, cached: Cached) {
        if self.snapshot.is_none() {
            self.report.raft_term = cached.raft_term;
            self.cached = Some(Held { cached, until: None });
        }
    }

    pub(super) fn give_etcd_a_moment(&mut self, now: Instant) {
        if let Some(held) = &mut self.cached {
            held.until = Some(now + PATIENCE);
        }
    }

    pub(super) fn patience_with_etcd(&self) -> Option<Instant> {
        let waits = !matches!(self.state, State::Stopped);
        self.cached.as_ref().filter(|_| waits)?.until
    }

    /// What is shown, or would be.
    pub(super) fn at_hand(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref().or_else(|| self.cached.as_ref().map(|held| &held.cached.snapshot))
    }

    /// etcd's history is the copy's: go on from there. It is still unconfirmed, what was missed is to come.
    pub(super) fn adopt_cached(&mut self, effects: &mut Vec<Effect>) {
        if self.snapshot.is_none()
            && let Some(held) = &self.cached
        {
            let snapshot = held.cached.snapshot.clone();
            self.snapshot = Some(snapshot.clone());
            effects.push(Effect::Publish(Update { snapshot, changed: Changed::All, reset: false }));
        }
    }

    /// etcd's history is another one: nobody must see the copy.
    pub(super) fn refuse_cached(&mut self) {
        if let Some(held) = self.cached.take() {
            self.report.raft_term = 0;
            let id = held.cached.snapshot.cluster_id();
            let told =
                format!("the copy on disk is of another cluster or history ({id:x}); reading all anew");
            self.note(Error::new(ErrorKind::Cache, told));
        }
    }

    /// etcd is away: the copy is better than nothing, and is called what it is.
    pub(super) fn show_cached(&mut self, effects: &mut Vec<Effect>) {
        self.adopt_cached(effects);
        if let Some(held) = self.cached.take() {
            self.report.confirmed_at = held.cached.confirmed_at;
            self.report.from_cache = true;
        }
    }

    pub(super) fn show_cached_when_due(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.patience_with_etcd().is_some_and(|until| now >= until) {
            self.show_cached(effects);
        }
    }
}
