//! Freshness where no progress is told: through `etcd grpc-proxy`, which leaves progress requests unanswered.
//!
//! The stream then cannot prove that nothing is missing, but a read can. Let the snapshot be of revision R, and
//! let a linearizable read at H ≥ R find no watched key that changed after R. Then every key that is there at H
//! was there at R with the same value; so if there are as many as the snapshot has, none was deleted, and the
//! content at H is the snapshot. Otherwise an event is under way; one that does not come condemns the stream
//! like any other silence.

use std::time::Instant;

use super::super::event::{Comparison, Effect};
use super::opening::another_history;
use super::{Machine, State};
use crate::error::{Error, ErrorKind};

/// etcd takes 128 operations in a transaction, and the comparison is one.
const MOST_RANGES: usize = 100;

impl Machine {
    pub(super) fn compare(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if !self.mute {
            self.mute = true;
            self.report.last_error = Some(self.muteness());
        }
        let State::Watching { stream, .. } = &self.state else { return };
        let (divided, waits) = (stream.is_divided(), stream.waits_for().is_some());
        if divided && self.watches_hull() {
            // Several watches would wait for each other's progress in vain; one has an order of its own.
            effects.push(Effect::CloseStream);
            self.open(now, effects);
        } else if waits || self.rules.ranges.as_slice().len() > MOST_RANGES {
            self.relist(now, effects);
        } else {
            self.asked_at = self.revision();
            effects.push(Effect::Compare { since: self.asked_at });
        }
    }

    fn muteness(&self) -> Error {
        let message = "the watch answers no progress request, as through etcd grpc-proxy; the watched keys are \
                       compared with etcd's instead, which costs it more: give the members as endpoints";
        self.at_peer(Error::new(ErrorKind::Connection, message))
    }

    pub(super) fn compared(&mut self, now: Instant, comparison: Comparison, effects: &mut Vec<Effect>) {
        let Comparison { header, newer, count } = comparison;
        if self.history_differs(header) {
            return self.start_over(now, another_history(), effects);
        }
        let State::Watching { stream, freshness } = &mut self.state else { return };
        let Some(snapshot) = &mut self.snapshot else { return };
        let overtaken = snapshot.revision() >= header.revision;
        let same = overtaken || (!newer && usize::try_from(count) == Ok(snapshot.len()));
        if same && !overtaken {
            stream.skip_to(header.revision);
            *snapshot = snapshot.confirmed_at(header.revision);
            effects.push(Effect::Confirm(header.revision));
        }
        if let Some(asked) = freshness.compared(now, same) {
            self.confirm(asked);
            self.reauthenticated = false;
        }
    }
}
