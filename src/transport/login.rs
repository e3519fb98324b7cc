//! One login for all connections of a process and of its forked children.
//!
//! A login costs etcd some 90 ms of processor time (bcrypt), and etcd finishes it even if the client has given up. A
//! restart of etcd invalidates simple tokens. If each client of a fleet then logged in twice, gave up after seconds and
//! tried again, etcd would be busy only with abandoned logins, and no client would ever get a token. Therefore:
//!
//! * All clients of the same cluster and user share one token and one running login.
//! * A login continues even if no request waits for it any more, and may take long. A busy server still answers other
//!   requests meanwhile; one that does not is dead, and the login moves to another server.
//! * A token that etcd refuses is replaced once, by the first connection that notices.
//! * A token from another history is replaced. etcd delays a request with a simple token until its raft index reaches
//!   that of the login (`isValidSimpleToken`), so a server restored from a backup does not even refuse the token. Some
//!   servers reveal their raft index only to users who are logged in (3.5.28, 3.6). There, missing answers are the only
//!   sign.
//! * Refused and timed-out logins back off with full jitter (promise 12).
//!
//! State that is shared with forked children is lock-free, because a child could inherit a held lock.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use etcd_client::Client;
use tokio::sync::watch;

use super::explain::{timed_out, was_answered};
use super::login_state::{BACKOFF_CAP, LoginState};
use super::refusal::explain;
use super::token::Token;
use crate::backoff;
use crate::clock::Instant;
use crate::config::{Credentials, Discovery, Settings};
use crate::endpoint::Endpoint;
use crate::epoch::ProcessCell;
use crate::error::{Error, ErrorKind, Result};

/// The longest pause after an error that is not about the user: etcd has no leader, or is overloaded.
const UNAVAILABLE_CAP: Duration = Duration::from_secs(3);

/// After this many consecutive requests without an answer, the token counts as invalid.
const MAX_UNANSWERED: u32 = 4;
/// The weight of an unanswered request on a connection that answers without the token.
///
/// Two of them suffice: the second, at another member, shows that the first member was not just behind.
const STALLED: u32 = MAX_UNANSWERED / 2;

static LOGINS: ArcSwapOption<Vec<Weak<Login>>> = ArcSwapOption::const_empty();

/// The outcome of a login; `None` while it is running.
type Outcome = watch::Receiver<Option<Result<()>>>;

/// The login of one user at one cluster.
pub struct Login {
    endpoints: Vec<Endpoint>,
    discovery: Option<Discovery>,
    credentials: Credentials,
    /// The time after which a server that answers no request counts as dead.
    connect_timeout: Duration,
    state: ArcSwap<LoginState>,
    /// The number of consecutive requests with the token that got no answer.
    unanswered: AtomicU32,
    /// The login that is running in this process.
    running: ProcessCell<Mutex<Option<Outcome>>>,
}

impl Login {
    /// The login shared by all clients with these `settings`; `None` without a user.
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
            running: ProcessCell::new(),
        }
    }

    /// Adds the token to `request`.
    pub(super) fn sign<B>(&self, mut request: http::Request<B>) -> http::Request<B> {
        if let Some(token) = &self.state.load().token {
            token.sign(&mut request);
        }
        request
    }

    /// The number of the login that the token comes from, for [`Self::refuse`].
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.state.load().serial
    }

    /// Whether a connection has to log in before it can be used.
    pub(super) fn is_due(&self) -> bool {
        self.state.load().invalid
    }

    /// Whether a login of this process has not been answered yet.
    pub(super) fn is_running(&self) -> bool {
        let running = self.running.get();
        running.is_some_and(|running| {
            let running = running.lock().unwrap_or_else(PoisonError::into_inner);
            let outcome = running.as_ref();
            outcome.is_some_and(|outcome| outcome.borrow().is_none() && outcome.has_changed().is_ok())
        })
    }

    /// Records that etcd does not accept the token of login `serial` any more.
    pub fn refuse(&self, serial: u64) {
        self.change(|state| state.invalid |= state.serial == serial);
    }

    /// Invalidates the token of login `serial` if it is ahead of a member's raft index.
    ///
    /// Such a token is from another history.
    pub(super) fn compare(&self, serial: u64, raft_index: u64) {
        if self.state.load().token.as_ref().is_some_and(|token| token.is_ahead_of(raft_index)) {
            self.refuse(serial);
        }
    }

    /// Records whether a request with the token of login `serial` was `answered` in time.
    pub(super) fn tried(&self, serial: u64, answered: bool) {
        if answered {
            self.unanswered.store(0, Ordering::Relaxed);
        } else {
            self.count_unanswered(serial, 1);
        }
    }

    /// Records that a request with the token of login `serial` got no answer, while one without it did.
    pub(super) fn stalled(&self, serial: u64) {
        self.count_unanswered(serial, STALLED);
    }

    fn count_unanswered(&self, serial: u64, weight: u32) {
        if self.unanswered.fetch_add(weight, Ordering::Relaxed) + weight >= MAX_UNANSWERED {
            self.unanswered.store(0, Ordering::Relaxed);
            self.refuse(serial);
        }
    }

    /// Checks whether a login may be tried at `now`.
    ///
    /// # Errors
    /// The last refusal, during the pause after it.
    pub(super) fn check(&self, now: Instant) -> Result<()> {
        self.state.load().check(now)
    }

    /// Logs in over `client` if necessary, or waits for the running login.
    ///
    /// # Errors
    /// Why the login failed.
    pub(super) async fn log_in(self: &Arc<Self>, client: &Client, endpoint: &Endpoint) -> Result<()> {
        let Some(mut outcome) = self.start(client, endpoint)? else { return Ok(()) };
        match outcome.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(Ok(())),
            Err(_) => Err(Error::new(
                ErrorKind::Internal,
                "internal error in etcd_discovery (a Rust panic ended the login); please report it",
            )),
        }
    }

    fn start(self: &Arc<Self>, client: &Client, endpoint: &Endpoint) -> Result<Option<Outcome>> {
        let running = self.running.get_or_make(|| Ok::<_, Error>(Mutex::default()))?;
        let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_due() {
            return Ok(None);
        }
        if let Some(outcome) = running.as_ref().filter(|outcome| outcome.has_changed().is_ok()) {
            return Ok(Some(outcome.clone()));
        }
        self.check(Instant::now())?;
        let (end, outcome) = watch::channel(None);
        *running = Some(outcome.clone());
        let (login, client, endpoint) = (Arc::clone(self), client.clone(), endpoint.to_string());
        // A separate task: the token is useful even if the caller stops waiting.
        tokio::spawn(async move {
            let _ = end.send(Some(Box::pin(login.ask(client, &endpoint)).await));
        });
        Ok(Some(outcome))
    }

    async fn ask(&self, client: Client, endpoint: &str) -> Result<()> {
        let (user, password) = (self.credentials.user.clone(), self.credentials.password.reveal().to_owned());
        let timeout = self.state.load().timeout;
        let during = |error: Error| error.during(format!("user {:?}", self.credentials.user));
        let mut auth = client.auth_client();
        let answer = tokio::select! {
            answer = tokio::time::timeout(timeout, auth.authenticate(user, password)) => answer,
            waited = until_silent(client, self.connect_timeout) => {
                let error = timed_out("no answer to the login nor to another request", waited);
                return Err(during(error).at(endpoint));
            }
        };
        let now = Instant::now();
        let token = match answer {
            Ok(Ok(answer)) => Token::new(answer.token()),
            // A cluster with authentication switched off needs no token.
            Ok(Err(error)) if error.to_string().contains("authentication is not enabled") => None,
            Ok(Err(error)) => {
                let explained = during(explain(&error, endpoint));
                // Only an answer from etcd causes a pause. After a broken connection the next one may log in at once.
                if was_answered(&error) {
                    let longest = if explained.is_denial() { BACKOFF_CAP } else { UNAVAILABLE_CAP };
                    self.refused(now, longest, &explained);
                }
                return Err(explained);
            }
            Err(_) => {
                let error = during(timed_out("no answer to the login", timeout)).at(endpoint);
                self.change(LoginState::timed_out);
                self.refused(now, BACKOFF_CAP, &error);
                return Err(error);
            }
        };
        self.change(|state| state.succeeded(now, token.clone()));
        Ok(())
    }

    /// Starts a pause before the next login of this process.
    ///
    /// Each worker of a master draws its own random pause.
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

/// Returns once the server behind `client` leaves a request unanswered, with the time that it waited.
///
/// With 200 concurrent logins a server with one core answers nothing else for some two seconds.
async fn until_silent(mut client: Client, connect_timeout: Duration) -> Duration {
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
    fn a_refused_token_is_replaced_once_however_many_connections_report_it() {
        let login = Login::of(&settings(&["once"], "pw")).unwrap();
        (0..7).for_each(|_| login.change(|state| state.succeeded(Instant::now(), None)));
        login.refuse(6);
        assert!(!login.is_due(), "login 6 gave the previous token");
        login.refuse(7);
        assert!(login.is_due());
    }

    #[test]
    fn a_token_from_a_later_raft_index_than_its_server_is_replaced() {
        let login = Login::of(&settings(&["restored"], "pw")).unwrap();
        login.change(|state| state.succeeded(Instant::now(), Token::new("yJsVzqPSSyuKvvGg.2000")));
        login.compare(1, 1990);
        assert!(!login.is_due(), "a member may be a little behind");
        login.compare(1, 323);
        assert!(login.is_due());
    }

    #[test]
    fn a_token_is_replaced_after_several_unanswered_requests_in_a_row() {
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
    fn a_token_is_replaced_if_two_connections_answer_only_requests_without_it() {
        let login = Login::of(&settings(&["stalled"], "pw")).unwrap();
        login.change(|state| state.succeeded(Instant::now(), None));
        login.stalled(1);
        assert!(!login.is_due(), "that member may be behind");
        login.stalled(1);
        assert!(login.is_due());
    }

    #[test]
    fn a_fleet_whose_logins_are_refused_at_one_moment_does_not_try_again_at_one_moment() {
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
    fn a_token_repeated_by_the_server_is_filtered_out_of_errors() {
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
