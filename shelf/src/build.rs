//! Makes trees: from sorted entries, and from another tree and changes.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::layout::{Entry, MAX_SLOTS, Node, Ref};
use crate::map::Map;
use crate::segment::Appender;

/// How full nodes are when a tree is built from scratch. Some room is left, so that the next puts split nothing.
const FILL: usize = MAX_SLOTS * 3 / 4;
/// A node with fewer slots is merged with a neighbour, if both together leave room.
const SMALL: usize = MAX_SLOTS / 4;

/// A node with its least key, as its parent refers to it.
#[derive(Debug, Clone, Copy)]
struct Child {
    at: Ref,
    guide: Ref,
    /// `None` for a node that was there before.
    count: Option<usize>,
}

/// A tree with what its root says about it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tree {
    pub(crate) top: Option<Ref>,
    pub(crate) size: usize,
    /// Bytes that the entries take.
    pub(crate) live: usize,
}

/// What to do with one key. The entry of a put was appended already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edit<'k> {
    pub(crate) key: &'k [u8],
    pub(crate) put: Option<Ref>,
}

/// Collects entries that come in key order.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    leaf: Vec<Ref>,
    leaves: Vec<Child>,
    last_key: Option<Vec<u8>>,
    tree: Tree,
}

impl Builder {
    /// Appends one entry, and a leaf whenever there are enough.
    pub(crate) fn push(
        &mut self,
        out: &mut Appender,
        (key, value): (&[u8], &[u8]),
        mod_revision: i64,
        lease: i64,
    ) -> Result<()> {
        match &mut self.last_key {
            Some(last) if last.as_slice() >= key => return Err(Error::Unsorted),
            Some(last) => {
                last.clear();
                last.extend_from_slice(key);
            }
            None => self.last_key = Some(key.to_vec()),
        }
        let before = out.position();
        self.leaf.push(out.entry(key, value, mod_revision, lease)?);
        self.tree.size += 1;
        self.tree.live += out.position() - before;
        if self.leaf.len() == FILL { self.flush(out) } else { Ok(()) }
    }

    fn flush(&mut self, out: &mut Appender) -> Result<()> {
        let leaf = std::mem::take(&mut self.leaf);
        let Some(guide) = leaf.first().copied() else { return Ok(()) };
        self.leaves.push(Child { at: out.node(0, &leaf, &[])?, guide, count: Some(leaf.len()) });
        Ok(())
    }

    /// Appends the rest.
    pub(crate) fn finish(mut self, out: &mut Appender) -> Result<Tree> {
        self.flush(out)?;
        let top = stack(out, std::mem::take(&mut self.leaves), 1, FILL)?;
        Ok(Tree { top, ..self.tree })
    }
}

/// Puts levels on top of `children` until there is one node.
fn stack(out: &mut Appender, mut children: Vec<Child>, mut level: u8, fill: usize) -> Result<Option<Ref>> {
    while children.len() > 1 {
        children = inner_nodes(out, &children, level, fill)?;
        level += 1;
    }
    Ok(children.first().map(|child| child.at))
}

/// Distributes `children` over as few nodes as they need, evenly.
fn inner_nodes(out: &mut Appender, children: &[Child], level: u8, fill: usize) -> Result<Vec<Child>> {
    let mut nodes = Vec::new();
    for part in even_parts(children, fill) {
        let targets: Vec<Ref> = part.iter().map(|child| child.at).collect();
        let guides: Vec<Ref> = part.iter().map(|child| child.guide).collect();
        let Some(guide) = guides.first().copied() else { continue };
        nodes.push(Child { at: out.node(level, &targets, &guides)?, guide, count: Some(part.len()) });
    }
    Ok(nodes)
}

fn leaves(out: &mut Appender, entries: &[Ref]) -> Result<Vec<Child>> {
    let mut nodes = Vec::new();
    for part in even_parts(entries, MAX_SLOTS) {
        let Some(guide) = part.first().copied() else { continue };
        nodes.push(Child { at: out.node(0, part, &[])?, guide, count: Some(part.len()) });
    }
    Ok(nodes)
}

/// Adds the entries in `slots` of `leaf`, which stay.
fn keep(leaf: Node<'_>, slots: Range<usize>, entries: &mut Vec<Ref>) -> Result<()> {
    for index in slots {
        entries.push(leaf.target(index).ok_or(Error::Damaged)?);
    }
    Ok(())
}

/// As few parts as possible with at most `most` items each, of sizes that differ by one.
fn even_parts<T>(items: &[T], most: usize) -> impl Iterator<Item = &[T]> {
    let parts = items.len().div_ceil(most).max(1);
    let bound = move |part: usize| items.len() * part / parts;
    (0..parts).filter_map(move |part| items.get(bound(part)..bound(part + 1)))
}

/// Applies edits to a tree in the segment that `out` appends to.
pub(crate) struct Editor<'a> {
    map: &'a Map,
    out: &'a mut Appender,
    tree: Tree,
}

impl<'a> Editor<'a> {
    /// An editor of `tree`, which `map` shows.
    pub(crate) fn new(map: &'a Map, out: &'a mut Appender, tree: Tree) -> Self {
        Self { map, out, tree }
    }

    /// The tree after `edits`, whose keys ascend. Every node on the way is copied once.
    pub(crate) fn apply(mut self, edits: &[Edit<'_>]) -> Result<Tree> {
        if let [Edit { key, put: Some(entry) }] = edits
            && self.replace(key, *entry)?
        {
            return Ok(self.tree);
        }
        let (nodes, level) = match self.tree.top {
            None => {
                let entries: Vec<Ref> = edits.iter().filter_map(|edit| edit.put).collect();
                for entry in &entries {
                    self.count_in(*entry)?;
                }
                (leaves(self.out, &entries)?, 0)
            }
            Some(top) => {
                let node = Node::read(self.map, top, self.out.position()).ok_or(Error::Damaged)?;
                (self.node(node, edits)?, node.level())
            }
        };
        self.tree.top = stack(self.out, nodes, level + 1, MAX_SLOTS)?;
        self.drop_single_children()?;
        Ok(self.tree)
    }

    /// The usual case, without any detour: one key that is there gets another entry. False if it is not there.
    fn replace(&mut self, key: &[u8], entry: Ref) -> Result<bool> {
        let Some(top) = self.tree.top else { return Ok(false) };
        let mut node = Node::read(self.map, top, self.out.position()).ok_or(Error::Damaged)?;
        let mut path = Vec::with_capacity(8);
        while !node.is_leaf() {
            let index = node.child_for(key).ok_or(Error::Damaged)?;
            path.push((node, index));
            node = node.child(index).ok_or(Error::Damaged)?;
        }
        let Ok(index) = node.search(key).ok_or(Error::Damaged)? else { return Ok(false) };
        let old = node.entry(index).ok_or(Error::Damaged)?;
        self.tree.size -= 1;
        self.tree.live = self.tree.live.saturating_sub(old.size());
        self.count_in(entry)?;
        path.push((node, index));
        let mut below = entry;
        for (node, index) in path.iter().rev() {
            let copy = node.with_target(*index, below).ok_or(Error::Damaged)?;
            below = self.out.append(&copy.parts())?;
        }
        self.tree.top = Some(below);
        Ok(true)
    }

    /// The nodes that replace `node`: none if nothing is left, several if it was split.
    fn node(&mut self, node: Node<'a>, edits: &[Edit<'_>]) -> Result<Vec<Child>> {
        if node.is_leaf() { self.leaf(node, edits) } else { self.inner(node, edits) }
    }

    fn leaf(&mut self, node: Node<'a>, edits: &[Edit<'_>]) -> Result<Vec<Child>> {
        let mut entries = Vec::with_capacity(node.count() + edits.len());
        let mut kept = 0;
        for edit in edits {
            let (at, found) = match node.search(edit.key).ok_or(Error::Damaged)? {
                Ok(index) => (index, true),
                Err(index) => (index, false),
            };
            keep(node, kept..at, &mut entries)?;
            kept = at;
            if found {
                let old = node.entry(at).ok_or(Error::Damaged)?;
                self.tree.size -= 1;
                self.tree.live = self.tree.live.saturating_sub(old.size());
                kept += 1;
            }
            if let Some(entry) = edit.put {
                self.count_in(entry)?;
                entries.push(entry);
            }
        }
        keep(node, kept..node.count(), &mut entries)?;
        leaves(self.out, &entries)
    }

    fn count_in(&mut self, entry: Ref) -> Result<()> {
        let entry = Entry::read(self.map, entry, self.out.position()).ok_or(Error::Damaged)?;
        self.tree.size += 1;
        self.tree.live += entry.size();
        Ok(())
    }

    fn inner(&mut self, node: Node<'a>, edits: &[Edit<'_>]) -> Result<Vec<Child>> {
        let mut children = Vec::with_capacity(node.count() + 2);
        let mut rest = edits;
        for index in 0..node.count() {
            let mine = match node.key(index + 1) {
                // The first child also takes what is less than its guide.
                Some(next) => rest.partition_point(|edit| edit.key < next),
                None if index + 1 == node.count() => rest.len(),
                None => return Err(Error::Damaged),
            };
            let (here, later) = rest.split_at(mine);
            rest = later;
            if here.is_empty() {
                let target = node.target(index).zip(node.guide(index));
                let (at, guide) = target.ok_or(Error::Damaged)?;
                children.push(Child { at, guide, count: None });
            } else {
                let child = node.child(index).ok_or(Error::Damaged)?;
                children.extend(self.node(child, here)?);
            }
        }
        self.merge_small(&mut children)?;
        inner_nodes(self.out, &children, node.level(), MAX_SLOTS)
    }

    /// Merges each new node that has become small with a neighbour.
    fn merge_small(&mut self, children: &mut Vec<Child>) -> Result<()> {
        let mut index = 0;
        while index < children.len() {
            let small = children.get(index).and_then(|child| child.count).is_some_and(|count| count < SMALL);
            let first = if index + 1 < children.len() { index } else { index.saturating_sub(1) };
            if small
                && let Some([one, other]) = children.get(first..first + 2)
                && let Some(merged) = self.merged(*one, *other)?
            {
                children.splice(first..first + 2, [merged]);
                index = first;
            } else {
                index += 1;
            }
        }
        Ok(())
    }

    fn merged(&mut self, one: Child, other: Child) -> Result<Option<Child>> {
        let read = |child: Child, limit| Node::read(self.map, child.at, limit).ok_or(Error::Damaged);
        let nodes = [read(one, self.out.position())?, read(other, self.out.position())?];
        let count = nodes.iter().map(Node::count).sum();
        if count > FILL {
            return Ok(None);
        }
        let collect = |get: fn(&Node<'a>, usize) -> Option<Ref>| -> Result<Vec<Ref>> {
            let slots = nodes.iter().flat_map(|node| (0..node.count()).map(move |index| get(node, index)));
            slots.collect::<Option<_>>().ok_or(Error::Damaged)
        };
        let targets = collect(Node::target)?;
        let [first, _] = nodes;
        let guides = if first.is_leaf() { Vec::new() } else { collect(Node::guide)? };
        let at = self.out.node(first.level(), &targets, &guides)?;
        Ok(Some(Child { at, guide: one.guide, count: Some(count) }))
    }

    /// After deletions, a root with one child is one level too many.
    fn drop_single_children(&mut self) -> Result<()> {
        while let Some(top) = self.tree.top {
            let node = Node::read(self.map, top, self.out.position()).ok_or(Error::Damaged)?;
            if node.is_leaf() || node.count() > 1 {
                break;
            }
            self.tree.top = node.target(0);
        }
        Ok(())
    }
}
