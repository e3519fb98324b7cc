//! A TLS handshake with a server, and in a sentence why it failed.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{AlertDescription, Error as TlsError};

use super::certificate::{Facts, SUPPORTED_KEYS, distinguished_name, now, utc};
use super::reach::Bytes;
use super::tls::Tls;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};

/// What came up in a handshake besides its result.
#[derive(Debug, Clone, Default)]
pub(super) struct Told(Arc<Mutex<Heard>>);

#[derive(Debug, Default)]
struct Heard {
    /// What is wrong with the server's certificate.
    problem: Option<String>,
    /// Whether the server asked for a certificate, and whose it takes; an empty list says nothing.
    asked: Option<Vec<String>>,
}

impl Told {
    pub(super) fn problem(&self, words: String) {
        self.lock().problem = Some(words);
    }

    pub(super) fn asked(&self, issuers: &[&[u8]]) {
        self.lock().asked = Some(issuers.iter().filter_map(|der| distinguished_name(der)).collect());
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Speaks TLS over `stream`.
///
/// # Errors
/// A TLS error that says which end is wrong, and which setting mends it.
pub(super) async fn shake_hands(
    stream: Box<dyn Bytes>,
    tls: &Tls,
    endpoint: &Endpoint,
) -> Result<Box<dyn Bytes>> {
    let name = tls.server_name.as_deref().unwrap_or_else(|| endpoint.host());
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| Error::configuration("server_name", format!("{name:?} is not a host name")))?;
    let connector = TlsConnector::from(Arc::clone(&tls.config));
    let stream = connector.connect(name, stream).await.map_err(|error| failed(&error, tls))?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        return Ok(Box::new(stream));
    }
    let what =
        "TLS is spoken there, but no HTTP/2: that is not etcd, or a proxy that does not pass HTTP/2 on";
    Err(Error::new(ErrorKind::Tls, what))
}

const ABRUPT: [io::ErrorKind; 3] =
    [io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionAborted, io::ErrorKind::BrokenPipe];

fn failed(error: &io::Error, tls: &Tls) -> Error {
    let words = match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        Some(TlsError::AlertReceived(alert)) => refused(*alert, tls),
        Some(error @ TlsError::InvalidCertificate(_)) => {
            tls.told.lock().problem.take().unwrap_or_else(|| error.to_string())
        }
        Some(error @ TlsError::InvalidMessage(_)) => not_tls(error),
        Some(error) => error.to_string(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => not_tls(error),
        // etcd without TLS answers 400 and closes, and the reset may overtake that answer.
        None if ABRUPT.contains(&error.kind()) => format!(
            "{error}, during the TLS handshake; a server without TLS ends it like this: for an etcd that speaks \
             plain http write http:// in endpoints"
        ),
        None => format!("{error}, during the TLS handshake"),
    };
    Error::new(ErrorKind::Tls, words)
}

fn not_tls(error: &dyn std::error::Error) -> String {
    format!("{error}; no TLS is spoken there; for an etcd that speaks plain http write http:// in endpoints")
}

/// What an alert of the server means. With TLS 1.3 the one about our certificate comes after the handshake.
pub(super) fn refused(alert: AlertDescription, tls: &Tls) -> String {
    let said = TlsError::AlertReceived(alert);
    match alert {
        _ if is_about_our_certificate(alert, tls) => format!("{said}; {}", certificate_refused(tls)),
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => format!(
            "the TLS handshake failed; etcd and this client share no cipher or kind of key: issue etcd's certificate with a key that is \
             {SUPPORTED_KEYS} (P-521, Ed448 and DSA are not supported), and check etcd's --cipher-suites"
        ),
        AlertDescription::ProtocolVersion => {
            format!(
                "{said}; the server speaks neither TLS 1.2 nor TLS 1.3: update it, or its --tls-max-version"
            )
        }
        AlertDescription::UnrecognisedName => {
            format!(
                "{said}; the server does not know this name: set server_name to a name in etcd's certificate"
            )
        }
        AlertDescription::NoApplicationProtocol => {
            format!("{said}; TLS is spoken there, but no HTTP/2: that is not etcd")
        }
        _ => said.to_string(),
    }
}

fn is_about_our_certificate(alert: AlertDescription, tls: &Tls) -> bool {
    let of_certificates = matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::NoCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
    );
    // Older servers say no more than this to who has no certificate.
    let of_none = alert == AlertDescription::HandshakeFailure && tls.own.is_empty() && tls.asks();
    of_certificates || of_none
}

/// What to do about a server that demands a certificate, and has got none or refuses ours.
pub(super) fn certificate_refused(tls: &Tls) -> String {
    let Some(own) = tls.own.first() else {
        return "etcd demands a client certificate: set cert_file and key_file".to_owned();
    };
    let why = reason(own, &tls.own, tls.told.lock().asked.as_deref().unwrap_or_default());
    let why = why.unwrap_or_else(|| {
        "check that it has not expired, and that an authority which etcd trusts signed it".to_owned()
    });
    format!("etcd refuses the certificate in cert_file: {why}")
}

/// Why the certificate in `cert_file` would be refused, where that can be seen from here.
fn reason(own: &Facts, chain: &[Facts], issuers: &[String]) -> Option<String> {
    let now = now();
    if now > own.not_after {
        let until = utc(own.not_after);
        return Some(format!(
            "it has expired (valid until {until}, and it is {} here): issue a new one",
            utc(now)
        ));
    }
    if now < own.not_before {
        let from = utc(own.not_before);
        return Some(format!("it begins at {from}, and it is {} here: check the clocks", utc(now)));
    }
    if !own.is_for_clients {
        return Some(
            "it is not made for clients: issue one with clientAuth in its extendedKeyUsage".to_owned(),
        );
    }
    let is_taken = chain.iter().any(|link| issuers.contains(&link.issuer));
    (!issuers.is_empty() && !is_taken)
        .then(|| format!("{:?} signed it, and etcd takes those of {}", own.issuer, issuers.join(" and ")))
}

impl Tls {
    /// Whether the server has asked for a client's certificate.
    pub(super) fn asks(&self) -> bool {
        self.told.lock().asked.is_some()
    }

    /// Whether the certificate in `cert_file` cannot be accepted, as far as can be seen from here.
    pub(super) fn is_hopeless(&self) -> bool {
        let heard = self.told.lock();
        let issuers = heard.asked.as_deref().unwrap_or_default();
        self.own.first().is_none_or(|own| reason(own, &self.own, issuers).is_some())
    }
}
