//! What went wrong before etcd's first answer, and which setting mends it.
//!
//! A wrong scheme, a server that is not etcd and, where TLS 1.3 is spoken, the refusal of a client's certificate
//! show only when the first request fails, and HTTP/2 hands such failures on as text that names no cause. The
//! [`Witness`] has seen the bytes.

use super::explain::chain;
use super::handshake::{certificate_refused, refused, shake_hands};
use super::reach::Bytes;
use super::tls::Tls;
use super::witness::{Watched, Witness};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::filtered;

/// What is known of a connection that is being made.
#[derive(Clone)]
pub(super) struct FirstContact {
    endpoint: Endpoint,
    tls: Option<std::sync::Arc<Tls>>,
    witness: Witness,
}

impl FirstContact {
    /// `tls` for an endpoint that is spoken to over TLS.
    pub(super) fn new(endpoint: &Endpoint, tls: Option<Tls>) -> Self {
        Self { endpoint: endpoint.clone(), tls: tls.map(std::sync::Arc::new), witness: Witness::default() }
    }

    /// Speaks TLS over `stream` where that is due.
    ///
    /// # Errors
    /// The error of the handshake.
    pub(super) async fn secure(&self, stream: Box<dyn Bytes>) -> Result<Watched<Box<dyn Bytes>>> {
        let stream = match &self.tls {
            Some(tls) => shake_hands(stream, tls, &self.endpoint).await?,
            None => stream,
        };
        Ok(Watched::new(stream, &self.witness))
    }

    /// Says what `error` means, by which no connection came about.
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

    /// The same of a connection that stood and was closed with not a word from etcd.
    pub(super) fn explain_closed(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        let (kind, words) = self.reason().unwrap_or_else(|| self.guess(&chain(error)));
        Error::new(kind, words).at(self.endpoint.to_string())
    }

    /// What the server has shown.
    fn reason(&self) -> Option<(ErrorKind, String)> {
        if let (Some(alert), Some(tls)) = (self.witness.alert(), &self.tls) {
            return Some((ErrorKind::Tls, refused(alert, tls)));
        }
        stranger(&self.witness.beginning()).map(|words| (ErrorKind::Connection, words))
    }

    /// What is likely, where the server's last words were lost on the way.
    fn guess(&self, said: &str) -> (ErrorKind, String) {
        match &self.tls {
            Some(tls) if tls.asks() && tls.is_hopeless() => {
                (ErrorKind::Tls, format!("{said}; {}", certificate_refused(tls)))
            }
            Some(_) => (ErrorKind::Connection, said.to_owned()),
            None => {
                let advice =
                    "closed before etcd's first answer; if it speaks TLS there, write https:// in endpoints";
                (ErrorKind::Connection, format!("{said}; {advice}"))
            }
        }
    }
}

/// Who answers with a `beginning` that is not HTTP/2's: that one is a frame of settings.
fn stranger(beginning: &[u8]) -> Option<String> {
    const SETTINGS: u8 = 4;
    const ALERT: [u8; 2] = [21, 3];
    if beginning.is_empty() || beginning.get(3) == Some(&SETTINGS) {
        return None;
    }
    if beginning.starts_with(&ALERT) {
        return Some("TLS is spoken there: write https:// in endpoints".to_owned());
    }
    let text = String::from_utf8_lossy(beginning);
    let line: String = text.lines().next().unwrap_or_default().chars().take(80).collect();
    let line = filtered(&line);
    Some(if text.starts_with("HTTP/") && text.contains("HTTPS") {
        format!("the server answers {line:?} and wants TLS: write https:// in endpoints")
    } else if text.starts_with("HTTP/") {
        format!(
            "the server answers {line:?}: it speaks HTTP/1, so it is not etcd, or a proxy before it that does not pass \
             HTTP/2 and gRPC on; check host and port in endpoints"
        )
    } else {
        format!("the server answers {line:?}: that is not etcd; check host and port in endpoints")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_etcd_is_known_by_its_first_words() {
        for (beginning, words) in [
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
            let said = stranger(beginning);
            assert!(said.as_ref().is_some_and(|said| said.contains(words)), "{said:?}");
        }
    }

    #[test]
    fn one_that_speaks_http_2_or_says_nothing_is_no_stranger() {
        assert_eq!(stranger(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"), None);
        assert_eq!(stranger(b""), None);
    }
}
