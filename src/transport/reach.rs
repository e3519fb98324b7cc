//! A byte stream to an endpoint: name, address, socket.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};

use super::resolve::resolve;
#[cfg(test)]
use super::simulated;
use super::tracked;
use crate::endpoint::Endpoint;
use crate::error::Result;

/// Bytes both ways.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// Where an endpoint can be reached at this moment.
#[derive(Clone)]
pub(super) enum Route {
    Addresses(Vec<SocketAddr>),
    #[cfg(test)]
    Simulated(simulated::Host),
}

/// Finds the way to `endpoint`.
pub(super) async fn route(endpoint: &Endpoint) -> Result<Route> {
    #[cfg(test)]
    if let Some(host) = simulated::host(endpoint) {
        return Ok(Route::Simulated(host));
    }
    Ok(Route::Addresses(resolve(endpoint).await?))
}

impl Route {
    pub(super) async fn connect(&self) -> io::Result<Box<dyn Bytes>> {
        match self {
            Self::Addresses(addresses) => first_that_answers(addresses).await,
            #[cfg(test)]
            Self::Simulated(host) => Ok(Box::new(simulated::connect(host)?)),
        }
    }
}

async fn first_that_answers(addresses: &[SocketAddr]) -> io::Result<Box<dyn Bytes>> {
    let mut last = io::Error::other("the host name has no address");
    for address in addresses {
        match tracked::connect(*address).await {
            Ok(stream) => return Ok(Box::new(stream)),
            Err(error) => last = error,
        }
    }
    Err(last)
}
