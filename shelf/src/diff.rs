//! What differs between two snapshots.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::layout::{Entry, Node, Ref};
use crate::tree::Snapshot;

/// A key that differs, with its entry in the newer snapshot; `None` if it is not there any more.
pub(crate) type Difference<'a> = (&'a [u8], Option<Entry<'a>>);

impl Snapshot {
    /// The keys whose entries differ between this snapshot and `newer`, in key order.
    ///
    /// The cost depends on the changes in between while the chain of changes reaches back; else subtrees that both share
    /// are skipped, and without any everything is compared.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn changed_keys<'a>(&'a self, newer: &'a Self) -> Result<Vec<&'a [u8]>> {
        let follows = self.map().shelf() == newer.map().shelf() && newer.generation() >= self.generation();
        let known = if follows { newer.batches_since(self.generation())? } else { None };
        let Some(batches) = known else {
            return Ok(self.differences(newer)?.into_iter().map(|(key, _)| key).collect());
        };
        let keys: BTreeSet<&[u8]> = batches.into_iter().flat_map(|(_, keys)| keys).collect();
        let mut changed = Vec::with_capacity(keys.len());
        for key in keys {
            // A key that was put and deleted in between is the same in both.
            if self.get(key)? != newer.get(key)? {
                changed.push(key);
            }
        }
        Ok(changed)
    }

    /// The keys whose entries differ, in key order, with their entries in `newer`.
    pub(crate) fn differences<'a>(&'a self, newer: &'a Self) -> Result<Vec<Difference<'a>>> {
        let (old, new) = if Arc::ptr_eq(self.map(), newer.map()) {
            leaves_apart(self, newer).ok_or(Error::Damaged)?
        } else {
            (entries(self)?, entries(newer)?)
        };
        Ok(merge(&old, &new))
    }
}

fn entries(snapshot: &Snapshot) -> Result<Vec<Entry<'_>>> {
    snapshot.iter().collect()
}

/// The entries of the leaves that only one of two snapshots of one segment has.
///
/// Level by level, from the top: a node that both have is left out, with everything below it. A node is on the same
/// level in both, therefore it meets itself.
fn leaves_apart<'a>(old: &'a Snapshot, new: &'a Snapshot) -> Option<(Vec<Entry<'a>>, Vec<Entry<'a>>)> {
    let top = |snapshot: &'a Snapshot| {
        let node = snapshot.top().ok()?;
        Some(node.map_or_else(Vec::new, |node| vec![(snapshot.root().tree, node)]))
    };
    let (mut one, mut other) = (top(old)?, top(new)?);
    let level = |nodes: &[(Option<Ref>, Node<'_>)]| nodes.first().map_or(0, |(_, node)| node.level());
    loop {
        match level(&one).cmp(&level(&other)) {
            Ordering::Greater => one = children(&one, old.len())?,
            Ordering::Less => other = children(&other, new.len())?,
            Ordering::Equal => {
                let seen: HashSet<_> = one.iter().map(|(at, _)| *at).collect();
                let both: HashSet<_> =
                    other.iter().map(|(at, _)| *at).filter(|at| seen.contains(at)).collect();
                one.retain(|(at, _)| !both.contains(at));
                other.retain(|(at, _)| !both.contains(at));
                if level(&one) == 0 && level(&other) == 0 {
                    return Some((content(&one)?, content(&other)?));
                }
                if level(&one) == level(&other) {
                    one = children(&one, old.len())?;
                    other = children(&other, new.len())?;
                }
            }
        }
    }
}

/// The children of `nodes`; more than `limit` there cannot be, since each has a key.
fn children<'a>(nodes: &[(Option<Ref>, Node<'a>)], limit: usize) -> Option<Vec<(Option<Ref>, Node<'a>)>> {
    let mut below = Vec::new();
    for (_, node) in nodes {
        for index in 0..node.count() {
            below.push((node.target(index), node.child(index)?));
        }
        if below.len() > limit {
            return None;
        }
    }
    Some(below)
}

fn content<'a>(leaves: &[(Option<Ref>, Node<'a>)]) -> Option<Vec<Entry<'a>>> {
    leaves.iter().flat_map(|(_, leaf)| (0..leaf.count()).map(|index| leaf.entry(index))).collect()
}

fn merge<'a>(old: &[Entry<'a>], new: &[Entry<'a>]) -> Vec<Difference<'a>> {
    let mut differences = Vec::new();
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return differences,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.key().cmp(other.key()),
        };
        let gone = if order == Ordering::Greater { None } else { old.next() };
        let there = if order == Ordering::Less { None } else { new.next() };
        if gone != there
            && let Some(entry) = there.or(gone)
        {
            differences.push((entry.key(), there.copied()));
        }
    }
}
