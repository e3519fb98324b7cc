//! A segment while it is written: its header, its growth, and what happens when there is no room.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use crate::control::{Control, FORMAT};
use crate::error::{Error, Result};
use crate::layout::{Entry, Node, Ref, UNIT};
use crate::map::{self, Map, PAGE, WritableMap};

/// What begins a segment: its format, its number, its shelf and its size, one word each. The rest is free.
const HEADER: usize = 64;
const SEGMENT_FORMAT: u64 = FORMAT ^ 0x7365_676d_0000_0000;
/// Memory is allocated in steps of this size.
const STEP: usize = 256 * 1024;

/// Who has to know of the writer's segments.
pub trait Audience: Send {
    /// Notes a descriptor that this process holds from now on, and that a forked child has to close: it would keep the
    /// memory. The result is dropped before the descriptor is closed.
    fn opened(&mut self, file: BorrowedFd<'_>) -> Box<dyn Send>;

    /// Sends a segment to every reader. The first root in it is published as soon as this returns.
    fn announce(&mut self, segment: u32, file: BorrowedFd<'_>);
}

/// Maps the segment in `file`, if it belongs to the shelf with this number.
pub(crate) fn open(file: &impl AsFd, shelf: u64) -> Result<Map> {
    Map::open(file, |map| {
        let word =
            |index: usize| map.word(index * UNIT, HEADER).ok_or(Error::Refused("the segment is too short"));
        if word(0)? != SEGMENT_FORMAT {
            return Err(Error::Refused("the segment has another format"));
        }
        if word(2)? != shelf {
            return Err(Error::Refused("the segment belongs to another shelf"));
        }
        let id = u32::try_from(word(1)?).map_err(|_| Error::Refused("the segment's number is too high"))?;
        Ok((id, shelf))
    })
}

/// The writer's end of a segment.
pub(crate) struct Appender {
    /// What the audience keeps for the descriptor. Declared first: dropped before the descriptor is closed.
    _opened: Box<dyn Send>,
    writable: WritableMap,
    /// For the writer alone.
    map: Arc<Map>,
    position: usize,
    allocated: usize,
}

impl fmt::Debug for Appender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Appender(segment {}, {} of {} bytes)", self.map.id(), self.position, self.capacity())
    }
}

impl Appender {
    /// A new segment with room for `capacity` bytes, which it takes step by step.
    pub(crate) fn create(control: &Control, capacity: usize, audience: &mut dyn Audience) -> Result<Self> {
        let id = control.next_segment()?;
        let mut writable = WritableMap::create(capacity.next_multiple_of(PAGE))?;
        let opened = audience.opened(writable.file());
        let header = [SEGMENT_FORMAT, id.into(), control.shelf(), capacity as u64];
        let header: Vec<u8> = header.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let allocated = allocate(&writable, 0, HEADER)?;
        writable.write(0, &header);
        let map = Arc::new(writable.to_read(id, control.shelf()));
        Ok(Self { _opened: opened, writable, map, position: HEADER, allocated })
    }

    /// The same segment for the writer to read from. Readers open [`Self::file`]: a child of theirs reads on.
    pub(crate) const fn map(&self) -> &Arc<Map> {
        &self.map
    }

    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.writable.file()
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.writable.len()
    }

    /// Whether this process may write.
    pub(crate) fn is_own(&self) -> bool {
        self.writable.is_own()
    }

    /// Where the next bytes go. Everything written so far lies below.
    pub(crate) const fn position(&self) -> usize {
        self.position
    }

    /// Forgets what was written above `position`, none of which may have been published.
    pub(crate) fn rewind(&mut self, position: usize) {
        self.position = self.position.min(position);
    }

    /// Appends `parts`, one after the other.
    pub(crate) fn append(&mut self, parts: &[&[u8]]) -> Result<Ref> {
        let start = self.position;
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let end = (start + len).next_multiple_of(UNIT);
        let full = Error::Full { capacity: self.capacity() };
        let (Some(reference), true) = (Ref::to(start), end <= self.capacity()) else { return Err(full) };
        if end > self.allocated {
            self.allocated = allocate(&self.writable, self.allocated, end)?;
        }
        let mut at = start;
        for part in parts {
            if !self.writable.write(at, part) {
                return Err(full);
            }
            at += part.len();
        }
        self.position = end;
        Ok(reference)
    }

    /// Appends an entry.
    pub(crate) fn entry(&mut self, key: &[u8], value: &[u8], mod_revision: i64, lease: i64) -> Result<Ref> {
        let full = Error::Full { capacity: self.capacity() };
        let header = Entry::header(mod_revision, lease, key, value).ok_or(full)?;
        self.append(&[&header, key, value])
    }

    /// Appends a node; an inner one with the `guides` to its children.
    pub(crate) fn node(&mut self, level: u8, targets: &[Ref], guides: &[Ref]) -> Result<Ref> {
        let header = Node::header(level, targets.len()).ok_or(Error::Damaged)?;
        let slots = |references: &[Ref]| -> Vec<u8> {
            references.iter().flat_map(|reference| reference.raw().to_ne_bytes()).collect()
        };
        self.append(&[&header, &slots(targets), &slots(guides)])
    }
}

/// Allocates at least up to `end`, and returns up to where.
fn allocate(map: &WritableMap, from: usize, end: usize) -> Result<usize> {
    let to = end.next_multiple_of(STEP).min(map.len());
    map::allocate(map.file(), from, to - from)?;
    map.populate(from, to - from);
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Alone;
    use rustix::fs::fstat;

    fn allocated(appender: &Appender) -> usize {
        usize::try_from(fstat(appender.file()).unwrap().st_blocks * 512).unwrap()
    }

    #[test]
    fn memory_is_taken_step_by_step_and_before_it_is_touched() {
        let control = Control::create(1).unwrap();
        let mut appender = Appender::create(&control, 16 * STEP, &mut Alone).unwrap();
        assert_eq!(allocated(&appender), STEP);
        let piece = vec![1; STEP / 2];
        for steps in [1, 2, 2, 3] {
            appender.append(&[&piece]).unwrap();
            assert_eq!(allocated(&appender), steps * STEP);
        }
    }

    #[test]
    fn a_full_segment_is_an_error_and_what_is_in_it_stays() {
        let control = Control::create(1).unwrap();
        let mut appender = Appender::create(&control, PAGE, &mut Alone).unwrap();
        let first = appender.entry(b"/a", b"1", 7, 0).unwrap();
        let before = appender.position();
        assert!(matches!(appender.append(&[&[0; PAGE]]), Err(Error::Full { capacity: PAGE })));
        assert_eq!(appender.position(), before);
        let entry = Entry::read(appender.map(), first, before).unwrap();
        assert_eq!((entry.key(), entry.value(), entry.mod_revision()), (&b"/a"[..], &b"1"[..], 7));
    }

    #[test]
    fn a_segment_of_another_shelf_is_refused() {
        let (one, other) = (Control::create(1).unwrap(), Control::create(1).unwrap());
        let appender = Appender::create(&one, PAGE, &mut Alone).unwrap();
        assert_eq!(open(&appender.file(), one.shelf()).unwrap().id(), 1);
        assert!(matches!(open(&appender.file(), other.shelf()), Err(Error::Refused(_))));
    }
}
