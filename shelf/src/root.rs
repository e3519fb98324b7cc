//! The record that one publication consists of, and the chain of changed keys behind it.

use crate::error::{Error, Result};
use crate::layout::{Ref, UNIT, key_at};
use crate::map::Map;

/// How many changed keys a reader can ask for. One that is further behind has to compare.
pub const RECENT_KEYS: usize = 4_096;

const ROOT_MARK: u64 = 0x746f_6f52_6665_6873;
const LINK_MARK: u64 = 0x6b6e_694c_6665_6873;
const ROOT_WORDS: usize = 9;
const LINK_WORDS: usize = 4;

/// Which content of which cluster something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct At {
    /// The etcd revision.
    pub revision: i64,
    /// The cluster's id.
    pub cluster_id: u64,
    /// The raft term in which it was read. A cluster that lost its data starts over with a low one.
    pub raft_term: u64,
}

/// One publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Root {
    pub(crate) at: At,
    /// Rises with each change of content.
    pub(crate) generation: u64,
    pub(crate) size: usize,
    /// `None` if there are no keys.
    pub(crate) tree: Option<Ref>,
    /// The newest link of the chain of changes.
    pub(crate) link: Option<Ref>,
    /// The oldest generation since which the chain has every change.
    pub(crate) chain_from: u64,
    /// Bytes that the entries take.
    pub(crate) live: usize,
}

impl Root {
    pub(crate) const EMPTY: Self = Self {
        at: At { revision: 0, cluster_id: 0, raft_term: 0 },
        generation: 0,
        size: 0,
        tree: None,
        link: None,
        chain_from: 0,
        live: 0,
    };

    /// Reads the root at `offset`.
    pub(crate) fn read(map: &Map, offset: usize) -> Option<Self> {
        Ref::to(offset)?;
        let end = offset.checked_add(ROOT_WORDS * UNIT)?;
        let word = |index: usize| map.word(offset + index * UNIT, end);
        // With its own place in the mark, no other bytes pass for a root by chance.
        if word(0)? != ROOT_MARK ^ offset as u64 {
            return None;
        }
        let (tree, link) = halves(word(6)?);
        let size = usize::try_from(word(5)?).ok()?;
        // Each key takes more than a unit: this bounds the work on damaged bytes.
        if size > offset / UNIT || Ref::of(tree).is_some() != (size > 0) {
            return None;
        }
        Some(Self {
            at: At { revision: word(1)?.cast_signed(), cluster_id: word(3)?, raft_term: word(4)? },
            generation: word(2)?,
            size,
            tree: Ref::of(tree),
            link: Ref::of(link),
            chain_from: word(7)?,
            live: usize::try_from(word(8)?).ok()?,
        })
    }

    /// Its bytes at `offset`.
    pub(crate) fn bytes(&self, offset: usize) -> Vec<u8> {
        let words = [
            ROOT_MARK ^ offset as u64,
            self.at.revision.cast_unsigned(),
            self.generation,
            self.at.cluster_id,
            self.at.raft_term,
            self.size as u64,
            joined(self.tree, self.link),
            self.chain_from,
            self.live as u64,
        ];
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }
}

/// The keys that one publication changed, and the link before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) generation: u64,
    pub(crate) previous: Option<Ref>,
    /// References to entries, of which only the keys count.
    pub(crate) keys: Ref,
    pub(crate) count: usize,
    start: usize,
}

impl Link {
    /// Reads the link at `at`, which ends below `limit`.
    pub(crate) fn read(map: &Map, at: Ref, limit: usize) -> Option<Self> {
        let start = at.offset();
        let word = |index: usize| map.word(start + index * UNIT, limit);
        if word(0)? != LINK_MARK {
            return None;
        }
        let (previous, keys) = halves(word(2)?);
        let count = usize::try_from(word(3)?).ok()?;
        Some(Self { generation: word(1)?, previous: Ref::of(previous), keys: Ref::of(keys)?, count, start })
    }

    /// The bytes of a link.
    pub(crate) fn bytes(generation: u64, previous: Option<Ref>, keys: Ref, count: usize) -> Vec<u8> {
        let words: [u64; LINK_WORDS] = [LINK_MARK, generation, joined(previous, Some(keys)), count as u64];
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    /// The link before it, if there is one.
    pub(crate) fn before(&self, map: &Map) -> Result<Option<Self>> {
        let Some(previous) = self.previous else { return Ok(None) };
        let link = Self::read(map, previous, self.start).filter(|link| link.generation < self.generation);
        link.map(Some).ok_or(Error::Damaged)
    }

    /// Its keys.
    pub(crate) fn keys<'a>(&self, map: &'a Map) -> Option<Vec<&'a [u8]>> {
        let bytes = map.bytes(self.keys.offset(), self.count.checked_mul(4)?, self.start)?;
        let (references, _) = bytes.as_chunks::<4>();
        let key = |raw: &[u8; 4]| key_at(map, Ref::of(u32::from_ne_bytes(*raw))?, self.keys.offset());
        references.iter().map(key).collect()
    }
}

fn joined(low: Option<Ref>, high: Option<Ref>) -> u64 {
    let raw = |reference: Option<Ref>| u64::from(reference.map_or(0, Ref::raw));
    raw(low) | raw(high) << 32
}

/// The low and the high half of a word.
fn halves(word: u64) -> (u32, u32) {
    let half = |word: u64| u32::try_from(word & u64::from(u32::MAX)).unwrap_or(0);
    (half(word), half(word >> 32))
}
