//! One connection to one endpoint: TCP, TLS, HTTP/2 and a first answer, all within the connect timeout; then the
//! login, if one is due, which may take longer (see [`Login`]).
//!
//! The first answer is waited for because nothing before it proves that somebody is there: a process that
//! is stopped takes connections for as long as its backlog has room, and a refused certificate or a wrong
//! scheme shows no sooner.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Channel, Client, ConnectOptions, StatusResponse};
use http::Uri;
use hyper_util::rt::TokioIo;
use tonic::transport::Endpoint as Target;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use super::addresses::PendingAttempt;
use super::connect;
use super::connect_error::ConnectAttempt;
use super::endpoints::Endpoints;
use super::explain::{explain, is_refusal, was_answered};
use super::flow::Flow;
use super::login::Login;
use super::proxy_aware_channel::{NotEtcd, ProxyAwareChannel};
use super::tls::Tls;
use crate::clock::Instant;
use crate::config::Settings;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::filtered;

/// An authenticated connection to a server that answers.
#[derive(Clone)]
pub struct Connection {
    /// The client that speaks over it, and over nothing else.
    pub client: Client,
    /// Where it leads.
    pub endpoint: Endpoint,
    /// etcd's version there; empty when it does not tell.
    pub version: String,
    /// What arrives on it.
    pub flow: Flow,
}

/// Connects to `endpoint`, one of `endpoints`, as the user of `login`.
///
/// # Errors
/// A connection, timeout or authentication error that names the endpoint.
pub async fn dial(
    settings: &Settings,
    endpoints: &Endpoints,
    endpoint: &Endpoint,
    login: Option<&Arc<Login>>,
) -> Result<Connection> {
    if let Some(login) = login {
        login.check(Instant::now())?;
    }
    let patience = settings.timing.connect_timeout;
    let mut connection =
        match tokio::time::timeout(patience, Box::pin(connect(settings, endpoints, endpoint, login))).await {
            Ok(result) => result.map_err(|error| error.at(endpoint.to_string()))?,
            Err(_) => {
                return Err(timed_out("no connection with a first answer", patience).at(endpoint.to_string()));
            }
        };
    if let Some(login) = login.filter(|login| login.is_due()) {
        login.log_in(&connection.client, endpoint).await?;
        if connection.version.is_empty() {
            // Newer servers tell it only to those who are logged in.
            if let Ok(Ok(status)) = tokio::time::timeout(patience, connection.client.status()).await {
                connection.version = told(&status);
            }
        }
    }
    Ok(connection)
}

/// The error for something that did not happen within `patience`.
pub(super) fn timed_out(what: &str, patience: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("{what} within {} s", patience.as_secs_f64()))
}

async fn connect(
    settings: &Settings,
    endpoints: &Endpoints,
    endpoint: &Endpoint,
    login: Option<&Arc<Login>>,
) -> Result<Connection> {
    let tls = endpoint.tls().then(|| Tls::read(&settings.tls)).transpose()?;
    let contact = ConnectAttempt::new(endpoint, tls);
    let limit = settings.timing.connect_timeout;
    let addresses = Arc::clone(endpoints.addresses());
    let (stream, address) = connect::connect(endpoint, &addresses, limit).await?;
    let pending = PendingAttempt::new(Arc::clone(&addresses), address, Instant::now());
    let flow = Flow::default();
    let (mut first, made) = (Some(stream), (endpoint.clone(), contact.clone(), flow.clone()));
    let connector = tower::service_fn(move |_: Uri| {
        let (stream, addresses) = (first.take(), Arc::clone(&addresses));
        let (endpoint, contact, flow) = made.clone();
        async move {
            let stream = match stream {
                Some(stream) => stream,
                // tonic connects again by itself.
                None => connect::connect(&endpoint, &addresses, limit).await?.0,
            };
            contact.secure(Box::new(flow.count(stream))).await.map(TokioIo::new)
        }
    });
    let channel = target(settings, endpoint)?
        .connect_with_connector(connector)
        .await
        .map_err(|error| contact.explain(&error))?;
    let failed = |error: &etcd_client::Error| unanswered(error, &contact, endpoint);
    let bare = client(channel.clone(), None).await.map_err(|error| failed(&error))?;
    let client = client(channel, login).await.map_err(|error| failed(&error))?;
    let version = match greet(bare, login).await.map_err(|error| failed(&error))? {
        Some(version) => version,
        None => greet_as_user(client.clone(), login, limit / 2).await?,
    };
    pending.succeeded();
    Ok(Connection { client, endpoint: endpoint.clone(), version, flow })
}

/// Has the server say its version; `None` where it tells only those who are logged in. Without the token: etcd does not
/// answer a request with one of another history, not even with a refusal.
async fn greet(
    mut bare: Client,
    login: Option<&Arc<Login>>,
) -> std::result::Result<Option<String>, etcd_client::Error> {
    let serial = login.map(|login| login.serial());
    match bare.status().await {
        Ok(status) => {
            if let (Some(login), Some(serial)) = (login, serial) {
                login.compare(serial, status.raft_index());
            }
            Ok(Some(told(&status)))
        }
        // It is there all the same.
        Err(error) if was_answered(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The same with the token, where there is one. The server may refuse the token, and may hold the request.
async fn greet_as_user(mut client: Client, login: Option<&Arc<Login>>, patience: Duration) -> Result<String> {
    let Some(login) = login.filter(|login| !login.is_due()) else { return Ok(String::new()) };
    let serial = login.serial();
    match tokio::time::timeout(patience, client.status()).await {
        Ok(Ok(status)) => {
            login.compare(serial, status.raft_index());
            Ok(told(&status))
        }
        Ok(Err(error)) => {
            if is_refusal(&error) {
                login.refuse(serial);
            }
            Ok(String::new())
        }
        Err(_) => {
            login.held(serial);
            if login.is_due() {
                return Ok(String::new());
            }
            let message = format!(
                "no answer within {} s to a request with the user's token, though the server answers others: it is \
                 behind the rest of the cluster, or was restored from a backup; another login follows if this lasts",
                patience.as_secs_f64()
            );
            Err(Error::new(ErrorKind::Timeout, message))
        }
    }
}

fn told(status: &StatusResponse) -> String {
    filtered(status.version())
}

/// What an error of the first request on a connection means.
fn unanswered(error: &etcd_client::Error, contact: &ConnectAttempt, endpoint: &Endpoint) -> Error {
    if let etcd_client::Error::GRpcStatus(status) = error
        && let Some(source) = status.source()
        && !source.is::<NotEtcd>()
    {
        return contact.explain_closed(source);
    }
    explain(error, &endpoint.to_string())
}

fn target(settings: &Settings, endpoint: &Endpoint) -> Result<Target> {
    let timing = &settings.timing;
    Ok(Target::from_shared(endpoint.uri())
        .map_err(|error| Error::configuration("endpoints", format!("{endpoint}: {error}")))?
        .connect_timeout(timing.connect_timeout)
        .http2_keep_alive_interval(timing.keepalive_interval)
        .keep_alive_timeout(timing.keepalive_timeout)
        .keep_alive_while_idle(true))
}

/// A client over `channel` whose requests bear the token that `login` has when they are sent.
///
/// Not by etcd-client's own means: it logs in for each client, and again by itself for each client whose token is
/// refused.
async fn client(
    channel: tonic::transport::Channel,
    login: Option<&Arc<Login>>,
) -> std::result::Result<Client, etcd_client::Error> {
    let channel = ProxyAwareChannel::new(channel);
    let channel = match login.cloned() {
        None => BoxCloneSyncService::new(channel),
        Some(login) => BoxCloneSyncService::new(channel.map_request(move |request| login.sign(request))),
    };
    let options = ConnectOptions::new().with_require_leader(true);
    Client::from_channel(Channel::Custom(channel), Some(options)).await
}
