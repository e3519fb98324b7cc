//! The way to a snapshot: a listing, page by page, and how often to begin one again.
//!
//! All pages are read at one revision, and a watch goes on from there. That takes less than to open the watch first, and
//! no memory for what happens meanwhile; so only where it has come to nothing twice is the other way taken.

use std::time::Duration;

use super::super::event::{Effect, Fault, Header, Page, Update};
use super::super::fuzzy::Fuzzy;
use super::super::listing::{Listing, Progress};
use super::super::stream::Stream;
use super::history::another_history;
use super::{Machine, State};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::store::{Changed, Snapshot};

/// Listings in a row that come to nothing before the next one is made beside an open watch, and before there is a pause
/// before each after that. One is ordinary: the history was compacted while we were away.
const RESTARTS_BEFORE_PAUSE: u32 = 2;

/// A watch that lived as long as this was a success. etcd says `created` even to a watch that it cancels with its
/// next message.
const LASTING: Duration = Duration::from_secs(10);

impl Machine {
    pub(super) fn list(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.restarts >= RESTARTS_BEFORE_PAUSE {
            self.watch_first(now, effects);
        } else {
            self.begin_listing(now, Listing::new(self.rules.ranges.clone()), None, effects);
        }
    }

    pub(super) fn begin_listing(
        &mut self,
        now: Instant,
        mut listing: Listing,
        stream: Option<Stream>,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::List(listing.request(self.pages.keys())));
        self.state = State::Listing { listing, sent: now, page_sent: now, stream };
    }

    pub(super) fn listed(&mut self, now: Instant, page: Page, effects: &mut Vec<Effect>) {
        let header = page.header;
        let State::Listing { listing, sent, page_sent, stream } = &mut self.state else { return };
        let (sent, page_sent) = (*sent, *page_sent);
        self.pages.arrived(&page, now.saturating_duration_since(page_sent));
        if stream.as_mut().is_some_and(|stream| stream.is_foreign(header.cluster_id)) {
            return self.start_over(now, another_history(), effects);
        }
        match listing.accept(page) {
            Progress::More => self.next_page(now, effects),
            Progress::Inconsistent => self.start_over(now, another_history(), effects),
            Progress::Broken(fault) => {
                let told = format!("list: {fault}; this server, or a proxy before it, is broken");
                let error = self.at_peer(Error::new(ErrorKind::Connection, told));
                self.failed(now, Fault::Lost(error), effects);
            }
            Progress::Complete(snapshot) => {
                if let Some(stream) = stream.take() {
                    let (exact_from, raft_term) = (header.revision, header.raft_term);
                    let fuzzy = Fuzzy { snapshot, exact_from, asked: page_sent, raft_term };
                    return self.follow_fuzzy(now, fuzzy, stream, effects);
                }
                self.adopt(snapshot, header.raft_term, sent, effects);
                self.open(now, effects);
            }
        }
    }

    /// `snapshot` is what etcd has, as of when it was `asked`.
    pub(super) fn adopt(
        &mut self,
        snapshot: Snapshot,
        raft_term: u64,
        asked: Instant,
        effects: &mut Vec<Effect>,
    ) {
        let (cluster_id, revision) = (snapshot.cluster_id(), snapshot.revision());
        if self.history_differs(Header { cluster_id, revision, raft_term }) {
            self.refuse_cached();
        }
        self.report.raft_term = raft_term;
        self.resume.forget();
        self.replace(snapshot, effects);
        self.confirm(asked);
    }

    fn next_page(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let State::Listing { listing, page_sent, stream, .. } = &mut self.state else { return };
        if let (Some(stream), Some(revision)) = (stream, listing.revision()) {
            stream.begin_at(revision);
            listing.replay(stream.take_complete(&self.rules.ranges), stream.frontier());
        }
        *page_sent = now;
        effects.push(Effect::List(listing.request(self.pages.keys())));
    }

    /// The page under way is larger than a message may be: ask for less of it.
    pub(super) fn list_less(&mut self, now: Instant, error: Error, effects: &mut Vec<Effect>) {
        if self.pages.halve() {
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
        let relisted = self.snapshot.replace(snapshot).is_some();
        if relisted {
            self.report_relist(update.reset);
        }
        effects.push(Effect::Publish(update));
    }

    /// What is shown, or was listed so far, leads no further, for this reason: list again. At once, unless that has
    /// come to nothing again and again: two clusters behind one address, or a server that cancels every watch, would be
    /// asked in a tight loop (promise 12).
    pub(super) fn start_over(&mut self, now: Instant, reason: Error, effects: &mut Vec<Effect>) {
        if self.opened_at.take().is_some_and(|since| now >= since + LASTING) {
            self.restarts = 0;
        }
        self.restarts = self.restarts.saturating_add(1);
        let reason = self.at_peer(reason);
        if self.has_restarted_often() {
            return self.lost(now, reason, effects);
        }
        if self.restarts == RESTARTS_BEFORE_PAUSE {
            self.note(reason);
        }
        self.relist(now, effects);
    }

    pub(super) const fn has_restarted_often(&self) -> bool {
        self.restarts > RESTARTS_BEFORE_PAUSE
    }

    pub(super) fn relist(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        effects.push(Effect::CloseStream);
        self.list(now, effects);
    }
}
