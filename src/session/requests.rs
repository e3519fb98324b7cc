//! Requests of a client: to etcd, or to its in-memory store.

use std::sync::Arc;

use super::client::Client;
use super::offline::Offline;
use super::pending::Pending;
use super::registrar::Registration;
use super::txn;
use crate::error::{Error, ErrorKind, Result};
use crate::registration::Spec;
use crate::store::transaction::{Outcome, Transaction};
use crate::transport::Link;

impl Client {
    /// Writes all of `transaction` at one revision, or nothing.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn commit(&self, transaction: Transaction) -> Result<Pending<Outcome>> {
        if let Some(offline) = self.offline_backend()? {
            return Ok(Pending::done(offline.commit(&transaction)));
        }
        self.request(move |link| async move { txn::commit(&link, &transaction).await })
    }

    /// Announces `spec` until it is deregistered. Returns at once.
    ///
    /// # Errors
    /// `Closed` after a stop; an internal error if no thread can be started.
    pub fn register(&self, spec: Spec) -> Result<Registration> {
        if let Some(offline) = self.offline_backend()? {
            return Ok(Registration::new(offline.register(&spec)?));
        }
        Ok(Registration::new(self.attach()?.registrar.register(spec)?))
    }

    /// Runs `request` on the session's thread.
    ///
    /// # Errors
    /// `Closed` after a stop; `ResourceExhausted` at a limit of threads or descriptors, and then nothing is sent.
    pub(super) fn request<T: Send + 'static, F>(
        &self,
        request: impl FnOnce(Arc<Link>) -> F,
    ) -> Result<Pending<T>>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let attached = self.attach()?;
        Pending::spawn(&attached.session, request(Arc::clone(&attached.link)))
    }

    /// The in-memory store to ask; `None` means etcd.
    pub(super) fn offline_backend(&self) -> Result<Option<&Arc<Offline>>> {
        if self.is_stopped() {
            return Err(Error::new(ErrorKind::Closed, "the client was stopped; start it again first"));
        }
        Ok(self.offline())
    }
}
