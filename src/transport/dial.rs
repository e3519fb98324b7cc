//! One connection to one endpoint: TCP, TLS, HTTP/2, authentication, all within the connect timeout.

use std::time::Duration;

use etcd_client::{Channel, Client, ConnectOptions};
use http::Uri;
use hyper_util::rt::TokioIo;
use tonic::transport::Endpoint as Target;

use super::explain::{chain, explain};
use super::resolve::resolve;
use super::tls::client_config;
use super::tracked::{self, Tracked};
use crate::config::Settings;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};

/// An authenticated connection.
#[derive(Clone)]
pub struct Connection {
    /// The client that speaks over it, and over nothing else.
    pub client: Client,
    /// Where it leads.
    pub endpoint: Endpoint,
}

/// Connects to `endpoint`.
///
/// # Errors
/// A connection, timeout or authentication error that names the endpoint.
pub async fn dial(settings: &Settings, endpoint: &Endpoint) -> Result<Connection> {
    let patience = settings.timing.connect_timeout;
    match tokio::time::timeout(patience, connect(settings, endpoint)).await {
        Ok(result) => result.map_err(|error| error.at(endpoint.to_string())),
        Err(_) => Err(timed_out("no connection", patience).at(endpoint.to_string())),
    }
}

/// The error for something that did not happen within `patience`.
pub(super) fn timed_out(what: &str, patience: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("{what} within {} s", patience.as_secs_f64()))
}

async fn connect(settings: &Settings, endpoint: &Endpoint) -> Result<Connection> {
    let addresses = resolve(endpoint).await?;
    let connector = tower::service_fn(move |_: Uri| {
        let addresses = addresses.clone();
        async move { first_that_answers(&addresses).await.map(TokioIo::new) }
    });
    let channel = target(settings, endpoint)?
        .connect_with_connector(connector)
        .await
        .map_err(|error| Error::new(ErrorKind::Connection, chain(&error)))?;
    let client = authenticate(settings, endpoint, channel).await?;
    Ok(Connection { client, endpoint: endpoint.clone() })
}

fn target(settings: &Settings, endpoint: &Endpoint) -> Result<Target> {
    let timing = &settings.timing;
    let target = Target::from_shared(endpoint.to_string())
        .map_err(|error| Error::configuration("endpoints", format!("{endpoint}: {error}")))?
        .connect_timeout(timing.connect_timeout)
        .http2_keep_alive_interval(timing.keepalive_interval)
        .keep_alive_timeout(timing.keepalive_timeout)
        .keep_alive_while_idle(true);
    if !endpoint.tls() {
        return Ok(target);
    }
    let config = client_config(&settings.tls)?;
    target.tls_config(config).map_err(|error| Error::new(ErrorKind::Connection, chain(&error)))
}

async fn first_that_answers(addresses: &[std::net::SocketAddr]) -> std::io::Result<Tracked> {
    let mut last = std::io::Error::other("the host name has no address");
    for address in addresses {
        match tracked::connect(*address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn authenticate(
    settings: &Settings,
    endpoint: &Endpoint,
    channel: tonic::transport::Channel,
) -> Result<Client> {
    let options = ConnectOptions::new().with_require_leader(true);
    let Some(credentials) = &settings.credentials else {
        return client(channel, options).await.map_err(|error| explain(&error, &endpoint.to_string()));
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
    .map_err(|error| explain(&error, &endpoint.to_string()).during(format!("user {:?}", credentials.user)))
}

async fn client(
    channel: tonic::transport::Channel,
    options: ConnectOptions,
) -> std::result::Result<Client, etcd_client::Error> {
    Client::from_channel(Channel::Tonic(channel), Some(options)).await
}
