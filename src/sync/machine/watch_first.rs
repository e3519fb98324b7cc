//! Loads a snapshot from an etcd that compacts faster than it can be listed: watch first, then list.
//!
//! [`super::super::fuzzy`] explains why the result is exact.
//!
//! Events that arrive during a page wait in memory, within the bound of every stream (promise 11).

use super::super::event::Effect;
use super::super::fuzzy::Fuzzy;
use super::super::listing::Listing;
use super::super::stream::Stream;
use super::{Machine, State};
use crate::clock::Instant;
use crate::store::Snapshot;

impl Machine {
    pub(super) fn watch_first(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let stream = Stream::from_now(&self.watch_ranges());
        self.create_watches(now, stream, effects);
    }

    /// Starts the listing beside open watches. The pages contain everything that the watches will not
    /// deliver.
    pub(super) fn list_beside(&mut self, now: Instant, stream: Stream, effects: &mut Vec<Effect>) {
        let listing = Listing::beside_watch(self.rules.ranges.clone());
        self.begin_listing(now, listing, Some(stream), effects);
    }

    /// Follows after the last page. The copy becomes exact once the events up to that page's revision are
    /// applied.
    pub(super) fn follow_fuzzy(
        &mut self,
        now: Instant,
        fuzzy: Fuzzy,
        mut stream: Stream,
        effects: &mut Vec<Effect>,
    ) {
        stream.begin_at(fuzzy.snapshot.revision());
        let freshness = self.new_freshness(now, &stream);
        self.state = State::Watching { stream, freshness, fuzzy: Some(Box::new(fuzzy)) };
        self.advance(now, effects);
        self.ticked(now, effects);
    }

    /// Applies the complete events, and shows the copy once it is exact.
    pub(super) fn replay(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let State::Watching { stream, fuzzy, .. } = &mut self.state else { return };
        let Some(Fuzzy { snapshot, exact_from, .. }) = fuzzy.as_deref_mut() else { return };
        let frontier = stream.frontier();
        (*snapshot, _) = snapshot.after(stream.take_complete(&self.rules.ranges), frontier);
        if frontier >= *exact_from
            && let Some(exact) = fuzzy.take()
        {
            self.adopt(exact.snapshot, exact.raft_term, exact.asked, effects);
            self.opened(now);
        }
    }

    pub(super) fn fuzzy(&self) -> Option<&Fuzzy> {
        match &self.state {
            State::Watching { fuzzy, .. } => fuzzy.as_deref(),
            _ => None,
        }
    }

    /// The snapshot that events are applied to.
    pub(super) fn followed(&self) -> Option<&Snapshot> {
        self.fuzzy().map(|fuzzy| &fuzzy.snapshot).or(self.snapshot.as_ref())
    }

    /// Opens the watches in another way, from the same revision.
    pub(super) fn reopen(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let watched_first = match &self.state {
            State::Opening { stream, .. } => stream.is_from_now(),
            State::Listing { stream, .. } => stream.is_some(),
            _ => self.fuzzy().is_some(),
        };
        effects.push(Effect::CloseStream);
        if watched_first { self.watch_first(now, effects) } else { self.open(now, effects) }
    }
}
