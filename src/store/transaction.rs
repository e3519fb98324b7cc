//! A transaction: conditions, and operations that are applied at one revision if all conditions hold.

use super::entry::EntryRef;
use super::memory_store::Write;
use super::snapshot::Snapshot;
use crate::range::KeyRange;

/// A condition on a key. If it fails, nothing is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compare {
    /// The key to check.
    pub key: Vec<u8>,
    /// The condition on the key.
    pub condition: Condition,
}

/// The kinds of conditions.
#[derive(Clone, PartialEq, Eq)]
pub enum Condition {
    /// The key was last put at this revision; 0: the key does not exist.
    Revision(i64),
    /// The key has this value.
    Value(Vec<u8>),
    /// The key exists.
    Present,
    /// No key from this one up to `end` was put after `revision`.
    UnchangedSince {
        /// The first key beyond the range.
        end: Vec<u8>,
        /// The last revision that may have put one of them.
        revision: i64,
    },
}

/// Omits the value, which may be a secret (promise 10).
impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Revision(revision) => write!(f, "Revision({revision})"),
            Self::Value(value) => write!(f, "Value({} bytes)", value.len()),
            Self::Present => f.write_str("Present"),
            Self::UnchangedSince { revision, .. } => write!(f, "UnchangedSince({revision})"),
        }
    }
}

/// A write in a transaction.
#[derive(Clone, PartialEq, Eq)]
pub enum Operation {
    /// Puts a value at a key, under a lease; 0: without one.
    Put(Vec<u8>, Vec<u8>, i64),
    /// Deletes one key.
    Delete(Vec<u8>),
    /// Deletes all keys from the first one up to the second.
    DeleteRange(Vec<u8>, Vec<u8>),
}

/// Conditions, and the operations to apply if all of them hold.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The conditions, which must all hold.
    pub compares: Vec<Compare>,
    /// The operations, which are applied together.
    pub operations: Vec<Operation>,
}

/// The outcome of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All operations were applied, at this revision.
    Written(i64),
    /// Nothing was written, because a condition failed.
    Conflict {
        /// The index of the failed condition in [`Transaction::compares`].
        compare: usize,
        /// The revision at which the key was last put; 0: the key does not exist.
        revision: i64,
    },
}

impl Compare {
    /// The keys that the condition depends on.
    #[must_use]
    pub fn range(&self) -> KeyRange {
        match &self.condition {
            Condition::UnchangedSince { end, .. } => KeyRange::from_request(&self.key, end),
            _ => KeyRange::key(&self.key),
        }
    }

    /// Whether the condition holds, given the entries `found` in its range.
    ///
    /// Only [`Condition::Value`] needs the values of the entries.
    #[must_use]
    pub fn holds<'a>(&self, mut found: impl Iterator<Item = EntryRef<'a>>) -> bool {
        match &self.condition {
            Condition::Revision(revision) => found.next().map_or(0, EntryRef::mod_revision) == *revision,
            Condition::Value(value) => found.next().is_some_and(|entry| entry.value() == value),
            Condition::Present => found.next().is_some(),
            Condition::UnchangedSince { revision, .. } => {
                found.all(|entry| entry.mod_revision() <= *revision)
            }
        }
    }
}

impl Transaction {
    /// A transaction with one operation and no condition.
    #[must_use]
    pub fn of(operation: Operation) -> Self {
        Self { operations: vec![operation], ..Self::default() }
    }

    /// The first condition that fails in `snapshot`, if any.
    #[must_use]
    pub fn conflict(&self, snapshot: &Snapshot) -> Option<Outcome> {
        self.compares.iter().enumerate().find_map(|(compare, one)| {
            let range = one.range();
            let newest = || snapshot.range(&range).map(EntryRef::mod_revision).max().unwrap_or_default();
            let holds = one.holds(snapshot.range(&range));
            (!holds).then(|| Outcome::Conflict { compare, revision: newest() })
        })
    }

    /// Expands the operations into single writes, given the keys in `snapshot`.
    #[must_use]
    pub fn writes(&self, snapshot: &Snapshot) -> Vec<Write> {
        let delete = |key: &[u8]| Write { key: key.into(), value: None, lease: 0 };
        let mut writes = Vec::with_capacity(self.operations.len());
        for operation in &self.operations {
            match operation {
                Operation::Put(key, value, lease) => {
                    let value = Some(value.as_slice().into());
                    writes.push(Write { key: key.as_slice().into(), value, lease: *lease });
                }
                Operation::Delete(key) => writes.push(delete(key)),
                Operation::DeleteRange(start, end) => {
                    let range = KeyRange::from_request(start, end);
                    writes.extend(snapshot.range(&range).map(|entry| delete(entry.key())));
                }
            }
        }
        writes
    }

    /// Whether it contains an empty key, which etcd refuses.
    #[must_use]
    pub fn has_empty_key(&self) -> bool {
        let empty = |operation: &Operation| match operation {
            Operation::Put(key, ..) | Operation::Delete(key) | Operation::DeleteRange(key, _) => {
                key.is_empty()
            }
        };
        self.operations.iter().any(empty) || self.compares.iter().any(|compare| compare.key.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Entry;

    fn entry(key: &str, value: &str, revision: i64) -> Entry {
        Entry::new(key.as_bytes().to_vec(), value.as_bytes(), revision, 0)
    }

    fn snapshot() -> Snapshot {
        let mut staged = Snapshot::default();
        staged.stage(vec![entry("/a", "1", 5), entry("/b", "2", 7), entry("/c", "3", 6)]);
        staged.staged(9, 1)
    }

    fn conflict(key: &str, condition: Condition) -> Option<i64> {
        let compare = Compare { key: key.as_bytes().to_vec(), condition };
        let transaction = Transaction { compares: vec![compare], operations: vec![] };
        match transaction.conflict(&snapshot()) {
            Some(Outcome::Conflict { revision, .. }) => Some(revision),
            _ => None,
        }
    }

    #[test]
    fn a_condition_fails_exactly_if_the_key_is_not_as_expected() {
        assert_eq!(conflict("/a", Condition::Revision(5)), None);
        assert_eq!(conflict("/a", Condition::Revision(4)), Some(5));
        assert_eq!(conflict("/a", Condition::Revision(0)), Some(5));
        assert_eq!(conflict("/z", Condition::Revision(0)), None);
        assert_eq!(conflict("/z", Condition::Revision(5)), Some(0));
        assert_eq!(conflict("/a", Condition::Value(b"1".to_vec())), None);
        assert_eq!(conflict("/a", Condition::Value(b"2".to_vec())), Some(5));
        assert_eq!(conflict("/z", Condition::Value(Vec::new())), Some(0));
        assert_eq!(conflict("/a", Condition::Present), None);
        assert_eq!(conflict("/z", Condition::Present), Some(0));
    }

    #[test]
    fn a_range_conflicts_if_any_key_in_it_is_newer() {
        let since = |revision| Condition::UnchangedSince { end: b"/c".to_vec(), revision };
        assert_eq!(conflict("/a", since(7)), None);
        assert_eq!(conflict("/a", since(6)), Some(7));
    }

    #[test]
    fn deleting_a_range_deletes_the_keys_in_it() {
        let range = Operation::DeleteRange(b"/a".to_vec(), b"/c".to_vec());
        let keys: Vec<_> = Transaction::of(range).writes(&snapshot()).into_iter().map(|w| w.key).collect();
        assert_eq!(keys, [&b"/a"[..], b"/b"].map(std::sync::Arc::from));
    }

    #[test]
    fn the_value_of_a_comparison_is_not_shown() {
        assert!(!format!("{:?}", Condition::Value(b"secret".to_vec())).contains("secret"));
    }
}
