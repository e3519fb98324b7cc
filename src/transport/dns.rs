//! Creates the DNS resolver's sockets and registers them, so that a forked child can close them.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hickory_resolver::net::runtime::iocompat::AsyncIoTokioAsStd;
use hickory_resolver::net::runtime::{DnsUdpSocket, RuntimeProvider, TokioHandle, TokioTime};

use super::tracked::{self, Tracked, TrackedUdp};

/// hickory's default connect timeout for a name server over TCP.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

type Opening<T> = Pin<Box<dyn Send + Future<Output = io::Result<T>>>>;

/// Gives the resolver tracked sockets.
#[derive(Clone, Default)]
pub(super) struct Sockets(TokioHandle);

impl RuntimeProvider for Sockets {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = TrackedUdp;
    type Tcp = AsyncIoTokioAsStd<Tracked>;

    fn create_handle(&self) -> TokioHandle {
        self.0.clone()
    }

    // Only the system's configuration is used, and it sets no bind address.
    fn connect_tcp(
        &self,
        server: SocketAddr,
        _bind: Option<SocketAddr>,
        timeout: Option<Duration>,
    ) -> Opening<Self::Tcp> {
        Box::pin(async move {
            let connecting = tracked::connect(server);
            let stream = tokio::time::timeout(timeout.unwrap_or(CONNECT_TIMEOUT), connecting).await??;
            Ok(AsyncIoTokioAsStd(stream))
        })
    }

    fn bind_udp(&self, local: SocketAddr, server: SocketAddr) -> Opening<TrackedUdp> {
        Box::pin(tracked::bind(local, server))
    }
}

impl DnsUdpSocket for TrackedUdp {
    type Time = TokioTime;

    fn poll_recv_from(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        DnsUdpSocket::poll_recv_from(self.socket(), cx, buf)
    }

    fn poll_send_to(&self, cx: &mut Context<'_>, buf: &[u8], target: SocketAddr) -> Poll<io::Result<usize>> {
        self.socket().poll_send_to(cx, buf, target)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};
    use std::os::fd::RawFd;

    use hickory_resolver::Resolver;
    use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};

    use super::*;

    /// Asks `server` for a name until the future is dropped.
    async fn ask(server: SocketAddr) {
        let mut connection = ConnectionConfig::udp();
        connection.port = server.port();
        let server = NameServerConfig::new(server.ip(), true, vec![connection]);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let resolver = Resolver::builder_with_config(config, Sockets::default()).build().unwrap();
        let _ = resolver.lookup_ip("etcd.example.").await;
    }

    /// The descriptor of this process's UDP socket on `port`.
    fn descriptor_on(port: u16) -> RawFd {
        let numbers = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let table = std::fs::read_to_string("/proc/self/net/udp").unwrap();
        let local = format!(":{port:04X}");
        let row = table.lines().find(|row| row.split_whitespace().nth(1).unwrap_or("").ends_with(&local));
        let link = format!("socket:[{}]", row.unwrap().split_whitespace().nth(9).unwrap());
        let ours = |path: &std::path::Path| {
            std::fs::read_link(path).is_ok_and(|target| target.as_os_str() == link.as_str())
        };
        let mut found = numbers.map(|entry| entry.path()).filter(|path| ours(path));
        found.next().unwrap().file_name().unwrap().to_str().unwrap().parse().unwrap()
    }

    #[tokio::test]
    async fn the_socket_of_a_dns_query_is_in_the_descriptor_table() {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        server.set_nonblocking(true).unwrap();
        let server = tokio::net::UdpSocket::from_std(server).unwrap();
        let asking = tokio::spawn(ask(server.local_addr().unwrap()));
        let (_, from) = server.recv_from(&mut [0; 512]).await.unwrap();
        assert!(crate::sockets::holds(descriptor_on(from.port())));
        asking.abort();
    }
}
