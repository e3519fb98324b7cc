//! Proves freshness by comparing keys, where no progress answer can be trusted.
//!
//! This is needed through `etcd grpc-proxy`, which sends no progress answers, and at servers that send them
//! too early, until they may be believed.
//!
//! The stream cannot prove that nothing is missing, but a read can. Let the snapshot have revision R, and let
//! a linearizable read at H ≥ R find no watched key changed after R. Then every key that exists at H existed
//! at R with the same value. If their number equals the snapshot's, none was deleted, and the content at H is
//! the snapshot. Otherwise an event is under way. If it never arrives, the stream is given up like any silent
//! one.
//!
//! If events of one range wait for the other ranges, those ranges are compared at the waiting revision. A
//! later revision would not do: a key may have come and gone by then.

use super::super::event::{Comparison, Effect, Found};
use super::history::another_history;
use super::{Machine, State};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::range::KeyRange;
use crate::store::Snapshot;

/// The maximum number of ranges. A comparison is one transaction, in which etcd allows 128 operations.
const MOST_RANGES: usize = 100;

impl Machine {
    pub(super) fn may_compare(&self) -> bool {
        self.rules.ranges.as_slice().len() <= MOST_RANGES
    }

    pub(super) fn compare(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let State::Watching { stream, freshness, fuzzy } = &self.state else { return };
        let (divided, fuzzy) = (stream.is_divided(), fuzzy.is_some());
        // A fuzzy copy is not shown: only making it exact matters, not the events that wait.
        let at = stream.would_show().filter(|_| !fuzzy);
        if freshness.is_mute() && !self.mute {
            self.mute = true;
            self.note(self.muteness());
        }
        if self.mute && divided && self.watches_bounding_range() {
            // Several watches would wait forever for each other's progress; a single watch is ordered in
            // itself.
            self.reopen(now, effects);
        } else if !self.may_compare() && fuzzy {
            self.start_over(now, self.muteness(), effects);
        } else if !self.may_compare() {
            self.relist(now, effects);
        } else {
            self.asked_at = self.followed().map_or(0, Snapshot::revision);
            self.compared_at = at;
            effects.push(Effect::Compare { since: self.asked_at, at });
        }
    }

    fn muteness(&self) -> Error {
        let message = "the watch answers no progress request, as through etcd grpc-proxy; the watched keys are \
                       compared with etcd's instead, which costs it more: give the members as endpoints";
        self.at_peer(Error::new(ErrorKind::Connection, message))
    }

    pub(super) fn compared(&mut self, now: Instant, comparison: Comparison, effects: &mut Vec<Effect>) {
        let Comparison { header, found } = comparison;
        if self.history_differs(header) {
            return self.start_over(now, another_history(), effects);
        }
        let State::Watching { fuzzy, .. } = &self.state else { return };
        match self.compared_at.take() {
            _ if fuzzy.is_some() => self.compared_fuzzy(now, header.revision, &found),
            Some(at) => self.compared_at_revision(now, at, &found),
            None => self.compared_now(now, header.revision, &found),
        }
        self.advance(now, effects);
    }

    /// Checks whether the silent ranges are unchanged up to `at`, where events of others wait.
    fn compared_at_revision(&mut self, now: Instant, at: i64, found: &[Found]) {
        let ranges = self.rules.ranges.as_slice();
        let State::Watching { stream, freshness, .. } = &mut self.state else { return };
        let Some(snapshot) = &self.snapshot else { return };
        let mut pairs = ranges.iter().zip(found);
        let same =
            pairs.all(|(range, found)| !stream.is_behind(range, at) || is_unchanged(snapshot, range, *found));
        if found.len() == ranges.len() && same {
            for range in ranges {
                stream.is_unchanged(range, at);
            }
        }
        freshness.heard(now);
        freshness.compared(now, false);
    }

    /// Checks whether all ranges at `revision` equal what is shown.
    fn compared_now(&mut self, now: Instant, revision: i64, found: &[Found]) {
        let ranges = self.rules.ranges.as_slice();
        let State::Watching { stream, freshness, .. } = &mut self.state else { return };
        let Some(snapshot) = &self.snapshot else { return };
        let overtaken = snapshot.revision() >= revision;
        let mut pairs = ranges.iter().zip(found);
        let whole = found.len() == ranges.len();
        let same = overtaken || (whole && pairs.all(|(range, found)| is_unchanged(snapshot, range, *found)));
        if same && !overtaken {
            stream.skip_to(revision);
        }
        if let Some(asked) = freshness.compared(now, same) {
            self.confirm(asked);
            self.reauthenticated = false;
        }
    }

    /// Checks which ranges of a fuzzy copy equal etcd's content at `revision`.
    ///
    /// A key of them may have come and gone before, so the copy is exact at that revision but not at an
    /// earlier one.
    fn compared_fuzzy(&mut self, now: Instant, revision: i64, found: &[Found]) {
        let ranges = self.rules.ranges.as_slice();
        let State::Watching { stream, freshness, fuzzy: Some(fuzzy) } = &mut self.state else { return };
        let unchanged = ranges.iter().zip(found);
        let unchanged: Vec<_> =
            unchanged.filter(|(range, found)| is_unchanged(&fuzzy.snapshot, range, **found)).collect();
        if !unchanged.is_empty() && fuzzy.snapshot.revision() < revision {
            fuzzy.exact_from = fuzzy.exact_from.max(revision);
        }
        let before = stream.frontier();
        for (range, _) in &unchanged {
            stream.is_unchanged(range, revision);
        }
        if unchanged.len() == ranges.len() {
            stream.skip_to(revision);
        }
        if stream.frontier() > before {
            freshness.heard(now);
        }
        freshness.compared(now, false);
    }
}

/// Whether etcd has exactly the snapshot's keys in `range`, none of them changed since.
fn is_unchanged(snapshot: &Snapshot, range: &KeyRange, found: Found) -> bool {
    !found.newer && usize::try_from(found.count) == Ok(snapshot.range(range).count())
}
