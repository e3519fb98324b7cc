//! Finds the subscriptions that a changed key concerns.

use std::collections::{BTreeMap, HashMap};

use crate::range::is_prefix;

/// What there is for subscribed keys and prefixes, searched by a key inside them.
///
/// A lookup costs one probe per distinct prefix length. Its cost depends neither on the number of keys and prefixes
/// nor on the shape of the key, which other people choose.
#[derive(Debug)]
pub struct TargetIndex<T> {
    keys: HashMap<Box<[u8]>, T>,
    prefixes: BTreeMap<usize, HashMap<Box<[u8]>, T>>,
}

impl<T> Default for TargetIndex<T> {
    fn default() -> Self {
        Self { keys: HashMap::new(), prefixes: BTreeMap::new() }
    }
}

impl<T> TargetIndex<T> {
    /// What there is for a key or a prefix ([`is_prefix`]). Adds it if it is new.
    pub fn entry(&mut self, target: &[u8]) -> &mut T
    where
        T: Default,
    {
        let same_kind =
            if is_prefix(target) { self.prefixes.entry(target.len()).or_default() } else { &mut self.keys };
        same_kind.entry(target.into()).or_default()
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

    /// The targets that contain `key`, widest first, and what there is for them.
    pub fn matches<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a T)> {
        let prefixes = self.prefixes.range(..=key.len());
        let prefixes = prefixes.filter_map(|(length, same)| same.get_key_value(key.split_at(*length).0));
        prefixes.chain(self.keys.get_key_value(key)).map(|(target, value)| (&**target, value))
    }

    /// What there is for all keys and prefixes, in no order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.prefixes.values().chain([&self.keys]).flat_map(HashMap::values)
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
            let mut index = TargetIndex::<Vec<u8>>::default();
            for target in targets.iter().chain(&targets) {
                index.entry(target).clone_from(target);
            }
            for target in &removed {
                index.remove(target);
            }
            prop_assert!(index.matches(&key).all(|(target, value)| target == value));
            prop_assert_eq!(index.values().count(), targets.difference(&removed).count());
            let mut found: Vec<Vec<u8>> = index.matches(&key).map(|(target, _)| target.to_vec()).collect();
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
        let mut index = TargetIndex::<()>::default();
        for number in 0..1_000 {
            index.entry(format!("/a/{number:04}/").as_bytes());
            index.entry(format!("/a/{number:04}").as_bytes());
        }
        assert_eq!(index.prefixes.len(), 1);
        let slashes = vec![b'/'; 100_000];
        assert_eq!(index.matches(&slashes).count(), 0);
        assert_eq!(index.matches(b"/a/0007/x").map(|(target, ())| target).collect::<Vec<_>>(), [b"/a/0007/"]);
        for number in 0..1_000 {
            index.remove(format!("/a/{number:04}/").as_bytes());
        }
        assert_eq!(index.prefixes.len(), 0);
    }
}
