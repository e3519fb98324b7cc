//! `EtcdDiscovery::Client`: the object. Its methods are in [`client_methods`](super::client_methods).

use std::cell::OnceCell;
use std::sync::Arc;

use etcd_discovery_core::error::{Error as CoreError, ErrorKind};
use etcd_discovery_core::session::Client as Core;
use magnus::{DataTypeFunctions, Error, Ruby, TypedData, gc};

use crate::error::raised;
use crate::reader::Reader;

/// The native part of an `EtcdDiscovery::Client`. It is empty between `allocate` and `initialize`.
#[derive(Default, TypedData)]
#[magnus(class = "EtcdDiscovery::Client", free_immediately, mark)]
pub(crate) struct Client {
    reader: OnceCell<Box<Reader>>,
}

impl DataTypeFunctions for Client {
    fn mark(&self, marker: &gc::Marker) {
        if let Some(reader) = self.reader.get() {
            reader.mark(marker);
        }
    }
}

impl Client {
    /// # Errors
    /// `ClosedError` for an object that was never initialized.
    pub(crate) fn reader(&self, ruby: &Ruby) -> Result<&Reader, Error> {
        self.reader_if_set().ok_or_else(|| {
            raised(ruby, &CoreError::new(ErrorKind::Closed, "this client was never initialized"))
        })
    }

    pub(crate) fn reader_if_set(&self) -> Option<&Reader> {
        self.reader.get().map(Box::as_ref)
    }

    pub(crate) fn core(&self, ruby: &Ruby) -> Result<&Arc<Core>, Error> {
        self.reader(ruby).map(Reader::core)
    }

    /// # Errors
    /// `RuntimeError` for a client that is initialized already.
    pub(crate) fn set_reader(&self, ruby: &Ruby, reader: Reader) -> Result<(), Error> {
        self.reader
            .set(Box::new(reader))
            .map_err(|_| Error::new(ruby.exception_runtime_error(), "the client is initialized already"))
    }
}
