//! The one process that publishes.

use std::sync::Arc;

use crate::build::{Edit, Editor, Tree};
use crate::compaction::{self, Compaction, Copied};
use crate::control::root_word;
use crate::error::{Error, Result};
use crate::layout::Ref;
use crate::root::{At, RECENT_KEYS, Root};
use crate::segment::{Appender, Audience};
use crate::shelf::Shelf;
use crate::tree::Snapshot;

/// The new state of a key that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Put<'a> {
    /// The value.
    pub value: &'a [u8],
    /// The revision of the put.
    pub mod_revision: i64,
    /// The lease that the key is attached to, or 0.
    pub lease: i64,
}

/// A put or a deletion of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The new entry; `None` if the key was deleted.
    pub put: Option<Put<'a>>,
}

/// Publishes. There must be one at a time for a shelf; the one who opens it has to see to that, by a lock.
///
/// It belongs to the process that opened it. In a forked child it does nothing, and every call is an error.
pub struct Writer {
    shelf: Arc<Shelf>,
    audience: Box<dyn Audience>,
    out: Appender,
    root: Root,
    /// Where the root is.
    offset: usize,
    compaction: Option<Compaction>,
    /// No new attempt to compact before so much was written: the last one failed.
    compact_above: usize,
    /// The largest size of a segment.
    capacity: usize,
}

impl Writer {
    /// Becomes the writer of `shelf`, in segments of at most `capacity` bytes.
    ///
    /// Takes over what was published, at its revision, in a new segment: where the former writer died, its segment ends
    /// with bytes that no one knows.
    ///
    /// # Errors
    /// [`Error::UnknownSegment`] or [`Error::Damaged`] if the content cannot be read: then a new shelf is needed. Other
    /// errors if there is no memory.
    pub fn open(shelf: Arc<Shelf>, capacity: usize, mut audience: Box<dyn Audience>) -> Result<Self> {
        let before = shelf.snapshot()?;
        let live = before.as_ref().map_or(0, |snapshot| snapshot.root().live);
        let control = shelf.control();
        let out = Appender::create(control, compaction::capacity_for(live, capacity), &mut *audience)?;
        // The former writer may have died after its root and before the page's generation.
        let generation = before.as_ref().map_or(0, Snapshot::generation).max(control.generation());
        let (out, root) = match &before {
            Some(before) => caught_up(compaction::copy(before.clone(), out)?, before, generation + 1)?,
            None => (out, Root { generation, chain_from: generation, ..Root::EMPTY }),
        };
        control.set_writer(std::process::id());
        control.beat();
        let (compaction, offset, compact_above) = (None, 0, 0);
        let mut writer = Self { shelf, audience, out, root, offset, compaction, compact_above, capacity };
        writer.announce()?;
        if before.is_some() {
            writer.commit(root)?;
        }
        Ok(writer)
    }

    /// The shelf.
    #[must_use]
    pub const fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    /// The present segment's number and descriptor, for a reader that comes late.
    #[must_use]
    pub fn segment(&self) -> (u32, std::os::fd::BorrowedFd<'_>) {
        (self.out.map().id(), self.out.file())
    }

    /// What was published last, for readers; `None` before the first time.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn snapshot(&self) -> Result<Option<Snapshot>> {
        if self.offset == 0 { Ok(None) } else { self.shelf.snapshot() }
    }

    /// What was published last, for the writer alone: a reader's child would crash.
    fn published(&self) -> Result<Option<Snapshot>> {
        if self.offset == 0 {
            return Ok(None);
        }
        Snapshot::open(Arc::clone(self.out.map()), self.offset).map(Some)
    }

    fn check_process(&self) -> Result<()> {
        if self.out.is_own() { Ok(()) } else { Err(Error::Forked) }
    }

    /// What was published last; `None` before the first time.
    #[must_use]
    pub fn at(&self) -> Option<At> {
        (self.offset != 0).then_some(self.root.at)
    }

    /// How many bytes of the present segment are written.
    #[must_use]
    pub const fn written(&self) -> usize {
        self.out.position()
    }

    /// Publishes `changes`, after which the content is that of `at`. Of several changes to one key the last one counts.
    ///
    /// Readers see all of them or none. Without changes only the revision moves, and the generation stays.
    ///
    /// # Errors
    /// [`Error::Full`], or an error of the system if it has no memory. Then nothing is published, and what was
    /// published stays. [`Error::Forked`] in a forked child.
    pub fn publish(&mut self, changes: &[Change<'_>], at: At) -> Result<()> {
        self.maintain()?;
        match self.append(changes, at) {
            Err(Error::Full { .. }) => {
                let more = changes.iter().map(room_for).sum();
                self.compact_now(more)?;
                self.append(changes, at)?;
            }
            done => done?,
        }
        self.compact_if_worthwhile();
        Ok(())
    }

    /// Moves on to a compacted segment, if one is ready. To be called now and then while nothing is published.
    ///
    /// # Errors
    /// [`Error::Forked`] in a forked child.
    pub fn maintain(&mut self) -> Result<()> {
        self.check_process()?;
        if let Some(copied) = self.compaction.as_ref().and_then(Compaction::poll) {
            self.compaction = None;
            // What was published stays readable without the copy. The next attempt waits until it may succeed.
            if copied.and_then(|copied| self.adopt(copied)).is_err() {
                self.compact_above = self.out.position().saturating_mul(2);
            }
        }
        Ok(())
    }

    /// Begins to copy the content to a new segment, on a thread of its own. Happens by itself when there is more garbage
    /// than content.
    ///
    /// # Errors
    /// If there is no memory or no thread. What was published stays. [`Error::Forked`] in a forked child.
    pub fn start_compaction(&mut self) -> Result<()> {
        self.check_process()?;
        if let (None, Some(source)) = (&self.compaction, self.published()?) {
            let out = self.new_segment(0)?;
            self.compaction = Some(Compaction::start(source, out)?);
        }
        Ok(())
    }

    /// Waits for the compaction that is under way, if there is one, and moves on to its segment.
    ///
    /// # Errors
    /// If there is no memory. What was published stays. [`Error::Forked`] in a forked child.
    pub fn finish_compaction(&mut self) -> Result<()> {
        self.check_process()?;
        match self.compaction.take() {
            Some(compaction) => compaction.wait().and_then(|copied| self.adopt(copied)),
            None => Ok(()),
        }
    }

    fn append(&mut self, changes: &[Change<'_>], at: At) -> Result<()> {
        let start = self.out.position();
        // Nothing refers to bytes above the root, so that a failed attempt leaves nothing behind.
        self.appended(changes, at).and_then(|root| self.commit(root)).inspect_err(|_| self.out.rewind(start))
    }

    fn appended(&mut self, changes: &[Change<'_>], at: At) -> Result<Root> {
        if changes.is_empty() && self.offset != 0 {
            return Ok(Root { at, ..self.root });
        }
        let mut sorted: Vec<&Change<'_>> = changes.iter().collect();
        sorted.sort_by_key(|change| change.key);
        let last_of_key =
            |index: usize| sorted.get(index + 1).is_none_or(|next| next.key != sorted[index].key);
        let mut edits = Vec::with_capacity(sorted.len());
        for (_, change) in sorted.iter().enumerate().filter(|(index, _)| last_of_key(*index)) {
            let entry = |put: Put<'_>| self.out.entry(change.key, put.value, put.mod_revision, put.lease);
            edits.push(Edit { key: change.key, put: change.put.map(entry).transpose()? });
        }
        let tree = self.edited(&edits)?;
        let generation = self.root.generation + 1;
        let (link, chain_from) = self.linked(&edits, generation)?;
        Ok(root_of(tree, at, generation, link, chain_from))
    }

    fn edited(&mut self, edits: &[Edit<'_>]) -> Result<Tree> {
        let tree = tree_of(&self.root);
        let map = Arc::clone(self.out.map());
        Editor::new(&map, &mut self.out, tree).apply(edits)
    }

    /// Adds the keys of `edits` to the chain of changes; a chain of too many starts over.
    fn linked(&mut self, edits: &[Edit<'_>], generation: u64) -> Result<(Option<Ref>, u64)> {
        if edits.len() > RECENT_KEYS {
            return Ok((None, generation));
        }
        if edits.is_empty() {
            return Ok((self.root.link, self.root.chain_from));
        }
        let key = |edit: &Edit<'_>| match edit.put {
            Some(entry) => Ok(entry),
            None => self.out.entry(edit.key, b"", 0, 0),
        };
        let keys: Vec<Ref> = edits.iter().map(key).collect::<Result<_>>()?;
        let link = compaction::link_to(&mut self.out, generation, self.root.link, &keys)?;
        Ok((Some(link), self.root.chain_from))
    }

    fn commit(&mut self, root: Root) -> Result<()> {
        let offset = self.out.position();
        self.out.append(&[&root.bytes(offset)])?;
        self.root = root;
        self.offset = offset;
        let control = self.shelf.control();
        let word = root_word(self.out.map().id(), offset);
        control.commit(word, root.generation, root.at.cluster_id, root.at.raft_term);
        control.ring();
        // The writer's process may never read, and would hold every segment that there ever was.
        self.shelf.let_go_before(self.out.map().id());
        Ok(())
    }

    // ---- segments ----

    fn announce(&mut self) -> Result<()> {
        // Another mapping than the writer's: see `WritableMap::to_read`.
        self.shelf.add_segment(&self.out.file())?;
        self.audience.announce(self.out.map().id(), self.out.file());
        Ok(())
    }

    fn compact_if_worthwhile(&mut self) {
        let written = self.out.position();
        let wanted = compaction::is_worthwhile(written, self.root.live, self.root.size);
        if self.compaction.is_some() || !wanted || written < self.compact_above {
            return;
        }
        // Publishing goes on without it. The next attempt waits until it may succeed.
        if self.start_compaction().is_err() {
            self.compact_above = written.saturating_mul(2);
        }
    }

    fn new_segment(&mut self, more: usize) -> Result<Appender> {
        let size = compaction::capacity_for(self.root.live.saturating_add(more), self.capacity);
        Appender::create(self.shelf.control(), size, &mut *self.audience)
    }

    /// Makes room for `more` bytes, and waits for it.
    fn compact_now(&mut self, more: usize) -> Result<()> {
        // Of a copy that is under way, the size may be too small.
        self.compaction = None;
        let out = self.new_segment(more)?;
        match self.published()? {
            Some(current) => self.adopt(compaction::copy(current, out)?),
            None => self.go_on_in(out, None),
        }
    }

    /// Goes on in the segment of a copy.
    fn adopt(&mut self, copied: Copied) -> Result<()> {
        let Some(current) = self.published()? else { return Ok(()) };
        let (out, root) = caught_up(copied, &current, self.root.generation + 1)?;
        self.go_on_in(out, Some(root))?;
        self.compact_above = 0;
        Ok(())
    }

    /// Goes on in another segment, in which `root` is published first. If that fails, this one stays the present one.
    fn go_on_in(&mut self, mut out: Appender, root: Option<Root>) -> Result<()> {
        std::mem::swap(&mut self.out, &mut out);
        let moved = self.announce().and_then(|()| root.map_or(Ok(()), |root| self.commit(root)));
        moved.inspect_err(|_| std::mem::swap(&mut self.out, &mut out))
    }
}

/// Brings a copy up to `current`, with the chain of changes.
///
/// The `generation` is a new one, so that readers look again and let go of the old segment.
fn caught_up(copied: Copied, current: &Snapshot, generation: u64) -> Result<(Appender, Root)> {
    let Copied { source, mut out, tree } = copied;
    let differences = source.differences(current)?;
    let mut edits = Vec::with_capacity(differences.len());
    for (key, entry) in differences {
        let put = entry.map(|entry| out.entry(key, entry.value(), entry.mod_revision(), entry.lease()));
        edits.push(Edit { key, put: put.transpose()? });
    }
    let map = Arc::clone(out.map());
    let tree = if edits.is_empty() { tree } else { Editor::new(&map, &mut out, tree).apply(&edits)? };
    let (link, chain_from) = compaction::carry_chain(current, &mut out)?;
    let root = root_of(tree, current.at(), generation, link, chain_from);
    Ok((out, root))
}

fn tree_of(root: &Root) -> Tree {
    Tree { top: root.tree, size: root.size, live: root.live }
}

fn root_of(tree: Tree, at: At, generation: u64, link: Option<Ref>, chain_from: u64) -> Root {
    Root { at, generation, size: tree.size, tree: tree.top, link, chain_from, live: tree.live }
}

/// Bytes that a change may take, with the nodes that it copies.
fn room_for(change: &Change<'_>) -> usize {
    4_096 + 2 * change.key.len() + change.put.map_or(0, |put| put.value.len())
}

#[cfg(test)]
mod tests;
