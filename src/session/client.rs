//! One client: what survives a fork (settings, snapshots), and what does not (the session).

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;

use super::cache_writer::Disk;
use super::following::Following;
use super::hosting::{Hosting, Remembered, shown_report};
use super::notices::Feed;
use super::offline::Offline;
use super::registrar::Registrar;
use super::roll_call::{Member, answer};
use super::runtime::Session;
use super::supervise::{supervise, until_dropped};
use crate::backoff;
use crate::config::Settings;
use crate::epoch::ProcessCell;
use crate::error::{Error, ErrorKind, Result};
use crate::store::disk::CacheFile;
use crate::store::{Publication, Waker, WakerSet};
use crate::sync::{Contents, Phase, Report, Sinks};
use crate::transport::{Endpoints, Link, Login, check_files, check_pair};

/// What a process needs to serve one client.
pub(super) struct Attached {
    pub(super) session: Arc<Session>,
    pub(super) link: Arc<Link>,
    pub(super) registrar: Registrar,
    /// What its tasks hold of the content.
    contents: Arc<Contents>,
    /// Its part in following etcd once per host, if it takes part.
    pub(super) hosting: Option<Hosting>,
    /// The driver ends when this is dropped.
    wanted: watch::Sender<bool>,
}

/// The last command given to a client. A fork does not change it.
mod desired_state {
    pub(super) const NONE: u8 = 0;
    pub(super) const RUN: u8 = 1;
    pub(super) const STOP: u8 = 2;
}

/// One client of one cluster.
pub struct Client {
    pub(super) settings: Arc<Settings>,
    pub(super) publication: Arc<Publication>,
    report: Arc<ArcSwap<Report>>,
    disk: Option<Arc<Disk>>,
    /// What is known about the endpoints. A forked child starts from it.
    endpoints: Arc<Endpoints>,
    /// Kept for forked children, which continue with its token.
    _login: Option<Arc<Login>>,
    desired_state: AtomicU8,
    wakers: Arc<ProcessCell<WakerSet>>,
    notices: Arc<Feed>,
    pub(super) attached: ProcessCell<Attached>,
    /// What is known of the host's shared memory. A forked child goes on with it.
    pub(super) host_memory: Arc<Remembered>,
    /// Why this process could not start, if the system refused a resource.
    refusal: ArcSwapOption<Error>,
    /// Why this process cannot share its host's copy.
    pub(super) host_problem: Arc<ArcSwapOption<Error>>,
    /// Serves the client instead of etcd, once it has gone offline.
    offline: OnceLock<Arc<Offline>>,
}

impl Client {
    /// Creates a client that is not started.
    ///
    /// # Errors
    /// A configuration error if TLS settings contradict each other. Their files are checked at the start,
    /// because an image is built without its secrets.
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
            desired_state: AtomicU8::new(desired_state::NONE),
            wakers: Arc::default(),
            notices: Arc::default(),
            attached: ProcessCell::new(),
            host_memory: Arc::default(),
            refusal: ArcSwapOption::empty(),
            host_problem: Arc::default(),
            offline: OnceLock::new(),
        };
        if offline {
            client.go_offline()?;
        }
        Ok(client)
    }

    /// Leaves etcd for good and returns the empty in-memory store that serves the client from now on.
    ///
    /// # Errors
    /// An internal error while a driver runs, because the driver would write too. Stop the client and wait
    /// until the driver has ended.
    pub fn go_offline(&self) -> Result<&Arc<Offline>> {
        if self.offline().is_none() {
            if self.attached.get().is_some() && self.report.load().phase != Phase::Stopped {
                return Err(Error::new(ErrorKind::Internal, "the client still follows etcd; stop it first"));
            }
            self.free_inherited();
            self.host_memory.forget();
            self.attached.clear();
            self.desired_state.store(desired_state::NONE, Ordering::SeqCst);
        }
        Ok(self.offline.get_or_init(|| {
            let (report, wakers, notices) = (&self.report, &self.wakers, &self.notices);
            Arc::new(Offline::open(&self.settings, &self.publication, report, wakers, notices))
        }))
    }

    /// The store that serves the client instead of etcd, if it is offline.
    #[must_use]
    pub fn offline(&self) -> Option<&Arc<Offline>> {
        self.offline.get()
    }

    /// The client's settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the snapshots are published.
    #[must_use]
    pub const fn publication(&self) -> &Arc<Publication> {
        &self.publication
    }

    /// The client's events.
    #[must_use]
    pub const fn notices(&self) -> &Arc<Feed> {
        &self.notices
    }

    /// Whether there is a snapshot with a known freshness, or nothing is watched.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let report = self.report();
        let held = self.publication.generation() > 0;
        self.settings.ranges.is_empty() || held && (report.confirmed_at.is_some() || report.from_cache)
    }

    /// Why the disk copy could not be read or written; `None` if it works or is not used.
    #[must_use]
    pub fn cache_problem(&self) -> Option<Arc<Error>> {
        self.disk.as_ref()?.problem()
    }

    /// The client's current status.
    ///
    /// In a forked child that has not started yet, it holds only the parent's last confirmation.
    #[must_use]
    pub fn report(&self) -> Arc<Report> {
        if let Some(offline) = self.offline() {
            return offline.report(self.is_stopped());
        }
        match self.attached.get() {
            Some(_) if self.settings.ranges.is_empty() && self.is_wanted() => {
                Arc::new(Report { phase: Phase::Idle, ..Report::default() })
            }
            Some(_) => Arc::new(shown_report(&self.report, &self.publication)),
            None => Arc::new(self.inherited_report()),
        }
    }

    fn inherited_report(&self) -> Report {
        let last_error = self.refusal.load_full().map(|error| error.as_ref().clone());
        Report { last_error, ..shown_report(&self.report, &self.publication).inherited() }
    }

    /// Starts the client, or resumes it after a fork. Returns at once.
    ///
    /// # Errors
    /// A configuration error if a TLS file cannot be used; an internal error if no thread can be started.
    pub fn start(&self) -> Result<()> {
        if self.offline().is_some() {
            self.desired_state.store(desired_state::RUN, Ordering::SeqCst);
            return Ok(());
        }
        // A forked child that has dropped the right to read the files continues with the parent's.
        if !self.is_wanted() {
            check_files(&self.settings.tls)?;
        }
        self.desired_state.store(desired_state::RUN, Ordering::SeqCst);
        let attached = self.attach()?;
        attached.wanted.send_if_modified(|wanted| !std::mem::replace(wanted, true));
        Ok(())
    }

    /// Whether the client was started and not stopped, here or in the process that forked this one.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.desired_state.load(Ordering::SeqCst) == desired_state::RUN
    }

    /// Whether the client was stopped and not started again.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.desired_state.load(Ordering::SeqCst) == desired_state::STOP
    }

    /// Closes the connections. The last snapshot stays readable.
    pub fn stop(&self) {
        if let Some(offline) = self.offline().filter(|_| !self.is_stopped()) {
            offline.confirm_now();
        }
        self.desired_state.store(desired_state::STOP, Ordering::SeqCst);
        if let Some(attached) = self.attached.get() {
            attached.wanted.send_if_modified(|wanted| std::mem::replace(wanted, false));
        }
    }

    /// After a fork, in the child: watches again if the parent did. Does nothing elsewhere.
    ///
    /// # Errors
    /// An internal error if no thread can be started.
    pub fn resume(&self) -> Result<()> {
        if self.is_wanted() && self.attached.get().is_none() { self.start() } else { Ok(()) }
    }

    /// Explains why there is nothing to read yet; `None` once there is.
    ///
    /// `waited` is the time since the start, or `None` if the caller did not wait because an earlier one
    /// already has. `earlier` is the error that the earlier caller got.
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
        // With a single endpoint the reason would name it twice.
        let reason = reason.strip_prefix(&format!("{names}: ")).unwrap_or(&reason);
        let check = "retrying in the background, check that etcd runs and is reachable";
        let message = match waited {
            Some(waited) => {
                format!("no first snapshot within {} s from {names}: {reason}; {check}", waited.as_secs_f64())
            }
            None => format!(
                "no first snapshot yet from {names}: {reason}; this process has waited for it once, and does \
                 not wait again: reads work as soon as etcd answers; {check}"
            ),
        };
        // A wait that timed out reports what failed. Without a wait there is only "not ready".
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

    /// Wakes `waker` after every publication and change of state in this process.
    ///
    /// # Errors
    /// An internal error if no thread can be started.
    pub fn add_waker(&self, waker: &Arc<Waker>) -> Result<()> {
        self.wakers()?.register(waker);
        Ok(())
    }

    fn wakers(&self) -> Result<Arc<WakerSet>> {
        if self.offline().is_none() {
            self.attach()?;
        }
        self.wakers.get_or_make(|| Ok(WakerSet::default()))
    }

    /// Frees what the parent's tasks held of the content.
    ///
    /// Those tasks do not exist in a forked child and are never dropped: their snapshot would stay in memory
    /// forever, beside the newer ones.
    fn free_inherited(&self) {
        if let Some(parents) = self.attached.inherited() {
            parents.contents.release();
        }
    }

    pub(super) fn attach(&self) -> Result<Arc<Attached>> {
        self.free_inherited();
        let attached = self.attached.get_or_make(|| {
            self.publication.settle();
            let session = Session::current()?;
            let wakers = self.wakers.get_or_make(|| Ok::<_, Error>(WakerSet::default()))?;
            self.endpoints.spread(own_random());
            let endpoints = Arc::clone(&self.endpoints);
            let link = Arc::new(Link::new(Arc::clone(&self.settings), Arc::clone(&endpoints)));
            let (wanted, wanted_updates) = watch::channel(self.is_wanted());
            // Otherwise a child would show its parent's counters until its own driver reports.
            self.report.store(Arc::new(self.inherited_report()));
            let sinks = Sinks {
                publication: Arc::clone(&self.publication),
                report: Arc::clone(&self.report),
                wakers,
                published: Arc::default(),
                advanced: Arc::default(),
                changed: Arc::default(),
                notices: Arc::<Feed>::clone(&self.notices),
                contents: Arc::default(),
            };
            let contents = Arc::clone(&sinks.contents);
            let registrar = Registrar::start(&session, &self.settings, &link, &sinks);
            if let Some(fleet) = &self.settings.fleet {
                let member = Member {
                    fleet: fleet.clone(),
                    link: Arc::clone(&link),
                    sinks: sinks.clone(),
                    notices: Arc::clone(&self.notices),
                    max_staleness: self.settings.timing.max_staleness,
                };
                let answering = move |_| answer(member.clone());
                let task = supervise(self.settings.timing.backoff_cap, |_| (), answering);
                session.spawn(until_dropped(wanted_updates.clone(), task));
            }
            let following = Following {
                settings: Arc::clone(&self.settings),
                endpoints,
                link: Arc::clone(&link),
                sinks,
                wanted: wanted_updates.clone(),
                disk: self.disk.clone(),
            };
            let hosting = self.keep_copy(&session, following, wanted_updates);
            Ok(Attached { session, link, registrar, contents, hosting, wanted })
        });
        self.refusal.store(attached.as_ref().err().cloned().map(Arc::new));
        attached
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.free_inherited();
        self.host_memory.forget();
    }
}

/// A random number that differs between the processes of a fleet.
fn own_random() -> f64 {
    fastrand::Rng::with_seed(backoff::seed()).f64()
}
