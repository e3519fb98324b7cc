//! A gRPC channel that copes with HTTP proxies between the client and etcd.
//!
//! * A proxy may answer instead of etcd. Such an answer becomes an error that names it; tonic alone reads the first
//!   letter of nginx's HTML as a compression flag.
//! * A proxy may close a connection at any time. A request that was provably never processed is sent again: nginx
//!   closes a connection after `keepalive_requests`, and requests in flight come back unread (grpc/grpc-java 10533).

use std::future::Future;
use std::mem::replace;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use h2::Reason;
use http::header::{CONTENT_TYPE, SERVER};
use http::{HeaderName, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tonic::Status;
use tonic::body::Body;
use tower::{BoxError, Service, ServiceExt};

/// How many times an unprocessed request is sent again.
const REPEATS: usize = 2;
/// The methods whose request is a single message.
///
/// The request of any other is a stream, which cannot be sent again.
const UNARY: [&str; 3] =
    ["/etcdserverpb.KV/", "/etcdserverpb.Lease/LeaseGrant", "/etcdserverpb.Lease/LeaseRevoke"];

/// An HTTP answer that does not come from etcd.
#[derive(Debug, thiserror::Error)]
#[error("an HTTP proxy at this endpoint answered {0}")]
pub(super) struct NotEtcd(String);

/// A channel that reports proxy answers by name and sends unprocessed requests again.
#[derive(Clone)]
pub(super) struct ProxyAwareChannel(tonic::transport::Channel);

impl ProxyAwareChannel {
    pub(super) const fn new(channel: tonic::transport::Channel) -> Self {
        Self(channel)
    }
}

type Answer = Result<Response<Body>, BoxError>;

impl Service<Request<Body>> for ProxyAwareChannel {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // `poll_ready` made this channel ready, not its clone, so the request has to use this one.
        let clone = self.0.clone();
        let mut channel = replace(&mut self.0, clone);
        Box::pin(async move {
            if UNARY.iter().any(|path| request.uri().path().starts_with(path)) {
                check(send(channel, request).await?)
            } else {
                check(channel.call(request).await?)
            }
        })
    }
}

async fn send(mut channel: tonic::transport::Channel, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let request = || Request::from_parts(parts.clone(), Body::new(Full::new(body.clone())));
    let mut answer = channel.call(request()).await;
    for _ in 0..REPEATS {
        match &answer {
            Err(error) if was_never_processed(error) => answer = channel.ready().await?.call(request()).await,
            _ => break,
        }
    }
    Ok(answer?)
}

/// Whether the error proves that the request was never processed (RFC 9113, 6.8 and 8.7).
fn was_never_processed(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            // h2 reports a GOAWAY only to the streams that the server declares unprocessed.
            let unread = error.is_go_away() && error.reason() == Some(Reason::NO_ERROR);
            let refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
            return error.is_remote() && (unread || refused);
        }
        // The connection closed while the request was still queued.
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn check(response: Response<Body>) -> Answer {
    const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
    let headers = response.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = text(CONTENT_TYPE);
    let is_grpc = response.status() == StatusCode::OK && kind.starts_with("application/grpc");
    if is_grpc || headers.contains_key(GRPC_STATUS) {
        return Ok(response);
    }
    let status = response.status();
    let mut said = status.to_string();
    if status.is_success() {
        said = format!("{said} with {kind:.60} instead of gRPC");
    }
    if headers.contains_key(SERVER) {
        said = format!("{said} ({:.60})", text(SERVER));
    }
    let error = NotEtcd(match status {
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            format!("{said}; it cannot reach etcd: check etcd, and the proxy's upstream address")
        }
        StatusCode::PAYLOAD_TOO_LARGE => format!("{said}; raise its limit (nginx: client_max_body_size)"),
        _ => format!("{said}; check that it passes gRPC on to etcd"),
    });
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        // This answer is about the request alone: the connection is still good.
        return Err(Status::invalid_argument(error.to_string()).into());
    }
    let mut failure = Status::unavailable(error.to_string());
    failure.set_source(Arc::new(error));
    Err(failure.into())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    /// What the test server does with a stream.
    #[derive(Clone, Copy)]
    enum Action {
        Reset(Reason),
        Answer(StatusCode, &'static str),
    }

    const OK: Action = Action::Answer(StatusCode::OK, "application/grpc");

    /// Starts a server that does one action per request, over any number of connections.
    ///
    /// Returns the request bodies.
    async fn serve(
        actions: Vec<Action>,
        ends_first: bool,
    ) -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, bodies) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut actions = actions.into_iter();
            if ends_first {
                go_away_unread(listener.accept().await.unwrap().0).await;
            }
            while let Ok((stream, _)) = listener.accept().await {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let Some(action) = actions.next() else { return };
                    let seen = seen.clone();
                    tokio::spawn(async move {
                        let mut body = request.into_body();
                        let mut bytes = Vec::new();
                        while let Some(Ok(data)) = body.data().await {
                            bytes.extend_from_slice(&data);
                        }
                        seen.send(bytes).unwrap();
                        match action {
                            Action::Reset(reason) => respond.send_reset(reason),
                            Action::Answer(status, kind) => {
                                let response = Response::builder().status(status).header(CONTENT_TYPE, kind);
                                let response = response.header(SERVER, "nginx/1.22.1");
                                respond.send_response(response.body(()).unwrap(), true).unwrap();
                            }
                        }
                    });
                }
            }
        });
        (address, bodies)
    }

    /// Ends the connection as nginx does after `keepalive_requests`: without reading the request in flight.
    async fn go_away_unread(mut stream: tokio::net::TcpStream) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap(); // SETTINGS
        let mut received = Vec::new();
        // HEADERS of stream 1
        while !received.windows(6).any(|frame| frame[0] == 1 && frame[2..] == [0, 0, 0, 1]) {
            assert!(stream.read_buf(&mut received).await.unwrap() > 0);
        }
        let go_away = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]; // the last stream read is 0
        stream.write_all(&go_away).await.unwrap();
        stream.shutdown().await.unwrap();
        while stream.read_buf(&mut received).await.is_ok_and(|read| read > 0) {}
    }

    /// Sends a put. Returns the answer, and the request bodies that the server received.
    async fn put(actions: Vec<Action>) -> (Result<StatusCode, String>, Vec<Vec<u8>>) {
        put_to(serve(actions, false).await).await
    }

    async fn put_to(
        (address, mut bodies): (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>),
    ) -> (Result<StatusCode, String>, Vec<Vec<u8>>) {
        let uri = format!("http://{address}");
        let target = tonic::transport::Endpoint::from_shared(uri.clone()).unwrap();
        let mut service = ProxyAwareChannel(target.connect().await.unwrap());
        let body = Body::new(Full::from(&b"message"[..]));
        let request = Request::post(format!("{uri}/etcdserverpb.KV/Put")).body(body).unwrap();
        let answer = service.ready().await.unwrap().call(request).await;
        let mut sent = Vec::new();
        while let Ok(body) = bodies.try_recv() {
            sent.push(body);
        }
        (answer.map(|response| response.status()).map_err(|error| error.to_string()), sent)
    }

    #[tokio::test]
    async fn a_request_that_the_server_refused_to_read_is_sent_again() {
        let refused = Action::Reset(Reason::REFUSED_STREAM);
        let (answer, sent) = put(vec![refused, OK]).await;
        assert_eq!((answer, sent), (Ok(StatusCode::OK), vec![b"message".to_vec(); 2]));
        let (answer, sent) = put(vec![refused; 9]).await;
        assert!(answer.is_err());
        assert_eq!(sent.len(), 1 + REPEATS);
    }

    #[tokio::test]
    async fn a_request_left_unread_by_a_closing_connection_is_sent_on_the_next_one() {
        let (answer, sent) = put_to(serve(vec![OK], true).await).await;
        assert_eq!((answer, sent), (Ok(StatusCode::OK), vec![b"message".to_vec()]));
    }

    #[tokio::test]
    async fn a_request_that_may_have_been_processed_is_never_sent_again() {
        for reason in [Reason::CANCEL, Reason::INTERNAL_ERROR, Reason::NO_ERROR] {
            let (answer, sent) = put(vec![Action::Reset(reason), OK]).await;
            assert!(answer.is_err(), "{reason:?}");
            assert_eq!(sent.len(), 1, "{reason:?}");
        }
    }

    #[tokio::test]
    async fn an_error_names_the_proxy_that_answered_and_its_status() {
        for (status, kind, named) in [
            (502, "text/html", "answered 502 Bad Gateway (nginx/1.22.1); it cannot reach etcd"),
            (413, "text/html", "answered 413 Payload Too Large (nginx/1.22.1); raise its limit"),
            (404, "application/grpc", "answered 404 Not Found"),
            (200, "text/html", "answered 200 OK with text/html instead of gRPC"),
        ] {
            let (answer, sent) =
                put(vec![Action::Answer(StatusCode::from_u16(status).unwrap(), kind), OK]).await;
            let error = answer.unwrap_err();
            assert!(error.contains(named) && sent.len() == 1, "{error}");
        }
    }
}
