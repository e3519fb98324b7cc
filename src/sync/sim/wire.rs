//! The wire between the driver and a simulated etcd, and the ways in which it breaks.

use tokio::io::{AsyncWriteExt, DuplexStream, copy_bidirectional, duplex};
use tokio::sync::watch;

/// How a connection fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Bytes flow.
    Up,
    /// Half-open: nothing moves ever again, and nothing is closed.
    Stranded,
    /// Closed.
    Cut,
    /// The client reads these bytes in place of etcd's, and then the end.
    Garbled(Vec<u8>),
}

/// The connections that were made to one host.
#[derive(Debug, Default)]
pub(super) struct Wire(Vec<watch::Sender<Line>>);

impl Wire {
    /// Takes on a new connection; what the server shall talk to is returned.
    pub(super) fn attach(&mut self, client: DuplexStream) -> DuplexStream {
        let (ours, server) = duplex(64 << 10);
        let (line, state) = watch::channel(Line::Up);
        self.0.push(line);
        tokio::spawn(carry(client, ours, state));
        server
    }

    /// Does this to all connections that there are; new ones are well.
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
