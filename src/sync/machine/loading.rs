//! Loads a snapshot: a listing, page by page, and when to start it again.
//!
//! All pages are read at one revision, and a watch continues from there. This is cheaper than opening the
//! watch first, and needs no memory for events that arrive meanwhile. So the watch comes first only after two
//! failed listings.

use std::time::Duration;

use super::super::event::{Effect, Header, Page, Update};
use super::super::fuzzy::Fuzzy;
use super::super::listing::{Listing, Progress};
use super::super::stream::Stream;
use super::history::another_history;
use super::{Machine, State};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::store::{Changed, Snapshot};

/// Failed listings in a row before the watch is opened first, and before each further one is delayed.
///
/// One failure is normal: the history was compacted while the client was away.
const RESTARTS_BEFORE_PAUSE: u32 = 2;

/// A watch that lived this long was a success.
///
/// etcd sends `created` even for a watch that it cancels with its next message.
const LASTING: Duration = Duration::from_secs(10);

impl Machine {
    pub(super) fn list(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        match self.unfinished.take() {
            _ if self.restarts >= RESTARTS_BEFORE_PAUSE => self.watch_first(now, effects),
            Some((listing, sent)) => self.go_on_listing(now, listing, sent, effects),
            None => self.begin_listing(now, Listing::new(self.rules.ranges.clone()), None, effects),
        }
    }

    /// Asks for the next page of a listing whose connection was lost, at the listing's own revision.
    ///
    /// If etcd has compacted that revision meanwhile, the listing starts over.
    fn go_on_listing(
        &mut self,
        now: Instant,
        mut listing: Listing,
        sent: Instant,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::List(listing.request(self.pages.keys())));
        self.state = State::Listing { listing, sent, page_sent: now, stream: None };
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
        self.pages.arrived(&page);
        if stream.as_mut().is_some_and(|stream| stream.is_foreign(header.cluster_id)) {
            return self.start_over(now, another_history(), effects);
        }
        match listing.accept(page) {
            Progress::More => self.next_page(now, effects),
            Progress::Inconsistent => self.start_over(now, another_history(), effects),
            Progress::Broken(fault) => {
                let message = format!("list: {fault}; this server, or a proxy before it, is broken");
                let error = self.at_peer(Error::new(ErrorKind::Connection, message));
                self.lost(now, error, effects);
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

    /// Adopts `snapshot`, which is at least as new as its request (`asked`).
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

    /// Requests a smaller page, because the current one exceeds the message size.
    pub(super) fn list_less(&mut self, now: Instant, error: Error, effects: &mut Vec<Effect>) {
        if self.pages.halve() {
            self.next_page(now, effects);
        } else {
            self.lost(now, error.during("one key with its value is larger than a message may be"), effects);
        }
    }

    /// Keeps the pages that have arrived, for the next connection. The next page is smaller.
    ///
    /// A busy etcd answers late. If each late page threw away those before it, the processes of a fleet that
    /// start together would keep it busy with pages that they have read already.
    pub(super) fn page_was_lost(&mut self) {
        if matches!(self.state, State::Listing { .. }) {
            self.pages.halve();
            self.keep_listing();
        }
    }

    /// Keeps the pages that have arrived, for the next connection.
    ///
    /// Pages beside a watch are useless without that watch.
    pub(super) fn keep_listing(&mut self) {
        let listing = std::mem::replace(&mut self.state, State::Connecting);
        if let State::Listing { listing, sent, stream: None, .. } = listing
            && listing.revision().is_some()
        {
            self.unfinished = Some((listing, sent));
        }
    }

    /// Publishes a listed snapshot with its differences to the previous one, including deletions.
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

    /// Lists everything again for this `reason`: at once at first, later after a pause (promise 12).
    ///
    /// Without the pause, two clusters behind one address, or a server that cancels every watch, would be
    /// asked in a tight loop.
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
