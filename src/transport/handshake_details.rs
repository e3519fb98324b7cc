//! What is learned during a TLS handshake, and explains why it failed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::certificate::distinguished_name;

/// What rustls's callbacks learn during a handshake, for its error message.
#[derive(Debug, Clone, Default)]
pub(super) struct HandshakeDetails(Arc<Mutex<Details>>);

#[derive(Debug, Default)]
pub(super) struct Details {
    /// What is wrong with the server's certificate.
    pub(super) certificate_problem: Option<String>,
    /// The issuers that the server accepts, if it requested a certificate. An empty list means any.
    pub(super) accepted_issuers: Option<Vec<String>>,
}

impl HandshakeDetails {
    pub(super) fn set_certificate_problem(&self, problem: String) {
        self.lock().certificate_problem = Some(problem);
    }

    pub(super) fn set_accepted_issuers(&self, issuers: &[&[u8]]) {
        let names = issuers.iter().filter_map(|der| distinguished_name(der)).collect();
        self.lock().accepted_issuers = Some(names);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Details> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
