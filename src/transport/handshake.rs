//! Does the TLS handshake with a server, and explains why it failed.

use std::io;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{AlertDescription, Error as TlsError};

use super::certificate::{CertificateInfo, SUPPORTED_KEYS, now, utc};
use super::connect::ByteStream;
use super::tls::Tls;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};

/// Starts TLS over `stream`.
///
/// # Errors
/// A TLS error that says which side is wrong, and which setting fixes it.
pub(super) async fn handshake(
    stream: Box<dyn ByteStream>,
    tls: &Tls,
    endpoint: &Endpoint,
) -> Result<Box<dyn ByteStream>> {
    let name = tls.server_name.as_deref().unwrap_or_else(|| endpoint.host());
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| Error::configuration("server_name", format!("{name:?} is not a host name")))?;
    let connector = TlsConnector::from(Arc::clone(&tls.config));
    let stream = connector.connect(name, stream).await.map_err(|error| failed(&error, tls))?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        return Ok(Box::new(stream));
    }
    let what =
        "the server uses TLS but not HTTP/2: it is not etcd, or it is a proxy that does not forward HTTP/2";
    Err(Error::new(ErrorKind::Tls, what))
}

const ABRUPT_CLOSE: [io::ErrorKind; 3] =
    [io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionAborted, io::ErrorKind::BrokenPipe];

fn failed(error: &io::Error, tls: &Tls) -> Error {
    let words = match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        Some(TlsError::AlertReceived(alert)) => explain_alert(*alert, tls),
        Some(error @ TlsError::InvalidCertificate(_)) => {
            tls.details.lock().certificate_problem.take().unwrap_or_else(|| error.to_string())
        }
        Some(error @ TlsError::InvalidMessage(_)) => not_tls(error),
        Some(error) => error.to_string(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => not_tls(error),
        // etcd without TLS answers 400 and closes; the reset may arrive before that answer.
        None if ABRUPT_CLOSE.contains(&error.kind()) => format!(
            "{error}, during the TLS handshake; a server without TLS does this: if etcd uses plain http, write \
             http:// in endpoints"
        ),
        None => format!("{error}, during the TLS handshake"),
    };
    Error::new(ErrorKind::Tls, words)
}

fn not_tls(error: &dyn std::error::Error) -> String {
    format!("{error}; the server does not use TLS; if etcd uses plain http, write http:// in endpoints")
}

/// Explains a TLS alert from the server.
///
/// With TLS 1.3 an alert about our certificate comes after the handshake.
pub(super) fn explain_alert(alert: AlertDescription, tls: &Tls) -> String {
    let error = TlsError::AlertReceived(alert);
    match alert {
        _ if is_about_our_certificate(alert, tls) => format!("{error}; {}", explain_client_certificate(tls)),
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => format!(
            "the TLS handshake failed; etcd and this client share no cipher or key type: issue etcd's certificate \
             with a key that is {SUPPORTED_KEYS} (P-521, Ed448 and DSA are not supported), and check etcd's \
             --cipher-suites"
        ),
        AlertDescription::ProtocolVersion => format!(
            "{error}; the server supports neither TLS 1.2 nor TLS 1.3: upgrade it, or change its --tls-max-version"
        ),
        AlertDescription::UnrecognisedName => format!(
            "{error}; the server does not know this name: set server_name to a name in etcd's certificate"
        ),
        AlertDescription::NoApplicationProtocol => {
            format!("{error}; the server uses TLS but not HTTP/2: it is not etcd")
        }
        _ => error.to_string(),
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
    // Older servers send only this alert to a client without a certificate.
    let of_none = alert == AlertDescription::HandshakeFailure
        && tls.client_chain.is_empty()
        && tls.requests_certificate();
    of_certificates || of_none
}

/// What to do when the server requires a client certificate and we have none, or it refuses ours.
pub(super) fn explain_client_certificate(tls: &Tls) -> String {
    let Some(own) = tls.client_chain.first() else {
        return "etcd requires a client certificate: set cert_file and key_file".to_owned();
    };
    let details = tls.details.lock();
    let issuers = details.accepted_issuers.as_deref().unwrap_or_default();
    let reason = rejection_reason(own, &tls.client_chain, issuers).unwrap_or_else(|| {
        "check that it has not expired, and that an authority which etcd trusts signed it".to_owned()
    });
    format!("etcd refuses the certificate in cert_file: {reason}")
}

/// Why a server would refuse the certificate in `cert_file`, as far as this side can tell.
fn rejection_reason(own: &CertificateInfo, chain: &[CertificateInfo], issuers: &[String]) -> Option<String> {
    let now = now();
    if now > own.not_after {
        let until = utc(own.not_after);
        return Some(format!(
            "it has expired (valid until {until}; this machine's clock says {}): issue a new one",
            utc(now)
        ));
    }
    if now < own.not_before {
        let from = utc(own.not_before);
        return Some(format!(
            "it is not valid before {from}, and this machine's clock says {}: check the clocks",
            utc(now)
        ));
    }
    if !own.is_for_clients {
        return Some(
            "it is not issued for clients: issue one with clientAuth in its extendedKeyUsage".to_owned(),
        );
    }
    let is_accepted = chain.iter().any(|link| issuers.contains(&link.issuer));
    (!issuers.is_empty() && !is_accepted)
        .then(|| format!("{:?} signed it, but etcd accepts only {}", own.issuer, issuers.join(" and ")))
}

impl Tls {
    /// Whether the server requested a client certificate.
    pub(super) fn requests_certificate(&self) -> bool {
        self.details.lock().accepted_issuers.is_some()
    }

    /// Whether there is no certificate in `cert_file`, or one that the server is certain to refuse.
    pub(super) fn own_certificate_is_unusable(&self) -> bool {
        let details = self.details.lock();
        let issuers = details.accepted_issuers.as_deref().unwrap_or_default();
        let own = self.client_chain.first();
        own.is_none_or(|own| rejection_reason(own, &self.client_chain, issuers).is_some())
    }
}
