//! A byte stream to an endpoint: name, address, socket.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{StreamExt, iter, poll_fn};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::addresses::{Addresses, Owing};
use super::race::race;
use super::resolve::Names;
#[cfg(test)]
use super::simulated;
use super::tracked;
use crate::clock::Instant;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};

/// Until the next address is tried too (RFC 8305, "Connection Attempt Delay").
const PAUSE: Duration = Duration::from_millis(250);

/// Bytes both ways.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// A stream, and the address that it goes to, if it has one.
pub(super) type Reached = (Box<dyn Bytes>, Option<SocketAddr>);

/// Connects to the first address of `endpoint` that answers. An address that does not is tried last the next time.
///
/// # Errors
/// A connection error: the name cannot be resolved within three quarters of `limit`, or no address answers.
pub(super) async fn reach(
    endpoint: &Endpoint,
    addresses: &Arc<Addresses>,
    limit: Duration,
) -> Result<Reached> {
    #[cfg(test)]
    if let Some(host) = simulated::host(endpoint) {
        let stream = simulated::connect(&host).map_err(|error| unreachable(&error.to_string()))?;
        return Ok((Box::new(stream), None));
    }
    if let Some(path) = endpoint.socket_path() {
        let stream = tracked::connect_unix(path).await.map_err(|error| unreachable(&error.to_string()))?;
        return Ok((Box::new(stream), None));
    }
    let names = Names::of_the_system().map_err(|reason| unreachable(&reason))?;
    by_name(&names, endpoint, addresses, limit).await
}

async fn by_name(
    names: &Names,
    endpoint: &Endpoint,
    addresses: &Arc<Addresses>,
    limit: Duration,
) -> Result<Reached> {
    let (found, answers) = unbounded_channel();
    let mut resolved = pin!(names.look_up_within(limit.mul_f64(0.75), endpoint.host(), found));
    let mut connected = pin!(connect(answers, endpoint.port(), addresses, PAUSE.min(limit / 4)));
    let mut resolution = None;
    let result = loop {
        tokio::select! {
            biased;
            answer = &mut resolved, if resolution.is_none() => resolution = Some(answer),
            result = &mut connected => break result,
        }
    };
    match result {
        Some(Ok((stream, address))) => Ok((Box::new(stream), Some(address))),
        // The endpoint's own name tells it already.
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

/// A connection, or why there is none, and the address.
type Attempted = std::result::Result<(tracked::Tracked, SocketAddr), (io::Error, SocketAddr)>;

/// Connects to the first that answers of the addresses that come by `answers`.
async fn connect(
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
        let owing = Owing::new(Arc::clone(addresses), Some(address), Instant::now() + pause);
        match tracked::connect(address).await {
            Ok(stream) => {
                owing.answered();
                Ok((stream, address))
            }
            Err(error) => {
                owing.failed();
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

    /// Listeners on one port of many addresses of the loopback network.
    async fn listeners(hosts: &[u8]) -> (Vec<TcpListener>, u16) {
        let first = TcpListener::bind(at(hosts[0], 0)).await.unwrap();
        let port = first.local_addr().unwrap().port();
        let mut all = vec![first];
        for host in &hosts[1..] {
            all.push(TcpListener::bind(at(*host, port)).await.unwrap());
        }
        (all, port)
    }

    /// An address that swallows packets: its queue is full. It does for as long as these sockets live.
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

    async fn names(addresses: &'static [&str]) -> Names {
        let server = fake_dns::serve(|_, kind| fake_dns::addresses(kind, addresses)).await;
        Names::new(b"", fake_dns::name_servers(&[server], &[]))
    }

    fn endpoint(port: u16) -> Endpoint {
        Endpoint::parse(&format!("etcd.test:{port}"), false).unwrap()
    }

    #[tokio::test]
    async fn an_address_that_swallows_packets_costs_a_pause_and_the_next_time_nothing() {
        let (_listeners, port) = listeners(&[2]).await;
        let _hole = black_hole(1, port).await;
        let (names, addresses) = (names(&["127.0.7.1", "127.0.7.2"]).await, Arc::default());
        let mut took = Vec::new();
        for _ in 0..2 {
            let begun = Instant::now();
            let (_, address) = by_name(&names, &endpoint(port), &addresses, LIMIT).await.unwrap();
            assert_eq!(address, Some(at(2, port)));
            took.push(begun.elapsed());
        }
        assert!(took[0] < LIMIT / 2 && took[1] < PAUSE, "{took:?}");
    }

    #[tokio::test]
    async fn an_address_that_refuses_leaves_the_connection_to_the_next() {
        let (_listeners, port) = listeners(&[4]).await;
        let (names, addresses) = (names(&["127.0.7.3", "127.0.7.4"]).await, Arc::default());
        let (_, address) = by_name(&names, &endpoint(port), &addresses, LIMIT).await.unwrap();
        assert_eq!(address, Some(at(4, port)));
    }

    #[tokio::test]
    async fn no_address_that_answers_is_told_with_the_last_one_tried() {
        let (listeners, port) = listeners(&[5]).await;
        drop(listeners);
        let (names, addresses) = (names(&["127.0.7.5"]).await, Arc::default());
        let error = by_name(&names, &endpoint(port), &addresses, LIMIT).await.err().unwrap().to_string();
        assert!(error.contains(&format!("127.0.7.5:{port}: Connection refused")), "{error}");
    }
}
