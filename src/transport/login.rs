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
use tokio::sync::watch;

use super::dial::timed_out;
use super::explain::{explain, was_answered};
use super::login_state::{BACKOFF_CAP, LoginState};
use super::token::Token;
use crate::backoff;
use crate::clock::Instant;
use crate::config::{Credentials, Discovery, Settings};
use crate::endpoint::Endpoint;
use crate::epoch::ProcessCell;
use crate::error::{Error, ErrorKind, Result};

/// After an answer that says nothing of the user: etcd has no leader, or is overloaded. It may be well again at once.
const UNAVAILABLE_CAP: Duration = Duration::from_secs(3);

/// Requests in a row without an answer, after which the token may be what holds them up.
const UNANSWERED: u32 = 4;
/// As many of those is one on a connection that answers without the token: at another member the second one shows that
/// the first was not just behind.
const HELD: u32 = UNANSWERED / 2;

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
    state: ArcSwap<LoginState>,
    /// Requests with the token in a row that got no answer.
    unanswered: AtomicU32,
    /// The login under way in this process.
    under_way: ProcessCell<Mutex<Option<Outcome>>>,
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
        Self {
            endpoints,
            discovery: settings.discovery.clone(),
            credentials,
            connect_timeout: settings.timing.connect_timeout,
            state: ArcSwap::from_pointee(LoginState::new()),
            unanswered: AtomicU32::new(0),
            under_way: ProcessCell::new(),
        }
    }

    /// The same request, with the token.
    pub(super) fn sign<B>(&self, mut request: http::Request<B>) -> http::Request<B> {
        if let Some(token) = &self.state.load().token {
            token.sign(&mut request);
        }
        request
    }

    /// Which login the token is of: for [`Self::refuse`].
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.state.load().serial
    }

    /// Whether a connection has to log in before it can be used.
    pub(super) fn is_due(&self) -> bool {
        self.state.load().void
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
        self.change(|state| state.void |= state.serial == serial);
    }

    /// Compares the token of login `serial` with how far a member is: one from further on is of another history.
    pub(super) fn compare(&self, serial: u64, raft_index: u64) {
        if self.state.load().token.as_ref().is_some_and(|token| token.is_ahead_of(raft_index)) {
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
        self.state.load().check(now)
    }

    /// Gets a token over `client` if one is due, or waits for the login that is under way.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn log_in(self: &Arc<Self>, client: &Client, endpoint: &Endpoint) -> Result<()> {
        let Some(mut outcome) = self.begin(client, endpoint)? else { return Ok(()) };
        match outcome.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(Ok(())),
            Err(_) => Err(Error::new(
                ErrorKind::Internal,
                "internal error in etcd_discovery (a Rust panic ended the login); please report it",
            )),
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
        let patience = self.state.load().patience;
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
            Ok(Ok(answer)) => Token::new(answer.token()),
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
                self.change(LoginState::took_too_long);
                self.refused(now, BACKOFF_CAP, &error);
                return Err(error);
            }
        };
        self.change(|state| state.succeeded(now, token.clone()));
        Ok(())
    }

    /// Has nobody of this process ask again for a while. The workers of one master draw numbers of their own.
    fn refused(&self, now: Instant, longest: Duration, error: &Error) {
        let random = fastrand::Rng::with_seed(backoff::seed()).f64();
        self.change(|state| state.refused(now, random, longest, error.clone()));
    }

    fn change(&self, mut change: impl FnMut(&mut LoginState)) {
        self.state.rcu(|state| {
            let mut state = LoginState::clone(state);
            change(&mut state);
            Arc::new(state)
        });
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.credentials.user).finish_non_exhaustive()
    }
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

#[cfg(test)]
mod tests {
    use super::super::login_state::BACKOFF_BASE;
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
        (0..7).for_each(|_| login.change(|state| state.succeeded(Instant::now(), None)));
        login.refuse(6);
        assert!(!login.is_due(), "that was the token before");
        login.refuse(7);
        assert!(login.is_due());
    }

    #[test]
    fn a_token_from_further_on_than_its_server_is_replaced() {
        let login = Login::of(&settings(&["restored"], "pw")).unwrap();
        login.change(|state| state.succeeded(Instant::now(), Token::new("yJsVzqPSSyuKvvGg.2000")));
        login.compare(1, 1990);
        assert!(!login.is_due(), "a member may be a little behind");
        login.compare(1, 323);
        assert!(login.is_due());
    }

    #[test]
    fn a_token_with_which_nothing_is_answered_is_replaced() {
        let login = Login::of(&settings(&["silent"], "pw")).unwrap();
        login.change(|state| state.succeeded(Instant::now(), None));
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
        login.change(|state| state.succeeded(Instant::now(), None));
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
                let refused = login.state.load().refused.clone();
                refused.unwrap().0 - now
            });
        }
    }

    #[test]
    fn a_token_that_the_server_repeats_is_in_no_error() {
        let login = Login::of(&settings(&["echo"], "pw")).unwrap();
        for (round, token) in ["frst0ken.17", "secnd0ken.99"].into_iter().enumerate() {
            login.change(|state| state.succeeded(Instant::now(), Token::new(token)));
            for token in ["frst0ken.17", "secnd0ken.99"].into_iter().take(round + 1) {
                let status =
                    tonic::Status::unauthenticated(format!("etcdserver: invalid auth token {token}"));
                let shown = explain(&etcd_client::Error::GRpcStatus(status), "echo").to_string();
                assert!(shown.contains("[FILTERED]") && !shown.contains("0ken"), "{shown}");
            }
        }
    }

    #[test]
    fn no_debug_output_shows_the_password_or_the_token() {
        let login = Login::of(&settings(&["debug"], "hunter2")).unwrap();
        login.change(|state| state.token = Token::new("t0ken"));
        let shown = format!("{login:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("t0ken"), "{shown}");
    }
}
