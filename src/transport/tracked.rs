//! Sockets that are registered in the descriptor table ([`crate::sockets`]) while they are open.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UdpSocket, UnixSocket, UnixStream};

use crate::sockets::{self, Registered};

/// A registered stream, by default over TCP.
#[derive(Debug)]
pub(super) struct Tracked<S = TcpStream> {
    // Declared before the stream, so it leaves the table before the descriptor is closed and can be reused.
    _registered: Registered,
    stream: S,
}

/// Connects to `address`. The socket is registered before the first packet is sent.
pub(super) async fn connect(address: SocketAddr) -> io::Result<Tracked> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    let registered = sockets::register(&socket);
    socket.set_nodelay(true)?;
    let stream = socket.connect(address).await?;
    Ok(Tracked { _registered: registered, stream })
}

/// Connects to the Unix socket at `path`.
pub(super) async fn connect_unix(path: &str) -> io::Result<Tracked<UnixStream>> {
    let socket = UnixSocket::new_stream()?;
    let registered = sockets::register(&socket);
    let stream = socket.connect(path).await?;
    Ok(Tracked { _registered: registered, stream })
}

impl<S: AsyncRead + Unpin> AsyncRead for Tracked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tracked<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A registered UDP socket.
#[derive(Debug)]
pub(super) struct TrackedUdp {
    // Declared before the socket, for the same reason as in `Tracked`.
    _registered: Registered,
    socket: UdpSocket,
}

/// Binds to `address` and connects to `peer`, so that a peer which does not listen is reported at once.
///
/// No fork can happen between binding and registering, because both run in one poll.
pub(super) async fn bind(address: SocketAddr, peer: SocketAddr) -> io::Result<TrackedUdp> {
    let socket = UdpSocket::bind(address).await?;
    let registered = sockets::register(&socket);
    socket.connect(peer).await?;
    Ok(TrackedUdp { _registered: registered, socket })
}

impl TrackedUdp {
    pub(super) const fn socket(&self) -> &UdpSocket {
        &self.socket
    }
}
