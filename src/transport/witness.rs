//! What a connection showed before its first answer, for the person who asks why there was none.
//!
//! HTTP/2 hands on whichever failure it met first: of a write that came too late ("broken pipe"), or that the
//! connection is gone. The reason may lie unread behind it: with TLS 1.3 a server refuses a client's certificate
//! when the client holds the handshake for done. So after a failed write all that can still be read is read.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::rustls::{AlertDescription, Error as TlsError};

/// Enough for the head of an HTTP/1 answer.
const BEGINNING: usize = 512;

/// What is known of one connection.
#[derive(Clone, Default)]
pub(super) struct Witness(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    beginning: Vec<u8>,
    alert: Option<AlertDescription>,
}

impl Witness {
    /// How the server's words begin.
    pub(super) fn beginning(&self) -> Vec<u8> {
        self.lock().beginning.clone()
    }

    /// Why the server ended TLS, if it said so.
    pub(super) fn alert(&self) -> Option<AlertDescription> {
        self.lock().alert
    }

    fn failed(&self, error: &io::Error) {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
        if let Some(TlsError::AlertReceived(alert)) = tls {
            self.lock().alert.get_or_insert(*alert);
        }
    }

    /// Returns whether there is room for more.
    fn heard(&self, bytes: &[u8]) -> bool {
        let mut seen = self.lock();
        let room = BEGINNING - seen.beginning.len();
        seen.beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
        seen.beginning.len() < BEGINNING
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that tells its [`Witness`].
pub(super) struct Watched<S> {
    stream: S,
    witness: Witness,
    listens: bool,
    /// Why writing failed, until all that can be read has been read.
    broken: Option<io::Error>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Watched<S> {
    /// A stream of which nothing has been read yet: an earlier connection's words are forgotten.
    pub(super) fn new(stream: S, witness: &Witness) -> Self {
        *witness.lock() = Seen::default();
        Self { stream, witness: witness.clone(), listens: true, broken: None }
    }

    /// Does `write`; where it fails early, only once all that can still be read has been read.
    fn write<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.broken.is_none() {
            match write(Pin::new(&mut self.stream), cx) {
                Poll::Ready(Err(error)) if self.listens => self.broken = Some(error),
                result => return result,
            }
        }
        // The runtime may not have seen yet that there is something to read: it wakes this task when it does.
        ready!(self.read_the_rest(cx));
        Poll::Ready(Err(self.broken.take().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())))
    }

    fn read_the_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; BEGINNING];
        while self.listens {
            let mut rest = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut rest)) {
                Ok(()) if rest.filled().is_empty() => break,
                Ok(()) => self.listens = self.witness.heard(rest.filled()),
                Err(error) => {
                    self.witness.failed(&error);
                    break;
                }
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        match &result {
            Poll::Ready(Ok(())) if self.listens => {
                self.listens = self.witness.heard(&buf.filled()[before..]);
            }
            Poll::Ready(Err(error)) => self.witness.failed(error),
            _ => {}
        }
        result
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Takes no byte, and has these to read, each only when it is asked for once more.
    struct Broken(VecDeque<io::Result<Vec<u8>>>, bool);

    impl AsyncRead for Broken {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.1 = !self.1;
            if self.1 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(
                self.0.pop_front().unwrap_or_else(|| Ok(Vec::new())).map(|bytes| buf.put_slice(&bytes)),
            )
        }
    }

    impl AsyncWrite for Broken {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn alert() -> io::Error {
        io::Error::other(TlsError::AlertReceived(AlertDescription::CertificateRequired))
    }

    #[tokio::test]
    async fn the_alert_behind_a_write_that_failed_is_read() {
        let witness = Witness::default();
        let stream = Broken(VecDeque::from([Ok(b"ticket".to_vec()), Err(alert())]), false);
        let mut stream = Watched::new(stream, &witness);
        assert!(stream.write_all(b"request").await.is_err());
        assert_eq!(witness.alert(), Some(AlertDescription::CertificateRequired));
        assert_eq!(witness.beginning(), b"ticket");
    }

    #[tokio::test]
    async fn the_beginning_is_kept_and_no_more() {
        let witness = Witness::default();
        let words = [Ok(vec![1; 20]), Ok(vec![2; 500]), Ok(vec![3; 24])];
        let stream = Broken(VecDeque::from(words), false);
        let mut stream = Watched::new(stream, &witness);
        let mut space = [0; 600];
        for expected in [20, 500, 24] {
            assert_eq!(stream.read(&mut space).await.unwrap(), expected);
        }
        assert_eq!(witness.beginning().len(), BEGINNING);
        assert_eq!(witness.beginning()[19..22], [1, 2, 2]);
        drop(Watched::new(Broken(VecDeque::new(), false), &witness));
        assert!(witness.beginning().is_empty());
    }
}
