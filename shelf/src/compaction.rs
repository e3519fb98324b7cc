//! Copies the live content of one segment to another, without its garbage.

use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;

use crate::build::{Builder, Tree};
use crate::error::{Context, Error, Result};
use crate::layout::Ref;
use crate::root::Link;
use crate::segment::Appender;
use crate::tree::Snapshot;

/// The least size of a segment.
const SMALLEST: usize = 64 * 1024 * 1024;
/// Garbage below this is not worth a copy.
const WORTHWHILE: usize = 4 * 1024 * 1024;

/// The size for a segment with so many bytes of entries: room for garbage, and for content that grows.
pub(crate) fn capacity_for(live: usize, most: usize) -> usize {
    live.saturating_mul(8).max(SMALLEST).min(most)
}

/// Whether a segment with so many bytes written has more garbage than content.
pub(crate) fn is_worthwhile(written: usize, live: usize, size: usize) -> bool {
    // The nodes take about eight bytes a key.
    let content = live + size * 8;
    written.saturating_sub(content) > content.max(WORTHWHILE)
}

/// A copy in a segment that no one reads yet.
#[derive(Debug)]
pub(crate) struct Copied {
    /// What was copied.
    pub(crate) source: Snapshot,
    pub(crate) out: Appender,
    pub(crate) tree: Tree,
}

/// Copies the entries of `source`.
pub(crate) fn copy(source: Snapshot, mut out: Appender) -> Result<Copied> {
    let mut builder = Builder::default();
    for entry in &source {
        let entry = entry?;
        builder.push(&mut out, (entry.key(), entry.value()), entry.mod_revision(), entry.lease())?;
    }
    let tree = builder.finish(&mut out)?;
    // Or a damaged tree that hides keys would be copied as if it were whole.
    if tree.size != source.len() {
        return Err(Error::Damaged);
    }
    Ok(Copied { source, out, tree })
}

/// Repeats the chain of changes of `source` in `out`, and returns its newest link and since when it is complete.
pub(crate) fn carry_chain(source: &Snapshot, out: &mut Appender) -> Result<(Option<Ref>, u64)> {
    let (batches, complete) = source.batches_down_to(source.root().chain_from)?;
    let mut chain_from = source.root().chain_from;
    let mut link = None;
    if !complete {
        // The oldest batch that fits may be preceded by others: the chain is complete from that one on.
        chain_from = batches.last().map_or(source.generation(), |(generation, _)| *generation);
    }
    for (generation, keys) in batches.iter().rev().filter(|(generation, _)| *generation > chain_from) {
        link = Some(append_link(out, *generation, link, keys.iter().copied())?);
    }
    Ok((link, chain_from))
}

/// Appends a link with entries that are nothing but keys.
fn append_link<'k>(
    out: &mut Appender,
    generation: u64,
    previous: Option<Ref>,
    keys: impl Iterator<Item = &'k [u8]>,
) -> Result<Ref> {
    let keys: Vec<_> = keys.map(|key| out.entry(key, b"", 0, 0)).collect::<Result<_>>()?;
    link_to(out, generation, previous, &keys)
}

/// Appends a link with the keys of these entries.
pub(crate) fn link_to(
    out: &mut Appender,
    generation: u64,
    previous: Option<Ref>,
    entries: &[Ref],
) -> Result<Ref> {
    let references: Vec<u8> = entries.iter().flat_map(|entry| entry.raw().to_ne_bytes()).collect();
    let list = out.append(&[&references])?;
    out.append(&[&Link::bytes(generation, previous, list, entries.len())])
}

/// A copy that is being made on a thread of its own.
#[derive(Debug)]
pub(crate) struct Compaction(Receiver<Result<Copied>>);

impl Compaction {
    /// Begins to copy `source` into `out`.
    pub(crate) fn start(source: Snapshot, out: Appender) -> Result<Self> {
        let (send, receive) = mpsc::sync_channel(1);
        // The handle is dropped: a child of this process must not join a thread that it does not have.
        thread::Builder::new()
            .name("etcd_discovery".into())
            .spawn(move || {
                let _ = send.send(copy(source, out));
            })
            .trying_to("start a thread")?;
        Ok(Self(receive))
    }

    /// The copy, if it is ready.
    pub(crate) fn poll(&self) -> Option<Result<Copied>> {
        match self.0.try_recv() {
            Ok(copied) => Some(copied),
            Err(TryRecvError::Empty) => None,
            // The thread panicked.
            Err(TryRecvError::Disconnected) => Some(Err(Error::Damaged)),
        }
    }

    /// The copy, as soon as it is ready.
    pub(crate) fn wait(&self) -> Result<Copied> {
        self.0.recv().unwrap_or(Err(Error::Damaged))
    }
}
