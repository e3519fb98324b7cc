//! Names to addresses, in Rust.
//!
//! Not by `getaddrinfo`: in another thread at the moment of a fork it leaves glibc's locks held in the
//! child for ever. Asked again at each connection, so that a moved member is found.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::Resolver;

use super::dns::Sockets;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};

pub(super) async fn resolve(endpoint: &Endpoint) -> Result<Vec<SocketAddr>> {
    let port = endpoint.port();
    if let Ok(address) = endpoint.host().parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let unresolved = |error: &dyn std::error::Error| {
        let reason = super::explain::chain(error);
        Error::new(ErrorKind::Connection, format!("cannot resolve the host name: {reason}"))
            .at(endpoint.to_string())
    };
    let resolver = Resolver::builder(Sockets::default())
        .and_then(hickory_resolver::ResolverBuilder::build)
        .map_err(|error| unresolved(&error))?;
    let answer = resolver.lookup_ip(endpoint.host()).await.map_err(|error| unresolved(&error))?;
    Ok(answer.iter().map(|address| SocketAddr::new(address, port)).collect())
}
