//! Decides which transitions are reported. Each is reported once, where it happens.
//!
//! A loss is reported once until a watch is open again, however many attempts fail in between.

use super::super::staleness::Turn;
use super::Machine;
use crate::clock::Instant;
use crate::error::Error;
use crate::notice::{LocalCopy, Member, Notice};
use crate::store::Snapshot;

/// What was reported about the connection with etcd.
#[derive(Debug, Default)]
pub(super) struct Contact {
    /// `None` while the client is stopped.
    started: Option<Instant>,
    /// The first connection was reported.
    met: bool,
    /// A watch is open, or is being replaced on the same connection.
    following: bool,
    /// The loss reported since the last watch.
    loss: Option<Loss>,
    /// This process started with the copy of its parent process.
    inherited: bool,
    /// The number of connections when a watch was last reported.
    connections: u64,
    /// The member connected last.
    endpoint: Option<String>,
}

/// A loss that was reported.
#[derive(Debug, Clone, Copy)]
struct Loss {
    at: Instant,
    /// The report said that etcd refuses this client.
    denied: bool,
}

impl Contact {
    pub(super) fn new(inherited: bool) -> Self {
        Self { inherited, ..Self::default() }
    }

    pub(super) fn begin(&mut self, now: Instant) {
        self.started.get_or_insert(now);
    }

    pub(super) fn end(&mut self) {
        *self = Self { connections: self.connections, ..Self::new(self.inherited) };
    }

    pub(super) fn connected_to(&mut self, endpoint: &str) {
        self.endpoint = Some(endpoint.to_owned());
    }
}

impl Machine {
    /// Reports that the previous machine ended with a panic, if that one followed etcd.
    pub(super) fn report_restart(&mut self, now: Instant, error: Error) {
        self.contact.begin(now);
        self.contact.met = self.snapshot.is_some();
        self.contact.following = self.contact.met;
        self.contact.inherited = false;
        self.contact.connections = self.connections;
        self.report_loss(now, error);
    }

    pub(super) fn report_watching(&mut self, now: Instant) {
        let connections = self.connections - self.contact.connections;
        let known = self.contact.following && connections == 0;
        let (Some(peer), false) = (&self.report.peer, known) else { return };
        let member = Member { endpoint: peer.endpoint.clone(), version: peer.version.clone() };
        let (copy, contact) = (self.local_copy(), &mut self.contact);
        let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at)).unwrap_or_default();
        let notice = if contact.met {
            let after = since(contact.loss.map(|loss| loss.at));
            Notice::Reconnected { member, copy, connections, after }
        } else {
            let after = since(contact.started.filter(|_| contact.loss.is_some()));
            Notice::Connected { member, copy, inherited: contact.inherited, after }
        };
        contact.met = true;
        contact.following = true;
        contact.loss = None;
        contact.connections = self.connections;
        self.notices.push(notice);
    }

    /// Reports that there is no watch, and none before the next attempt.
    pub(super) fn report_loss(&mut self, now: Instant, error: Error) {
        self.contact.following = false;
        if self.contact.loss.is_none() {
            self.contact.loss = Some(Loss { at: now, denied: false });
            let (endpoint, retry_within) = (self.contact.endpoint.clone(), self.rules.backoff_cap);
            self.notices.push(Notice::Disconnected {
                endpoint,
                copy: self.local_copy(),
                error,
                retry_within,
            });
        }
    }

    /// Gives up the watch to get a new token. This is reported as a loss only if the next attempt fails.
    pub(super) fn report_renewal(&mut self, now: Instant, error: Error) {
        if self.contact.following {
            self.report_loss(now, error);
        }
    }

    pub(super) fn report_denial(&mut self, now: Instant, error: Error) {
        self.contact.following = false;
        let loss = self.contact.loss.get_or_insert(Loss { at: now, denied: false });
        if !std::mem::replace(&mut loss.denied, true) {
            self.notices.push(Notice::Denied { copy: self.local_copy(), error });
        }
    }

    pub(super) fn report_relist(&mut self, reset: bool) {
        let copy = self.local_copy();
        if reset {
            self.notices.push(Notice::Reset { copy });
        }
        self.notices.push(Notice::Relisted { copy });
    }

    pub(super) fn report_divergence(&mut self, error: Error) {
        self.notices.push(Notice::Diverged { copy: self.local_copy(), error });
    }

    /// Reports staleness at the end of each step, so that all its confirmations count.
    pub(super) fn report_staleness(&mut self, now: Instant) {
        let copy = self.local_copy();
        let notice = match self.staleness.check(now, self.report.confirmed_at) {
            Some(Turn::Stale { age }) => Notice::Stale {
                age,
                max_staleness: self.staleness.limit(),
                state: self.phase().as_str(),
                copy,
                error: self.report.last_error.clone(),
            },
            Some(Turn::Fresh { age, after }) => Notice::Fresh { age, after, copy },
            None => return,
        };
        self.notices.push(notice);
    }

    fn local_copy(&self) -> LocalCopy {
        let keys = self.snapshot.as_ref().map_or(0, Snapshot::len);
        LocalCopy { revision: self.revision(), keys }
    }
}
