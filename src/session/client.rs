//! One client: what outlives a fork (settings, snapshots) and what does not (the session's part).

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use etcd_client::{Compare, CompareOp, Txn, TxnOp};
use tokio::sync::watch;

use super::pending::Pending;
use super::registrar::{Registrar, Registration};
use super::runtime::Session;
use crate::config::Settings;
use crate::epoch::ProcessCell;
use crate::error::{Error, ErrorKind, Result};
use crate::registration::Spec;
use crate::store::{Bell, Interrupt, Publication, Signal, Wake};
use crate::sync::{Driver, Outlet, Report};
use crate::transport::{Endpoints, Link, check_files};

/// What a process needs to serve one client.
struct Attached {
    session: Arc<Session>,
    signal: Arc<Signal>,
    link: Arc<Link>,
    registrar: Registrar,
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
    wish: AtomicU8,
    attached: ProcessCell<Attached>,
}

impl Client {
    /// A client that does nothing yet.
    ///
    /// # Errors
    /// A configuration error when a file of the TLS settings cannot be used.
    pub fn new(settings: Settings) -> Result<Self> {
        check_files(&settings.tls)?;
        Ok(Self {
            settings: Arc::new(settings),
            publication: Arc::default(),
            report: Arc::default(),
            wish: AtomicU8::new(wish::NONE),
            attached: ProcessCell::new(),
        })
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

    /// Whether there is a snapshot to read, and an account of how fresh it is.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.publication.generation() > 0 && self.report.load().confirmed_at.is_some()
    }

    /// How the client fares. In a forked child that has not begun yet: nothing but the parent's
    /// confirmation.
    #[must_use]
    pub fn report(&self) -> Arc<Report> {
        match self.attached.get() {
            Some(_) => self.report.load_full(),
            None => Arc::new(self.inherited_report()),
        }
    }

    fn inherited_report(&self) -> Report {
        Report { confirmed_at: self.report.load().confirmed_at, ..Report::default() }
    }

    /// Begins, or goes on after a fork. Returns at once.
    ///
    /// # Errors
    /// An internal error when the system gives no thread.
    pub fn start(&self) -> Result<()> {
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

    /// Why there is nothing to read yet, `waited` after the start: for the person who reads it.
    #[must_use]
    pub fn why_not_ready(&self, waited: Duration) -> Error {
        match &self.report().last_error {
            Some(error) if error.is_denial() => error.clone(),
            last => {
                let kind = last.as_ref().map_or(ErrorKind::Timeout, Error::kind);
                let names: Vec<String> = self.settings.endpoints.iter().map(ToString::to_string).collect();
                let reason = last.as_ref().map_or_else(|| "no answer".to_owned(), ToString::to_string);
                let waited = waited.as_secs_f64();
                let message = format!(
                    "no first snapshot within {waited} s from {}: {reason}; \
                     trying on in the background, check that etcd runs and can be reached",
                    names.join(", "),
                );
                let error = Error::new(kind, message);
                match last.as_ref().and_then(Error::endpoint) {
                    Some(endpoint) => error.about(endpoint),
                    None => error,
                }
            }
        }
    }

    /// Blocks until `ready`, the deadline, or an interrupt; `ready` is looked at after every publication
    /// and change of state.
    ///
    /// # Errors
    /// An internal error when the system gives no thread.
    pub fn wait(&self, deadline: Instant, interrupt: &Interrupt, ready: impl Fn() -> bool) -> Result<Wake> {
        Ok(self.attach()?.signal.wait(Some(deadline), interrupt, ready))
    }

    /// Has `bell` rung after every publication and change of state, in this process.
    ///
    /// # Errors
    /// An internal error when the system gives no thread.
    pub fn hang(&self, bell: &Arc<Bell>) -> Result<()> {
        self.attach()?.signal.hang(bell);
        Ok(())
    }

    /// Asks a thread in [`Self::wait`] to come back.
    pub fn interrupt(&self, interrupt: &Interrupt) {
        if let Some(attached) = self.attached.get() {
            attached.signal.interrupt(interrupt);
        }
    }

    /// Puts `value` at `key`; the result is the revision.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn put(&self, key: Vec<u8>, value: Vec<u8>) -> Result<Pending<i64>> {
        self.request(async move |mut client| {
            let response = client.put(key, value, None).await?;
            Ok(response.header().map_or(0, etcd_client::ResponseHeader::revision))
        })
    }

    /// Deletes `key`; the result is the revision and whether there was such a key.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn delete(&self, key: Vec<u8>) -> Result<Pending<(i64, bool)>> {
        self.request(async move |mut client| {
            let response = client.delete(key, None).await?;
            let revision = response.header().map_or(0, etcd_client::ResponseHeader::revision);
            Ok((revision, response.deleted() > 0))
        })
    }

    /// Puts `value` at `key` (deletes it, for `None`) if its last change is of `revision` (0: if there is
    /// no such key). The result is the revision, or `None` when the key had changed.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn write_if(
        &self,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
        revision: i64,
    ) -> Result<Pending<Option<i64>>> {
        self.compare(Compare::mod_revision(key.clone(), CompareOp::Equal, revision), key, value)
    }

    /// Puts `value` at `key` if it now holds `expected` (`None`: if there is no such key). The result is
    /// the revision, or `None` when it held something else.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn compare_and_set(
        &self,
        key: Vec<u8>,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Result<Pending<Option<i64>>> {
        let compare = match expected {
            Some(expected) => Compare::value(key.clone(), CompareOp::Equal, expected),
            None => Compare::create_revision(key.clone(), CompareOp::Equal, 0),
        };
        self.compare(compare, key, Some(value))
    }

    /// Announces `spec`, from now on and until it is deregistered. Returns at once.
    ///
    /// # Errors
    /// `Closed` after a stop; an internal error when the system gives no thread.
    pub fn register(&self, spec: Spec) -> Result<Registration> {
        if self.is_stopped() {
            return Err(Error::new(ErrorKind::Closed, "the client was stopped; start it again first"));
        }
        Ok(Registration::new(self.attach()?.registrar.register(spec)?))
    }

    fn compare(
        &self,
        compare: Compare,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
    ) -> Result<Pending<Option<i64>>> {
        let operation = match value {
            Some(value) => TxnOp::put(key, value, None),
            None => TxnOp::delete(key, None),
        };
        let transaction = Txn::new().when([compare]).and_then([operation]);
        self.request(async move |mut client| {
            let response = client.txn(transaction).await?;
            let revision = response.header().map_or(0, etcd_client::ResponseHeader::revision);
            Ok(response.succeeded().then_some(revision))
        })
    }

    fn request<T: Send + 'static, F>(
        &self,
        request: impl FnOnce(etcd_client::Client) -> F + Send + 'static,
    ) -> Result<Pending<T>>
    where
        F: Future<Output = std::result::Result<T, etcd_client::Error>> + Send,
    {
        if self.is_stopped() {
            return Err(Error::new(ErrorKind::Closed, "the client was stopped; start it again first"));
        }
        let attached = self.attach()?;
        let link = Arc::clone(&attached.link);
        Ok(Pending::spawn(&attached.session, async move {
            link.call(async |client| request(client).await).await.map_err(Error::from)
        }))
    }

    fn attach(&self) -> Result<Arc<Attached>> {
        self.attached.get_or_make(|| {
            let session = Session::current()?;
            let signal = Arc::new(Signal::default());
            let endpoints = Arc::new(Endpoints::new(&self.settings.endpoints, fastrand::f64()));
            let link = Arc::new(Link::new(Arc::clone(&self.settings), Arc::clone(&endpoints)));
            let (wanted, wishes) = watch::channel(self.is_wanted());
            // Or a child would show its parent's counts until its own driver first speaks.
            self.report.store(Arc::new(self.inherited_report()));
            let outlet = Outlet {
                publication: Arc::clone(&self.publication),
                report: Arc::clone(&self.report),
                signal: Arc::clone(&signal),
                published: Arc::default(),
            };
            let (publication, published) = (&self.publication, &outlet.published);
            let registrar =
                Registrar::start(&session, &self.settings, &link, publication, published, &self.report);
            let supervision =
                supervise(Arc::clone(&self.settings), endpoints, Arc::clone(&link), outlet, wishes);
            session.spawn(supervision);
            Ok(Attached { session, signal, link, registrar, wanted })
        })
    }
}

/// Runs the driver, and runs it again should a defect end it: it goes on from the last snapshot, and says
/// so (promise 9).
async fn supervise(
    settings: Arc<Settings>,
    endpoints: Arc<Endpoints>,
    link: Arc<Link>,
    outlet: Outlet,
    mut wanted: watch::Receiver<bool>,
) {
    let mut restarted: Option<Error> = None;
    loop {
        wanted.mark_changed();
        let mut driver = Driver::new(
            Arc::clone(&settings),
            Arc::clone(&endpoints),
            Arc::clone(&link),
            outlet.clone(),
            wanted.clone(),
        );
        driver.remember(restarted.take());
        match tokio::spawn(driver.run()).await {
            Err(ended) if ended.is_panic() => {
                restarted =
                    Some(Error::new(ErrorKind::Internal, "a defect in etcd_discovery; watching anew"));
                tokio::time::sleep(settings.timing.connect_timeout).await;
            }
            _ => return,
        }
    }
}
