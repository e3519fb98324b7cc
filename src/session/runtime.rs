//! The one thread of a process, shared by all its clients.

use std::future::Future;
use std::sync::Arc;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::descriptors;
use super::gate::Gate;
use crate::epoch::ProcessCell;
use crate::error::{Error, ErrorKind, Result};
use crate::sockets::Registered;

/// The thread's name in `ps -L`, `top -H` and debuggers.
const THREAD_NAME: &str = "etcd_discovery";

static CURRENT: ProcessCell<Session> = ProcessCell::new();
static ON_THREAD_START: OnceLock<fn()> = OnceLock::new();

/// Calls `hook` on each thread of a session when it starts. The binding blocks signals there.
pub fn on_thread_start(hook: fn()) {
    let _ = ON_THREAD_START.set(hook);
}

/// Prepares a thread of this library, which runs no code of the application.
fn begin_thread() {
    if let Some(hook) = ON_THREAD_START.get() {
        hook();
    }
}

/// A `current_thread` runtime on a thread of its own.
#[derive(Debug)]
pub struct Session {
    handle: Handle,
    pub(super) gate: Arc<Gate>,
    /// The thread ends when this is dropped with the session.
    _alive: oneshot::Sender<()>,
}

impl Session {
    /// The session of this process. Starts one if there is none.
    ///
    /// # Errors
    /// A resource error if no thread can be started or no descriptor is left.
    pub fn current() -> Result<Arc<Self>> {
        CURRENT.get_or_make(Self::start)
    }

    /// The session of this process, if it has one.
    #[must_use]
    pub fn running() -> Option<Arc<Self>> {
        CURRENT.get()
    }

    fn start() -> Result<Self> {
        let refused = |error: std::io::Error| {
            let limits =
                "this process, its user or its container is at a limit (ulimit -u, ulimit -n, pids.max)";
            let message =
                format!("cannot start a thread or open a descriptor ({error}): {limits}; reads still work");
            Error::new(ErrorKind::ResourceExhausted, message)
        };
        let engine = Engine::build().map_err(refused)?;
        let (handle, gate) = (engine.runtime.handle().clone(), Arc::new(Gate::default()));
        let (alive, ended) = oneshot::channel();
        let served = Arc::clone(&gate);
        std::thread::Builder::new()
            .name(THREAD_NAME.into())
            .spawn(move || {
                begin_thread();
                engine.runtime.block_on(async {
                    tokio::select! { () = served.serve() => {}, _ = ended => {} }
                });
                engine.stop();
            })
            .map_err(refused)?;
        Ok(Self { handle, gate, _alive: alive })
    }

    /// Runs `task` on the session's thread.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.handle.spawn(task).abort_handle()
    }
}

/// A runtime whose own descriptors are in the table.
struct Engine {
    // Declared before the runtime, because fields are dropped in this order and the runtime closes the
    // descriptors.
    registered: Vec<Registered>,
    runtime: Runtime,
}

impl Engine {
    fn build() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        Ok(Self { registered: descriptors::register(&runtime)?, runtime })
    }

    fn stop(self) {
        drop(self.registered);
        self.runtime.shutdown_background();
    }
}
