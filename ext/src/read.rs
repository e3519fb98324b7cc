//! A read of one entry, and its outcome.

use etcd_discovery_core::store::{Entry, Key};
use magnus::{Error, Value};

use crate::typed::Kind;

/// The entry to read, and the type to read it as.
pub(crate) struct Read<'a> {
    pub(crate) kind: Kind,
    /// The key, or the name in the layers, that was asked for. What is made of the entry is kept by it.
    pub(crate) name: &'a [u8],
    pub(crate) entry: &'a Entry,
}

impl Read<'_> {
    /// The key under which its outcome is kept.
    pub(crate) fn place(&self) -> (Key, usize) {
        (Key::from(self.name), self.kind as usize)
    }
}

/// The outcome of a read.
pub(crate) enum Outcome {
    /// A value of the requested kind: the current one, or the last good one.
    Value(Value),
    /// The error that says why: the value is not of that kind, and there is no earlier good one.
    Bad(Error),
}

impl Outcome {
    /// The value; without one the caller's default, otherwise the error.
    pub(crate) fn or_default(self, default: Option<Value>) -> Result<Value, Error> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Bad(error) => default.ok_or(error),
        }
    }
}
