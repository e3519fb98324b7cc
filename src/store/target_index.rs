//! Finds the subscriptions that a changed key concerns.

use std::collections::{BTreeMap, HashSet};

use crate::range::is_prefix;

/// An index of subscribed keys and prefixes, searched by a key inside them.
///
/// A lookup costs one probe per distinct prefix length. Its cost depends neither on the number of keys and prefixes
/// nor on the shape of the key, which other people choose.
#[derive(Debug, Default)]
pub struct TargetIndex {
    keys: HashSet<Box<[u8]>>,
    prefixes: BTreeMap<usize, HashSet<Box<[u8]>>>,
}

impl TargetIndex {
    /// Adds a key or a prefix ([`is_prefix`]). Does nothing if it is already there.
    pub fn insert(&mut self, target: &[u8]) {
        let same_kind =
            if is_prefix(target) { self.prefixes.entry(target.len()).or_default() } else { &mut self.keys };
        same_kind.insert(target.into());
    }

    /// Removes a key or a prefix.
    pub fn remove(&mut self, target: &[u8]) {
        if !is_prefix(target) {
            self.keys.remove(target);
        } else if let Some(prefixes) = self.prefixes.get_mut(&target.len()) {
            prefixes.remove(target);
            if prefixes.is_empty() {
                self.prefixes.remove(&target.len());
            }
        }
    }

    /// The targets that contain `key`, widest first.
    pub fn matches<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let prefixes = self.prefixes.range(..=key.len());
        let prefixes = prefixes.filter_map(|(length, prefixes)| prefixes.get(key.split_at(*length).0));
        prefixes.chain(self.keys.get(key)).map(Box::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range::KeyRange;
    use proptest::prelude::*;

    fn target() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![Just(b'/'), Just(b'a'), Just(0), Just(255)], 0..5)
    }

    proptest! {
        #[test]
        fn a_key_matches_exactly_the_targets_whose_range_holds_it(
            targets in prop::collection::hash_set(target(), 0..12),
            removed in prop::collection::hash_set(target(), 0..6),
            key in prop::collection::vec(prop_oneof![Just(b'/'), Just(b'a'), Just(0), Just(255)], 1..7),
        ) {
            let mut index = TargetIndex::default();
            for target in targets.iter().chain(&targets) {
                index.insert(target);
            }
            for target in &removed {
                index.remove(target);
            }
            let mut found: Vec<Vec<u8>> = index.matches(&key).map(<[u8]>::to_vec).collect();
            let mut right: Vec<Vec<u8>> = targets
                .difference(&removed)
                .filter(|target| KeyRange::target(target).contains(&key))
                .cloned()
                .collect();
            found.sort();
            right.sort();
            prop_assert_eq!(found, right);
        }
    }

    #[test]
    fn a_lookup_probes_once_per_distinct_prefix_length() {
        let mut index = TargetIndex::default();
        for number in 0..1_000 {
            index.insert(format!("/a/{number:04}/").as_bytes());
            index.insert(format!("/a/{number:04}").as_bytes());
        }
        assert_eq!(index.prefixes.len(), 1);
        let slashes = vec![b'/'; 100_000];
        assert_eq!(index.matches(&slashes).count(), 0);
        assert_eq!(index.matches(b"/a/0007/x").collect::<Vec<_>>(), [b"/a/0007/"]);
        for number in 0..1_000 {
            index.remove(format!("/a/{number:04}/").as_bytes());
        }
        assert_eq!(index.prefixes.len(), 0);
    }
}
