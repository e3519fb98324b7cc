//! A byte stream to an endpoint: name, address, socket.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};

use super::resolve::resolve;
use super::tracked;
use crate::endpoint::Endpoint;
use crate::error::Result;

/// Bytes both ways.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// Where an endpoint can be reached at this moment.
#[derive(Clone)]
pub(super) struct Route(Vec<SocketAddr>);

/// Finds the addresses of `endpoint`.
pub(super) async fn route(endpoint: &Endpoint) -> Result<Route> {
    Ok(Route(resolve(endpoint).await?))
}

impl Route {
    /// Connects to the first address that answers.
    pub(super) async fn connect(&self) -> io::Result<Box<dyn Bytes>> {
        let mut last = io::Error::other("the host name has no address");
        for address in &self.0 {
            match tracked::connect(*address).await {
                Ok(stream) => return Ok(Box::new(stream)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
