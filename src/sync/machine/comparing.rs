//! Freshness where no progress answer proves it: through `etcd grpc-proxy`, which gives none, and at servers that give
//! them too early, until they may be believed.
//!
//! The stream then cannot prove that nothing is missing, but a read can. Let the snapshot be of revision R, and
//! let a linearizable read at H ≥ R find no watched key that changed after R. Then every key that is there at H
//! was there at R with the same value; so if there are as many as the snapshot has, none was deleted, and the
//! content at H is the snapshot. Otherwise an event is under way; one that does not come condemns the stream
//! like any other silence.
//!
//! Where events of one range wait for the other ranges, the same is asked of those ranges, at the revision that waits. A
//! later one would not do: a key may have come and gone until then.

use super::super::event::{Comparison, Effect, Found};
use super::history::another_history;
use super::{Machine, State};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::range::KeyRange;
use crate::store::Snapshot;

/// etcd takes 128 operations in a transaction, and the comparison is one.
const MOST_RANGES: usize = 100;

impl Machine {
    pub(super) fn may_compare(&self) -> bool {
        self.rules.ranges.as_slice().len() <= MOST_RANGES
    }

    pub(super) fn compare(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let State::Watching { stream, freshness, fuzzy } = &self.state else { return };
        let (divided, fuzzy) = (stream.is_divided(), fuzzy.is_some());
        // Nothing is shown of pages before they are exact: what matters is how they become so, not the events that wait.
        let at = stream.would_show().filter(|_| !fuzzy);
        if freshness.is_mute() && !self.mute {
            self.mute = true;
            self.note(self.muteness());
        }
        if self.mute && divided && self.watches_hull() {
            // Several watches would wait for each other's progress in vain; one has an order of its own.
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

    /// Whether the silent ranges may have changed up to `at`, where others have events that wait.
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

    /// Whether what is shown is what etcd had at `revision`, in all ranges.
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

    /// Which ranges of a fuzzy copy are what etcd had at `revision`. A key of them may have come and gone before: the copy
    /// is exact at that revision, and not at one before it.
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

/// Whether etcd has, in `range`, the keys of the snapshot and none that changed since.
fn is_unchanged(snapshot: &Snapshot, range: &KeyRange, found: Found) -> bool {
    !found.newer && usize::try_from(found.count) == Ok(snapshot.range(range).count())
}
