//! The connection of a follower to its leader, and what each side waits for.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use etcd_discovery_shelf::handover;
use tokio::io::Interest;
use tokio::net::{UnixListener, UnixStream};

use super::leading::MESSAGE;
use crate::sockets::{self, Registered};

/// How long to accept no one after that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The connection to the leader.
pub(super) struct Link {
    // Declared before the stream: it leaves the table before its descriptor is closed.
    _registered: Registered,
    stream: UnixStream,
    /// The process that listens, in words.
    pub(super) leader: String,
}

impl Link {
    pub(super) async fn to(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket).await?;
        let leader = match stream.peer_cred()?.pid() {
            Some(pid) if pid > 0 => format!("process {pid}"),
            // It is in another PID namespace.
            _ => "a process of another container".into(),
        };
        Ok(Self { _registered: sockets::register(&stream), stream, leader })
    }
}

/// The next message of the leader. Never ends without a connection.
pub(super) async fn receive(link: Option<&Link>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let Some(Link { stream, .. }) = link else { return std::future::pending().await };
    let read = || {
        let mut message = [0; MESSAGE];
        let (len, files) = handover::receive(stream, &mut message)?;
        Ok((message.get(..len).unwrap_or_default().to_vec(), files))
    };
    stream.async_io(Interest::READABLE, read).await
}

/// The next process that connects. Never ends if this process does not lead.
pub(super) async fn accept(listener: Option<&UnixListener>) -> io::Result<UnixStream> {
    let Some(listener) = listener else { return std::future::pending().await };
    match listener.accept().await {
        Ok((stream, _)) => Ok(stream),
        Err(error) => {
            // Without descriptors, for example, it would fail again at once.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            Err(error)
        }
    }
}
