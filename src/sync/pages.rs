//! Decides how many keys to request in one page, from the size of values and the network's speed.
//!
//! etcd limits a page only by its number of keys. 5,000 keys of 20 kB are 100 MB, which is more than a
//! message may hold. On a slow network, a page of a few megabytes would block other requests for too long.
//!
//! But small pages are expensive. For each page etcd counts all keys from the page's first one to the end of
//! the range, whatever the limit (measured with 100,000 keys: 18 ms of CPU for one key, 25 ms for 5,000,
//! 42 ms for 20,000). So only a slow *transfer* makes pages smaller. If a busy etcd did, the processes of a
//! fleet that start together would make it busier with each page.

use std::time::Duration;

use super::event::Page;

/// The size of the first page. The keys' weight is unknown, and etcd builds a whole page in its memory.
const FIRST: i64 = 1_000;

/// The target size of a page in bytes. Larger pages are not faster.
const BYTES: usize = 4 << 20;

/// A page whose bytes take longer than this to arrive is halved.
const SLOW: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
pub(super) struct PageSize {
    keys: i64,
    most: i64,
}

impl PageSize {
    /// Never requests more than `most` keys.
    pub(super) fn new(most: i64) -> Self {
        Self { keys: most.min(FIRST), most }
    }

    pub(super) const fn keys(self) -> i64 {
        self.keys
    }

    /// Adapts to a page that arrived. The next one has at most twice as many keys.
    pub(super) fn arrived(&mut self, page: &Page) {
        let bytes: usize = page.entries.iter().map(|entry| entry.key().len() + entry.value().len()).sum();
        if page.transfer > SLOW {
            self.halve();
        } else if let Some(each) = bytes.checked_div(page.entries.len()) {
            let fitting = i64::try_from(BYTES / each.max(1)).unwrap_or(i64::MAX);
            self.keys = (self.keys * 2).min(fitting).clamp(1, self.most.max(1));
        }
    }

    /// Adapts to a page that was too large or did not arrive. Returns whether a smaller one is possible.
    pub(super) fn halve(&mut self) -> bool {
        let smaller = self.keys > 1;
        self.keys = (self.keys / 2).max(1);
        smaller
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Entry;

    /// A page whose bytes arrived within this time.
    fn page(keys: i64, bytes: usize, transfer: Duration) -> Page {
        let entry = |number: i64| Entry::new(number.to_be_bytes().to_vec(), &vec![0; bytes - 8], 1, 0);
        let entries = (0..keys).map(entry).collect();
        Page { entries, more: true, count: keys, transfer, ..Page::default() }
    }

    const FAST: Duration = Duration::from_millis(20);

    #[test]
    fn small_values_come_in_pages_of_the_maximum_number_of_keys() {
        let mut size = PageSize::new(5_000);
        let mut asked = Vec::new();
        for _ in 0..4 {
            asked.push(size.keys());
            size.arrived(&page(size.keys(), 200, FAST));
        }
        assert_eq!(asked, [1_000, 2_000, 4_000, 5_000]);
    }

    #[test]
    fn large_values_and_slow_transfers_shrink_the_page_and_small_values_grow_it_again() {
        let mut size = PageSize::new(5_000);
        size.arrived(&page(1_000, 20_000, FAST));
        assert_eq!(size.keys(), 209);
        size.arrived(&page(200, 20_000, Duration::from_secs(2)));
        assert_eq!(size.keys(), 104);
        size.arrived(&page(104, 200, FAST));
        assert_eq!(size.keys(), 208);
    }

    #[test]
    fn a_page_never_has_less_than_one_key() {
        let mut size = PageSize::new(2);
        assert!(size.halve() && !size.halve());
        size.arrived(&page(1, 8 << 20, Duration::from_secs(9)));
        assert_eq!(size.keys(), 1);
    }
}
