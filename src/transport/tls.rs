//! Builds the TLS configuration from files.
//!
//! They are read again at each connection, so that rotated certificates take effect.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, Error as TlsError, RootCertStore, SignatureScheme};

use super::certificate::{CertificateInfo, SUPPORTED_KEYS};
use super::handshake_details::HandshakeDetails;
use super::pem::PemFile;
use super::trust::Verifier;
use crate::config::TlsFiles;
use crate::error::{Error, ErrorKind, Result};

/// The TLS configuration of one connection.
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    /// The name to expect in the server's certificate instead of the endpoint's host.
    pub(super) server_name: Option<String>,
    /// The certificates in `cert_file`, the client's own first.
    pub(super) client_chain: Vec<CertificateInfo>,
    pub(super) details: HandshakeDetails,
}

type ClientFiles = Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>;

/// Checks that `cert_file` and `key_file` are given together, without reading them.
///
/// # Errors
/// A configuration error when only one of the two is given.
pub fn check_pair(files: &TlsFiles) -> Result<()> {
    match (&files.cert_file, &files.key_file) {
        (Some(_), None) => Err(Error::configuration("key_file", "not given, but cert_file is; give both")),
        (None, Some(_)) => Err(Error::configuration("cert_file", "not given, but key_file is; give both")),
        _ => Ok(()),
    }
}

/// Reads all files once, so that a wrong one is reported when the client starts.
///
/// # Errors
/// A configuration error that names the setting, the file and the system's reason.
pub fn check_files(files: &TlsFiles) -> Result<()> {
    authorities(files)?;
    client_files(files).map(drop)
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// A configuration error that names the setting and the file. A TLS error if certificate and key do not match,
    /// which happens for a moment while they are being replaced.
    pub(super) fn read(files: &TlsFiles) -> Result<Self> {
        let (provider, details) = (Arc::new(ring::default_provider()), HandshakeDetails::default());
        let verifier = verifier(files, &provider, &details)?;
        let own = client_files(files)?;
        let chain = own.iter().flat_map(|(chain, _)| chain);
        let client_chain = chain.filter_map(|der| CertificateInfo::of(der)).collect();
        let key = own.map(|(chain, key)| certified_key(chain, key, &provider, files)).transpose()?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(ClientCertificate { key, details: details.clone() }));
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { config: Arc::new(config), server_name: files.server_name.clone(), client_chain, details })
    }
}

fn file<'a>(setting: &'static str, path: Option<&'a Path>) -> Option<PemFile<'a>> {
    path.map(|path| PemFile { setting, path })
}

fn authorities(files: &TlsFiles) -> Result<Option<Vec<CertificateDer<'static>>>> {
    file("ca_file", files.ca_file.as_deref()).map(|file| file.certificates()).transpose()
}

fn client_files(files: &TlsFiles) -> Result<ClientFiles> {
    check_pair(files)?;
    let cert = file("cert_file", files.cert_file.as_deref());
    let pair = cert.zip(file("key_file", files.key_file.as_deref()));
    pair.map(|(cert, key)| Ok((cert.certificates()?, key.key()?))).transpose()
}

fn verifier(
    files: &TlsFiles,
    provider: &Arc<CryptoProvider>,
    details: &HandshakeDetails,
) -> Result<Verifier> {
    let given = authorities(files)?;
    let mut roots = RootCertStore::empty();
    match &given {
        Some(given) => roots.add_parsable_certificates(given.iter().cloned()),
        None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    };
    let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    let webpki = webpki.map_err(|error| {
        let what = if given.is_some() {
            "holds no usable certificate"
        } else {
            "not given, and this system has no certificates of authorities"
        };
        Error::configuration("ca_file", format!("{what} ({error})"))
    })?;
    Ok(Verifier { webpki, authorities: given.unwrap_or_default(), details: details.clone() })
}

fn certified_key(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
    files: &TlsFiles,
) -> Result<Arc<CertifiedKey>> {
    let shown =
        |path: &Option<std::path::PathBuf>| path.as_deref().map(Path::display).map(|path| path.to_string());
    CertifiedKey::from_der(chain, key, provider).map(Arc::new).map_err(|error| match error {
        TlsError::InconsistentKeys(_) => {
            let (cert, key) = (shown(&files.cert_file), shown(&files.key_file));
            let files = format!("{} and {}", cert.unwrap_or_default(), key.unwrap_or_default());
            Error::new(
                ErrorKind::Tls,
                format!("cert_file and key_file do not belong together: the key is not the certificate's ({files})"),
            )
        }
        error => {
            let key = shown(&files.key_file).unwrap_or_default();
            let advice = format!("{key}: {error}; use a key that is {SUPPORTED_KEYS}");
            Error::configuration("key_file", advice)
        }
    })
}

fn unusable(error: &TlsError) -> Error {
    Error::new(ErrorKind::Internal, format!("TLS cannot be used: {error}"))
}

/// Sends the client's certificate to any server that requests one.
#[derive(Debug)]
struct ClientCertificate {
    key: Option<Arc<CertifiedKey>>,
    details: HandshakeDetails,
}

impl ResolvesClientCert for ClientCertificate {
    fn resolve(&self, issuers: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.details.set_accepted_issuers(issuers);
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        self.key.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_an_unreadable_file_names_it_and_its_setting() {
        let files = TlsFiles { ca_file: Some("/nowhere/ca.pem".into()), ..TlsFiles::default() };
        let message = check_files(&files).unwrap_err().to_string();
        assert!(message.starts_with("ca_file: /nowhere/ca.pem: "), "{message}");
    }
}
