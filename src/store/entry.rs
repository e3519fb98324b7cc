//! One key with its value, in one block of memory.

use std::fmt;

use triomphe::ThinArc;

/// What stands before the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    mod_revision: i64,
    lease: i64,
    key_length: usize,
}

/// A key with its value, as one revision left them.
///
/// Shared and immutable: a clone is the same block, and the snapshots of many revisions hold it together. Key
/// and value lie side by side, without an allocation of their own: of 100,000 small ones the overhead would be
/// as large as the content.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry(ThinArc<Head, u8>);

impl Entry {
    /// `value` under `key`, as `mod_revision` left it, and under `lease` (0 for none). Takes the key's buffer to
    /// build in.
    #[must_use]
    pub fn new(key: Vec<u8>, value: &[u8], mod_revision: i64, lease: i64) -> Self {
        let head = Head { mod_revision, lease, key_length: key.len() };
        let mut bytes = key;
        bytes.extend_from_slice(value);
        Self(ThinArc::from_header_and_slice(head, &bytes))
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.0.slice.split_at(self.0.header.header.key_length).0
    }

    /// The bytes as they were put.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        self.0.slice.split_at(self.0.header.header.key_length).1
    }

    /// The revision of this value.
    #[must_use]
    pub fn mod_revision(&self) -> i64 {
        self.0.header.header.mod_revision
    }

    /// The lease that the key lives under, or 0.
    #[must_use]
    pub fn lease(&self) -> i64 {
        self.0.header.header.lease
    }

    /// Whether it is the very same block: then nothing of it can differ.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.0.ptr(), other.0.ptr())
    }
}

/// Without the value: it may be a secret (promise 10).
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
    fn an_entry_has_the_key_and_the_value_that_it_was_made_of() {
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
