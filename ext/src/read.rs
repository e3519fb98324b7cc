//! A read of one entry, and what it gives.

use etcd_discovery_core::store::{Entry, Key};
use magnus::{Error, Value};

use crate::typed::Kind;

/// What a read is of.
pub(crate) struct Read<'a> {
    pub(crate) kind: Kind,
    pub(crate) entry: &'a Entry,
}

impl Read<'_> {
    /// Where its verdict stands.
    pub(crate) fn place(&self) -> (Key, usize) {
        (Key::from(self.entry.key()), self.kind as usize)
    }
}

/// What is made of an entry.
pub(crate) enum Outcome {
    /// A value of the kind that was asked for: the present one, or the last good one.
    Value(Value),
    /// It is not of that kind, and none before it was: the error that says so.
    Bad(Error),
}

impl Outcome {
    /// What the reader gets, who may have given a default.
    pub(crate) fn or_default(self, default: Option<Value>) -> Result<Value, Error> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Bad(error) => default.ok_or(error),
        }
    }
}
