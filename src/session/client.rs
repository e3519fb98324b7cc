//! One client: what outlives a fork (settings, snapshots) and what does not (the session's part).

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::follow::follow;
use super::keeper::{Disk, Keeper, keep};
use super::notices::Feed;
use super::offline::Offline;
use super::registrar::Registrar;
use super::roll_call::answer;
use super::runtime::Session;
use super::supervise::supervise;
use crate::backoff;
use crate::config::Settings;
use crate::epoch::ProcessCell;
use crate::error::{Error, ErrorKind, Result};
use crate::store::disk::CacheFile;
use crate::store::{Bell, Publication, Signal};
use crate::sync::{Outlet, Phase, Report};
use crate::transport::{Endpoints, Link, Login, check_files, check_pair, follow_members};

/// What a process needs to serve one client.
pub(super) struct Attached {
    pub(super) session: Arc<Session>,
    pub(super) link: Arc<Link>,
    pub(super) registrar: Registrar,
    /// Dropped with this: the driver ends then.
    wanted: watch::Sender<bool>,
}

/// What was asked of a client last; a fork does not change it.
mod wish {
    pub(super) const NONE: u8 = 0;
    pub(super) const RUN: u8 = 1;
    pub(super) const STOP: u8 = 2;
}

/// One client of one cluster.
pub struct Client {
    settings: Arc<Settings>,
    publication: Arc<Publication>,
    report: Arc<ArcSwap<Report>>,
    disk: Option<Arc<Disk>>,
    /// What is known of the endpoints; a forked child goes on from it.
    endpoints: Arc<Endpoints>,
    /// Kept for the children, who go on with its token.
    _login: Option<Arc<Login>>,
    wish: AtomicU8,
    signal: Arc<ProcessCell<Signal>>,
    notices: Arc<Feed>,
    attached: ProcessCell<Attached>,
    /// Why this process could not begin, when the system refused what it takes.
    refusal: ArcSwapOption<Error>,
    /// What serves in place of etcd, from the moment when there is none.
    offline: OnceLock<Arc<Offline>>,
}

impl Client {
    /// A client that does nothing yet.
    ///
    /// # Errors
    /// A configuration error when the TLS settings do not go together. Whether their files are there is found
    /// when it starts: an image is built without its secrets.
    pub fn new(settings: Settings) -> Result<Self> {
        check_pair(&settings.tls)?;
        let offline = settings.offline;
        let cache_file = settings.cache_path.as_deref().map(CacheFile::new);
        let client = Self {
            disk: cache_file.map(|file| Arc::new(Disk::new(file))),
            endpoints: Arc::new(Endpoints::new(&settings.endpoints, own_random())),
            _login: Login::of(&settings),
            settings: Arc::new(settings),
            publication: Arc::default(),
            report: Arc::default(),
            wish: AtomicU8::new(wish::NONE),
            signal: Arc::default(),
            notices: Arc::default(),
            attached: ProcessCell::new(),
            refusal: ArcSwapOption::empty(),
            offline: OnceLock::new(),
        };
        if offline {
            client.go_offline()?;
        }
        Ok(client)
    }

    /// Leaves etcd for good: from now on the client holds what is written to it, and nothing at first.
    /// Returns what serves it then.
    ///
    /// # Errors
    /// An internal error while a driver runs, which would write too: stop the client first, and wait for
    /// its end.
    pub fn go_offline(&self) -> Result<&Arc<Offline>> {
        if self.offline().is_none() {
            if self.attached.get().is_some() && self.report.load().phase != Phase::Stopped {
                return Err(Error::new(ErrorKind::Internal, "the client still follows etcd; stop it first"));
            }
            self.attached.clear();
            self.wish.store(wish::NONE, Ordering::SeqCst);
        }
        Ok(self.offline.get_or_init(|| {
            let (report, signal, notices) = (&self.report, &self.signal, &self.notices);
            Arc::new(Offline::open(&self.settings, &self.publication, report, signal, notices))
        }))
    }

    /// What serves in place of etcd, if something does.
    #[must_use]
    pub fn offline(&self) -> Option<&Arc<Offline>> {
        self.offline.get()
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the snapshots appear.
    #[must_use]
    pub const fn publication(&self) -> &Arc<Publication> {
        &self.publication
    }

    /// What happens to it.
    #[must_use]
    pub const fn notices(&self) -> &Arc<Feed> {
        &self.notices
    }

    /// Whether there is a snapshot to read, and an account of how fresh it is; or nothing to wait for, since
    /// nothing is watched.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let report = self.report();
        let held = self.publication.generation() > 0;
        self.settings.ranges.is_empty() || held && (report.confirmed_at.is_some() || report.from_cache)
    }

    /// Why the copy on disk could not be read or written; `None` while all is well with it, or there is none.
    #[must_use]
    pub fn cache_problem(&self) -> Option<Arc<Error>> {
        self.disk.as_ref()?.problem()
    }

    /// How the client fares. In a forked child that has not begun yet: nothing but the parent's
    /// confirmation.
    #[must_use]
    pub fn report(&self) -> Arc<Report> {
        if let Some(offline) = self.offline() {
            return offline.report(self.is_stopped());
        }
        match self.attached.get() {
            Some(_) if self.settings.ranges.is_empty() && self.is_wanted() => {
                Arc::new(Report { phase: Phase::Idle, ..Report::default() })
            }
            Some(_) => self.report.load_full(),
            None => Arc::new(self.inherited_report()),
        }
    }

    fn inherited_report(&self) -> Report {
        let last_error = self.refusal.load_full().map(|error| error.as_ref().clone());
        Report { last_error, ..self.report.load().inherited() }
    }

    /// Begins, or goes on after a fork. Returns at once.
    ///
    /// # Errors
    /// A configuration error when a file of the TLS settings cannot be used; an internal error when the system
    /// gives no thread.
    pub fn start(&self) -> Result<()> {
        if self.offline().is_some() {
            self.wish.store(wish::RUN, Ordering::SeqCst);
            return Ok(());
        }
        // A forked child that has given up the right to read them goes on with what it has.
        if !self.is_wanted() {
            check_files(&self.settings.tls)?;
        }
        self.wish.store(wish::RUN, Ordering::SeqCst);
        let attached = self.attach()?;
        attached.wanted.send_if_modified(|wanted| !std::mem::replace(wanted, true));
        Ok(())
    }

    /// Whether the client was started, here or in the process that this one was forked from, and not
    /// stopped.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.wish.load(Ordering::SeqCst) == wish::RUN
    }

    /// Whether the client was stopped, and not started again.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.wish.load(Ordering::SeqCst) == wish::STOP
    }

    /// Ends the connections; the last snapshot stays readable.
    pub fn stop(&self) {
        if let Some(offline) = self.offline().filter(|_| !self.is_stopped()) {
            offline.vouch();
        }
        self.wish.store(wish::STOP, Ordering::SeqCst);
        if let Some(attached) = self.attached.get() {
            attached.wanted.send_if_modified(|wanted| std::mem::replace(wanted, false));
        }
    }

    /// After a fork, in the child: watch again if the parent did. Does nothing elsewhere.
    ///
    /// # Errors
    /// An internal error when the system gives no thread.
    pub fn resume(&self) -> Result<()> {
        if self.is_wanted() && self.attached.get().is_none() { self.start() } else { Ok(()) }
    }

    /// Why there is nothing to read yet, for the person who reads it: `waited` for that long after the start,
    /// or (`None`) not at all, since this process has waited before. `earlier` is the reason that was met then.
    /// `None` once there is something.
    #[must_use]
    pub fn why_not_ready(&self, waited: Option<Duration>, earlier: Option<Error>) -> Option<Error> {
        if self.is_ready() {
            return None;
        }
        let last = self.report().last_error.clone().or(earlier);
        if let Some(denial) = last.as_ref().filter(|error| error.is_denial()) {
            return Some(denial.clone());
        }
        let kind = last.as_ref().map_or(ErrorKind::Timeout, Error::kind);
        let names = self.settings.location();
        let reason = last.as_ref().map_or_else(|| "no answer".to_owned(), ToString::to_string);
        // Where there is but one endpoint, its name is said once.
        let reason = reason.strip_prefix(&format!("{names}: ")).unwrap_or(&reason);
        let check = "trying on in the background, check that etcd runs and can be reached";
        let message = match waited {
            Some(waited) => {
                format!("no first snapshot within {} s from {names}: {reason}; {check}", waited.as_secs_f64())
            }
            None => format!(
                "no first snapshot yet from {names}: {reason}; this process has waited for it once, and does \
                 not wait again: reads work as soon as etcd answers; {check}"
            ),
        };
        // A wait that was in vain says what failed. No wait says that there is nothing yet.
        let kind = match (waited, kind) {
            (None, ErrorKind::Connection | ErrorKind::Timeout) => ErrorKind::NotReady,
            (_, kind) => kind,
        };
        let error = Error::new(kind, message);
        Some(match last.as_ref().and_then(Error::endpoint) {
            Some(endpoint) => error.about(endpoint),
            None => error,
        })
    }

    /// Has `bell` rung after every publication and change of state, in this process.
    ///
    /// # Errors
    /// An internal error when the system gives no thread.
    pub fn hang(&self, bell: &Arc<Bell>) -> Result<()> {
        self.signal()?.hang(bell);
        Ok(())
    }

    fn signal(&self) -> Result<Arc<Signal>> {
        if self.offline().is_none() {
            self.attach()?;
        }
        self.signal.get_or_make(|| Ok(Signal::default()))
    }

    pub(super) fn attach(&self) -> Result<Arc<Attached>> {
        let attached = self.attached.get_or_make(|| {
            self.publication.settle();
            let session = Session::current()?;
            let signal = self.signal.get_or_make(|| Ok::<_, Error>(Signal::default()))?;
            self.endpoints.spread(own_random());
            let endpoints = Arc::clone(&self.endpoints);
            let link = Arc::new(Link::new(Arc::clone(&self.settings), Arc::clone(&endpoints)));
            let (wanted, wishes) = watch::channel(self.is_wanted());
            // Or a child would show its parent's counts until its own driver first speaks.
            self.report.store(Arc::new(self.inherited_report()));
            let outlet = Outlet {
                publication: Arc::clone(&self.publication),
                report: Arc::clone(&self.report),
                signal,
                published: Arc::default(),
                advanced: Arc::default(),
                notices: Arc::<Feed>::clone(&self.notices),
            };
            let registrar = Registrar::start(&session, &self.settings, &link, &outlet);
            if let Some(fleet) = &self.settings.fleet {
                let (fleet, link, outlet) = (fleet.clone(), Arc::clone(&link), outlet.clone());
                let answering = move |_| answer(fleet.clone(), Arc::clone(&link), outlet.clone());
                let task = supervise(self.settings.timing.backoff_cap, |_| (), answering);
                session.spawn(until_dropped(wishes.clone(), task));
            }
            // Where DNS names the members, there is nothing to add to them.
            let follows_members = self.settings.member_sync && self.settings.discovery.is_none();
            let members = follows_members.then(|| {
                let (link, endpoints) = (Arc::clone(&link), Arc::clone(&endpoints));
                let (seeds, wanted) = (self.settings.endpoints.clone(), wishes.clone());
                let start = move |_| {
                    follow_members(Arc::clone(&link), Arc::clone(&endpoints), seeds.clone(), wanted.clone())
                };
                supervise(self.settings.timing.backoff_cap, |_| (), start)
            });
            if self.settings.ranges.is_empty() {
                // No connection to watch by, and no permission to read that it would take.
                if let Some(members) = members {
                    session.spawn(until_dropped(wishes, members));
                }
                return Ok(Attached { session, link, registrar, wanted });
            }
            let keeper = self
                .disk
                .as_ref()
                .map(|disk| Keeper::new(Arc::clone(disk), self.settings.ranges.clone(), outlet.clone()));
            let (settings, to_etcd) = (Arc::clone(&self.settings), Arc::clone(&link));
            session.spawn(async move {
                let mut helpers = JoinSet::new();
                if let Some(members) = members {
                    helpers.spawn(members);
                }
                let cached = keep(keeper, &mut helpers).await;
                follow(settings, endpoints, to_etcd, outlet, wishes, cached).await;
            });
            Ok(Attached { session, link, registrar, wanted })
        });
        self.refusal.store(attached.as_ref().err().cloned().map(Arc::new));
        attached
    }
}

/// A random number of this process's own.
fn own_random() -> f64 {
    fastrand::Rng::with_seed(backoff::seed()).f64()
}

/// Runs `task` for as long as the client that `wanted` comes from is there.
async fn until_dropped(mut wanted: watch::Receiver<bool>, task: impl Future<Output = ()> + Send) {
    let dropped = async { while wanted.changed().await.is_ok() {} };
    tokio::select! { () = task => {}, () = dropped => {} }
}
