//! The real driver with its transport and its sinks, on the clock and network of a test.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::etcd::Simulated;
use super::services::serve;
use crate::clock::Instant;
use crate::config::Settings;
use crate::endpoint::Endpoint;
use crate::notice::{Notice, Sink};
use crate::range::{KeyRange, Ranges};
use crate::store::Publication;
use crate::sync::{Contents, Driver, Phase, Report, Sinks};
use crate::transport::{Endpoints, Link, simulated};

/// Longer than anything here takes. The simulated clock makes waiting free.
pub(crate) const LONG: Duration = Duration::from_secs(120);

pub(crate) struct Follower {
    pub(crate) publication: Arc<Publication>,
    report: Arc<ArcSwap<Report>>,
    reported: Arc<Reported>,
    pub(crate) contents: Arc<Contents>,
    _wanted: watch::Sender<bool>,
}

/// What a driver is made of.
pub(crate) struct Parts {
    pub(crate) settings: Arc<Settings>,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) link: Arc<Link>,
    pub(crate) sinks: Sinks,
    pub(crate) wanted: watch::Receiver<bool>,
}

/// The settings of a process that follows `prefixes` at `hosts`, in small pages.
pub(crate) fn settings(hosts: &[&str], prefixes: &[&[u8]]) -> Settings {
    let endpoints = hosts.iter().map(|host| Endpoint::parse(host, false).unwrap()).collect();
    let ranges = Ranges::merge(prefixes.iter().map(|prefix| KeyRange::prefix(prefix)));
    Settings { page_size: 2, ..Settings::new(endpoints, ranges).unwrap() }
}

/// A simulated etcd that answers at `host`.
pub(crate) fn etcd_at(host: &str) -> Simulated {
    let etcd = Simulated::new();
    tokio::spawn(serve(etcd.clone(), simulated::listen(host)));
    etcd
}

/// An etcd that holds `/a/1`, and a process that follows it.
pub(crate) async fn followed() -> (Simulated, Follower) {
    let etcd = etcd_at("one");
    etcd.put(b"/a/1", 1);
    let follower = Follower::start(&["one"], &[b"/a/"]);
    follower.fresh().await;
    (etcd, follower)
}

/// Collects the notices.
#[derive(Debug, Default)]
struct Reported(Mutex<Vec<Notice>>);

impl Sink for Reported {
    fn notify(&self, notice: Notice) {
        self.0.lock().unwrap().push(notice);
    }
}

impl Follower {
    /// Follows `prefixes` at `hosts`, in the given order.
    pub(crate) fn start(hosts: &[&str], prefixes: &[&[u8]]) -> Self {
        Self::with(settings(hosts, prefixes))
    }

    pub(crate) fn with(settings: Settings) -> Self {
        fastrand::seed(2379);
        Self::beside_others(settings)
    }

    /// Starts one process of many, with its own random numbers.
    pub(crate) fn beside_others(settings: Settings) -> Self {
        Self::run_by(settings, |parts| {
            let Parts { settings, endpoints, link, sinks, wanted } = parts;
            Driver::new(settings, endpoints, link, sinks, wanted).run()
        })
    }

    /// Runs the driver through `run`, and shows its results.
    pub(crate) fn run_by<F>(settings: Settings, run: impl FnOnce(Parts) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let settings = Arc::new(settings);
        let endpoints = Arc::new(Endpoints::new(&settings.endpoints, 0.0));
        let link = Arc::new(Link::new(Arc::clone(&settings), Arc::clone(&endpoints)));
        let (publication, report) = (Arc::<Publication>::default(), Arc::<ArcSwap<Report>>::default());
        let (reported, contents) = (Arc::<Reported>::default(), Arc::<Contents>::default());
        let sinks = Sinks {
            publication: Arc::clone(&publication),
            report: Arc::clone(&report),
            wakers: Arc::default(),
            published: Arc::default(),
            advanced: Arc::default(),
            changed: Arc::default(),
            notices: Arc::<Reported>::clone(&reported),
            contents: Arc::clone(&contents),
        };
        let (sender, mut wanted) = watch::channel(true);
        wanted.mark_changed();
        tokio::spawn(run(Parts { settings, endpoints, link, sinks, wanted }));
        Self { publication, report, reported, contents, _wanted: sender }
    }

    pub(crate) fn report(&self) -> Arc<Report> {
        self.report.load_full()
    }

    /// All notices so far, in order.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        self.reported.0.lock().unwrap().clone()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.report().phase
    }

    pub(crate) fn revision(&self) -> i64 {
        self.publication.load().snapshot().revision()
    }

    pub(crate) fn value(&self, key: &[u8]) -> Option<u8> {
        self.publication.load().snapshot().get(key).map(|entry| entry.value()[0])
    }

    /// The text of the last error.
    pub(crate) fn last_error(&self) -> String {
        self.report().last_error.as_ref().map_or_else(String::new, ToString::to_string)
    }

    /// How long ago etcd confirmed the content.
    pub(crate) fn age(&self) -> Duration {
        self.report().confirmed_at.map_or(Duration::MAX, |at| Instant::now().saturating_duration_since(at))
    }

    /// Waits for `condition` for at most `limit` of simulated time; returns how long it took.
    pub(crate) async fn within(
        &self,
        limit: Duration,
        what: &str,
        condition: impl Fn(&Self) -> bool,
    ) -> Duration {
        let start = Instant::now();
        while !condition(self) {
            let waited = Instant::now() - start;
            assert!(waited <= limit, "waited {waited:?} for {what}: {:?}", self.report());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Instant::now() - start
    }

    pub(crate) async fn shows(&self, key: &[u8], value: Option<u8>) -> Duration {
        self.within(LONG, "a value", |follower| follower.value(key) == value).await
    }

    /// Waits until it watches and etcd has confirmed the content since now.
    pub(crate) async fn fresh(&self) -> Duration {
        let now = Instant::now();
        let fresh = |follower: &Self| {
            follower.phase() == Phase::Watching && follower.report().confirmed_at.is_some_and(|at| at >= now)
        };
        self.within(LONG, "a confirmation", fresh).await
    }

    /// Lets time pass in which nothing is expected.
    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
