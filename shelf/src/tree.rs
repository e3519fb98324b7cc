//! What readers see: the content at one root.

use std::sync::Arc;

use crate::control::root_word;
use crate::error::{Error, Result};
use crate::layout::{Entry, Node};
use crate::map::Map;
use crate::root::{At, Link, RECENT_KEYS, Root};

/// The generation of a publication, and the keys that it changed.
pub(crate) type Batch<'a> = (u64, Vec<&'a [u8]>);

/// The content at one root. It never changes, and keeps its segment's memory for as long as it lives.
///
/// A clone costs an atomic addition. A forked child reads on from the one that it inherited.
#[derive(Debug, Clone)]
pub struct Snapshot {
    map: Arc<Map>,
    /// Where the root is. Nothing at or above it is looked at.
    offset: usize,
    root: Root,
}

impl Snapshot {
    /// The snapshot with the root at `offset`.
    pub(crate) fn open(map: Arc<Map>, offset: usize) -> Result<Self> {
        let root = Root::read(&map, offset).ok_or(Error::Damaged)?;
        Ok(Self { map, offset, root })
    }

    pub(crate) const fn map(&self) -> &Arc<Map> {
        &self.map
    }

    pub(crate) const fn root(&self) -> &Root {
        &self.root
    }

    /// Where its root is.
    #[cfg(test)]
    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }

    /// Which content this is.
    #[must_use]
    pub const fn at(&self) -> At {
        self.root.at
    }

    /// Its number in the sequence of publications.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.root.generation
    }

    /// The word that names it in the control page, as long as it is the current one.
    #[must_use]
    pub fn word(&self) -> u64 {
        root_word(self.map.id(), self.offset)
    }

    /// The number of keys.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.root.size
    }

    /// Whether there are no keys.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.root.size == 0
    }

    /// The root node.
    pub(crate) fn top(&self) -> Result<Option<Node<'_>>> {
        let Some(tree) = self.root.tree else { return Ok(None) };
        Node::read(&self.map, tree, self.offset).map(Some).ok_or(Error::Damaged)
    }

    /// The entry of `key`, if there is one.
    ///
    /// # Errors
    /// [`Error::Damaged`], as from every other method.
    pub fn get(&self, key: &[u8]) -> Result<Option<Entry<'_>>> {
        let Some(top) = self.top()? else { return Ok(None) };
        let (leaf, found) = look_up(top, key).ok_or(Error::Damaged)?;
        let Ok(index) = found else { return Ok(None) };
        leaf.entry(index).map(Some).ok_or(Error::Damaged)
    }

    /// All entries in key order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        self.range(b"", None)
    }

    /// The entries from `start` on, up to but not including `end`, in key order.
    #[must_use]
    pub fn range<'a>(&'a self, start: &[u8], end: Option<&'a [u8]>) -> Iter<'a> {
        let mut iter = Iter { path: Vec::new(), left: self.root.size, end, damaged: false };
        match self.top() {
            Ok(Some(top)) if iter.seek(top, start).is_none() => iter.damaged = true,
            Err(_) => iter.damaged = true,
            Ok(_) => {}
        }
        iter
    }

    /// Calls `visit` with each key changed after `generation`, the newest publication first; a key may come twice.
    ///
    /// Returns false if that is not known any more, or if the keys are more than [`RECENT_KEYS`]. Then `visit` was not
    /// called.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn each_change_since(&self, generation: u64, visit: impl FnMut(&[u8])) -> Result<bool> {
        let Some(batches) = self.batches_since(generation)? else { return Ok(false) };
        batches.iter().flat_map(|(_, keys)| keys).copied().for_each(visit);
        Ok(true)
    }

    /// The changed keys of each publication after `generation`, the newest first; `None` if they are not known.
    pub(crate) fn batches_since(&self, generation: u64) -> Result<Option<Vec<Batch<'_>>>> {
        if generation < self.root.chain_from {
            return Ok(None);
        }
        let (batches, complete) = self.batches_down_to(generation)?;
        Ok(complete.then_some(batches))
    }

    /// The changed keys of each publication after `generation`, the newest first, until there are too many. Also says
    /// whether these are all.
    pub(crate) fn batches_down_to(&self, generation: u64) -> Result<(Vec<Batch<'_>>, bool)> {
        let mut batches = Vec::new();
        let mut room = RECENT_KEYS;
        let mut next = match self.root.link {
            Some(at) => Some(Link::read(&self.map, at, self.offset).ok_or(Error::Damaged)?),
            None => None,
        };
        while let Some(link) = next.filter(|link| link.generation > generation) {
            // A publication without keys has no link; so this ends after as many links as there are keys.
            let Some(left) = room.checked_sub(link.count.max(1)) else { return Ok((batches, false)) };
            room = left;
            batches.push((link.generation, link.keys(&self.map).ok_or(Error::Damaged)?));
            next = link.before(&self.map)?;
        }
        Ok((batches, true))
    }
}

/// The leaf for `key`, and where the key is in it, or would be.
fn look_up<'a>(top: Node<'a>, key: &[u8]) -> Option<(Node<'a>, Result<usize, usize>)> {
    let mut node = top;
    while !node.is_leaf() {
        node = node.child(node.child_for(key)?)?;
    }
    Some((node, node.search(key)?))
}

impl<'a> IntoIterator for &'a Snapshot {
    type Item = Result<Entry<'a>>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Entries in key order. After an error it ends.
pub struct Iter<'a> {
    /// From the root to a leaf, with the next index in each. Above the leaf that is the one being visited.
    path: Vec<(Node<'a>, usize)>,
    /// How many entries may still come. It bounds the work on damaged bytes.
    left: usize,
    end: Option<&'a [u8]>,
    damaged: bool,
}

impl<'a> Iter<'a> {
    fn seek(&mut self, top: Node<'a>, start: &[u8]) -> Option<()> {
        let mut node = top;
        while !node.is_leaf() {
            let index = node.child_for(start)?;
            self.path.push((node, index));
            node = node.child(index)?;
        }
        let index = match node.search(start)? {
            Ok(index) | Err(index) => index,
        };
        self.path.push((node, index));
        Some(())
    }

    /// Moves on to the first leaf with entries left.
    fn settle(&mut self) -> Option<()> {
        while let Some((node, index)) = self.path.last_mut() {
            if *index < node.count() {
                if node.is_leaf() {
                    break;
                }
                let child = node.child(*index)?;
                self.path.push((child, 0));
            } else {
                self.path.pop();
                if let Some((_, index)) = self.path.last_mut() {
                    *index += 1;
                }
            }
        }
        Some(())
    }

    fn advance(&mut self) -> Result<Option<Entry<'a>>> {
        self.settle().ok_or(Error::Damaged)?;
        let Some((leaf, index)) = self.path.last_mut() else { return Ok(None) };
        let entry = leaf.entry(*index).ok_or(Error::Damaged)?;
        *index += 1;
        if self.end.is_some_and(|end| entry.key() >= end) {
            return Ok(None);
        }
        self.left = self.left.checked_sub(1).ok_or(Error::Damaged)?;
        Ok(Some(entry))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Entry<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = if std::mem::take(&mut self.damaged) { Err(Error::Damaged) } else { self.advance() };
        if !matches!(next, Ok(Some(_))) {
            self.path.clear();
        }
        next.transpose()
    }
}
