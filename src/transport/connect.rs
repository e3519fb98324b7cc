//! Opens a byte stream to an endpoint: resolves its name, then connects to one of its addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{StreamExt, iter, poll_fn};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::addresses::{Addresses, PendingAttempt};
use super::race::race;
use super::resolve::HostResolver;
#[cfg(test)]
use super::simulated;
use super::tracked;
use crate::clock::Instant;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};

/// How long to wait before trying the next address too (RFC 8305, "Connection Attempt Delay").
const PAUSE: Duration = Duration::from_millis(250);

/// A bidirectional byte stream.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// A connected stream with its remote address; a Unix socket has none.
pub(super) type Connected = (Box<dyn ByteStream>, Option<SocketAddr>);

/// Connects to the first address of `endpoint` that answers.
///
/// One that does not is tried last the next time.
///
/// # Errors
/// A connection error: the name cannot be resolved within three quarters of `limit`, or no address answers.
pub(super) async fn connect(
    endpoint: &Endpoint,
    addresses: &Arc<Addresses>,
    limit: Duration,
) -> Result<Connected> {
    #[cfg(test)]
    if let Some(host) = simulated::host(endpoint) {
        let stream = simulated::connect(&host).map_err(|error| unreachable(&error.to_string()))?;
        return Ok((Box::new(stream), None));
    }
    if let Some(path) = endpoint.socket_path() {
        let stream = tracked::connect_unix(path).await.map_err(|error| unreachable(&error.to_string()))?;
        return Ok((Box::new(stream), None));
    }
    let resolver = HostResolver::from_system_files().map_err(|reason| unreachable(&reason))?;
    connect_by_name(&resolver, endpoint, addresses, limit).await
}

async fn connect_by_name(
    resolver: &HostResolver,
    endpoint: &Endpoint,
    addresses: &Arc<Addresses>,
    limit: Duration,
) -> Result<Connected> {
    let (found, answers) = unbounded_channel();
    let mut lookup = pin!(resolver.look_up_within(limit.mul_f64(0.75), endpoint.host(), found));
    let mut connected = pin!(connect_first(answers, endpoint.port(), addresses, PAUSE.min(limit / 4)));
    let mut resolution = None;
    let result = loop {
        tokio::select! {
            biased;
            answer = &mut lookup, if resolution.is_none() => resolution = Some(answer),
            result = &mut connected => break result,
        }
    };
    match result {
        Some(Ok((stream, address))) => Ok((Box::new(stream), Some(address))),
        // The endpoint is given by address, so the error already names it.
        Some(Err((error, address))) if endpoint.host() == address.ip().to_string() => {
            Err(unreachable(&error.to_string()))
        }
        Some(Err((error, address))) => Err(unreachable(&format!("{address}: {error}"))),
        None => {
            let reason = resolution.and_then(std::result::Result::err);
            Err(unreachable(&reason.unwrap_or_else(|| "the host name has no address".to_owned())))
        }
    }
}

/// A connection or an error, each with the address.
type Attempted = std::result::Result<(tracked::Tracked, SocketAddr), (io::Error, SocketAddr)>;

/// Connects to the first address received through `answers` that accepts.
async fn connect_first(
    mut answers: UnboundedReceiver<Vec<IpAddr>>,
    port: u16,
    addresses: &Arc<Addresses>,
    pause: Duration,
) -> Option<Attempted> {
    let batches = poll_fn(|cx| answers.poll_recv(cx)).map(|batch| {
        let mut batch: Vec<_> = batch.into_iter().map(|address| SocketAddr::new(address, port)).collect();
        addresses.sort(&mut batch, Instant::now());
        iter(batch)
    });
    let attempt = |address| async move {
        let pending = PendingAttempt::new(Arc::clone(addresses), Some(address), Instant::now() + pause);
        match tracked::connect(address).await {
            Ok(stream) => {
                pending.succeeded();
                Ok((stream, address))
            }
            Err(error) => {
                pending.failed();
                Err((error, address))
            }
        }
    };
    race(batches.flatten(), pause, attempt).await
}

fn unreachable(reason: &str) -> Error {
    Error::new(ErrorKind::Connection, reason)
}

#[cfg(test)]
mod tests {
    use crate::clock::Instant;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;
    use crate::transport::fake_dns;

    const LIMIT: Duration = Duration::from_secs(5);

    fn at(host: u8, port: u16) -> SocketAddr {
        ([127, 0, 7, host], port).into()
    }

    /// Listeners on the same port of several loopback addresses.
    async fn listeners(hosts: &[u8]) -> (Vec<TcpListener>, u16) {
        let first = TcpListener::bind(at(hosts[0], 0)).await.unwrap();
        let port = first.local_addr().unwrap().port();
        let mut all = vec![first];
        for host in &hosts[1..] {
            all.push(TcpListener::bind(at(*host, port)).await.unwrap());
        }
        (all, port)
    }

    /// An address that drops packets, because its accept queue is full while the returned sockets live.
    async fn black_hole(host: u8, port: u16) -> (TcpListener, Vec<tokio::net::TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(at(host, port)).unwrap();
        let hole = socket.listen(0).unwrap();
        let fill = || tokio::net::TcpStream::connect(at(host, port));
        let mut filling = Vec::new();
        while let Ok(stream) = tokio::time::timeout(Duration::from_millis(200), fill()).await {
            filling.push(stream.unwrap());
        }
        (hole, filling)
    }

    async fn resolver(addresses: &'static [&str]) -> HostResolver {
        let server = fake_dns::serve(|_, kind| fake_dns::addresses(kind, addresses)).await;
        HostResolver::new(b"", fake_dns::name_servers(&[server], &[]))
    }

    fn endpoint(port: u16) -> Endpoint {
        Endpoint::parse(&format!("etcd.test:{port}"), false).unwrap()
    }

    #[tokio::test]
    async fn an_address_that_drops_packets_costs_a_pause_once_and_then_nothing() {
        let (_listeners, port) = listeners(&[2]).await;
        let _hole = black_hole(1, port).await;
        let (resolver, addresses) = (resolver(&["127.0.7.1", "127.0.7.2"]).await, Arc::default());
        let mut took = Vec::new();
        for _ in 0..2 {
            let started = Instant::now();
            let (_, address) = connect_by_name(&resolver, &endpoint(port), &addresses, LIMIT).await.unwrap();
            assert_eq!(address, Some(at(2, port)));
            took.push(started.elapsed());
        }
        assert!(took[0] < LIMIT / 2 && took[1] < PAUSE, "{took:?}");
    }

    #[tokio::test]
    async fn after_a_refused_connection_the_next_address_is_tried() {
        let (_listeners, port) = listeners(&[4]).await;
        let (resolver, addresses) = (resolver(&["127.0.7.3", "127.0.7.4"]).await, Arc::default());
        let (_, address) = connect_by_name(&resolver, &endpoint(port), &addresses, LIMIT).await.unwrap();
        assert_eq!(address, Some(at(4, port)));
    }

    #[tokio::test]
    async fn if_no_address_answers_the_error_names_the_last_one_tried() {
        let (listeners, port) = listeners(&[5]).await;
        drop(listeners);
        let (resolver, addresses) = (resolver(&["127.0.7.5"]).await, Arc::default());
        let error = connect_by_name(&resolver, &endpoint(port), &addresses, LIMIT).await;
        let error = error.err().unwrap().to_string();
        assert!(error.contains(&format!("127.0.7.5:{port}: Connection refused")), "{error}");
    }
}
