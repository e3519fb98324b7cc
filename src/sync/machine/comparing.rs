//! Freshness where no progress answer proves it: through `etcd grpc-proxy`, which gives none, and at servers that give
//! them too early.
//!
//! The stream then cannot prove that nothing is missing, but a read can. Let the snapshot be of revision R, and
//! let a linearizable read at H ≥ R find no watched key that changed after R. Then every key that is there at H
//! was there at R with the same value; so if there are as many as the snapshot has, none was deleted, and the
//! content at H is the snapshot. Otherwise an event is under way; one that does not come condemns the stream
//! like any other silence.
//!
//! Where events of one range wait for the other ranges, the same is asked of those ranges, at the revision that waits.

use super::super::event::{Comparison, Effect, Found};
use super::opening::another_history;
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
        let State::Watching { stream, freshness } = &self.state else { return };
        let (divided, at) = (stream.is_divided(), stream.would_show());
        if freshness.is_mute() && !self.mute {
            self.mute = true;
            self.note(self.muteness());
        }
        if self.mute && divided && self.watches_hull() {
            // Several watches would wait for each other's progress in vain; one has an order of its own.
            effects.push(Effect::CloseStream);
            self.open(now, effects);
        } else if !self.may_compare() {
            self.relist(now, effects);
        } else {
            self.asked_at = self.revision();
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
        let ranges = self.rules.ranges.as_slice();
        let State::Watching { stream, freshness } = &mut self.state else { return };
        let Some(snapshot) = &mut self.snapshot else { return };
        let whole = found.len() == ranges.len();
        let mut pairs = ranges.iter().zip(&found);
        if let Some(at) = self.compared_at.take() {
            let same = pairs
                .all(|(range, found)| !stream.is_behind(range, at) || is_unchanged(snapshot, range, *found));
            if whole && same {
                for range in ranges {
                    stream.is_unchanged(range, at);
                }
            }
            freshness.heard(now);
            freshness.compared(now, false);
            return self.advance(now, effects);
        }
        let overtaken = snapshot.revision() >= header.revision;
        let same = overtaken || (whole && pairs.all(|(range, found)| is_unchanged(snapshot, range, *found)));
        if same && !overtaken {
            stream.skip_to(header.revision);
            *snapshot = snapshot.confirmed_at(header.revision);
            effects.push(Effect::Confirm(header.revision));
        }
        if let Some(asked) = freshness.compared(now, same) {
            self.confirm(asked);
            self.reauthenticated = false;
        }
        self.advance(now, effects);
    }
}

/// Whether etcd has, in `range`, the keys of the snapshot and none that changed since.
fn is_unchanged(snapshot: &Snapshot, range: &KeyRange, found: Found) -> bool {
    !found.newer && usize::try_from(found.count) == Ok(snapshot.range(range).count())
}
