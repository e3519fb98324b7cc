//! Reads certificates and keys from PEM files, and says what to do about a file that cannot be used.

use std::path::Path;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{Error, Result};

/// A PEM file named by a setting.
pub(super) struct PemFile<'a> {
    pub(super) setting: &'static str,
    pub(super) path: &'a Path,
}

impl PemFile<'_> {
    /// Reads all certificates in the file; at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        let pem = self.read()?;
        let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let found = found.map_err(|_| self.refuse("holds a broken PEM block; write the file again"))?;
        if !found.is_empty() {
            return Ok(found);
        }
        Err(self.refuse(if holds(&pem, "PRIVATE KEY-----") {
            "holds a private key, not a certificate; give the file of the certificate, and keep the key private"
        } else if holds(&pem, "CERTIFICATE REQUEST-----") {
            "holds a certificate signing request, not a certificate; give the certificate that the authority issued"
        } else if holds(&pem, "TRUSTED CERTIFICATE-----") {
            "holds a certificate in OpenSSL's own format; convert it: openssl x509 -in FILE -out NEW_FILE"
        } else {
            "holds no certificate"
        }))
    }

    /// Reads the private key in the file: PKCS#8, PKCS#1 or SEC1.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>> {
        let pem = self.read()?;
        if holds(&pem, "BEGIN ENCRYPTED PRIVATE KEY-----") || holds(&pem, "Proc-Type: 4,ENCRYPTED") {
            let file = self.path.display();
            return Err(self.refuse(&format!(
                "is encrypted with a passphrase, which is not supported; decrypt it \
                 (openssl pkey -in {file} -out NEW_FILE), restrict the new file's mode, and set key_file to it"
            )));
        }
        PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
            self.refuse(if holds(&pem, "BEGIN OPENSSH PRIVATE KEY-----") {
                "holds a key in OpenSSH format; convert it: ssh-keygen -p -m PEM -f FILE"
            } else if holds(&pem, "PRIVATE KEY-----") {
                "holds a private key that cannot be read; write the file again"
            } else if holds(&pem, "CERTIFICATE-----") {
                "holds a certificate, not a private key"
            } else {
                "holds no private key (PKCS#8, PKCS#1 or SEC1, in PEM)"
            })
        })
    }

    fn read(&self) -> Result<Vec<u8>> {
        if holds(self.path.as_os_str().as_encoded_bytes(), "-----BEGIN") {
            // The setting's value may be a private key, so the message does not repeat it.
            let advice = "is a PEM block instead of a path; write it to a file, and give the file's path";
            return Err(Error::configuration(self.setting, advice));
        }
        let bytes = std::fs::read(self.path).map_err(|error| self.refuse(&error.to_string()))?;
        if holds(&bytes, "-----BEGIN") {
            return Ok(bytes);
        }
        let kind = if self.setting == "key_file" { "pkey" } else { "x509" };
        let file = self.path.display();
        Err(if bytes.is_empty() {
            self.refuse("is empty")
        } else if bytes.first() == Some(&0x30) && holds(&bytes[..bytes.len().min(16)], "\x02\x01\x03\x30") {
            self.refuse(&format!("is PKCS#12; convert it: openssl pkcs12 -in {file} -nodes -out NEW_FILE"))
        } else if bytes.first() == Some(&0x30) {
            self.refuse(&format!("is DER; convert it: openssl {kind} -inform der -in {file} -out NEW_FILE"))
        } else {
            self.refuse("holds no PEM block; give a PEM file")
        })
    }

    /// The error for a file that cannot be used.
    pub(super) fn refuse(&self, problem: &str) -> Error {
        Error::configuration(self.setting, format!("{}: {problem}", self.path.display()))
    }
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}
