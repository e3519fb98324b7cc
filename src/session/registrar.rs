//! The registrations of one client: the task that keeps them, and the handles of one process.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

use super::runtime::Session;
use super::supervise::supervise;
use crate::config::Settings;
use crate::epoch::ProcessCell;
use crate::error::Result;
use crate::registration::{Command, Context, Driver, Handle, Registry, Report, Spec};
use crate::store::{Waker, WakerSet};
use crate::sync::Sinks;
use crate::transport::Link;

/// One client's registrations in one process.
pub(super) struct Registrar {
    registry: Arc<Registry>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Registrar {
    pub(super) fn start(
        session: &Session,
        settings: &Arc<Settings>,
        link: &Arc<Link>,
        sinks: &Sinks,
    ) -> Self {
        let (registry, (commands, received)) = (Arc::new(Registry::default()), mpsc::unbounded_channel());
        session.spawn(keep(Context {
            settings: Arc::clone(settings),
            link: Arc::clone(link),
            registry: Arc::clone(&registry),
            publication: Arc::clone(&sinks.publication),
            published: Arc::clone(&sinks.published),
            sync: Arc::clone(&sinks.report),
            notices: Arc::clone(&sinks.notices),
            commands: Arc::new(Mutex::new(received)),
        }));
        Self { registry, commands }
    }

    pub(super) fn register(&self, spec: Spec) -> Result<Handle> {
        self.registry.register(spec, &self.commands)
    }
}

/// Runs the driver. After a panic, a new one registers everything in the registry again (promise 9).
async fn keep(context: Context) {
    let (longest_pause, registry) = (context.settings.timing.backoff_cap, Arc::clone(&context.registry));
    supervise(longest_pause, |error| registry.blame(error), move |_| Driver::new(context.clone()).run())
        .await;
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
    fn wakers(&self) -> &WakerSet;
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

    fn wakers(&self) -> &WakerSet {
        Self::wakers(self)
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

    /// Wakes `waker` when the report changes. Never wakes in a process that inherited the registration.
    pub fn add_waker(&self, waker: &Arc<Waker>) {
        if let Some(held) = self.0.get() {
            held.wakers().register(waker);
        }
    }
}
