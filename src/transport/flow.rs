//! Counts the bytes received on a connection, to tell a slow answer from none.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::InspectReader;

/// The least number of new bytes that counts as progress between two checks.
///
/// HTTP/2 pings stay below it, and so does a stuck member that answers each request with the same few bytes.
const MIN_PROGRESS: u64 = 4 << 10;

/// How often to look whether an answer has begun to arrive.
const SAMPLE: Duration = Duration::from_millis(50);

/// The number of bytes received on one connection.
#[derive(Debug, Clone, Default)]
pub struct Flow(Arc<AtomicU64>);

/// Checks a [`Flow`] for progress from time to time.
#[derive(Debug)]
pub struct FlowReader {
    flow: Flow,
    seen: u64,
}

impl Flow {
    /// A reader that counts bytes from now on.
    #[must_use]
    pub fn reader(&self) -> FlowReader {
        FlowReader { seen: self.received(), flow: self.clone() }
    }

    fn received(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Waits for `answer`; returns `None` once no progress was made for `timeout`.
    pub(super) async fn wait<T>(&self, timeout: Duration, answer: impl Future<Output = T>) -> Option<T> {
        let mut answer = pin!(answer);
        let mut reader = self.reader();
        loop {
            if let Ok(answer) = tokio::time::timeout(timeout, &mut answer).await {
                return Some(answer);
            }
            if !reader.moved() {
                return None;
            }
        }
    }

    /// The answer, and how long its bytes took to arrive: without the time in which the server prepared it.
    ///
    /// The time is 0 if they arrived faster than anyone looked.
    pub(super) async fn timed<T, E>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<(T, Duration), E> {
        let (mut answer, before) = (pin!(answer), self.received());
        let begun = async {
            while self.received() - before < MIN_PROGRESS {
                tokio::time::sleep(SAMPLE).await;
            }
            tokio::time::Instant::now()
        };
        tokio::select! {
            biased;
            answer = &mut answer => Ok((answer?, Duration::ZERO)),
            begun = begun => Ok((answer.await?, begun.elapsed())),
        }
    }

    /// Wraps `stream`, and counts what is read from it.
    pub(super) fn count<S>(&self, stream: S) -> impl AsyncRead + AsyncWrite + Unpin + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let received = Arc::clone(&self.0);
        InspectReader::new(stream, move |bytes: &[u8]| {
            received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        })
    }
}

impl FlowReader {
    /// Whether more than a few bytes have arrived since the last call.
    pub fn moved(&mut self) -> bool {
        let received = self.flow.received();
        let moved = received - self.seen >= MIN_PROGRESS;
        self.seen = received;
        moved
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wait_lasts_as_long_as_bytes_arrive_and_then_one_timeout() {
        let flow = Flow::default();
        let (mut server, client) = duplex(64 << 10);
        let mut client = flow.count(client);
        let timeout = Duration::from_secs(3);
        tokio::spawn(async move {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                server.write_all(&[0; 4 << 10]).await.unwrap();
            }
            std::future::pending::<()>().await;
        });
        let start = tokio::time::Instant::now();
        let whole = flow.wait(timeout, async {
            client.read_exact(&mut vec![0; 80 << 10]).await.unwrap();
        });
        assert_eq!((whole.await, start.elapsed().as_secs()), (Some(()), 20));
        let never = flow.wait(timeout, std::future::pending::<()>());
        assert_eq!((never.await, start.elapsed().as_secs()), (None, 23));
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_a_transfer_is_without_the_time_that_the_server_needs() {
        let flow = Flow::default();
        let (mut server, client) = duplex(64 << 10);
        let mut client = flow.count(client);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(7)).await;
            for _ in 0..4 {
                server.write_all(&[0; 4 << 10]).await.unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let mut buffer = vec![0; 16 << 10];
        let (_, took) = flow.timed(client.read_exact(&mut buffer)).await.unwrap();
        assert!(took > Duration::from_millis(2_900) && took <= Duration::from_secs(3), "{took:?}");
        let ((), took) = flow.timed(async { Ok::<_, ()>(()) }).await.unwrap();
        assert_eq!(took, Duration::ZERO);
    }

    #[tokio::test]
    async fn a_few_bytes_are_not_progress() {
        let flow = Flow::default();
        let (mut server, client) = duplex(64 << 10);
        let (mut client, mut reader) = (flow.count(client), flow.reader());
        server.write_all(&[0; 100]).await.unwrap();
        client.read_exact(&mut [0; 100]).await.unwrap();
        assert!(!reader.moved());
    }
}
