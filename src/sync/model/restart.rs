//! The process ends and another begins, with the copy on disk.

use super::account::Account;
use super::world::{World, content};
use crate::store::Snapshot;
use crate::sync::event::Event;
use crate::sync::machine::{Cached, Machine};
use crate::sync::report::Report;

/// What is on disk, and of which history it is.
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

    /// Shown because etcd is away: it need not be of the history that etcd has by now, and is not said to be.
    pub(super) fn show_from_disk(&mut self, snapshot: Snapshot) {
        let on_disk = self.on_disk.as_ref().expect("shown from an empty disk");
        assert_eq!(content(&snapshot), content(&on_disk.cached.snapshot));
        assert_eq!(self.machine.report().confirmed_at, on_disk.cached.confirmed_at);
        self.shown = Some((snapshot, on_disk.life));
    }
}
