//! Carries out the effects of the machine, and feeds the results back to it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use etcd_client::{WatchOptions, WatchRequestSender, WatchResponseStream};
use tokio::sync::{Notify, watch};

use super::contents::Contents;
use super::event::{Effect, Event, Fault};
use super::machine::{Cached, Machine, Rules};
use super::operations::{self, Operation, Outcome};
use super::report::{Phase, Report};
use super::streak::Limits;
use super::wire;
use crate::backoff;
use crate::clock::{self, Instant};
use crate::config::Settings;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::notice::{Notice, Sink};
use crate::range::KeyRange;
use crate::store::{Publication, WakerSet};
use crate::transport::{Connection, Endpoints, FlowReader, Link};

/// Where the driver puts what other threads read.
#[derive(Debug, Clone)]
pub struct Sinks {
    /// Receives the snapshots.
    pub publication: Arc<Publication>,
    /// Receives the machine's status.
    pub report: Arc<ArcSwap<Report>>,
    /// Notified of each change of either.
    pub wakers: Arc<WakerSet>,
    /// Notified of each new snapshot, on the session's own thread.
    pub published: Arc<Notify>,
    /// Notified of each new revision that readers see, whether or not a key has changed.
    pub advanced: Arc<Notify>,
    /// Notified of each change of the publication or the report, for the other processes of the host.
    pub changed: Arc<Notify>,
    /// Receives the events.
    pub notices: Arc<dyn Sink>,
    /// What the tasks themselves hold of the content.
    pub contents: Arc<Contents>,
}

impl Sinks {
    /// Shows that a panic ended the driver and that nothing follows etcd until another one starts.
    pub fn driver_panicked(&self, error: &Error) {
        let before = self.report.load_full();
        let phase = if before.phase == Phase::Stopped { Phase::Stopped } else { Phase::Backoff };
        let (last_error, last_error_at) = (Some(error.clone()), Some(Instant::now()));
        let report = Report { phase, peer: None, last_error, last_error_at, ..before.as_ref().clone() };
        self.report.store(Arc::new(report));
        self.wakers.wake_all();
    }
}

/// One client's I/O.
pub struct Driver {
    settings: Arc<Settings>,
    endpoints: Arc<Endpoints>,
    link: Arc<Link>,
    sinks: Sinks,
    wanted: watch::Receiver<bool>,
    operation: Option<Operation>,
    audit: Option<Operation>,
    connection: Option<Connection>,
    /// Shows whether bytes arrive on the connection.
    flow: Option<FlowReader>,
    /// The endpoint of the previous connection. The next attempt may have to use another one.
    left: Option<Endpoint>,
    stream: Option<(WatchRequestSender, WatchResponseStream)>,
    /// The login that the last connection was made with.
    login: u64,
    /// The number of reads that asked for the revision.
    reads: usize,
    /// The events of the current step.
    notices: Vec<Notice>,
}

impl Driver {
    /// A driver that runs while `wanted` is true. It continues from what the sinks already show.
    #[must_use]
    pub fn new(
        settings: Arc<Settings>,
        endpoints: Arc<Endpoints>,
        link: Arc<Link>,
        sinks: Sinks,
        wanted: watch::Receiver<bool>,
    ) -> Self {
        let rules = Rules {
            ranges: settings.ranges.clone(),
            page_size: settings.page_size,
            progress_interval: settings.timing.progress_interval,
            timeout: settings.timing.request_timeout,
            backoff_cap: settings.timing.backoff_cap,
            max_staleness: settings.timing.max_staleness,
            audit_interval: settings.timing.audit_interval,
            limits: Limits::default(),
            seed: backoff::seed(),
        };
        let published = sinks.publication.load();
        let inherited = (published.generation() > 0).then(|| published.snapshot().clone());
        sinks.contents.machine.put(Machine::new(rules, inherited, &sinks.report.load()));
        Self {
            settings,
            endpoints,
            link,
            sinks,
            wanted,
            operation: None,
            audit: None,
            connection: None,
            flow: None,
            left: None,
            stream: None,
            login: 0,
            reads: 0,
            notices: Vec::new(),
        }
    }

    /// Continues after a driver that ended with a panic, and reports `error`.
    pub fn remember(&mut self, error: Error) {
        let before = self.sinks.report.load_full();
        self.with_machine(|machine| machine.remember(Instant::now(), &before, error));
    }

    /// Keeps a disk copy ready in case etcd cannot be reached.
    pub fn fall_back_on(&mut self, cached: Cached) {
        self.with_machine(|machine| machine.fall_back_on(cached));
    }

    /// Borrows the machine, which is kept where a forked child can free its snapshots.
    ///
    /// Never wait in `work`.
    fn with_machine<T: Default>(&self, work: impl FnOnce(&mut Machine) -> T) -> T {
        self.sinks.contents.machine.with(work).unwrap_or_default()
    }

    /// Runs until the client is dropped.
    pub async fn run(mut self) {
        while let Some(event) = self.next_event().await {
            let effects = self.with_machine(|machine| machine.step(Instant::now(), event));
            let shown =
                effects.iter().any(|effect| matches!(effect, Effect::Publish(_) | Effect::Confirm(_)));
            // Snapshots first, before anything waits: a child that is forked meanwhile could not free them.
            let requests: Vec<Effect> = effects.into_iter().filter_map(|effect| self.show(effect)).collect();
            for request in requests {
                self.execute(request).await;
            }
            // The report comes last, so that a listener woken by a snapshot or an event finds the report that
            // belongs to it.
            if self.show_report() || shown {
                self.sinks.changed.notify_one();
                self.sinks.wakers.wake_all();
            }
            self.notices.drain(..).for_each(|notice| self.sinks.notices.notify(notice));
        }
    }

    async fn next_event(&mut self) -> Option<Event> {
        let deadline = self.with_machine(|machine| machine.deadline());
        tokio::select! {
            biased;
            changed = self.wanted.changed() => {
                changed.ok()?;
                Some(if *self.wanted.borrow_and_update() { Event::Start } else { Event::Stop })
            }
            outcome = finish(&mut self.operation) => {
                self.operation = None;
                Some(self.on_outcome(outcome))
            }
            outcome = finish(&mut self.audit) => {
                self.audit = None;
                Some(self.on_outcome(outcome))
            }
            event = receive(&mut self.stream, self.connection.as_ref()) => {
                if matches!(event, Event::Failed(_)) {
                    self.stream = None;
                }
                Some(event)
            }
            () = clock::sleep_until(deadline) => {
                let flows = self.flow.as_mut().is_some_and(FlowReader::moved);
                Some(if flows { Event::Flowing } else { Event::Tick })
            }
        }
    }

    fn on_outcome(&mut self, outcome: Outcome) -> Event {
        match outcome {
            Outcome::Event(event) => event,
            Outcome::Connected(connection, peer) => {
                self.flow = Some(connection.flow.reader());
                self.login = self.link.login().map_or(0, |login| login.serial());
                self.connection = Some(*connection);
                Event::Connected(peer)
            }
            Outcome::Opened(requests, responses) => {
                self.stream = Some((requests, responses));
                // The answer to the create request arrives as the stream's first message.
                Event::Tick
            }
        }
    }

    /// Carries out an effect that concerns only this process. Returns the others.
    fn show(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Publish(update) => {
                self.sinks.publication.publish(update.snapshot, update.changed);
                self.sinks.published.notify_one();
                self.sinks.advanced.notify_one();
            }
            Effect::Confirm(revision) => {
                self.sinks.publication.confirm(revision);
                self.sinks.advanced.notify_one();
            }
            Effect::Notify(notice) => self.notices.push(notice),
            request => return Some(request),
        }
        None
    }

    async fn execute(&mut self, effect: Effect) {
        match effect {
            Effect::Connect { rotate, renew } => self.connect(rotate, renew),
            Effect::Disconnect => self.disconnect(),
            Effect::CloseStream => self.close_stream(),
            Effect::List(request) => {
                self.operation = Some(operations::list(Arc::clone(&self.link), request));
            }
            Effect::Verify { at } => self.verify(at),
            Effect::Audit(request) => {
                self.audit = Some(operations::audit(Arc::clone(&self.link), request));
            }
            Effect::Compare { since, at } => {
                let link = Arc::clone(&self.link);
                self.operation = Some(operations::compare(link, &self.settings, since, at));
            }
            Effect::Watch { range, from, fragments } => self.watch(&range, from, fragments).await,
            Effect::RequestProgress => self.request_progress().await,
            Effect::Publish(_) | Effect::Confirm(_) | Effect::Notify(_) => {} // `show` did it
        }
    }

    fn show_report(&self) -> bool {
        let shown = self.sinks.report.load_full();
        let changed = |machine: &mut Machine| (machine.report() != &*shown).then(|| machine.report().clone());
        let Some(report) = self.with_machine(changed) else { return false };
        self.sinks.report.store(Arc::new(report));
        true
    }

    fn connect(&mut self, rotate: bool, renew: bool) {
        let (settings, endpoints) = (Arc::clone(&self.settings), Arc::clone(&self.endpoints));
        let (left, login) = (self.left.take().filter(|_| rotate), self.link.login().cloned());
        if let Some(login) = login.as_ref().filter(|_| renew) {
            login.refuse(self.login);
        }
        self.operation = Some(operations::connect(settings, endpoints, left, login));
    }

    fn verify(&mut self, at: Option<i64>) {
        // Reads the ranges in turn, so that a revoked permission on any of them is noticed.
        let ranges = self.settings.ranges.as_slice();
        let Some(range) = ranges.get(self.reads % ranges.len().max(1)) else { return };
        self.reads = self.reads.wrapping_add(1);
        self.operation = Some(operations::verify(Arc::clone(&self.link), range, at));
    }

    // ---- the stream ----

    async fn watch(&mut self, range: &KeyRange, from: i64, fragments: bool) {
        let mut options = WatchOptions::new()
            .with_range(range.range_end())
            .with_start_revision(from)
            .with_progress_notify();
        if fragments {
            options = options.with_fragment();
        }
        if let Some((requests, _)) = &mut self.stream {
            // This never blocks: the channel holds 100 requests, and the machine gives up a stream long
            // before that.
            let _ = requests.watch(range.start(), Some(options)).await;
        } else if let Some(connection) = self.connection.clone() {
            self.operation = Some(operations::watch(connection, range.start().to_vec(), options));
        }
    }

    async fn request_progress(&mut self) {
        if let Some((requests, _)) = &mut self.stream {
            // A success proves nothing; only the answer does. A failure shows as the end of the stream. A
            // server that is sending something large reads no requests, so this one must not wait.
            let _ = tokio::time::timeout(Duration::ZERO, requests.request_progress()).await;
        }
    }

    fn close_stream(&mut self) {
        self.operation = None;
        self.audit = None;
        self.stream = None;
    }

    fn disconnect(&mut self) {
        self.close_stream();
        self.left = self.connection.take().map(|connection| connection.endpoint);
        self.link.close();
    }
}

async fn finish(operation: &mut Option<Operation>) -> Outcome {
    match operation {
        Some(operation) => operation.await,
        None => std::future::pending().await,
    }
}

async fn receive(
    stream: &mut Option<(WatchRequestSender, WatchResponseStream)>,
    connection: Option<&Connection>,
) -> Event {
    let Some((_, responses)) = stream else { return std::future::pending().await };
    match responses.message().await {
        Ok(Some(response)) => Event::Responded(wire::response(response)),
        Ok(None) => Event::Failed(Fault::Lost(ended(connection))),
        Err(error) => {
            let endpoint = connection.map_or_else(String::new, |connection| connection.endpoint.to_string());
            Event::Failed(wire::fault(&error, &endpoint).during("watch"))
        }
    }
}

fn ended(connection: Option<&Connection>) -> Error {
    let error = Error::new(ErrorKind::Connection, "etcd ended the watch stream");
    match connection {
        Some(connection) => error.at(connection.endpoint.to_string()),
        None => error,
    }
}
