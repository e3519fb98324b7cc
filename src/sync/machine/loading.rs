//! The way to a snapshot: a listing, page by page, and how often to begin one again.

use std::time::Duration;

use super::super::event::{Effect, Fault, Header, Page, Update};
use super::super::listing::{Listing, Progress};
use super::{Machine, State};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::store::{Changed, Snapshot};

/// Listings in a row that come to nothing before there is a pause before each. One is ordinary: the history was
/// compacted while we were away.
const RESTARTS_BEFORE_PAUSE: u32 = 2;

/// A watch that lived as long as this was a success. etcd says `created` even to a watch that it cancels with its
/// next message.
const LASTING: Duration = Duration::from_secs(10);

impl Machine {
    pub(super) fn list(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let mut listing = Listing::new(self.rules.ranges.clone());
        effects.push(Effect::List(listing.request(self.page_limit())));
        self.state = State::Listing { listing, sent: now, page_sent: now };
    }

    /// A listing that compaction overtakes again and again is read in one page, if that is not too large: no later
    /// page can be too late.
    pub(super) const fn page_limit(&self) -> i64 {
        let whole = self.restarts >= RESTARTS_BEFORE_PAUSE && self.pages.may_be_whole();
        if whole { 0 } else { self.pages.keys() }
    }

    pub(super) fn listed(&mut self, now: Instant, page: Page, effects: &mut Vec<Effect>) {
        let header = page.header;
        let State::Listing { listing, sent, page_sent } = &mut self.state else { return };
        let sent = *sent;
        self.pages.arrived(&page, now.saturating_duration_since(*page_sent));
        match listing.accept(page) {
            Progress::More => self.next_page(now, effects),
            Progress::Inconsistent => {
                let told = "its pages are from different clusters, as behind a balancer of two of them";
                self.start_over(now, Error::new(ErrorKind::Connection, told), effects);
            }
            Progress::Broken(fault) => {
                let told = format!("list: {fault}; this server, or a proxy before it, is broken");
                let error = self.at_peer(Error::new(ErrorKind::Connection, told));
                self.failed(now, Fault::Lost(error), effects);
            }
            Progress::Complete(snapshot) => {
                if self.history_differs(Header { revision: snapshot.revision(), ..header }) {
                    self.refuse_cached();
                }
                self.report.raft_term = header.raft_term;
                self.resume.forget();
                self.replace(snapshot, effects);
                self.confirm(sent);
                self.open(now, effects);
            }
        }
    }

    fn next_page(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let limit = self.page_limit();
        let State::Listing { listing, page_sent, .. } = &mut self.state else { return };
        *page_sent = now;
        effects.push(Effect::List(listing.request(limit)));
    }

    /// The page under way is larger than a message may be: ask for less of it.
    pub(super) fn list_less(&mut self, now: Instant, error: Error, effects: &mut Vec<Effect>) {
        let whole = self.page_limit() == 0;
        if whole {
            self.pages.forbid_whole();
        }
        if whole || self.pages.halve() {
            self.next_page(now, effects);
        } else {
            self.lost(now, error.during("one key with its value is more than can be read"), effects);
        }
    }

    /// No page arrived in time.
    pub(super) fn page_was_lost(&mut self) {
        if matches!(self.state, State::Listing { .. }) {
            self.pages.halve();
        }
    }

    /// Publishes a listed snapshot: with the difference to the one before, deletions included.
    fn replace(&mut self, snapshot: Snapshot, effects: &mut Vec<Effect>) {
        let update = match &self.snapshot {
            None => Update { snapshot: snapshot.clone(), changed: Changed::All, reset: false },
            Some(old) => {
                self.report.relists += 1;
                let same_cluster = old.cluster_id() == snapshot.cluster_id();
                let reset = !same_cluster || snapshot.revision() < old.revision();
                self.report.resets += u64::from(reset);
                let changed = Changed::Keys(old.changed_keys(&snapshot));
                Update { snapshot: snapshot.clone(), changed, reset }
            }
        };
        self.snapshot = Some(snapshot);
        effects.push(Effect::Publish(update));
    }

    /// What is shown, or was listed so far, leads no further, for this reason: list again. At once, unless that has
    /// come to nothing again and again: a server that compacts faster than it lists, or two clusters behind one
    /// address, would be asked in a tight loop (promise 12).
    pub(super) fn start_over(&mut self, now: Instant, reason: Error, effects: &mut Vec<Effect>) {
        if self.opened_at.take().is_some_and(|since| now >= since + LASTING) {
            self.restarts = 0;
        }
        self.restarts = self.restarts.saturating_add(1);
        if self.has_restarted_often() {
            let reason = self.at_peer(reason);
            self.lost(now, reason, effects);
        } else {
            self.relist(now, effects);
        }
    }

    pub(super) const fn has_restarted_often(&self) -> bool {
        self.restarts > RESTARTS_BEFORE_PAUSE
    }

    pub(super) fn relist(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        effects.push(Effect::CloseStream);
        self.list(now, effects);
    }
}
