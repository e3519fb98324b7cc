//! Finds out who holds a registered key: from the snapshot if the key is watched, otherwise from etcd.

use std::collections::BTreeSet;

use super::super::event::{Event, Holder};
use super::super::requests;
use super::Driver;
use crate::clock::Instant;

impl Driver {
    /// Checks whether one of the registered keys changed in the new snapshot.
    pub(super) fn check_snapshot(&mut self) {
        let published = self.context.publication.load_full();
        let mut ids = Vec::new();
        let complete = published.each_change_since(self.seen_generation, |key| {
            ids.extend(members_of(&self.keys, key));
        });
        if !complete {
            ids = self.members.keys().copied().collect();
        }
        self.seen_generation = published.generation();
        let (revision, sent) = (published.snapshot().revision(), Instant::now());
        for id in ids {
            if let Some(holder) = self.holder_in_snapshot(id) {
                self.step(id, Event::Seen { holder, revision, sent });
            }
        }
    }

    /// Looks at the key: in the snapshot if that is fresh enough to prove something, otherwise in etcd.
    pub(super) fn check(&mut self, id: u64) {
        let Some(member) = self.members.get(&id) else { return };
        let Some(key) = member.key.clone() else { return };
        let limit = requests::seconds(member.entry.spec.ttl) / 6;
        let sync = self.context.sync.load();
        let confirmed = sync.confirmed_at.filter(|at| !sync.from_cache && at.elapsed() < limit);
        let ours = |holder: &Holder| match (holder, member.machine.report().lease) {
            (Holder::Lease { lease, .. }, Some(current)) => *lease == current,
            _ => false,
        };
        match (confirmed, self.holder_in_snapshot(id).filter(ours)) {
            (Some(sent), Some(holder)) => {
                let revision = self.context.publication.load().snapshot().revision();
                self.step(id, Event::Seen { holder, revision, sent });
            }
            _ => self.workload.look(id, key, Instant::now()),
        }
    }

    /// Returns `None` if the key is not watched.
    fn holder_in_snapshot(&self, id: u64) -> Option<Holder> {
        let key = self.members.get(&id)?.key.as_ref()?;
        if !self.context.settings.ranges.contains(key) {
            return None;
        }
        let published = self.context.publication.load();
        let entry = published.snapshot().get(key);
        Some(entry.map_or(Holder::Missing, |entry| Holder::Lease {
            lease: entry.lease(),
            mod_revision: entry.mod_revision(),
        }))
    }
}

fn members_of<'a>(keys: &'a BTreeSet<(Vec<u8>, u64)>, key: &[u8]) -> impl Iterator<Item = u64> + 'a {
    let key = key.to_vec();
    keys.range((key.clone(), 0)..=(key, u64::MAX)).map(|(_, id)| *id)
}
