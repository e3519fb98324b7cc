//! The connection for requests of one client, opened on first use and shared by all requests.
//!
//! It is separate from the watch's connection, because a watch whose messages are not read would block the heartbeats
//! of all leases on the same connection.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etcd_client::Client;

use super::dial::{Connection, dial};
use super::discovery::choose;
use super::endpoints::Endpoints;
use super::explain::{is_refusal, timed_out};
use super::login::Login;
use super::refusal::{explain, is_broken};
use crate::clock::Instant;
use crate::config::Settings;
use crate::error::{Error, ErrorKind, Result};

/// The request connection of one client.
pub struct Link {
    settings: Arc<Settings>,
    endpoints: Arc<Endpoints>,
    login: Option<Arc<Login>>,
    open: Mutex<Open>,
    /// How often the time for a page is doubled.
    doublings: AtomicU32,
    /// Held while connecting, so that concurrent requests share one connection.
    dialing: tokio::sync::Mutex<()>,
}

/// How often the time for a page is doubled at most.
const MOST_DOUBLINGS: u32 = 3;

type Answer<T> = std::result::Result<T, etcd_client::Error>;

#[derive(Default)]
struct Open {
    connection: Option<Connection>,
    /// The number of connections so far, to distinguish a failed one from its successor.
    serial: u64,
}

impl Link {
    /// A link that is not connected yet.
    #[must_use]
    pub fn new(settings: Arc<Settings>, endpoints: Arc<Endpoints>) -> Self {
        let login = Login::of(&settings);
        let (open, doublings, dialing) = Default::default();
        Self { settings, endpoints, login, open, doublings, dialing }
    }

    /// The login that this link's requests share with other connections.
    #[must_use]
    pub const fn login(&self) -> Option<&Arc<Login>> {
        self.login.as_ref()
    }

    /// Sends one request within the request timeout.
    ///
    /// It is sent at most once, and once more if etcd refused the token and therefore did not process it.
    ///
    /// # Errors
    /// The error of connecting, if no endpoint could be reached in time, or of the request.
    pub async fn call<T, F>(&self, request: impl Fn(Client) -> F) -> std::result::Result<T, CallError>
    where
        F: Future<Output = std::result::Result<T, etcd_client::Error>>,
    {
        let timeout = self.settings.timing.request_timeout;
        let deadline = tokio::time::Instant::now() + timeout;
        let (connection, serial) = Box::pin(self.connect_until(deadline)).await?;
        let (client, request) = (&connection.client, &request);
        let ask = || {
            // Boxed, because otherwise each caller's future would contain it twice.
            let asked = tokio::time::timeout_at(deadline, Box::pin(request(client.clone())));
            async move { asked.await.ok() }
        };
        let answer = self.signed(&connection, deadline, ask).await?;
        self.conclude(&connection, serial, answer, timeout)
    }

    /// Sends a request whose answer may be large. It may exceed the request timeout while bytes arrive.
    ///
    /// # Errors
    /// The errors of [`Self::call`].
    pub async fn download<T, F>(&self, request: impl Fn(Client) -> F) -> std::result::Result<T, CallError>
    where
        F: Future<Output = std::result::Result<T, etcd_client::Error>>,
    {
        self.receive(self.settings.timing.request_timeout, request).await.map(|(answer, _)| answer)
    }

    /// Downloads a page of a listing, for which no one has set a deadline. Returns it with the time of its transfer.
    ///
    /// Each timeout doubles the next one, up to 8 times the request timeout. An answer within the request timeout halves
    /// it again. etcd goes on with a request that was given up: if many processes list everything at the same moment and
    /// none of them waits longer, etcd only works for answers that no one awaits any more.
    ///
    /// # Errors
    /// The errors of [`Self::call`].
    pub async fn download_page<T, F>(
        &self,
        request: impl Fn(Client) -> F,
    ) -> std::result::Result<(T, Duration), CallError>
    where
        F: Future<Output = std::result::Result<T, etcd_client::Error>>,
    {
        let timeout = self.settings.timing.request_timeout * (1 << self.doublings.load(Ordering::Relaxed));
        let sent = tokio::time::Instant::now();
        let answer = self.receive(timeout, request).await;
        match &answer {
            Ok(_) => self.adapt(true, sent.elapsed()),
            Err(CallError::Unanswered(_)) => self.adapt(false, sent.elapsed()),
            Err(_) => {}
        }
        answer
    }

    async fn receive<T, F>(
        &self,
        patience: Duration,
        request: impl Fn(Client) -> F,
    ) -> std::result::Result<(T, Duration), CallError>
    where
        F: Future<Output = std::result::Result<T, etcd_client::Error>>,
    {
        let deadline = tokio::time::Instant::now() + self.settings.timing.request_timeout;
        let (connection, serial) = Box::pin(self.connect_until(deadline)).await?;
        let (flow, client, request) = (&connection.flow, &connection.client, &request);
        let ask = || flow.wait(patience, Box::pin(flow.timed(request(client.clone()))));
        let answer = self.signed(&connection, deadline, ask).await?;
        self.conclude(&connection, serial, answer, patience)
    }

    /// Adapts the time for the next page to how the last one went.
    fn adapt(&self, answered: bool, took: Duration) {
        let doublings = self.doublings.load(Ordering::Relaxed);
        let next = match answered {
            false => (doublings + 1).min(MOST_DOUBLINGS),
            true if took <= self.settings.timing.request_timeout => doublings.saturating_sub(1),
            true => doublings,
        };
        self.doublings.store(next, Ordering::Relaxed);
    }

    /// Sends the request, and sends it once more with a new token if etcd refused the token.
    async fn signed<T, F>(
        &self,
        connection: &Connection,
        deadline: tokio::time::Instant,
        ask: impl Fn() -> F,
    ) -> std::result::Result<Option<Answer<T>>, CallError>
    where
        F: Future<Output = Option<Answer<T>>>,
    {
        let used = self.login.as_ref().map(|login| (login, login.serial()));
        let answer = ask().await;
        if let Some((login, used)) = used {
            login.tried(used, answer.is_some());
        }
        let (Some(Err(error)), Some((login, used))) = (&answer, used) else { return Ok(answer) };
        if !is_refusal(error) {
            return Ok(answer);
        }
        login.refuse(used);
        let renewal = login.log_in(&connection.client, &connection.endpoint);
        match tokio::time::timeout_at(deadline, renewal).await {
            Ok(Ok(())) => Ok(ask().await),
            Ok(Err(error)) => Err(CallError::Unanswered(error)),
            Err(_) => {
                let error = login_under_way(self.settings.timing.request_timeout);
                Err(CallError::LoggingIn(error.at(connection.endpoint.to_string())))
            }
        }
    }

    /// Converts the answer, and gives up the connection if it is broken.
    fn conclude<T>(
        &self,
        connection: &Connection,
        serial: u64,
        answer: Option<Answer<T>>,
        timeout: Duration,
    ) -> std::result::Result<T, CallError> {
        let name = connection.endpoint.to_string();
        match answer {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => {
                if is_broken(&error) {
                    self.give_up(connection, serial);
                }
                Err(CallError::Answered(error, name))
            }
            None => {
                self.give_up(connection, serial);
                Err(CallError::Unanswered(timed_out("no answer", timeout).at(name)))
            }
        }
    }

    /// The connection, opened if there is none, and its serial for [`Self::give_up`]. For streams.
    ///
    /// # Errors
    /// The error of connecting, if no endpoint could be reached in time.
    pub async fn connect_until(
        &self,
        deadline: tokio::time::Instant,
    ) -> std::result::Result<(Connection, u64), CallError> {
        let mut last = Error::new(ErrorKind::Timeout, "no endpoint could be reached in time");
        // At least one round: with `discovery_srv` no endpoints are known before DNS has answered.
        for _ in 0..self.endpoints.count().max(1) {
            match tokio::time::timeout_at(deadline, self.connect()).await {
                Ok(Ok(connection)) => return Ok(connection),
                // Nothing was sent, so another endpoint can be tried. A refused user is refused everywhere.
                Ok(Err(error)) if !error.is_denial() => last = error,
                Ok(Err(error)) => return Err(CallError::Unanswered(error)),
                Err(_) => {
                    let timeout = self.settings.timing.request_timeout;
                    let waits = self.login.as_ref().is_some_and(|login| login.is_running());
                    return Err(if waits {
                        CallError::LoggingIn(login_under_way(timeout))
                    } else {
                        CallError::Unanswered(last)
                    });
                }
            }
        }
        Err(CallError::Unanswered(last))
    }

    async fn connect(&self) -> Result<(Connection, u64)> {
        let _dialing = self.dialing.lock().await;
        if let Some(open) = self.opened() {
            return Ok(open);
        }
        let endpoint = choose(&self.settings, &self.endpoints).await?;
        match dial(&self.settings, &self.endpoints, &endpoint, self.login.as_ref()).await {
            Ok(connection) => {
                self.endpoints.succeeded(&endpoint);
                let mut open = self.lock();
                open.serial += 1;
                open.connection = Some(connection.clone());
                Ok((connection, open.serial))
            }
            Err(error) => {
                self.endpoints.failed(&endpoint, Instant::now());
                Err(error)
            }
        }
    }

    fn opened(&self) -> Option<(Connection, u64)> {
        let open = self.lock();
        open.connection.clone().map(|connection| (connection, open.serial))
    }

    /// Drops a failed connection. The next request opens a new one, to another endpoint if possible.
    pub fn give_up(&self, failed: &Connection, serial: u64) {
        self.endpoints.failed(&failed.endpoint, Instant::now());
        self.forget(serial);
    }

    fn forget(&self, serial: u64) {
        let mut open = self.lock();
        if open.serial == serial {
            open.connection = None;
        }
    }

    /// Closes the connection. The next request opens a new one.
    pub fn close(&self) {
        self.lock().connection = None;
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn login_under_way(timeout: Duration) -> Error {
    let message = format!(
        "etcd has not answered the login within {} s, perhaps because it is busy with other logins; the login \
         continues in the background",
        timeout.as_secs_f64()
    );
    Error::new(ErrorKind::Timeout, message)
}

/// Why a call failed.
pub enum CallError {
    /// etcd, or the connection, returned this error at this endpoint.
    Answered(etcd_client::Error, String),
    /// There was no answer, or no connection.
    Unanswered(Error),
    /// The login has not finished yet. Nothing is wrong with the connection.
    LoggingIn(Error),
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Answered(error, endpoint) => explain(&error, &endpoint),
            CallError::Unanswered(error) | CallError::LoggingIn(error) => error,
        }
    }
}
