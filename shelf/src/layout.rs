//! How entries and nodes lie in a segment: their bytes, and the checks that every read of them makes.
//!
//! Everything begins at a multiple of eight bytes. A reference is an offset in these units, so that four bytes reach
//! 32 GiB. It always points to something that ends at or before the place where the referring record begins.

use std::fmt;
use std::num::NonZeroU32;

use crate::map::Map;

/// The unit of references.
pub(crate) const UNIT: usize = 8;
/// The most slots of a node.
pub(crate) const MAX_SLOTS: usize = 32;
/// A tree this high has more leaves than a segment has bytes.
pub(crate) const MAX_LEVEL: u8 = 12;

const NODE_MARK: u8 = 0xB7;
const NODE_HEADER: usize = 4;
const ENTRY_HEADER: usize = 24;

/// A place in a segment. Never zero: the header is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ref(NonZeroU32);

impl Ref {
    /// The reference to `offset`, a multiple of the unit.
    pub(crate) fn to(offset: usize) -> Option<Self> {
        let units = u32::try_from(offset / UNIT).ok()?;
        NonZeroU32::new(units).filter(|_| offset.is_multiple_of(UNIT)).map(Self)
    }

    pub(crate) fn of(raw: u32) -> Option<Self> {
        NonZeroU32::new(raw).map(Self)
    }

    pub(crate) const fn raw(self) -> u32 {
        self.0.get()
    }

    #[inline]
    pub(crate) const fn offset(self) -> usize {
        self.0.get() as usize * UNIT
    }
}

/// A key with its value, in shared memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    mod_revision: i64,
    lease: i64,
    key: &'a [u8],
    value: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Reads the entry at `at`, which ends below `limit`.
    #[inline]
    pub(crate) fn read(map: &'a Map, at: Ref, limit: usize) -> Option<Self> {
        let start = at.offset();
        let key_len = half(map, start + 16, limit)? as usize;
        let value_len = half(map, start + 20, limit)? as usize;
        let mod_revision = map.word(start, limit)?.cast_signed();
        let lease = map.word(start + 8, limit)?.cast_signed();
        let bytes = map.bytes(start + ENTRY_HEADER, key_len.checked_add(value_len)?, limit)?;
        let (key, value) = bytes.split_at_checked(key_len)?;
        Some(Self { mod_revision, lease, key, value })
    }

    /// The bytes of an entry, in parts.
    pub(crate) fn header(
        mod_revision: i64,
        lease: i64,
        key: &[u8],
        value: &[u8],
    ) -> Option<[u8; ENTRY_HEADER]> {
        let mut header = [0; ENTRY_HEADER];
        header[..8].copy_from_slice(&mod_revision.to_ne_bytes());
        header[8..16].copy_from_slice(&lease.to_ne_bytes());
        header[16..20].copy_from_slice(&u32::try_from(key.len()).ok()?.to_ne_bytes());
        header[20..].copy_from_slice(&u32::try_from(value.len()).ok()?.to_ne_bytes());
        Some(header)
    }

    /// The room that it takes.
    pub(crate) const fn size(&self) -> usize {
        (ENTRY_HEADER + self.key.len() + self.value.len()).next_multiple_of(UNIT)
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &'a [u8] {
        self.key
    }

    /// The value, as it was put.
    #[must_use]
    pub const fn value(&self) -> &'a [u8] {
        self.value
    }

    /// The revision at which the key was last put.
    #[must_use]
    pub const fn mod_revision(&self) -> i64 {
        self.mod_revision
    }

    /// The lease that the key is attached to, or 0.
    #[must_use]
    pub const fn lease(&self) -> i64 {
        self.lease
    }
}

/// Omits the value, which may be a secret (promise 10).
impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = String::from_utf8_lossy(self.key);
        write!(f, "Entry({key:?}, {} bytes, mod_revision {})", self.value.len(), self.mod_revision)
    }
}

#[inline]
fn half(map: &Map, at: usize, limit: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(map.bytes(at, 4, limit)?.try_into().ok()?))
}

/// The key of the entry at `at`.
#[inline]
pub(crate) fn key_at(map: &Map, at: Ref, limit: usize) -> Option<&[u8]> {
    let start = at.offset();
    let len = half(map, start + 16, limit)? as usize;
    map.bytes(start + ENTRY_HEADER, len, limit)
}

/// A node of the tree.
///
/// A leaf's slots refer to entries, in key order. The slots of an inner node refer to its children, followed by as many
/// that refer to an entry with the least key that the child may have. That entry may be out of date: only its key counts.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    map: &'a Map,
    start: usize,
    level: u8,
    count: usize,
    slots: &'a [u8],
}

/// The bytes of a node that differs from another one in one slot.
pub(crate) struct Patched<'a> {
    header: [u8; NODE_HEADER],
    before: &'a [u8],
    target: [u8; 4],
    behind: &'a [u8],
}

impl Patched<'_> {
    /// Its parts, one after the other.
    pub(crate) const fn parts(&self) -> [&[u8]; 4] {
        [&self.header, self.before, &self.target, self.behind]
    }
}

impl<'a> Node<'a> {
    /// Reads the node at `at`, which ends below `limit`.
    #[inline]
    pub(crate) fn read(map: &'a Map, at: Ref, limit: usize) -> Option<Self> {
        let start = at.offset();
        let &[NODE_MARK, level, low, high] = map.bytes(start, NODE_HEADER, limit)? else { return None };
        let count = usize::from(u16::from_ne_bytes([low, high]));
        if level > MAX_LEVEL || count == 0 || count > MAX_SLOTS {
            return None;
        }
        let width = if level == 0 { 4 } else { 8 };
        let slots = map.bytes(start + NODE_HEADER, count * width, limit)?;
        Some(Self { map, start, level, count, slots })
    }

    /// The bytes of a node with these slots.
    pub(crate) fn header(level: u8, count: usize) -> Option<[u8; NODE_HEADER]> {
        let [low, high] = u16::try_from(count).ok()?.to_ne_bytes();
        Some([NODE_MARK, level, low, high])
    }

    pub(crate) const fn level(&self) -> u8 {
        self.level
    }

    pub(crate) const fn is_leaf(&self) -> bool {
        self.level == 0
    }

    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    #[inline]
    fn slot(&self, index: usize) -> Option<Ref> {
        let bytes = self.slots.get(index * 4..index * 4 + 4)?;
        Ref::of(u32::from_ne_bytes(bytes.try_into().ok()?))
    }

    /// The reference to the entry or child at `index`.
    #[inline]
    pub(crate) fn target(&self, index: usize) -> Option<Ref> {
        if index < self.count { self.slot(index) } else { None }
    }

    /// The reference to the entry whose key the search compares with at `index`.
    #[inline]
    pub(crate) fn guide(&self, index: usize) -> Option<Ref> {
        let index = if index < self.count { index } else { return None };
        self.slot(if self.is_leaf() { index } else { self.count + index })
    }

    /// A copy with `target` at `index`.
    pub(crate) fn with_target(&self, index: usize, target: Ref) -> Option<Patched<'a>> {
        let (before, rest) = self.slots.split_at_checked(index * 4)?;
        let header = Self::header(self.level, self.count)?;
        Some(Patched { header, before, target: target.raw().to_ne_bytes(), behind: rest.get(4..)? })
    }

    /// The key that the search compares with at `index`.
    #[inline]
    pub(crate) fn key(&self, index: usize) -> Option<&'a [u8]> {
        key_at(self.map, self.guide(index)?, self.start)
    }

    /// The entry at `index` of a leaf.
    pub(crate) fn entry(&self, index: usize) -> Option<Entry<'a>> {
        if self.is_leaf() { Entry::read(self.map, self.target(index)?, self.start) } else { None }
    }

    /// The child at `index` of an inner node.
    #[inline]
    pub(crate) fn child(&self, index: usize) -> Option<Self> {
        let below = self.level.checked_sub(1)?;
        Self::read(self.map, self.target(index)?, self.start).filter(|child| child.level == below)
    }

    /// Where `key` is among this node's keys, or would be.
    #[inline]
    pub(crate) fn search(&self, key: &[u8]) -> Option<Result<usize, usize>> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.key(middle)?.cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(Ok(middle)),
            }
        }
        Some(Err(low))
    }

    /// The child of an inner node under which `key` is, if it is anywhere.
    #[inline]
    pub(crate) fn child_for(&self, key: &[u8]) -> Option<usize> {
        Some(match self.search(key)? {
            Ok(index) => index,
            Err(index) => index.saturating_sub(1),
        })
    }
}
