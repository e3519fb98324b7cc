//! Records the first bytes and the TLS alert of a connection, to explain why it failed.
//!
//! HTTP/2 reports whichever failure it sees first, such as a failed write ("broken pipe"). The reason may still be
//! unread: with TLS 1.3 a server refuses a client certificate after the client considers the handshake finished. So
//! after a failed write, everything that can still be read is read before the error is returned.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::rustls::{AlertDescription, Error as TlsError};

/// How many bytes are kept: enough for the header of an HTTP/1 answer.
const CAPACITY: usize = 512;

/// The record of one connection.
#[derive(Clone, Default)]
pub(super) struct Recording(Arc<Mutex<Record>>);

#[derive(Default)]
struct Record {
    first_bytes: Vec<u8>,
    alert: Option<AlertDescription>,
}

impl Recording {
    /// The first bytes that the server sent.
    pub(super) fn first_bytes(&self) -> Vec<u8> {
        self.lock().first_bytes.clone()
    }

    /// The TLS alert that the server sent, if any.
    pub(super) fn alert(&self) -> Option<AlertDescription> {
        self.lock().alert
    }

    fn add_error(&self, error: &io::Error) {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
        if let Some(TlsError::AlertReceived(alert)) = tls {
            self.lock().alert.get_or_insert(*alert);
        }
    }

    /// Adds received bytes, and returns whether there is room for more.
    fn add_bytes(&self, bytes: &[u8]) -> bool {
        let mut record = self.lock();
        let room = CAPACITY - record.first_bytes.len();
        record.first_bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        record.first_bytes.len() < CAPACITY
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that adds what it receives to a [`Recording`].
pub(super) struct RecordedStream<S> {
    stream: S,
    recording: Recording,
    has_room: bool,
    /// The error of a failed write, held back until all that can be read has been read.
    write_error: Option<io::Error>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> RecordedStream<S> {
    /// Wraps a new stream, and clears the record of any earlier connection.
    pub(super) fn new(stream: S, recording: &Recording) -> Self {
        *recording.lock() = Record::default();
        Self { stream, recording: recording.clone(), has_room: true, write_error: None }
    }

    /// Does `write`. An early failure is returned only after all that can still be read has been read.
    fn write<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.write_error.is_none() {
            match write(Pin::new(&mut self.stream), cx) {
                Poll::Ready(Err(error)) if self.has_room => self.write_error = Some(error),
                result => return result,
            }
        }
        // The runtime may not know yet that there is something to read. It wakes this task once it does.
        ready!(self.read_remaining(cx));
        Poll::Ready(Err(self.write_error.take().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())))
    }

    fn read_remaining(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; CAPACITY];
        while self.has_room {
            let mut rest = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut rest)) {
                Ok(()) if rest.filled().is_empty() => break,
                Ok(()) => self.has_room = self.recording.add_bytes(rest.filled()),
                Err(error) => {
                    self.recording.add_error(&error);
                    break;
                }
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for RecordedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        match &result {
            Poll::Ready(Ok(())) if self.has_room => {
                self.has_room = self.recording.add_bytes(&buf.filled()[before..]);
            }
            Poll::Ready(Err(error)) => self.recording.add_error(error),
            _ => {}
        }
        result
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for RecordedStream<S> {
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

    /// A stream whose writes fail, and whose reads return these results, each after one pending poll.
    struct BrokenPipe(VecDeque<io::Result<Vec<u8>>>, bool);

    impl AsyncRead for BrokenPipe {
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

    impl AsyncWrite for BrokenPipe {
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
    async fn the_alert_after_a_failed_write_is_read() {
        let recording = Recording::default();
        let stream = BrokenPipe(VecDeque::from([Ok(b"ticket".to_vec()), Err(alert())]), false);
        let mut stream = RecordedStream::new(stream, &recording);
        assert!(stream.write_all(b"request").await.is_err());
        assert_eq!(recording.alert(), Some(AlertDescription::CertificateRequired));
        assert_eq!(recording.first_bytes(), b"ticket");
    }

    #[tokio::test]
    async fn only_the_first_bytes_are_kept() {
        let recording = Recording::default();
        let answers = [Ok(vec![1; 20]), Ok(vec![2; 500]), Ok(vec![3; 24])];
        let stream = BrokenPipe(VecDeque::from(answers), false);
        let mut stream = RecordedStream::new(stream, &recording);
        let mut space = [0; 600];
        for expected in [20, 500, 24] {
            assert_eq!(stream.read(&mut space).await.unwrap(), expected);
        }
        assert_eq!(recording.first_bytes().len(), CAPACITY);
        assert_eq!(recording.first_bytes()[19..22], [1, 2, 2]);
        drop(RecordedStream::new(BrokenPipe(VecDeque::new(), false), &recording));
        assert!(recording.first_bytes().is_empty());
    }
}
