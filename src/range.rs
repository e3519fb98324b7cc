//! Ranges of keys as in etcd: half open, in byte order.
//!
//! The prefixes and keys that a user asks for may overlap. [`Ranges`] makes them sorted and disjoint, so that a key
//! belongs to at most one range and no event is delivered twice.

use std::cmp::Ordering;
use std::fmt;

/// The keys from `start` up to, but not including, `end`. Without an `end` the range is unbounded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyRange {
    start: Vec<u8>,
    end: Option<Vec<u8>>,
}

impl KeyRange {
    /// All keys that begin with `prefix`; an empty prefix is every key.
    ///
    /// ```
    /// use etcd_discovery_core::range::KeyRange;
    ///
    /// let range = KeyRange::prefix(b"/service/");
    /// assert!(range.contains(b"/service/b") && !range.contains(b"/service"));
    /// ```
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        if prefix.is_empty() {
            // etcd has no empty key, and refuses one as the start of a range.
            return Self { start: vec![0], end: None };
        }
        Self { start: prefix.to_vec(), end: successor_of_prefix(prefix) }
    }

    /// A range with a single key.
    #[must_use]
    pub fn key(key: &[u8]) -> Self {
        Self { start: key.to_vec(), end: Some(next_key(key)) }
    }

    /// The prefix or single key that a user means by `target`; see [`is_prefix`].
    #[must_use]
    pub fn target(target: &[u8]) -> Self {
        if is_prefix(target) { Self::prefix(target) } else { Self::key(target) }
    }

    /// Converts the `key` and `range_end` of an etcd request.
    ///
    /// An empty end means one key, a zero byte means unbounded.
    #[must_use]
    pub fn from_request(start: &[u8], end: &[u8]) -> Self {
        match end {
            [] => Self::key(start),
            [0] => Self { start: start.to_vec(), end: None },
            end => Self { start: start.to_vec(), end: Some(end.to_vec()) },
        }
    }

    /// The first key of the range.
    #[must_use]
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// The end as etcd's `range_end`, where one zero byte means "to the last key".
    #[must_use]
    pub fn range_end(&self) -> Vec<u8> {
        self.end.clone().unwrap_or_else(|| vec![0])
    }

    /// Whether `key` is in the range.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.start.as_slice() && self.end.as_deref().is_none_or(|end| key < end)
    }

    /// Whether the range holds a single key.
    fn is_one_key(&self) -> bool {
        self.end.as_deref() == Some(&next_key(&self.start))
    }

    /// Whether every key of `other` is in the range.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.contains(&other.start) && end_order(self.end.as_deref(), other.end.as_deref()) != Ordering::Less
    }

    fn touches(&self, other: &Self) -> bool {
        self.end.as_deref().is_none_or(|end| end >= other.start.as_slice())
    }

    fn extend(&mut self, other: &Self) {
        if end_order(self.end.as_deref(), other.end.as_deref()) == Ordering::Less {
            self.end.clone_from(&other.end);
        }
    }
}

/// Formats the range as a key, a prefix, or else its first key and its end.
impl fmt::Display for KeyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = quoted(&self.start);
        match &self.end {
            None if self.start == [0] => f.write_str("every key"),
            _ if self.is_one_key() => write!(f, "key {start}"),
            _ if *self == Self::prefix(&self.start) => write!(f, "prefix {start}"),
            Some(end) => write!(f, "range {start} to {}", quoted(end)),
            None => write!(f, "range from {start}"),
        }
    }
}

/// Of a longer key a message shows only so many bytes: etcd takes keys of 1.5 MiB.
const LONGEST_SHOWN: usize = 200;

/// A key for a person: as a text in quotes, and of a long one its beginning and its length.
#[must_use]
pub fn quoted(key: &[u8]) -> String {
    let (shown, rest) = key.split_at(key.len().min(LONGEST_SHOWN));
    let text = String::from_utf8_lossy(shown);
    if rest.is_empty() { format!("{text:?}") } else { format!("{text:?}… ({} bytes)", key.len()) }
}

fn end_order(a: Option<&[u8]>, b: Option<&[u8]>) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => a.cmp(b),
    }
}

/// Whether `target` means a prefix: it ends in a slash, or is empty and so means every key.
#[must_use]
pub fn is_prefix(target: &[u8]) -> bool {
    target.last().is_none_or(|last| *last == b'/')
}

/// The first key after `key`.
///
/// ```
/// assert_eq!(etcd_discovery_core::range::next_key(b"a"), b"a\0");
/// ```
#[must_use]
pub fn next_key(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

fn successor_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// The sorted, disjoint ranges that one client watches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ranges(Vec<KeyRange>);

impl Ranges {
    /// Sorts `ranges`, and merges those that overlap or touch.
    ///
    /// ```
    /// use etcd_discovery_core::range::{KeyRange, Ranges};
    ///
    /// let ranges = Ranges::merge([KeyRange::prefix(b"/a/b"), KeyRange::prefix(b"/a/"), KeyRange::key(b"/z")]);
    /// assert_eq!(ranges.as_slice().len(), 2);
    /// ```
    #[must_use]
    pub fn merge(ranges: impl IntoIterator<Item = KeyRange>) -> Self {
        let mut sorted: Vec<KeyRange> = ranges.into_iter().collect();
        sorted.sort_by(|a, b| a.start.cmp(&b.start));
        let mut merged: Vec<KeyRange> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match merged.last_mut() {
                Some(last) if last.touches(&range) => last.extend(&range),
                _ => merged.push(range),
            }
        }
        Self(merged)
    }

    /// The ranges in key order.
    #[must_use]
    pub fn as_slice(&self) -> &[KeyRange] {
        &self.0
    }

    /// Whether there are no ranges.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `key` is in one of the ranges.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        let after = self.0.partition_point(|range| range.start.as_slice() <= key);
        after > 0 && self.0[after - 1].contains(key)
    }

    /// Whether one of the ranges contains every key of `range`.
    ///
    /// ```
    /// use etcd_discovery_core::range::{KeyRange, Ranges};
    ///
    /// let ranges = Ranges::merge([KeyRange::prefix(b"/a/"), KeyRange::key(b"/b")]);
    /// assert!(ranges.cover(&KeyRange::prefix(b"/a/b")));
    /// assert!(!ranges.cover(&KeyRange::prefix(b"/b")));
    /// ```
    #[must_use]
    pub fn cover(&self, range: &KeyRange) -> bool {
        self.0.iter().any(|watched| watched.covers(range))
    }

    /// The smallest single range that contains all of them; `None` when there are none.
    #[must_use]
    pub fn bounding_range(&self) -> Option<KeyRange> {
        let mut bounds = self.0.first()?.clone();
        if let Some(last) = self.0.last() {
            bounds.extend(last);
        }
        Some(bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_prefix_of_only_0xff_reaches_to_the_last_key() {
        let range = KeyRange::prefix(b"\xff\xff");
        assert_eq!(range.range_end(), vec![0]);
        assert!(range.contains(b"\xff\xff\xff"));
    }

    #[test]
    fn an_empty_prefix_is_every_key() {
        assert!(KeyRange::prefix(b"").contains(b"\0"));
        assert!(KeyRange::prefix(b"").contains(b"\xff"));
    }

    fn range() -> impl Strategy<Value = KeyRange> {
        let bytes = prop::collection::vec(prop_oneof![0u8..3, 253u8..=255], 1..4);
        (bytes, any::<bool>()).prop_map(
            |(key, prefix)| {
                if prefix { KeyRange::prefix(&key) } else { KeyRange::key(&key) }
            },
        )
    }

    proptest! {
        #[test]
        fn merged_ranges_hold_exactly_the_keys_of_the_given_ranges_and_are_disjoint(
            ranges in prop::collection::vec(range(), 0..6),
            key in prop::collection::vec(prop_oneof![0u8..3, 253u8..=255], 1..5),
        ) {
            let merged = Ranges::merge(ranges.clone());
            prop_assert_eq!(merged.contains(&key), ranges.iter().any(|range| range.contains(&key)));
            prop_assert!(merged.as_slice().windows(2).all(|pair| !pair[0].touches(&pair[1])));
            if let Some(bounds) = merged.bounding_range() {
                prop_assert!(!merged.contains(&key) || bounds.contains(&key));
            }
        }
    }

    #[test]
    fn no_message_is_as_long_as_a_key_may_be() {
        assert_eq!(quoted(b"/a\n"), "\"/a\\n\"");
        let shown = quoted(&vec![b'k'; 1_500_000]);
        assert!(shown.len() < 250 && shown.ends_with("… (1500000 bytes)"), "{shown}");
    }
}
