//! Opens a connection to one endpoint: TCP, TLS, HTTP/2 and a first answer within the connect timeout.
//!
//! Then it logs in if necessary, which may take longer (see [`Login`]). It waits for a first answer because nothing
//! before that proves that the server works: a stopped process accepts connections while its backlog has room, and a
//! refused certificate or a wrong scheme shows only then.

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
use super::explain::{is_refusal, timed_out, was_answered};
use super::flow::Flow;
use super::login::Login;
use super::proxy_aware_channel::{NotEtcd, ProxyAwareChannel};
use super::refusal::explain;
use super::tls::Tls;
use super::version::Version;
use crate::clock::Instant;
use crate::config::Settings;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::filtered;

/// An authenticated connection to a server that answers.
#[derive(Clone)]
pub struct Connection {
    /// The client that uses this connection only.
    pub client: Client,
    /// The endpoint of the server.
    pub endpoint: Endpoint,
    /// The server's etcd version.
    pub version: Version,
    /// The counter of received bytes.
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
    let limit = settings.timing.connect_timeout;
    let connecting = Box::pin(connect_and_greet(settings, endpoints, endpoint, login));
    let mut connection = match tokio::time::timeout(limit, connecting).await {
        Ok(result) => result.map_err(|error| error.at(endpoint.to_string()))?,
        Err(_) => return Err(timed_out("no connection and first answer", limit).at(endpoint.to_string())),
    };
    if let Some(login) = login.filter(|login| login.is_due()) {
        login.log_in(&connection.client, endpoint).await?;
        if connection.version.as_str().is_empty() {
            // Newer servers reveal their version only to users who are logged in.
            if let Ok(Ok(status)) = tokio::time::timeout(limit, connection.client.status()).await {
                connection.version = version(&status);
            }
        }
    }
    Ok(connection)
}

async fn connect_and_greet(
    settings: &Settings,
    endpoints: &Endpoints,
    endpoint: &Endpoint,
    login: Option<&Arc<Login>>,
) -> Result<Connection> {
    let tls = endpoint.tls().then(|| Tls::read(&settings.tls)).transpose()?;
    let attempt = ConnectAttempt::new(endpoint, tls);
    let limit = settings.timing.connect_timeout;
    let addresses = Arc::clone(endpoints.addresses());
    let (stream, address) = connect::connect(endpoint, &addresses, limit).await?;
    let pending = PendingAttempt::new(Arc::clone(&addresses), address, Instant::now());
    let flow = Flow::default();
    let (mut first, shared) = (Some(stream), (endpoint.clone(), attempt.clone(), flow.clone()));
    let connector = tower::service_fn(move |_: Uri| {
        let (stream, addresses) = (first.take(), Arc::clone(&addresses));
        let (endpoint, attempt, flow) = shared.clone();
        async move {
            let stream = match stream {
                Some(stream) => stream,
                // tonic reconnects by itself.
                None => connect::connect(&endpoint, &addresses, limit).await?.0,
            };
            attempt.secure(Box::new(flow.count(stream))).await.map(TokioIo::new)
        }
    });
    let channel = target(settings, endpoint)?
        .connect_with_connector(connector)
        .await
        .map_err(|error| attempt.explain(&error))?;
    let failed = |error: &etcd_client::Error| explain_first_error(error, &attempt, endpoint);
    let without_token = client(channel.clone(), None).await.map_err(|error| failed(&error))?;
    let client = client(channel, login).await.map_err(|error| failed(&error))?;
    let version = match greet(without_token, login).await.map_err(|error| failed(&error))? {
        version @ Version::Known(_) => version,
        unknown => greet_as_user(client.clone(), login, limit / 2).await?.unwrap_or(unknown),
    };
    pending.succeeded();
    Ok(Connection { client, endpoint: endpoint.clone(), version, flow })
}

/// Requests the server's version, which it may reveal only to users who are logged in.
///
/// The request carries no token: if a token is from another history, etcd does not answer at all, not even with an
/// error.
async fn greet(
    mut without_token: Client,
    login: Option<&Arc<Login>>,
) -> std::result::Result<Version, etcd_client::Error> {
    let serial = login.map(|login| login.serial());
    match without_token.status().await {
        Ok(status) => {
            if let (Some(login), Some(serial)) = (login, serial) {
                login.compare(serial, status.raft_index());
            }
            Ok(version(&status))
        }
        // An error answer from etcd proves that the server works.
        Err(error) if was_answered(&error) => Ok(hidden_version(&error)),
        Err(error) => Err(error),
    }
}

/// Requests the version with the token, if there is one.
///
/// The server may refuse the token, or never answer.
async fn greet_as_user(
    mut client: Client,
    login: Option<&Arc<Login>>,
    timeout: Duration,
) -> Result<Option<Version>> {
    let Some(login) = login.filter(|login| !login.is_due()) else { return Ok(None) };
    let serial = login.serial();
    match tokio::time::timeout(timeout, client.status()).await {
        Ok(Ok(status)) => {
            login.compare(serial, status.raft_index());
            Ok(Some(version(&status)))
        }
        Ok(Err(error)) => {
            if is_refusal(&error) {
                login.refuse(serial);
            }
            Ok(None)
        }
        Err(_) => {
            login.stalled(serial);
            if login.is_due() {
                return Ok(None);
            }
            let message = format!(
                "no answer within {} s to a request with the user's token, although the server answers requests \
                 without it: it is behind the rest of the cluster, or was restored from a backup; if this continues, \
                 the client logs in again",
                timeout.as_secs_f64()
            );
            Err(Error::new(ErrorKind::Timeout, message))
        }
    }
}

fn version(status: &StatusResponse) -> Version {
    Version::Known(filtered(status.version()))
}

fn hidden_version(error: &etcd_client::Error) -> Version {
    match error {
        etcd_client::Error::GRpcStatus(status) => Version::after_refusal(status.message()),
        _ => Version::Unknown,
    }
}

/// Explains an error of the first request on a connection.
fn explain_first_error(error: &etcd_client::Error, attempt: &ConnectAttempt, endpoint: &Endpoint) -> Error {
    if let etcd_client::Error::GRpcStatus(status) = error
        && let Some(source) = status.source()
        && !source.is::<NotEtcd>()
    {
        return attempt.explain_closed(source);
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

/// A client over `channel` whose requests carry the token that `login` has when they are sent.
///
/// It does not use etcd-client's own authentication, which logs in once per client and again for each refused token.
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
