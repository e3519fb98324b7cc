//! One key with its value, in a single allocation.

use std::fmt;

use triomphe::ThinArc;

use super::shared::SharedEntry;

/// The fixed-size fields in front of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    mod_revision: i64,
    lease: i64,
    key_length: usize,
}

/// A key with its value at one revision.
///
/// It is immutable and shared: a clone is the same allocation, and the snapshots of many revisions share it. Key and
/// value have no allocations of their own, because with 100,000 small entries the overhead would equal the content.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry(ThinArc<Header, u8>);

impl Entry {
    /// An entry written at `mod_revision`, attached to `lease` (0 for none). Reuses the buffer of `key`.
    #[must_use]
    pub fn new(key: Vec<u8>, value: &[u8], mod_revision: i64, lease: i64) -> Self {
        let header = Header { mod_revision, lease, key_length: key.len() };
        let mut bytes = key;
        bytes.extend_from_slice(value);
        Self(ThinArc::from_header_and_slice(header, &bytes))
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.0.slice.split_at(self.0.header.header.key_length).0
    }

    /// The value, as it was put.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        self.0.slice.split_at(self.0.header.header.key_length).1
    }

    /// The revision at which the key was last put.
    #[must_use]
    pub fn mod_revision(&self) -> i64 {
        self.0.header.header.mod_revision
    }

    /// The lease that the key is attached to, or 0.
    #[must_use]
    pub fn lease(&self) -> i64 {
        self.0.header.header.lease
    }

    /// The number of clones.
    #[cfg(test)]
    pub(crate) fn clones(&self) -> usize {
        ThinArc::strong_count(&self.0)
    }

    /// Whether both are the same allocation, and therefore equal.
    fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.0.ptr(), other.0.ptr())
    }
}

/// An entry of a snapshot, borrowed from it.
#[derive(Clone, Copy)]
pub enum EntryRef<'a> {
    /// In this process.
    Own(&'a Entry),
    /// In memory that the processes of the host share.
    Shared(SharedEntry<'a>),
}

impl<'a> EntryRef<'a> {
    /// The key.
    #[must_use]
    pub fn key(self) -> &'a [u8] {
        match self {
            Self::Own(entry) => entry.key(),
            Self::Shared(entry) => entry.key(),
        }
    }

    /// The value, as it was put.
    #[must_use]
    pub fn value(self) -> &'a [u8] {
        match self {
            Self::Own(entry) => entry.value(),
            Self::Shared(entry) => entry.value(),
        }
    }

    /// The revision at which the key was last put.
    #[must_use]
    pub fn mod_revision(self) -> i64 {
        match self {
            Self::Own(entry) => entry.mod_revision(),
            Self::Shared(entry) => entry.mod_revision(),
        }
    }

    /// The lease that the key is attached to, or 0.
    #[must_use]
    pub fn lease(self) -> i64 {
        match self {
            Self::Own(entry) => entry.lease(),
            Self::Shared(entry) => entry.lease(),
        }
    }

    /// An entry to keep. A shared one is copied: kept as it is, it would hold the memory of its whole segment.
    #[must_use]
    pub fn to_entry(self) -> Entry {
        match self {
            Self::Own(entry) => entry.clone(),
            Self::Shared(entry) => {
                Entry::new(entry.key().to_vec(), entry.value(), entry.mod_revision(), entry.lease())
            }
        }
    }
}

/// Compares the bytes only where it must: what was not changed is the same allocation.
impl PartialEq for EntryRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        if let (Self::Own(one), Self::Own(other)) = (self, other)
            && one.is(other)
        {
            return true;
        }
        self.mod_revision() == other.mod_revision()
            && self.lease() == other.lease()
            && self.key() == other.key()
            && self.value() == other.value()
    }
}

impl PartialEq<Entry> for EntryRef<'_> {
    fn eq(&self, other: &Entry) -> bool {
        *self == EntryRef::Own(other)
    }
}

/// Omits the value, which may be a secret (promise 10).
impl fmt::Debug for EntryRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_entry().fmt(f)
    }
}

/// Omits the value, which may be a secret (promise 10).
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = String::from_utf8_lossy(self.key());
        write!(f, "Entry({key:?}, {} bytes, mod_revision {})", self.value().len(), self.mod_revision())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_returns_the_key_and_value_that_it_was_made_of() {
        for (key, value) in [(&b"/a"[..], &b"1"[..]), (b"", b"1"), (b"/a", b""), (b"", b"")] {
            let entry = Entry::new(key.to_vec(), value, 7, 3);
            assert_eq!((entry.key(), entry.value()), (key, value));
            assert_eq!((entry.mod_revision(), entry.lease()), (7, 3));
        }
    }

    #[test]
    fn entries_with_the_same_bytes_split_elsewhere_differ() {
        let (one, other) = (Entry::new(b"/a".to_vec(), b"b", 1, 0), Entry::new(b"/".to_vec(), b"ab", 1, 0));
        assert_ne!(one, other);
        assert!(one.is(&one.clone()) && !one.is(&Entry::new(b"/a".to_vec(), b"b", 1, 0)));
    }

    #[test]
    fn the_value_is_not_shown() {
        let shown = format!("{:?}", Entry::new(b"/password".to_vec(), b"secret", 1, 0));
        assert!(shown.contains("/password") && !shown.contains("secret"), "{shown}");
    }
}
