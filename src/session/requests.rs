//! What a client asks of etcd; where there is none, of its own store.

use std::sync::Arc;

use etcd_client::{Compare, CompareOp, Txn, TxnOp};

use super::client::Client;
use super::offline::Offline;
use super::pending::Pending;
use super::registrar::Registration;
use crate::defect;
use crate::error::{Error, ErrorKind, Result};
use crate::registration::Spec;
use crate::store::Entry;

impl Client {
    /// Puts `value` at `key`; the result is the revision.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn put(&self, key: Vec<u8>, value: Vec<u8>) -> Result<Pending<i64>> {
        if let Some(offline) = self.open_offline()? {
            return Ok(Pending::done(offline.put(&key, &value)));
        }
        self.request(move |mut client| {
            let (key, value) = (key.clone(), value.clone());
            async move {
                defect::strike(&key);
                let response = client.put(key, value, None).await?;
                Ok(response.header().map_or(0, etcd_client::ResponseHeader::revision))
            }
        })
    }

    /// Deletes `key`; the result is the revision and whether there was such a key.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn delete(&self, key: Vec<u8>) -> Result<Pending<(i64, bool)>> {
        if let Some(offline) = self.open_offline()? {
            return Ok(Pending::done(offline.delete(&key)));
        }
        self.request(move |mut client| {
            let key = key.clone();
            async move {
                let response = client.delete(key, None).await?;
                let revision = response.header().map_or(0, etcd_client::ResponseHeader::revision);
                Ok((revision, response.deleted() > 0))
            }
        })
    }

    /// Puts `value` at `key` (deletes it, for `None`) if its last change is of `revision` (0: if there is
    /// no such key). The result is the revision, or `None` when the key had changed.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn write_if(
        &self,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
        revision: i64,
    ) -> Result<Pending<Option<i64>>> {
        if let Some(offline) = self.open_offline()? {
            let unchanged = |now: Option<&Entry>| now.map_or(0, Entry::mod_revision) == revision;
            return Ok(Pending::done(offline.write_if(&key, value.as_deref(), unchanged)));
        }
        self.compare(Compare::mod_revision(key.clone(), CompareOp::Equal, revision), key, value)
    }

    /// Puts `value` at `key` if it now holds `expected` (`None`: if there is no such key). The result is
    /// the revision, or `None` when it held something else.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn compare_and_set(
        &self,
        key: Vec<u8>,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Result<Pending<Option<i64>>> {
        if let Some(offline) = self.open_offline()? {
            let same = |now: Option<&Entry>| now.map(Entry::value) == expected.as_deref();
            return Ok(Pending::done(offline.write_if(&key, Some(&value), same)));
        }
        let compare = match expected {
            Some(expected) => Compare::value(key.clone(), CompareOp::Equal, expected),
            None => Compare::create_revision(key.clone(), CompareOp::Equal, 0),
        };
        self.compare(compare, key, Some(value))
    }

    /// Announces `spec`, from now on and until it is deregistered. Returns at once.
    ///
    /// # Errors
    /// `Closed` after a stop; an internal error when the system gives no thread.
    pub fn register(&self, spec: Spec) -> Result<Registration> {
        if let Some(offline) = self.open_offline()? {
            return Ok(Registration::new(offline.register(&spec)?));
        }
        Ok(Registration::new(self.attach()?.registrar.register(spec)?))
    }

    fn compare(
        &self,
        compare: Compare,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
    ) -> Result<Pending<Option<i64>>> {
        let operation = match value {
            Some(value) => TxnOp::put(key, value, None),
            None => TxnOp::delete(key, None),
        };
        let transaction = Txn::new().when([compare]).and_then([operation]);
        self.request(move |mut client| {
            let transaction = transaction.clone();
            async move {
                let response = client.txn(transaction).await?;
                let revision = response.header().map_or(0, etcd_client::ResponseHeader::revision);
                Ok(response.succeeded().then_some(revision))
            }
        })
    }

    fn request<T: Send + 'static, F>(
        &self,
        request: impl Fn(etcd_client::Client) -> F + Send + Sync + 'static,
    ) -> Result<Pending<T>>
    where
        F: Future<Output = std::result::Result<T, etcd_client::Error>> + Send,
    {
        let attached = self.attach()?;
        let link = Arc::clone(&attached.link);
        Ok(Pending::spawn(&attached.session, async move { link.call(request).await.map_err(Error::from) }))
    }

    /// Where to ask: `None` is etcd.
    fn open_offline(&self) -> Result<Option<&Arc<Offline>>> {
        if self.is_stopped() {
            return Err(Error::new(ErrorKind::Closed, "the client was stopped; start it again first"));
        }
        Ok(self.offline())
    }
}
