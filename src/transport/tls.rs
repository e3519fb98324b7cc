//! TLS from files. They are read at each connection, so that rotated certificates are taken up.

use std::path::{Path, PathBuf};

use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::config::TlsFiles;
use crate::error::{Error, Result};

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
    client_config(files).map(drop)
}

/// How to trust and be trusted.
pub(super) fn client_config(files: &TlsFiles) -> Result<ClientTlsConfig> {
    let mut config = match read("ca_file", files.ca_file.as_deref())? {
        Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    if let Some(name) = &files.server_name {
        config = config.domain_name(name);
    }
    check_pair(files)?;
    let identity =
        read("cert_file", files.cert_file.as_deref())?.zip(read("key_file", files.key_file.as_deref())?);
    Ok(match identity {
        Some((cert, key)) => config.identity(Identity::from_pem(cert, key)),
        None => config,
    })
}

fn read(setting: &str, path: Option<&Path>) -> Result<Option<Vec<u8>>> {
    let Some(path) = path else { return Ok(None) };
    let refuse = |problem: &str| {
        Error::configuration(setting, format!("{}: {problem}", PathBuf::from(path).display()))
    };
    let pem = std::fs::read(path).map_err(|error| refuse(&error.to_string()))?;
    if pem.windows(10).any(|window| window == b"-----BEGIN") {
        Ok(Some(pem))
    } else {
        Err(refuse("holds no PEM block; give a PEM file"))
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
