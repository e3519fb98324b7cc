//! Explains a connection that failed before etcd's first answer, and names the setting that fixes it.
//!
//! A wrong scheme, a server that is not etcd and, with TLS 1.3, a refused client certificate show only when the first
//! request fails. HTTP/2 reports such failures without their cause, so a [`Recording`] keeps the server's first bytes.

use super::connect::ByteStream;
use super::explain::chain;
use super::handshake::{explain_alert, explain_client_certificate, handshake};
use super::recorded_stream::{RecordedStream, Recording};
use super::tls::Tls;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::filtered;

/// A connection attempt, with what explains its failure.
#[derive(Clone)]
pub(super) struct ConnectAttempt {
    endpoint: Endpoint,
    tls: Option<std::sync::Arc<Tls>>,
    recording: Recording,
}

impl ConnectAttempt {
    /// An attempt at `endpoint`, over `tls` if given.
    pub(super) fn new(endpoint: &Endpoint, tls: Option<Tls>) -> Self {
        Self {
            endpoint: endpoint.clone(),
            tls: tls.map(std::sync::Arc::new),
            recording: Recording::default(),
        }
    }

    /// Does the TLS handshake if the endpoint uses TLS, and records the first bytes of `stream`.
    ///
    /// # Errors
    /// The error of the handshake.
    pub(super) async fn secure(
        &self,
        stream: Box<dyn ByteStream>,
    ) -> Result<RecordedStream<Box<dyn ByteStream>>> {
        let stream = match &self.tls {
            Some(tls) => handshake(stream, tls, &self.endpoint).await?,
            None => stream,
        };
        Ok(RecordedStream::new(stream, &self.recording))
    }

    /// Explains an `error` that prevented the connection.
    pub(super) fn explain(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(own) = error.downcast_ref::<Error>() {
                return own.clone().at(self.endpoint.to_string());
            }
            cause = error.source();
        }
        Error::new(ErrorKind::Connection, chain(error)).at(self.endpoint.to_string())
    }

    /// Explains a connection that was established, and closed before etcd's first answer.
    pub(super) fn explain_closed(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        let (kind, message) = self.reason().unwrap_or_else(|| self.guess(&chain(error)));
        Error::new(kind, message).at(self.endpoint.to_string())
    }

    /// The reason that the recorded bytes show, if any.
    fn reason(&self) -> Option<(ErrorKind, String)> {
        if let (Some(alert), Some(tls)) = (self.recording.alert(), &self.tls) {
            return Some((ErrorKind::Tls, explain_alert(alert, tls)));
        }
        explain_foreign_server(&self.recording.first_bytes()).map(|message| (ErrorKind::Connection, message))
    }

    /// The likely reason, when the server's last bytes were lost.
    fn guess(&self, error: &str) -> (ErrorKind, String) {
        match &self.tls {
            Some(tls) if tls.requests_certificate() && tls.own_certificate_is_unusable() => {
                (ErrorKind::Tls, format!("{error}; {}", explain_client_certificate(tls)))
            }
            Some(_) => (ErrorKind::Connection, error.to_owned()),
            None => {
                let advice =
                    "closed before etcd's first answer; if the server uses TLS, write https:// in endpoints";
                (ErrorKind::Connection, format!("{error}; {advice}"))
            }
        }
    }
}

/// Describes a server whose `first_bytes` are not HTTP/2, which begins with a SETTINGS frame.
fn explain_foreign_server(first_bytes: &[u8]) -> Option<String> {
    const SETTINGS: u8 = 4;
    const ALERT: [u8; 2] = [21, 3];
    if first_bytes.is_empty() || first_bytes.get(3) == Some(&SETTINGS) {
        return None;
    }
    if first_bytes.starts_with(&ALERT) {
        return Some("the server uses TLS: write https:// in endpoints".to_owned());
    }
    let text = String::from_utf8_lossy(first_bytes);
    let line: String = text.lines().next().unwrap_or_default().chars().take(80).collect();
    let line = filtered(&line);
    Some(if text.starts_with("HTTP/") && text.contains("HTTPS") {
        format!("the server answers {line:?} and wants TLS: write https:// in endpoints")
    } else if text.starts_with("HTTP/") {
        format!(
            "the server answers {line:?}: it speaks HTTP/1, so it is not etcd, or it is a proxy that does not forward \
             HTTP/2 and gRPC; check host and port in endpoints"
        )
    } else {
        format!("the server answers {line:?}: that is not etcd; check host and port in endpoints")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_etcd_is_recognised_by_its_first_bytes() {
        for (first_bytes, expected) in [
            (&b"HTTP/1.1 400 Bad Request\r\n\r\nno"[..], "\"HTTP/1.1 400 Bad Request\": it speaks HTTP/1"),
            (
                b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
                "write https://",
            ),
            (b"\x15\x03\x01\x00\x02\x02\x0a", "write https://"),
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", "\"SSH-2.0-OpenSSH_9.2p1\": that is not etcd"),
            (b"-ERR unknown command\r\n", "that is not etcd"),
            (b"\xff\x00\x01\x02", "that is not etcd"),
        ] {
            let message = explain_foreign_server(first_bytes);
            assert!(message.as_ref().is_some_and(|message| message.contains(expected)), "{message:?}");
        }
    }

    #[test]
    fn a_server_that_speaks_http_2_or_sends_nothing_is_not_described_as_foreign() {
        assert_eq!(explain_foreign_server(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"), None);
        assert_eq!(explain_foreign_server(b""), None);
    }
}
