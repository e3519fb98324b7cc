//! Helpers of tests.

use std::os::fd::BorrowedFd;

use crate::segment::Audience;
use crate::writer::{Change, Put};

/// No other process reads.
#[derive(Debug)]
pub(crate) struct Alone;

impl Audience for Alone {
    fn opened(&mut self, _: BorrowedFd<'_>) -> Box<dyn Send> {
        Box::new(())
    }

    fn announce(&mut self, _: u32, _: BorrowedFd<'_>) {}
}

/// A put of a key with itself as its value.
pub(crate) fn put(key: &[u8], mod_revision: i64) -> Change<'_> {
    Change { key, put: Some(Put { value: key, mod_revision, lease: 0 }) }
}

/// A deletion.
pub(crate) fn delete(key: &[u8]) -> Change<'_> {
    Change { key, put: None }
}
