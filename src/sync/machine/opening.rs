//! Opens the watches: checks that the history is the snapshot's, then creates one watch after another.

use super::super::event::{Effect, Header, Trust};
use super::super::freshness::Freshness;
use super::super::stream::Stream;
use super::following::request_progress;
use super::history::another_history;
use super::{Machine, Rules, State};
use crate::clock::Instant;
use crate::range::KeyRange;
use crate::store::Snapshot;

impl Machine {
    pub(super) fn verified(&mut self, now: Instant, header: Header, effects: &mut Vec<Effect>) {
        if self.history_differs(header) {
            self.refuse_cached();
            self.unfinished = None;
            return self.start_over(now, another_history(), effects);
        }
        self.report.raft_term = header.raft_term;
        match &mut self.state {
            State::Verifying { sent } => {
                let sent = *sent;
                self.adopt_cached(effects);
                if header.revision == self.revision() {
                    self.confirm(sent);
                }
                self.open(now, effects);
            }
            State::Watching { freshness, .. } => {
                freshness.found(now, header.revision);
                self.settle(now);
                if let State::Watching { freshness, .. } = &mut self.state
                    && freshness.is_behind()
                    && !freshness.is_mute()
                {
                    request_progress(now, freshness, effects);
                }
            }
            _ => {}
        }
    }

    pub(super) fn open(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.unfinished = None;
        let cluster_id = self.snapshot.as_ref().map_or(0, Snapshot::cluster_id);
        let stream = Stream::new(&self.watch_ranges(), self.revision() + 1, cluster_id);
        self.create_watches(now, stream, effects);
    }

    pub(super) fn create_watches(&mut self, now: Instant, stream: Stream, effects: &mut Vec<Effect>) {
        self.state = State::Opening { stream, deadline: now + self.rules.timeout };
        self.create_next(now, effects);
    }

    /// Requests the next watch; returns `false` if there is none left.
    fn create_next(&mut self, now: Instant, effects: &mut Vec<Effect>) -> bool {
        let fragments = self.resume.wants_fragments(self.revision());
        let State::Opening { stream, deadline } = &mut self.state else { return false };
        let Some((range, from)) = stream.to_create() else { return false };
        *deadline = now + self.rules.timeout;
        effects.push(Effect::Watch { range, from, fragments });
        true
    }

    /// The ranges to watch: each on its own, if the server's progress answers show when all are complete.
    ///
    /// Otherwise one watch covers all ranges, which orders their events. A user who may not read that much
    /// gets several watches anyway.
    pub(super) fn watch_ranges(&self) -> Vec<KeyRange> {
        match self.rules.ranges.bounding_range().filter(|_| self.watches_bounding_range()) {
            Some(bounding_range) => vec![bounding_range],
            None => self.rules.ranges.as_slice().to_vec(),
        }
    }

    pub(super) fn watches_bounding_range(&self) -> bool {
        self.rules.ranges.as_slice().len() > 1
            && (self.trust == Trust::Repeated || self.mute)
            && !self.bounding_range_denied
    }

    pub(super) fn created(&mut self, now: Instant, watch_id: i64, effects: &mut Vec<Effect>) {
        let State::Opening { stream, .. } = &mut self.state else { return };
        stream.created(watch_id);
        if self.create_next(now, effects) {
            return;
        }
        let State::Opening { stream, .. } = std::mem::replace(&mut self.state, State::Stopped) else {
            return;
        };
        if stream.is_from_now() {
            return self.list_beside(now, stream, effects);
        }
        let freshness = self.new_freshness(now, &stream);
        self.state = State::Watching { stream, freshness, fuzzy: None };
        self.opened(now);
        self.ticked(now, effects);
    }

    pub(super) fn new_freshness(&self, now: Instant, stream: &Stream) -> Freshness {
        let Rules { progress_interval, timeout, max_staleness, limits, .. } = self.rules;
        let freshness = Freshness::new(progress_interval, timeout, max_staleness, now, self.mute);
        if self.trust == Trust::Exact {
            return freshness;
        }
        let freshness = if stream.is_divided() { freshness.divided(limits, now) } else { freshness };
        if self.may_compare() { freshness.unproven() } else { freshness }
    }

    /// Records that the watches are open and follow what is shown.
    pub(super) fn opened(&mut self, now: Instant) {
        self.believe_when_caught_up();
        self.backoff.succeeded(now);
        self.refusals.succeeded(now);
        self.opened_at = Some(now);
        self.audit.begin(now, self.random.f64());
        self.report_watching(now);
    }
}
