//! Decides whether to trust the server's certificate, and explains why not.
//!
//! The rules are those of the web (webpki), with one addition: a certificate that is byte for byte in `ca_file`, such
//! as a self-signed one, is trusted too. Its names, its dates and the proof that the server holds its key are still
//! checked. The addition gives no one new power: the holder of a key in `ca_file` could issue any certificate anyway.

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::certificate::{CertificateInfo, SUPPORTED_KEYS, utc};
use super::handshake_details::HandshakeDetails;

/// Verifies the server's certificate, and keeps an explanation of what is wrong with it.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) webpki: Arc<WebPkiServerVerifier>,
    /// The certificates in `ca_file`; empty without that setting.
    pub(super) authorities: Vec<CertificateDer<'static>>,
    pub(super) details: HandshakeDetails,
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
        verdict.inspect_err(|error| {
            self.details.set_certificate_problem(self.explain(error, end_entity, now));
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verdict = self.webpki.verify_tls12_signature(message, certificate, signature);
        verdict.inspect_err(|error| {
            self.details.set_certificate_problem(key_not_proven(error, certificate));
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verdict = self.webpki.verify_tls13_signature(message, certificate, signature);
        verdict.inspect_err(|error| {
            self.details.set_certificate_problem(key_not_proven(error, certificate));
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

impl Verifier {
    /// Verifies a certificate that is itself in `ca_file`; `None` for any other.
    fn verify_known(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Option<Result<ServerCertVerified, Error>> {
        self.authorities.iter().find(|known| *known == certificate)?;
        let info = CertificateInfo::of(certificate)?;
        let verdict = if now.as_secs() < info.not_before {
            Err(CertificateError::NotValidYet.into())
        } else if now.as_secs() > info.not_after {
            Err(CertificateError::Expired.into())
        } else {
            let parsed = ParsedCertificate::try_from(certificate);
            parsed.and_then(|parsed| verify_server_name(&parsed, name))
        };
        Some(verdict.map(|()| ServerCertVerified::assertion()))
    }

    fn explain(&self, error: &Error, certificate: &CertificateDer<'_>, now: UnixTime) -> String {
        let (Error::InvalidCertificate(reason), Some(info)) = (error, CertificateInfo::of(certificate))
        else {
            return error.to_string();
        };
        let now = utc(now.as_secs());
        match reason {
            CertificateError::Expired => expired(&info, info.not_after, &now),
            CertificateError::ExpiredContext { not_after, .. } => expired(&info, not_after.as_secs(), &now),
            CertificateError::NotValidYet => not_valid_yet(&info, info.not_before, &now),
            CertificateError::NotValidYetContext { not_before, .. } => {
                not_valid_yet(&info, not_before.as_secs(), &now)
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                wrong_name(error, &info)
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => format!(
                "{error}; etcd's certificate is not issued for servers: issue one with serverAuth in its \
                 extendedKeyUsage"
            ),
            _ => self.untrusted(error, &info),
        }
    }

    /// Explains a certificate without a valid signature by an authority in `ca_file`.
    fn untrusted(&self, error: &Error, info: &CertificateInfo) -> String {
        let (CertificateInfo { subject, issuer, .. }, said) = (info, without_debug_output(error));
        if info.is_self_signed() {
            return format!(
                "{said}; etcd's certificate {subject:?} is self-signed: set ca_file to exactly this certificate, or \
                 have an authority sign it"
            );
        }
        if info.is_authority {
            return format!(
                "{said}; etcd's certificate {subject:?} is an authority's (CA:TRUE), not a server's: issue a \
                 server certificate signed by it, or set ca_file to exactly this certificate"
            );
        }
        let advice = "set ca_file to the certificate of the authority that signed etcd's certificate";
        let issuers = self.authorities.iter().filter_map(|known| CertificateInfo::of(known));
        match issuers.filter(|known| known.subject == *issuer).map(|known| known.key).next() {
            Some((key, false)) => format!(
                "{said}; the key type of the authority {issuer:?} ({key}) is not supported: issue certificates with \
                 an authority whose key is {SUPPORTED_KEYS}"
            ),
            Some(_) if matches!(error, Error::InvalidCertificate(CertificateError::BadSignature)) => {
                format!("{said}; {advice}: {issuer:?} in ca_file has the same name but another key")
            }
            Some(_) => format!(
                "{said}; etcd's certificate cannot be used (signed by {issuer:?}, {}): issue one of version 3 with a \
                 subjectAltName, signed with SHA-256",
                info.signature
            ),
            None => format!("{said}; {advice} ({issuer:?})"),
        }
    }
}

/// The text of `error` without algorithm ids and nested debug output.
fn without_debug_output(error: &Error) -> String {
    let said = error.to_string();
    match error {
        Error::InvalidCertificate(CertificateError::Other(_)) => {
            said.replace("Other(OtherError(", "").replace("))", "")
        }
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            "invalid peer certificate: its signature is wrong".to_owned()
        }
        _ if said.contains("algorithm_id") || said.contains("Context {") => {
            "invalid peer certificate: its signature algorithm is not supported".to_owned()
        }
        _ => said,
    }
}

fn expired(info: &CertificateInfo, until: u64, now: &str) -> String {
    let whose = if until == info.not_after { "certificate" } else { "authority's certificate" };
    format!(
        "etcd's {whose} has expired: renew it on the server. It was valid until {}, and this machine's clock says \
         {now}; if that time is wrong, correct the clock",
        utc(until)
    )
}

fn not_valid_yet(info: &CertificateInfo, from: u64, now: &str) -> String {
    let whose = if from == info.not_before { "certificate" } else { "authority's certificate" };
    format!(
        "etcd's {whose} is not valid yet: it is valid from {}, and this machine's clock says {now}; check the clocks \
         of this machine and of the one that issued the certificate",
        utc(from)
    )
}

fn wrong_name(error: &Error, info: &CertificateInfo) -> String {
    if info.has_subject_alt_name {
        return format!(
            "{error}; set server_name to a name in etcd's certificate, or use such a name in endpoints"
        );
    }
    format!(
        "{error}; etcd's certificate names its host only in the common name ({:?}), which TLS clients ignore: issue \
         one with a subjectAltName (DNS:… or IP:…)",
        info.subject
    )
}

/// Explains a server that failed to prove that it holds the key of its certificate.
fn key_not_proven(error: &Error, certificate: &CertificateDer<'_>) -> String {
    match CertificateInfo::of(certificate).map(|info| info.key) {
        Some((key, false)) => format!(
            "invalid peer certificate: the key type of etcd's certificate ({key}) is not supported: issue one with a \
             key that is {SUPPORTED_KEYS}"
        ),
        _ => format!("{}; the server does not hold the key of its certificate", without_debug_output(error)),
    }
}
