//! One connection to one endpoint: TCP, TLS, HTTP/2, authentication and a first answer, all within the
//! connect timeout.
//!
//! The first answer is waited for because nothing before it proves that somebody is there: a process that
//! is stopped takes connections for as long as its backlog has room, and a refused certificate or a wrong
//! scheme shows no sooner.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Channel, Client, ConnectOptions};
use http::Uri;
use hyper_util::rt::TokioIo;
use tonic::transport::Endpoint as Target;

use super::addresses::Owing;
use super::endpoints::Endpoints;
use super::explain::explain;
use super::first_contact;
use super::flow::Flow;
use super::reach::reach;
use super::tls::client_config;
use crate::clock;
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

/// Connects to `endpoint`, one of `endpoints`.
///
/// # Errors
/// A connection, timeout or authentication error that names the endpoint.
pub async fn dial(settings: &Settings, endpoints: &Endpoints, endpoint: &Endpoint) -> Result<Connection> {
    let patience = settings.timing.connect_timeout;
    match tokio::time::timeout(patience, connect(settings, endpoints, endpoint)).await {
        Ok(result) => result.map_err(|error| error.at(endpoint.to_string())),
        Err(_) => Err(timed_out("no connection with a first answer", patience).at(endpoint.to_string())),
    }
}

/// The error for something that did not happen within `patience`.
pub(super) fn timed_out(what: &str, patience: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("{what} within {} s", patience.as_secs_f64()))
}

async fn connect(settings: &Settings, endpoints: &Endpoints, endpoint: &Endpoint) -> Result<Connection> {
    let limit = settings.timing.connect_timeout;
    let addresses = Arc::clone(endpoints.addresses());
    let (stream, address) = reach(endpoint, &addresses, limit).await?;
    let owing = Owing::new(Arc::clone(&addresses), address, clock::now());
    let flow = Flow::default();
    let counted = flow.clone();
    let (mut first, again) = (Some(stream), endpoint.clone());
    let connector = tower::service_fn(move |_: Uri| {
        let (stream, again, addresses) = (first.take(), again.clone(), Arc::clone(&addresses));
        let flow = counted.clone();
        async move {
            match stream {
                Some(stream) => Ok(stream),
                // tonic connects again by itself.
                None => reach(&again, &addresses, limit).await.map(|(stream, _)| stream),
            }
            .map(|stream| TokioIo::new(flow.count(stream)))
        }
    });
    let channel = target(settings, endpoint)?
        .connect_with_connector(connector)
        .await
        .map_err(|error| first_contact::explain(&error, endpoint, &settings.tls))?;
    let mut client = authenticate(settings, endpoint, channel).await?;
    let version = greet(&mut client).await.map_err(|error| unanswered(&error, settings, endpoint))?;
    owing.answered();
    Ok(Connection { client, endpoint: endpoint.clone(), version, flow })
}

/// Has the server say its version. One that answers with a refusal is there all the same.
async fn greet(client: &mut Client) -> std::result::Result<String, etcd_client::Error> {
    match client.status().await {
        Ok(status) => Ok(filtered(status.version())),
        Err(etcd_client::Error::GRpcStatus(status)) if status.source().is_none() => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// What an error of the first request on a connection means.
fn unanswered(error: &etcd_client::Error, settings: &Settings, endpoint: &Endpoint) -> Error {
    if let etcd_client::Error::GRpcStatus(status) = error
        && let Some(source) = status.source()
    {
        return first_contact::explain_closed(source, endpoint, &settings.tls);
    }
    explain(error, &endpoint.to_string())
}

fn target(settings: &Settings, endpoint: &Endpoint) -> Result<Target> {
    let timing = &settings.timing;
    let target = Target::from_shared(endpoint.uri())
        .map_err(|error| Error::configuration("endpoints", format!("{endpoint}: {error}")))?
        .connect_timeout(timing.connect_timeout)
        .http2_keep_alive_interval(timing.keepalive_interval)
        .keep_alive_timeout(timing.keepalive_timeout)
        .keep_alive_while_idle(true);
    if !endpoint.tls() {
        return Ok(target);
    }
    let config = client_config(&settings.tls)?;
    target.tls_config(config).map_err(|error| first_contact::explain(&error, endpoint, &settings.tls))
}

async fn authenticate(
    settings: &Settings,
    endpoint: &Endpoint,
    channel: tonic::transport::Channel,
) -> Result<Client> {
    let options = ConnectOptions::new().with_require_leader(true);
    let Some(credentials) = &settings.credentials else {
        return client(channel, options).await.map_err(|error| unanswered(&error, settings, endpoint));
    };
    let known = options
        .clone()
        .with_user(&credentials.user, credentials.password.reveal())
        .with_auto_token_refresh(true);
    match client(channel.clone(), known).await {
        // A cluster whose authentication is off for now serves everybody.
        Err(error) if error.to_string().contains("authentication is not enabled") => {
            client(channel, options).await
        }
        result => result,
    }
    .map_err(|error| unanswered(&error, settings, endpoint).during(format!("user {:?}", credentials.user)))
}

async fn client(
    channel: tonic::transport::Channel,
    options: ConnectOptions,
) -> std::result::Result<Client, etcd_client::Error> {
    Client::from_channel(Channel::Tonic(channel), Some(options)).await
}
