//! Reads the fields of a certificate that error messages name. Trust is decided in [`super::trust`].

use std::time::Duration;

use tokio_rustls::rustls::pki_types::UnixTime;
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{DateTime, Decode, Reader, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectAltName};
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// Purposes of a key.
const CLIENT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const ANY_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// Readable names of signature and key algorithms.
const NAMES: [(&str, &str); 12] = [
    ("1.2.840.113549.1.1.4", "MD5 with RSA"),
    ("1.2.840.113549.1.1.5", "SHA-1 with RSA"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.113549.1.1.11", "SHA-256 with RSA"),
    ("1.2.840.10045.4.1", "ECDSA with SHA-1"),
    ("1.2.840.10045.4.3.4", "ECDSA with SHA-512"),
    ("1.2.840.10045.3.1.7", "P-256"),
    ("1.3.132.0.34", "P-384"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("1.2.840.10040.4.1", "DSA"),
];

/// The key types whose signatures this client can verify.
pub(super) const SUPPORTED_KEYS: &str = "RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519";

/// The fields of one certificate.
#[derive(Debug, Clone)]
pub(super) struct CertificateInfo {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) is_authority: bool,
    /// Whether it has a subjectAltName, the only field in which clients look for host names.
    pub(super) has_subject_alt_name: bool,
    /// Whether its extendedKeyUsage allows client authentication.
    pub(super) is_for_clients: bool,
    /// Unix time in seconds, as `not_after`.
    pub(super) not_before: u64,
    pub(super) not_after: u64,
    pub(super) signature: String,
    /// The key type, and whether it is one of [`SUPPORTED_KEYS`].
    pub(super) key: (String, bool),
}

impl CertificateInfo {
    /// Parses `der`; `None` when it is not a DER certificate.
    pub(super) fn of(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?.tbs_certificate;
        let purposes = certificate.get::<ExtendedKeyUsage>().ok()?.map(|(_, usage)| usage.0);
        Some(Self {
            subject: certificate.subject.to_string(),
            issuer: certificate.issuer.to_string(),
            is_authority: certificate.get::<BasicConstraints>().ok()?.is_some_and(|(_, basic)| basic.ca),
            has_subject_alt_name: certificate.get::<SubjectAltName>().ok()?.is_some(),
            is_for_clients: purposes.is_none_or(|all| all.contains(&CLIENT) || all.contains(&ANY_PURPOSE)),
            not_before: certificate.validity.not_before.to_unix_duration().as_secs(),
            not_after: certificate.validity.not_after.to_unix_duration().as_secs(),
            signature: name(certificate.signature.oid),
            key: key(&certificate.subject_public_key_info),
        })
    }

    pub(super) fn is_self_signed(&self) -> bool {
        self.subject == self.issuer
    }
}

/// The readable form of a distinguished name in DER.
pub(super) fn distinguished_name(der: &[u8]) -> Option<String> {
    Name::from_der(der).ok().map(|name| name.to_string())
}

/// Formats a Unix time in seconds as date and time in UTC.
pub(super) fn utc(seconds: u64) -> String {
    DateTime::from_unix_duration(Duration::from_secs(seconds)).map_or_else(
        |_| format!("{seconds} s after 1970"),
        |at| {
            format!(
                "{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC",
                at.year(),
                at.month(),
                at.day(),
                at.hour(),
                at.minutes(),
                at.seconds()
            )
        },
    )
}

/// The Unix time in seconds by this machine's clock.
pub(super) fn now() -> u64 {
    UnixTime::now().as_secs()
}

fn name(oid: ObjectIdentifier) -> String {
    let oid = oid.to_string();
    let known = NAMES.iter().find(|(known, _)| *known == oid);
    known.map_or_else(|| format!("algorithm {oid}"), |(_, name)| (*name).to_owned())
}

fn key(info: &SubjectPublicKeyInfoOwned) -> (String, bool) {
    match info.algorithm.oid {
        RSA => match rsa_bits(info.subject_public_key.raw_bytes()) {
            Some(bits) => (format!("RSA of {bits} bits"), (2048..=8192).contains(&bits)),
            None => ("RSA".to_owned(), true),
        },
        ELLIPTIC => {
            let curve = info.algorithm.parameters.as_ref().and_then(|any| any.decode_as().ok());
            let curve = curve.map_or_else(|| "an unnamed curve".to_owned(), name);
            let supported = ["P-256", "P-384"].contains(&curve.as_str());
            (curve, supported)
        }
        other => {
            let kind = name(other);
            let supported = kind == "Ed25519";
            (kind, supported)
        }
    }
}

fn rsa_bits(key: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(key).ok()?;
    let modulus = reader.sequence(|fields| {
        let modulus = UintRef::decode(fields)?;
        UintRef::decode(fields)?;
        Ok(modulus.as_bytes().to_vec())
    });
    let modulus = modulus.ok()?;
    let first = modulus.first()?;
    Some(modulus.len() * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_time_is_shown_as_date_and_time() {
        assert_eq!(utc(1_795_762_800), "2026-11-27 07:00:00 UTC");
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert!(utc(u64::MAX).contains("after 1970"));
    }

    #[test]
    fn bytes_that_are_not_a_certificate_have_no_info() {
        assert!(CertificateInfo::of(b"").is_none() && CertificateInfo::of(b"0\x03\x02\x01\x03").is_none());
    }
}
