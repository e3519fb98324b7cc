//! One process's view of what is shared: the control page, and the segments that it has received.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;

use crate::control::{Control, root_place};
use crate::error::{Error, Result};
use crate::map::Map;
use crate::segment;
use crate::tree::Snapshot;

/// How often a reader looks again when segments change under its eyes. Each time, a whole compaction went by.
const ATTEMPTS: usize = 8;

#[derive(Debug, Clone, Default)]
struct Segments {
    /// The segments in which the root is or will be, in ascending order.
    present: Vec<Arc<Map>>,
    /// Former ones, which snapshots may still pin.
    former: Vec<Weak<Map>>,
}

/// A handle for readers. All methods can be called from several threads, and in a forked child.
#[derive(Debug)]
pub struct Shelf {
    control: Control,
    segments: ArcSwap<Segments>,
}

impl Shelf {
    /// A new one with nothing on it, for processes that agree on `identity`.
    ///
    /// # Errors
    /// When the system refuses memory.
    pub fn create(identity: u128) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { control: Control::create(identity)?, segments: ArcSwap::default() }))
    }

    /// The one with the control page that another process sent as [`Control::files`].
    ///
    /// # Errors
    /// [`Error::Refused`] if it is something else, of another version, or of another identity.
    pub fn attach(files: [OwnedFd; 2], identity: u128) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { control: Control::open(files, identity)?, segments: ArcSwap::default() }))
    }

    /// The control page.
    #[must_use]
    pub const fn control(&self) -> &Control {
        &self.control
    }

    /// Whether `file` is this shelf's control page.
    #[must_use]
    pub fn is_in(&self, file: &impl AsFd) -> bool {
        self.control.is_in(file.as_fd())
    }

    /// This shelf, if its descriptors still belong to it in this process.
    ///
    /// A child that closed what it inherited, as daemons do, has only their numbers, which may be those of other files by
    /// now. The shelf is then leaked, because dropping it would close those files. Snapshots stay readable.
    #[must_use]
    pub fn usable(self: Arc<Self>) -> Option<Arc<Self>> {
        if self.has_descriptors() {
            return Some(self);
        }
        std::mem::forget(self);
        None
    }

    fn has_descriptors(&self) -> bool {
        self.control.is_in(self.control.files()[0])
    }

    /// Takes in a segment that the writer sent. Each must arrive before the writer's first root in it.
    ///
    /// # Errors
    /// [`Error::Refused`] if it is none of this shelf.
    pub fn add_segment(&self, file: &impl AsFd) -> Result<()> {
        let map = Arc::new(segment::open(file, self.control.shelf())?);
        self.segments.rcu(|segments| {
            let mut segments = Segments::clone(segments);
            if let Err(at) = segments.present.binary_search_by_key(&map.id(), |present| present.id()) {
                segments.present.insert(at, Arc::clone(&map));
            }
            segments
        });
        Ok(())
    }

    /// The current content; `None` before the first publication.
    ///
    /// Lets go of the segments before this one, which keeps memory bounded: call it now and then in every process.
    ///
    /// # Errors
    /// [`Error::UnknownSegment`] if the segment has not arrived yet, and [`Error::Damaged`]. What was read before stays
    /// right in both cases.
    pub fn snapshot(&self) -> Result<Option<Snapshot>> {
        let mut missing = 0;
        for _ in 0..ATTEMPTS {
            let Some((id, offset)) = root_place(self.control.root()) else { return Ok(None) };
            let segments = self.segments.load();
            if let Ok(index) = segments.present.binary_search_by_key(&id, |map| map.id())
                && let Some(map) = segments.present.get(index)
            {
                let map = Arc::clone(map);
                drop(segments);
                self.let_go_before(id);
                return Snapshot::open(map, offset).map(Some);
            }
            // Perhaps another thread has just let go of it, because the root went on.
            missing = id;
        }
        Err(Error::UnknownSegment(missing))
    }

    /// Lets go of all segments, in a process that reads here no more. Snapshots stay readable.
    ///
    /// A forked child never drops what its parent's threads held, and this handle may be among it.
    pub fn let_go(&self) {
        self.let_go_before(u32::MAX);
    }

    /// Lets go of the segments before this one. It costs next to nothing if there are none.
    pub(crate) fn let_go_before(&self, id: u32) {
        if self.segments.load().present.first().is_none_or(|oldest| oldest.id() >= id) {
            return;
        }
        self.segments.rcu(|segments| {
            let (past, present): (Vec<_>, Vec<_>) =
                segments.present.iter().cloned().partition(|map| map.id() < id);
            let still = segments.former.iter().filter(|former| former.strong_count() > 0).cloned();
            Segments { present, former: still.chain(past.iter().map(Arc::downgrade)).collect() }
        });
    }

    /// How many former segments snapshots of this process still hold in memory.
    #[must_use]
    pub fn pinned_segments(&self) -> usize {
        self.segments.load().former.iter().filter(|former| former.strong_count() > 0).count()
    }
}
