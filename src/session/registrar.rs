//! The registrations of one client: the task that keeps them, and the handles, which belong to one process.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

use super::runtime::Session;
use super::supervise::supervise;
use crate::config::Settings;
use crate::epoch::ProcessCell;
use crate::error::Result;
use crate::registration::{Command, Driver, Handle, Report, Roster, Spec, Surroundings};
use crate::store::{Bell, Signal};
use crate::sync::Outlet;
use crate::transport::Link;

/// One client's registrations in one process.
pub(super) struct Registrar {
    roster: Arc<Roster>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Registrar {
    pub(super) fn start(
        session: &Session,
        settings: &Arc<Settings>,
        link: &Arc<Link>,
        outlet: &Outlet,
    ) -> Self {
        let (roster, (commands, received)) = (Arc::new(Roster::default()), mpsc::unbounded_channel());
        session.spawn(keep(Surroundings {
            settings: Arc::clone(settings),
            link: Arc::clone(link),
            roster: Arc::clone(&roster),
            publication: Arc::clone(&outlet.publication),
            published: Arc::clone(&outlet.published),
            sync: Arc::clone(&outlet.report),
            notices: Arc::clone(&outlet.notices),
            commands: Arc::new(Mutex::new(received)),
        }));
        Self { roster, commands }
    }

    pub(super) fn register(&self, spec: Spec) -> Result<Handle> {
        self.roster.register(spec, &self.commands)
    }
}

/// Runs the driver. After a panic, a new one registers everything in the roster again (promise 9).
async fn keep(around: Surroundings) {
    let (longest_pause, roster) = (around.settings.timing.backoff_cap, Arc::clone(&around.roster));
    supervise(longest_pause, |error| roster.blame(error), move |_| Driver::new(around.clone()).run()).await;
}

/// Keeps one registration.
pub(super) trait Held: Send + Sync {
    /// The current state.
    fn report(&self) -> Arc<Report>;
    /// The key, or the last one; `None` while it depends on a lease that does not exist yet.
    fn key(&self) -> Option<Vec<u8>>;
    /// Records that the application is alive.
    fn touch(&self);
    /// Asks for the end of the registration.
    fn deregister(&self);
    /// Notifies of each change of the report.
    fn signal(&self) -> &Signal;
}

impl Held for Handle {
    fn report(&self) -> Arc<Report> {
        Self::report(self)
    }

    fn key(&self) -> Option<Vec<u8>> {
        Self::key(self)
    }

    fn touch(&self) {
        Self::touch(self);
    }

    fn deregister(&self) {
        Self::deregister(self);
    }

    fn signal(&self) -> &Signal {
        Self::signal(self)
    }
}

/// One registration. In a forked child it does nothing: no renewal, no revocation, no wait.
pub struct Registration(ProcessCell<Box<dyn Held>>);

impl Registration {
    pub(super) fn new(held: impl Held + 'static) -> Self {
        let cell = ProcessCell::new();
        let boxed: Box<dyn Held> = Box::new(held);
        let made: std::result::Result<_, std::convert::Infallible> = cell.get_or_make(|| Ok(boxed));
        drop(made);
        Self(cell)
    }

    /// Whether this process made the registration.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.0.get().is_some()
    }

    /// The current state; `None` in a forked child.
    #[must_use]
    pub fn report(&self) -> Option<Arc<Report>> {
        self.0.get().map(|held| held.report())
    }

    /// The key in etcd, or the last one; `None` while it is not known, and in a forked child.
    #[must_use]
    pub fn key(&self) -> Option<Vec<u8>> {
        self.0.get()?.key()
    }

    /// Records that the application is alive.
    pub fn touch(&self) {
        if let Some(held) = self.0.get() {
            held.touch();
        }
    }

    /// Asks for the end of the registration. Returns at once.
    pub fn deregister(&self) {
        if let Some(held) = self.0.get() {
            held.deregister();
        }
    }

    /// Wakes `bell` when the report changes. Never wakes in a process that inherited the registration.
    pub fn hang(&self, bell: &Arc<Bell>) {
        if let Some(held) = self.0.get() {
            held.signal().hang(bell);
        }
    }
}
