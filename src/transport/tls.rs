//! TLS from files. They are read at each connection, so that rotated certificates are taken up.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, Error as TlsError, RootCertStore, SignatureScheme};

use super::certificate::{Facts, SUPPORTED_KEYS};
use super::handshake::Told;
use super::pem::PemFile;
use super::trust::Verifier;
use crate::config::TlsFiles;
use crate::error::{Error, ErrorKind, Result};

/// How to trust and be trusted, in one connection.
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    /// The name to expect in place of the endpoint's host.
    pub(super) server_name: Option<String>,
    /// The certificates in `cert_file`, the client's own first.
    pub(super) own: Vec<Facts>,
    pub(super) told: Told,
}

type OwnFiles = Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>;

/// Checks what needs no file.
///
/// # Errors
/// A configuration error when of a certificate and its key only one is given.
pub fn check_pair(files: &TlsFiles) -> Result<()> {
    match (&files.cert_file, &files.key_file) {
        (Some(_), None) => Err(Error::configuration("key_file", "not given, but cert_file is; give both")),
        (None, Some(_)) => Err(Error::configuration("cert_file", "not given, but key_file is; give both")),
        _ => Ok(()),
    }
}

/// Reads all files once, so that a wrong one is told when the client starts.
///
/// # Errors
/// A configuration error that names the setting, the file and the system's reason.
pub fn check_files(files: &TlsFiles) -> Result<()> {
    authorities(files)?;
    own(files).map(drop)
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// A configuration error that names the setting and the file; a TLS error where they do not fit
    /// together, which may be so for the moment in which they are replaced.
    pub(super) fn read(files: &TlsFiles) -> Result<Self> {
        let (provider, told) = (Arc::new(ring::default_provider()), Told::default());
        let verifier = verifier(files, &provider, &told)?;
        let own = own(files)?;
        let facts = own.iter().flat_map(|(chain, _)| chain).filter_map(|der| Facts::of(der)).collect();
        let key = own.map(|(chain, key)| certified(chain, key, &provider, files)).transpose()?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(Own { key, told: told.clone() }));
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { config: Arc::new(config), server_name: files.server_name.clone(), own: facts, told })
    }
}

fn file<'a>(setting: &'static str, path: Option<&'a Path>) -> Option<PemFile<'a>> {
    path.map(|path| PemFile { setting, path })
}

fn authorities(files: &TlsFiles) -> Result<Option<Vec<CertificateDer<'static>>>> {
    file("ca_file", files.ca_file.as_deref()).map(|file| file.certificates()).transpose()
}

fn own(files: &TlsFiles) -> Result<OwnFiles> {
    check_pair(files)?;
    let cert = file("cert_file", files.cert_file.as_deref());
    let own = cert.zip(file("key_file", files.key_file.as_deref()));
    own.map(|(cert, key)| Ok((cert.certificates()?, key.key()?))).transpose()
}

fn verifier(files: &TlsFiles, provider: &Arc<CryptoProvider>, told: &Told) -> Result<Verifier> {
    let given = authorities(files)?;
    let mut roots = RootCertStore::empty();
    match &given {
        Some(given) => roots.add_parsable_certificates(given.iter().cloned()),
        None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    };
    let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    let webpki = webpki.map_err(|error| {
        let what = if given.is_some() {
            "holds no certificate that can be used"
        } else {
            "not given, and this system has no certificates of authorities"
        };
        Error::configuration("ca_file", format!("{what} ({error})"))
    })?;
    Ok(Verifier { webpki, authorities: given.unwrap_or_default(), told: told.clone() })
}

fn certified(
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
                format!("cert_file and key_file do not belong together: the key in one is not of the other ({files})"),
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

/// The client's own certificate, given to any server that asks for one.
#[derive(Debug)]
struct Own {
    key: Option<Arc<CertifiedKey>>,
    told: Told,
}

impl ResolvesClientCert for Own {
    fn resolve(&self, issuers: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.told.asked(issuers);
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
    fn an_unreadable_file_is_named_with_its_setting() {
        let files = TlsFiles { ca_file: Some("/nowhere/ca.pem".into()), ..TlsFiles::default() };
        let message = check_files(&files).unwrap_err().to_string();
        assert!(message.starts_with("ca_file: /nowhere/ca.pem: "), "{message}");
    }
}
