//! One login for all connections of a process, and for the processes that are forked from it.
//!
//! A login costs etcd some 90 ms of processor (bcrypt), and etcd finishes it even when nobody waits any more. So
//! after a restart, which voids simple tokens, a fleet that logs in twice each, gives up after seconds and asks again
//! never gets in: etcd only finishes logins that were given up. Therefore:
//!
//! * All clients of the same cluster and user share one token, and one login under way.
//! * A login outlives whoever waits for it, and takes as long as it takes. A busy server still answers other
//!   requests meanwhile; one that does not is dead, and the login goes to another.
//! * A token that etcd refuses is replaced once, by whichever connection notices first.
//! * A token of another history is replaced: etcd holds a request with a simple token until its raft index is that of
//!   the login (`isValidSimpleToken`), so that one restored from a backup does not even refuse it. Where etcd tells its
//!   raft index only to those who are logged in (3.5.28, 3.6), the silence itself must tell.
//! * Refused and timed out logins back off with full jitter (promise 12).
//!
//! Nothing that outlives a fork locks, since a lock could be inherited locked.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use etcd_client::Client;
use http::HeaderValue;
use tokio::sync::watch;

use super::dial::timed_out;
use super::explain::{explain, wants_login};
use crate::backoff::{self, Backoff};
use crate::clock::Instant;
use crate::config::{Credentials, Discovery, Settings};
use crate::endpoint::Endpoint;
use crate::epoch::ProcessCell;
use crate::error::{Error, ErrorKind, Result};

/// For the first login. 300 logins at once take a server with one core as long.
const FIRST_PATIENCE: Duration = Duration::from_secs(30);
/// For a login after some that took too long.
const MOST_PATIENCE: Duration = Duration::from_secs(480);
/// Full jitter between zero and this before a second login, and twice as much before each further one.
const BACKOFF_BASE: Duration = Duration::from_millis(500);
/// A wrong password must not keep etcd busy, and the right one must be noticed.
const BACKOFF_CAP: Duration = Duration::from_secs(20);
/// After an answer that says nothing of the user: etcd has no leader, or is overloaded. It may be well again at once.
const UNAVAILABLE_CAP: Duration = Duration::from_secs(3);
const STABILITY: Duration = Duration::from_secs(60);

/// How many raft entries a member may be behind the one that gave the token.
const LAG: u64 = 100;
/// Requests in a row without an answer, after which the token may be what holds them up.
const UNANSWERED: u32 = 4;
/// As many of those is one on a connection that answers without the token: at another member the second one shows that
/// the first was not just behind.
const HELD: u32 = UNANSWERED / 2;

const TOKEN_HEADER: &str = "token";
/// etcd refuses a void token even from those who ask for another.
const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";

static LOGINS: ArcSwapOption<Vec<Weak<Login>>> = ArcSwapOption::const_empty();

/// The end of a login: `None` while it is under way.
type Outcome = watch::Receiver<Option<Result<()>>>;

/// One user of one cluster.
pub struct Login {
    endpoints: Vec<Endpoint>,
    discovery: Option<Discovery>,
    credentials: Credentials,
    /// After which a server that answers nothing is dead.
    connect_timeout: Duration,
    known: ArcSwap<Known>,
    /// Requests with the token in a row that got no answer.
    unanswered: AtomicU32,
    /// The login under way in this process.
    under_way: ProcessCell<Mutex<Option<Outcome>>>,
}

/// What a forked child goes on with.
#[derive(Clone)]
struct Known {
    /// Counts the logins, to tell a refused token from its successor.
    serial: u64,
    /// `None` before the first login, and where etcd's authentication is off.
    token: Option<HeaderValue>,
    /// Whether only another login can help.
    void: bool,
    patience: Duration,
    backoff: Backoff,
    /// Until when nobody asks again, and why.
    refused: Option<(Instant, Error)>,
}

impl Login {
    /// The login that the clients with these `settings` share; `None` for those without a user.
    #[must_use]
    pub fn of(settings: &Settings) -> Option<Arc<Self>> {
        let credentials = settings.credentials.as_ref()?;
        let mut endpoints = settings.endpoints.clone();
        endpoints.sort_by_cached_key(ToString::to_string);
        endpoints.dedup();
        let made = Arc::new(Self::new(endpoints, settings, credentials.clone()));
        let same = |login: &Arc<Self>| {
            login.endpoints == made.endpoints
                && login.discovery == made.discovery
                && login.credentials == made.credentials
        };
        let mut login = Arc::clone(&made);
        LOGINS.rcu(|logins| {
            let mut logins: Vec<_> = logins.iter().flat_map(|logins| logins.iter().cloned()).collect();
            logins.retain(|login| login.strong_count() > 0);
            let shared = logins.iter().filter_map(Weak::upgrade).find(same);
            if shared.is_none() {
                logins.push(Arc::downgrade(&made));
            }
            login = shared.unwrap_or_else(|| Arc::clone(&made));
            Some(Arc::new(logins))
        });
        Some(login)
    }

    fn new(endpoints: Vec<Endpoint>, settings: &Settings, credentials: Credentials) -> Self {
        let known = Known {
            serial: 0,
            token: None,
            void: true,
            patience: FIRST_PATIENCE,
            backoff: Backoff::new(BACKOFF_BASE, BACKOFF_CAP, STABILITY),
            refused: None,
        };
        Self {
            endpoints,
            discovery: settings.discovery.clone(),
            credentials,
            connect_timeout: settings.timing.connect_timeout,
            known: ArcSwap::from_pointee(known),
            unanswered: AtomicU32::new(0),
            under_way: ProcessCell::new(),
        }
    }

    /// The same request, with the token.
    pub(super) fn sign<B>(&self, mut request: http::Request<B>) -> http::Request<B> {
        if let Some(token) = self.known.load().token.clone().filter(|_| request.uri().path() != AUTHENTICATE)
        {
            request.headers_mut().insert(TOKEN_HEADER, token);
        }
        request
    }

    /// Which login the token is of: for [`Self::refuse`].
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.known.load().serial
    }

    /// Whether a connection has to log in before it can be used.
    pub(super) fn is_due(&self) -> bool {
        self.known.load().void
    }

    /// Whether a login of this process has yet to be answered.
    pub(super) fn is_under_way(&self) -> bool {
        let under_way = self.under_way.get();
        under_way.is_some_and(|under_way| {
            let under_way = under_way.lock().unwrap_or_else(PoisonError::into_inner);
            under_way
                .as_ref()
                .is_some_and(|outcome| outcome.borrow().is_none() && outcome.has_changed().is_ok())
        })
    }

    /// etcd takes the token of login `serial` no longer.
    pub fn refuse(&self, serial: u64) {
        self.change(|known| known.void |= known.serial == serial);
    }

    /// Compares the token of login `serial` with how far a member is: one from further on is of another history.
    pub(super) fn compare(&self, serial: u64, raft_index: u64) {
        let index = self.known.load().token.as_ref().and_then(index_of);
        if index.is_some_and(|index| index > raft_index.saturating_add(LAG)) {
            self.refuse(serial);
        }
    }

    /// A request with the token of login `serial` was `answered`, or was not within its time.
    pub(super) fn tried(&self, serial: u64, answered: bool) {
        if answered {
            self.unanswered.store(0, Ordering::Relaxed);
        } else {
            self.doubt(serial, 1);
        }
    }

    /// A request with the token of login `serial` was not answered, on a connection where one without it was.
    pub(super) fn held(&self, serial: u64) {
        self.doubt(serial, HELD);
    }

    fn doubt(&self, serial: u64, weight: u32) {
        if self.unanswered.fetch_add(weight, Ordering::Relaxed) + weight >= UNANSWERED {
            self.unanswered.store(0, Ordering::Relaxed);
            self.refuse(serial);
        }
    }

    /// Whether etcd may be asked at `now`.
    ///
    /// # Errors
    /// Why it refused last, for a while after that.
    pub(super) fn check(&self, now: Instant) -> Result<()> {
        match &self.known.load().refused {
            Some((until, error)) if now < *until => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Gets a token over `client` if one is due, or waits for the login that is under way.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn log_in(self: &Arc<Self>, client: &Client, endpoint: &Endpoint) -> Result<()> {
        let Some(mut outcome) = self.begin(client, endpoint)? else { return Ok(()) };
        match outcome.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(Ok(())),
            Err(_) => Err(Error::new(ErrorKind::Internal, "a defect in etcd_discovery ended the login")),
        }
    }

    fn begin(self: &Arc<Self>, client: &Client, endpoint: &Endpoint) -> Result<Option<Outcome>> {
        let under_way = self.under_way.get_or_make(|| Ok::<_, Error>(Mutex::default()))?;
        let mut under_way = under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_due() {
            return Ok(None);
        }
        if let Some(outcome) = under_way.as_ref().filter(|outcome| outcome.has_changed().is_ok()) {
            return Ok(Some(outcome.clone()));
        }
        self.check(Instant::now())?;
        let (end, outcome) = watch::channel(None);
        *under_way = Some(outcome.clone());
        let (login, client, endpoint) = (Arc::clone(self), client.clone(), endpoint.to_string());
        // A task of its own: whoever waits may give up, and the answer is worth the same.
        tokio::spawn(async move {
            let _ = end.send(Some(Box::pin(login.ask(client, &endpoint)).await));
        });
        Ok(Some(outcome))
    }

    async fn ask(&self, client: Client, endpoint: &str) -> Result<()> {
        let (user, password) = (self.credentials.user.clone(), self.credentials.password.reveal().to_owned());
        let patience = self.known.load().patience;
        let during = |error: Error| error.during(format!("user {:?}", self.credentials.user));
        let mut auth = client.auth_client();
        let answer = tokio::select! {
            answer = tokio::time::timeout(patience, auth.authenticate(user, password)) => answer,
            silent = silence(client, self.connect_timeout) => {
                return Err(during(timed_out("no answer to the login, and none to another request", silent)).at(endpoint));
            }
        };
        let now = Instant::now();
        let token = match answer {
            Ok(Ok(answer)) => HeaderValue::from_str(answer.token()).ok().map(|mut token| {
                token.set_sensitive(true);
                token
            }),
            // A cluster whose authentication is off for now serves everybody.
            Ok(Err(error)) if error.to_string().contains("authentication is not enabled") => None,
            Ok(Err(error)) => {
                let explained = during(explain(&error, endpoint));
                // A connection that broke is no answer: the next one may ask at once.
                if was_answered(&error) {
                    let longest = if explained.is_denial() { BACKOFF_CAP } else { UNAVAILABLE_CAP };
                    self.refused(now, longest, &explained);
                }
                return Err(explained);
            }
            Err(_) => {
                let error = during(timed_out("no answer to the login", patience)).at(endpoint);
                self.change(|known| known.patience = (known.patience * 2).min(MOST_PATIENCE));
                self.refused(now, BACKOFF_CAP, &error);
                return Err(error);
            }
        };
        self.change(|known| {
            known.backoff.succeeded(now);
            *known = Known {
                serial: known.serial + 1,
                token: token.clone(),
                void: false,
                patience: FIRST_PATIENCE,
                backoff: known.backoff.clone(),
                refused: None,
            };
        });
        Ok(())
    }

    /// Has nobody of this process ask again for a while. The workers of one master draw numbers of their own.
    fn refused(&self, now: Instant, longest: Duration, error: &Error) {
        let random = fastrand::Rng::with_seed(backoff::seed()).f64();
        self.change(|known| known.refused_at(now, random, longest, error.clone()));
    }

    fn change(&self, mut change: impl FnMut(&mut Known)) {
        self.known.rcu(|known| {
            let mut known = Known::clone(known);
            change(&mut known);
            Arc::new(known)
        });
    }
}

impl Known {
    fn refused_at(&mut self, now: Instant, random: f64, longest: Duration, error: Error) {
        self.refused = Some((now + self.backoff.failed(now, random).min(longest), error));
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.credentials.user).finish_non_exhaustive()
    }
}

/// The raft index at which etcd gave a simple token, its part after the dot. JSON web tokens have none.
fn index_of(token: &HeaderValue) -> Option<u64> {
    token.to_str().ok()?.rsplit_once('.')?.1.parse().ok()
}

/// Ends when the server behind `client` has left a request unanswered for the time returned. 200 logins at once keep a
/// server with one core from any other answer for some two seconds.
async fn silence(mut client: Client, connect_timeout: Duration) -> Duration {
    loop {
        tokio::time::sleep(connect_timeout).await;
        if tokio::time::timeout(2 * connect_timeout, client.status()).await.is_err() {
            return 2 * connect_timeout;
        }
    }
}

/// Whether etcd itself said it, and not the connection.
pub(super) fn was_answered(error: &etcd_client::Error) -> bool {
    use std::error::Error as _;
    matches!(error, etcd_client::Error::GRpcStatus(status) if status.source().is_none())
}

/// Whether `error` says that the token is not taken, or that there is none: another login helps.
#[must_use]
pub fn is_refusal(error: &etcd_client::Error) -> bool {
    matches!(error, etcd_client::Error::GRpcStatus(status) if wants_login(status.message()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use crate::range::Ranges;

    fn settings(endpoints: &[&str], password: &str) -> Settings {
        let endpoints = endpoints.iter().map(|name| Endpoint::parse(name, false).unwrap()).collect();
        let credentials = Credentials { user: "app".into(), password: Secret::new(password) };
        let settings = Settings::new(endpoints, Ranges::default()).unwrap();
        Settings { credentials: Some(credentials), ..settings }
    }

    #[test]
    fn clients_of_the_same_cluster_and_user_share_a_login() {
        let one = Login::of(&settings(&["a", "b"], "pw")).unwrap();
        let same = Login::of(&settings(&["b", "a"], "pw")).unwrap();
        assert!(Arc::ptr_eq(&one, &same));
        for other in [settings(&["a"], "pw"), settings(&["a", "b"], "another")] {
            assert!(!Arc::ptr_eq(&one, &Login::of(&other).unwrap()));
        }
        assert!(Login::of(&Settings { credentials: None, ..settings(&["a"], "") }).is_none());
    }

    #[test]
    fn a_refused_token_is_replaced_once_however_many_report_it() {
        let login = Login::of(&settings(&["once"], "pw")).unwrap();
        login.change(|known| *known = Known { serial: 7, void: false, ..known.clone() });
        login.refuse(6);
        assert!(!login.is_due(), "that was the token before");
        login.refuse(7);
        assert!(login.is_due());
    }

    #[test]
    fn a_token_from_further_on_than_its_server_is_replaced() {
        let login = Login::of(&settings(&["restored"], "pw")).unwrap();
        let token = HeaderValue::from_str("yJsVzqPSSyuKvvGg.2000").ok();
        login
            .change(|known| *known = Known { serial: 1, token: token.clone(), void: false, ..known.clone() });
        login.compare(1, 1990);
        assert!(!login.is_due(), "a member may be a little behind");
        login.compare(1, 323);
        assert!(login.is_due());
        assert_eq!(index_of(&HeaderValue::from_static("eyJhbGciOiJ.eyJ1c2VybmFtZSI6.c2lnbmF0dXJl")), None);
    }

    #[test]
    fn a_token_with_which_nothing_is_answered_is_replaced() {
        let login = Login::of(&settings(&["silent"], "pw")).unwrap();
        login.change(|known| *known = Known { serial: 1, void: false, ..known.clone() });
        for answered in [false, false, false, true, false, false, false] {
            login.tried(1, answered);
            assert!(!login.is_due());
        }
        login.tried(1, false);
        assert!(login.is_due());
    }

    #[test]
    fn a_token_that_two_connections_hold_is_replaced_though_they_answer_without_it() {
        let login = Login::of(&settings(&["held"], "pw")).unwrap();
        login.change(|known| *known = Known { serial: 1, void: false, ..known.clone() });
        login.held(1);
        assert!(!login.is_due(), "that member may be behind");
        login.held(1);
        assert!(login.is_due());
    }

    #[test]
    fn a_fleet_whose_logins_are_refused_at_one_moment_does_not_ask_again_at_one_moment() {
        let (now, wrong) = (Instant::now(), Error::new(ErrorKind::Authentication, "wrong password"));
        for (refusals, ceiling) in [(1, BACKOFF_BASE), (9, BACKOFF_CAP)] {
            backoff::fleet::assert_full_jitter(ceiling, |process| {
                let settings = settings(&["fleet"], "pw");
                let login = Login::new(Vec::new(), &settings, settings.credentials.clone().unwrap());
                fastrand::seed(process);
                (0..refusals).for_each(|_| login.refused(now, BACKOFF_CAP, &wrong));
                let refused = login.known.load().refused.clone();
                refused.unwrap().0 - now
            });
        }
    }

    #[test]
    fn a_refused_login_is_not_tried_again_at_once_and_its_pauses_grow() {
        let login = Login::of(&settings(&["pauses"], "pw")).unwrap();
        let (mut now, wrong) = (Instant::now(), Error::new(ErrorKind::Authentication, "wrong password"));
        let mut pauses = Vec::new();
        for _ in 0..10 {
            assert_eq!(login.check(now), Ok(()));
            login.change(|known| known.refused_at(now, 0.999, BACKOFF_CAP, wrong.clone()));
            assert_eq!(login.check(now), Err(wrong.clone()));
            let until = login.known.load().refused.as_ref().map(|(until, _)| *until).unwrap();
            pauses.push(until - now);
            now = until;
        }
        assert!(pauses.is_sorted() && pauses[0] < BACKOFF_BASE && pauses[9] > BACKOFF_CAP.mul_f64(0.9));
    }

    #[test]
    fn no_debug_output_shows_the_password_or_the_token() {
        let login = Login::of(&settings(&["debug"], "hunter2")).unwrap();
        login.change(|known| known.token = HeaderValue::from_str("t0ken").ok());
        let shown = format!("{login:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("t0ken"), "{shown}");
    }
}
