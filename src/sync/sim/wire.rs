//! The connection between the driver and a simulated etcd, and the ways in which it breaks.

use tokio::io::{AsyncWriteExt, DuplexStream, copy_bidirectional, duplex};
use tokio::sync::watch;

/// The state of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Bytes flow.
    Up,
    /// Half-open: nothing moves any more, and nothing is closed.
    Stranded,
    /// Closed.
    Cut,
    /// The client reads these bytes instead of etcd's, and then the end.
    Garbled(Vec<u8>),
}

/// The connections to one host.
#[derive(Debug, Default)]
pub(super) struct Wire(Vec<watch::Sender<Line>>);

impl Wire {
    /// Adds a new connection; returns the end that the server should use.
    pub(super) fn attach(&mut self, client: DuplexStream) -> DuplexStream {
        let (ours, server) = duplex(64 << 10);
        let (line, state) = watch::channel(Line::Up);
        self.0.push(line);
        tokio::spawn(carry(client, ours, state));
        server
    }

    /// Sets the state of all existing connections. New ones work.
    pub(super) fn set(&mut self, state: &Line) {
        for line in self.0.drain(..) {
            line.send_replace(state.clone());
            if *state == Line::Stranded {
                // Dropping the sender would end the connection.
                std::mem::forget(line);
            }
        }
    }
}

async fn carry(mut client: DuplexStream, mut server: DuplexStream, mut line: watch::Receiver<Line>) {
    loop {
        let state = line.borrow_and_update().clone();
        match state {
            Line::Up => tokio::select! {
                biased;
                changed = line.changed() => if changed.is_err() { return },
                _ = copy_bidirectional(&mut client, &mut server) => return,
            },
            Line::Stranded => return std::future::pending().await,
            Line::Cut => return,
            Line::Garbled(bytes) => {
                let _ = client.write_all(&bytes).await;
                return;
            }
        }
    }
}
