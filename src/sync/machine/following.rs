//! Follows open watches: which events arrive, which are complete, and what they confirm.

use super::super::cursor::Broken;
use super::super::event::{Effect, Fault, Response, Trust, Update};
use super::super::freshness::Freshness;
use super::history::another_history;
use super::{Machine, State};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::range::KeyRange;
use crate::store::{Changed, Snapshot};

impl Machine {
    pub(super) fn responded(&mut self, now: Instant, mut response: Response, effects: &mut Vec<Effect>) {
        let Some(stream) = self.stream() else { return };
        let foreign = stream.is_foreign(response.header.cluster_id);
        if let Some(fault) = response.canceled.take() {
            self.canceled(now, response.watch_id, fault, effects);
        } else if foreign {
            self.start_over(now, another_history(), effects);
        } else if response.created {
            self.created(now, response.watch_id, effects);
        } else if response.changes.is_empty() && !response.fragment {
            self.progressed(now, response.watch_id, response.header.revision, effects);
        } else {
            self.received(now, response, effects);
        }
    }

    fn canceled(&mut self, now: Instant, watch_id: i64, fault: Fault, effects: &mut Vec<Effect>) {
        let fault = match self.range_of(watch_id) {
            Some(range) => fault.during(&format!("watch {range}")),
            None => fault,
        };
        match fault {
            // The user may read the ranges but not the keys between them.
            Fault::Denied(_) if self.watches_bounding_range() => {
                self.bounding_range_denied = true;
                self.reopen(now, effects);
            }
            // Older servers report "permission denied" to a watch even for an expired token.
            Fault::Denied(error) if !self.reauthenticated => {
                self.failed(now, Fault::TokenExpired(error), effects);
            }
            fault => self.failed(now, fault, effects),
        }
    }

    fn range_of(&mut self, watch_id: i64) -> Option<&KeyRange> {
        self.stream()?.range_of(watch_id)
    }

    fn received(&mut self, now: Instant, response: Response, effects: &mut Vec<Effect>) {
        let shown = self.followed().map_or(0, Snapshot::revision);
        let Some(stream) = self.stream() else { return };
        // The first events of a watch are known already, and do not show how far the server was.
        let first = response.changes.iter().map(|change| change.mod_revision).find(|at| *at > shown);
        if let Err(broken) = stream.accept(response.watch_id, response.changes, response.fragment) {
            if broken == Broken::Late {
                return self.mistaken(now, effects);
            }
            let message = if broken == Broken::Endless && matches!(self.state, State::Listing { .. }) {
                "the watched keys change faster than they can be read: the changes that came with one page do not fit \
                 into memory; what was read last is still served; starting again"
                    .to_owned()
            } else {
                format!(
                    "etcd sent {}; this server, or a proxy before it, is broken; listing again",
                    broken.as_str()
                )
            };
            let error = self.at_peer(Error::new(ErrorKind::Connection, message));
            self.resume.failed(self.revision(), false);
            return self.failed(now, Fault::Lost(error), effects);
        }
        if let State::Watching { freshness, .. } = &mut self.state {
            if let Some(streak) = freshness.streak() {
                streak.interrupted(now, first);
            }
            if let Some(first) = first {
                freshness.heard(now);
                freshness.claims().arrived(now, first);
            }
        }
        self.believe_when_caught_up();
        self.advance(now, effects);
    }

    fn progressed(&mut self, now: Instant, watch_id: i64, revision: i64, effects: &mut Vec<Effect>) {
        let State::Watching { stream, freshness, fuzzy } = &mut self.state else { return };
        freshness.heard_of(now, revision);
        match self.trust {
            Trust::Exact => stream.progressed(watch_id, revision),
            Trust::Repeated if stream.is_divided() => {
                let Some(streak) = freshness.streak() else { return };
                if watch_id != -1 {
                    streak.interrupted(now, None);
                } else if let Some(revision) = streak.answered(now, revision) {
                    stream.progressed(-1, revision);
                }
            }
            // A message for a single watch answers no progress request.
            Trust::Repeated if watch_id != -1 => {}
            Trust::Repeated => {
                let trusted = freshness.is_proven();
                let believed = freshness.claims().answered(now, revision, trusted);
                // A single watch is ordered in itself. Where the server's answers are weak, its cursor moves
                // by events only, unless nothing could be shown without them.
                if let Some(revision) = believed.filter(|_| fuzzy.is_some()) {
                    stream.progressed(-1, revision);
                }
            }
        }
        self.reauthenticated = false;
        self.advance(now, effects);
    }

    /// Shows events that may have become complete, and checks whether they answer the open request.
    pub(super) fn advance(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.replay(now, effects);
        self.publish_complete(effects);
        self.settle(now);
        let State::Watching { stream, freshness, fuzzy } = &mut self.state else { return };
        // Events wait for other watches, or pages wait for events: ask now how far those are.
        let exact_from = fuzzy.as_ref().map(|fuzzy| fuzzy.exact_from);
        if let Some(revision) = exact_from.max(stream.waits_for()) {
            let asks = freshness.may_ask(now);
            freshness.want(now, revision);
            if exact_from.is_none() {
                freshness.hurry(now);
            }
            if asks {
                request_progress(now, freshness, effects);
            }
        }
    }

    /// Lists everything again: an event arrived later than the server ever delays one, so the snapshot may
    /// lack it.
    fn mistaken(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.report.divergences += 1;
        let message = "etcd sent an event after it had answered that all before it were sent (etcd issue 15220); reading all \
                    again";
        let error = self.at_peer(Error::new(ErrorKind::Internal, message));
        self.note(error.clone());
        self.report_divergence(error.clone());
        self.start_over(now, error, effects);
    }

    /// Believes a single watch once a message has shown that it is up to date.
    ///
    /// This is for servers whose progress answers may overtake events. Several watches are left to the
    /// streak.
    pub(super) fn believe_when_caught_up(&mut self) {
        if let State::Watching { stream, freshness, fuzzy: None } = &mut self.state
            && !stream.is_divided()
            && stream.has_caught_up()
        {
            freshness.prove();
        }
    }

    pub(super) fn settle(&mut self, now: Instant) {
        let State::Watching { stream, freshness, .. } = &mut self.state else { return };
        if let Some(asked) = freshness.settle(now, stream.frontier()) {
            self.confirm(asked);
        }
    }

    /// Publishes every revision that all watches are past, with all its keys together (promise 3).
    fn publish_complete(&mut self, effects: &mut Vec<Effect>) {
        let (State::Opening { stream, .. } | State::Watching { stream, fuzzy: None, .. }) = &mut self.state
        else {
            return;
        };
        if stream.is_from_now() {
            return;
        }
        let Some(snapshot) = &mut self.snapshot else { return };
        let frontier = stream.frontier();
        if frontier <= snapshot.revision() {
            return;
        }
        let changes = stream.take_complete(&self.rules.ranges);
        if changes.is_empty() {
            *snapshot = snapshot.confirmed_at(frontier);
            effects.push(Effect::Confirm(frontier));
        } else {
            let (next, keys) = snapshot.after(changes, frontier);
            *snapshot = next.clone();
            effects.push(Effect::Publish(Update {
                snapshot: next,
                changed: Changed::Keys(keys),
                reset: false,
            }));
        }
    }
}

pub(super) fn request_progress(now: Instant, freshness: &mut Freshness, effects: &mut Vec<Effect>) {
    effects.extend((0..freshness.questions(now)).map(|_| Effect::RequestProgress));
}
