//! Freshness where no progress answer proves it: through `etcd grpc-proxy`, which gives none, and at servers that give
//! them too early.
//!
//! The stream then cannot prove that nothing is missing, but a read can. Let the snapshot be of revision R, and
//! let a linearizable read at H ≥ R find no watched key that changed after R. Then every key that is there at H
//! was there at R with the same value; so if there are as many as the snapshot has, none was deleted, and the
//! content at H is the snapshot. Otherwise an event is under way; one that does not come condemns the stream
//! like any other silence.
//!
//! The same holds for each range alone. Where events of one range wait for the other ranges, those that are unchanged are
//! known to be as far as the read.

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
        let State::Watching { stream, freshness, fuzzy } = &self.state else { return };
        let (divided, fuzzy) = (stream.is_divided(), fuzzy.is_some());
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
            effects.push(Effect::Compare { since: self.asked_at });
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
        let State::Watching { stream, freshness, fuzzy } = &mut self.state else { return };
        let fuzzy = fuzzy.as_ref().map(|fuzzy| &fuzzy.snapshot);
        let Some(snapshot) = fuzzy.or(self.snapshot.as_ref()) else { return };
        let before = stream.frontier();
        let mut same = true;
        if snapshot.revision() < header.revision {
            same = found.len() == ranges.len();
            for (range, found) in ranges.iter().zip(&found) {
                if is_unchanged(snapshot, range, *found) {
                    stream.is_unchanged(range, header.revision);
                } else {
                    same = false;
                }
            }
            if same {
                stream.skip_to(header.revision);
            }
        }
        if stream.frontier() > before {
            freshness.heard(now);
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
