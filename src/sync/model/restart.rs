//! A process ends, and another starts with the disk copy.

use super::account::Account;
use super::world::{World, content};
use crate::store::Snapshot;
use crate::sync::event::Event;
use crate::sync::machine::{Cached, Machine};
use crate::sync::report::Report;

/// The disk copy and the history that it belongs to.
#[derive(Debug, Clone)]
pub(super) struct OnDisk {
    cached: Cached,
    life: u32,
}

impl World {
    pub(super) fn save(&mut self) {
        let report = self.machine.report();
        let (Some((snapshot, life)), Some(_), false) = (&self.shown, report.confirmed_at, report.from_cache)
        else {
            return;
        };
        let (snapshot, raft_term) = (snapshot.clone(), report.raft_term);
        let cached = Cached { snapshot, raft_term, confirmed_at: report.confirmed_at };
        self.on_disk = Some(OnDisk { cached, life: *life });
    }

    pub(super) fn restart(&mut self) {
        self.operation = None;
        self.audit = None;
        self.stream = None;
        self.shown = None;
        self.account = Account::new(self.now);
        self.machine = Machine::new(self.rules.clone(), None, &Report::default());
        if let Some(on_disk) = &self.on_disk {
            self.machine.fall_back_on(on_disk.cached.clone());
        }
        self.tell(Event::Start);
    }

    /// Shows the copy while etcd is away.
    ///
    /// It may be from an older history than etcd's, and is marked as from disk.
    pub(super) fn show_from_disk(&mut self, snapshot: Snapshot) {
        let on_disk = self.on_disk.as_ref().expect("shown from an empty disk");
        assert_eq!(content(&snapshot), content(&on_disk.cached.snapshot));
        assert_eq!(self.machine.report().confirmed_at, on_disk.cached.confirmed_at);
        self.shown = Some((snapshot, on_disk.life));
    }
}
