//! Whether to trust the server's certificate, and in a sentence why not.
//!
//! The rules of the web decide (webpki). One thing is allowed beyond it: a certificate that is, byte for byte, one of `ca_file`, as a
//! self-signed one is. Its names, its dates and the proof that the server holds its key are still demanded. That
//! gives nobody a power that he lacked: whoever holds the key of a certificate in `ca_file` can issue another one.

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::certificate::{Facts, SUPPORTED_KEYS, utc};
use super::handshake::Told;

#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) webpki: Arc<WebPkiServerVerifier>,
    /// What `ca_file` holds; nothing without it.
    pub(super) authorities: Vec<CertificateDer<'static>>,
    pub(super) told: Told,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self
            .webpki
            .verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
            .or_else(|error| self.verify_known(end_entity, name, now).unwrap_or(Err(error)));
        verdict.inspect_err(|error| self.told.problem(self.words(error, end_entity, now)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verdict = self.webpki.verify_tls12_signature(message, certificate, signature);
        verdict.inspect_err(|error| self.told.problem(unproven(error, certificate)))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verdict = self.webpki.verify_tls13_signature(message, certificate, signature);
        verdict.inspect_err(|error| self.told.problem(unproven(error, certificate)))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

impl Verifier {
    /// The verdict on a certificate that `ca_file` holds itself; `None` of any other.
    fn verify_known(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Option<Result<ServerCertVerified, Error>> {
        self.authorities.iter().find(|known| *known == certificate)?;
        let facts = Facts::of(certificate)?;
        let verdict = if now.as_secs() < facts.not_before {
            Err(CertificateError::NotValidYet.into())
        } else if now.as_secs() > facts.not_after {
            Err(CertificateError::Expired.into())
        } else {
            let parsed = ParsedCertificate::try_from(certificate);
            parsed.and_then(|parsed| verify_server_name(&parsed, name))
        };
        Some(verdict.map(|()| ServerCertVerified::assertion()))
    }

    fn words(&self, error: &Error, certificate: &CertificateDer<'_>, now: UnixTime) -> String {
        let (Error::InvalidCertificate(reason), Some(facts)) = (error, Facts::of(certificate)) else {
            return error.to_string();
        };
        let now = utc(now.as_secs());
        match reason {
            CertificateError::Expired => expired(&facts, facts.not_after, &now),
            CertificateError::ExpiredContext { not_after, .. } => expired(&facts, not_after.as_secs(), &now),
            CertificateError::NotValidYet => early(&facts, facts.not_before, &now),
            CertificateError::NotValidYetContext { not_before, .. } => {
                early(&facts, not_before.as_secs(), &now)
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                misnamed(error, &facts)
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => format!(
                "{error}; etcd's certificate is not made for servers: issue one with serverAuth in its \
                 extendedKeyUsage"
            ),
            _ => self.unsigned(error, &facts),
        }
    }

    /// Of a certificate that no authority in `ca_file` has signed, or not so that it counts.
    fn unsigned(&self, error: &Error, facts: &Facts) -> String {
        let (Facts { subject, issuer, .. }, said) = (facts, plain(error));
        if facts.is_self_signed() {
            return format!(
                "{said}; etcd's certificate {subject:?} is self-signed: set ca_file to exactly this certificate, or \
                 have an authority sign it"
            );
        }
        if facts.is_authority {
            return format!(
                "{said}; etcd's certificate {subject:?} is that of an authority (CA:TRUE), and no server's: issue a \
                 server certificate signed by it, or set ca_file to exactly this certificate"
            );
        }
        let advice = "set ca_file to the certificate of the authority that signed etcd's certificate";
        let issuers = self.authorities.iter().filter_map(|known| Facts::of(known));
        match issuers.filter(|known| known.subject == *issuer).map(|known| known.key).next() {
            Some((key, false)) => format!(
                "{said}; the key of the authority {issuer:?} ({key}) is of a kind that is not supported: issue \
                 certificates by one with {SUPPORTED_KEYS}"
            ),
            Some(_) if matches!(error, Error::InvalidCertificate(CertificateError::BadSignature)) => {
                format!("{said}; {advice}: {issuer:?} in ca_file has the same name and another key")
            }
            Some(_) => format!(
                "{said}; etcd's certificate cannot be used (signed by {issuer:?}, {}): issue one of version 3 with a \
                 subjectAltName, signed with SHA-256",
                facts.signature
            ),
            None => format!("{said}; {advice} ({issuer:?})"),
        }
    }
}

/// `error` without what only a programmer reads: numbers of algorithms, and errors within errors.
fn plain(error: &Error) -> String {
    let said = error.to_string();
    match error {
        Error::InvalidCertificate(CertificateError::Other(_)) => {
            said.replace("Other(OtherError(", "").replace("))", "")
        }
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            "invalid peer certificate: its signature does not fit".to_owned()
        }
        _ if said.contains("algorithm_id") || said.contains("Context {") => {
            "invalid peer certificate: its signature is of a kind that is not supported".to_owned()
        }
        _ => said,
    }
}

fn expired(facts: &Facts, until: u64, now: &str) -> String {
    let whose = if until == facts.not_after { "certificate" } else { "authority's certificate" };
    format!(
        "etcd's {whose} has expired: renew it on the server, or, if it is not {now} now, set this machine's clock (the \
         certificate was valid until {})",
        utc(until)
    )
}

fn early(facts: &Facts, from: u64, now: &str) -> String {
    let whose = if from == facts.not_before { "certificate" } else { "authority's certificate" };
    format!(
        "etcd's {whose} is not valid yet: it begins at {}, and this machine's clock says {now}; check the clocks of \
         this machine and of the one that issued the certificate",
        utc(from)
    )
}

fn misnamed(error: &Error, facts: &Facts) -> String {
    if facts.names_hosts {
        return format!(
            "{error}; set server_name to a name in etcd's certificate, or use such a name in endpoints"
        );
    }
    format!(
        "{error}; etcd's certificate names hosts only in its common name ({:?}), where clients look no longer: issue one \
         with a subjectAltName (DNS:… or IP:…)",
        facts.subject
    )
}

/// Of a server that does not prove, in a way that counts, that it holds the key of its certificate.
fn unproven(error: &Error, certificate: &CertificateDer<'_>) -> String {
    match Facts::of(certificate).map(|facts| facts.key) {
        Some((key, false)) => format!(
            "invalid peer certificate: the key of etcd's certificate ({key}) is of a kind that is not supported: issue \
             one with {SUPPORTED_KEYS}"
        ),
        _ => format!("{}; the server does not hold the key of its certificate", plain(error)),
    }
}
