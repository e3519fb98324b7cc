//! The mapping of a memory file. All pointers of this crate are in this file.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags, fallocate};
use rustix::io::{Errno, retry_on_intr};

use crate::error::{Context, Error, Result};

/// No one can make the file shorter or longer, or take these seals off.
///
/// A file that another process truncates would kill its readers with SIGBUS.
const FIXED_SIZE: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);
/// Besides, only the holder of an earlier mapping can write.
const READ_ONLY: SealFlags = FIXED_SIZE.union(SealFlags::FUTURE_WRITE);

/// The size of the control page. A page of the smallest size that there is.
pub(crate) const PAGE: usize = 4_096;

/// A segment, to be read. No offset that it is given is trusted.
#[derive(Debug)]
pub struct Map {
    mapping: Mapping,
    len: usize,
    id: u32,
    shelf: u64,
}

#[derive(Debug)]
enum Mapping {
    /// Only for reading. A child inherits it by fork.
    Reader(MmapRaw),
    /// The writer's, which no child has.
    Writer(Arc<OwnMapping>),
}

impl Map {
    /// Maps `file`. `identify` checks its first bytes and returns the numbers of the segment and of its shelf.
    pub(crate) fn open(file: &impl AsFd, identify: impl FnOnce(&Self) -> Result<(u32, u64)>) -> Result<Self> {
        let len = sealed_size(file.as_fd(), READ_ONLY)?;
        let mapping = MmapOptions::new().len(len).map_raw_read_only(file.as_fd().as_raw_fd());
        let mapping = mapping.trying_to("map shared memory")?;
        keep_from_core_dumps(&mapping)?;
        let map = Self { mapping: Mapping::Reader(mapping), len, id: 0, shelf: 0 };
        let (id, shelf) = identify(&map)?;
        Ok(Self { id, shelf, ..map })
    }

    /// The segment's number.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The random number of the shelf that it belongs to.
    pub(crate) const fn shelf(&self) -> u64 {
        self.shelf
    }

    /// `len` bytes from `start`; `None` unless all of them lie below `limit`, and in the file.
    ///
    /// `limit` is the offset of what refers to the bytes. A reader thus never looks at what is not published yet.
    #[inline]
    pub(crate) fn bytes(&self, start: usize, len: usize, limit: usize) -> Option<&[u8]> {
        let end = start.checked_add(len)?;
        if end > limit || end > self.len {
            return None;
        }
        let mapping = match &self.mapping {
            Mapping::Reader(mapping) => mapping,
            Mapping::Writer(own) => own.mapping.as_ref()?,
        };
        // SAFETY: the range lies within the mapping, whose size the seals fix for as long as the file exists. Only the
        // writer's own mapping is missing in a forked child, and the writer, which hands it to no one, reads nothing
        // there. Bytes below a published root are never written again: the seals leave the writer as the only process
        // with a writable mapping, and it appends above the root. Any byte is a valid `u8`.
        Some(unsafe { std::slice::from_raw_parts(mapping.as_ptr().add(start), len) })
    }

    /// Eight bytes at `at`, below `limit`.
    #[inline]
    pub(crate) fn word(&self, at: usize, limit: usize) -> Option<u64> {
        Some(u64::from_ne_bytes(self.bytes(at, 8, limit)?.try_into().ok()?))
    }
}

/// A mapping to read and write, which a forked child does not inherit.
#[derive(Debug)]
struct OwnMapping {
    mapping: Option<MmapRaw>,
    /// The process whose address space the mapping is in.
    owner: u32,
}

impl OwnMapping {
    /// Whether this process made it. A forked child has the value, and not the mapping.
    fn is_own(&self) -> bool {
        self.owner == std::process::id()
    }
}

impl Drop for OwnMapping {
    fn drop(&mut self) {
        // In a forked child the addresses belong to no mapping, or to another one by now: unmapping them would
        // destroy it.
        if !self.is_own() {
            std::mem::forget(self.mapping.take());
        }
    }
}

/// A segment, mapped to be written.
#[derive(Debug)]
pub(crate) struct WritableMap {
    own: Arc<OwnMapping>,
    len: usize,
    file: OwnedFd,
}

impl WritableMap {
    /// A new memory file of `len` bytes, none of them allocated, that only this mapping can write.
    pub(crate) fn create(len: usize) -> Result<Self> {
        let file = memory_file(len)?;
        let mapping = MmapOptions::new().len(len).map_raw(file.as_raw_fd());
        let mapping = mapping.trying_to("map shared memory")?;
        keep_from_core_dumps(&mapping)?;
        // A child that wrote would be a second writer. And it never frees what its parent's threads used: it would keep
        // the memory of each segment that its parent wrote to when it was forked.
        mapping.advise(Advice::DontFork).trying_to("keep shared memory from forked processes")?;
        seal(&file, READ_ONLY)?;
        let own = Arc::new(OwnMapping { mapping: Some(mapping), owner: std::process::id() });
        Ok(Self { own, len, file })
    }

    /// The segment `id` of the shelf `number`, for the writer alone to read. A reader's child would crash.
    pub(crate) fn to_read(&self, id: u32, number: u64) -> Map {
        Map { mapping: Mapping::Writer(Arc::clone(&self.own)), len: self.len, id, shelf: number }
    }

    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Whether this process made it.
    pub(crate) fn is_own(&self) -> bool {
        self.own.is_own()
    }

    /// Enters allocated memory into the page table at once: a fault for each page costs more.
    pub(crate) fn populate(&self, start: usize, len: usize) {
        if let Some(mapping) = &self.own.mapping {
            // Before Linux 5.14 the faults come.
            let _ = mapping.advise_range(Advice::PopulateWrite, start, len);
        }
    }

    /// Copies `bytes` to `start`; false if they do not fit. The memory must have been allocated, and the process checked.
    pub(crate) fn write(&mut self, start: usize, bytes: &[u8]) -> bool {
        let fits = start.checked_add(bytes.len()).is_some_and(|end| end <= self.len);
        let Some(mapping) = self.own.mapping.as_ref().filter(|_| fits) else { return false };
        // SAFETY: the range lies within the mapping, which is writable, and exclusive: `&mut self` is the only writer.
        // Slices of `Map` refer to bytes that were published, and the appender writes above those. The source is a
        // Rust slice, which can't overlap with a mapping that no slice refers to at these offsets.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), mapping.as_mut_ptr().add(start), bytes.len());
        }
        true
    }
}

/// The control page. Every process writes to it, and only through atomics.
#[derive(Debug)]
pub(crate) struct Page {
    mapping: MmapRaw,
    file: OwnedFd,
}

impl Page {
    /// A new page of zeros.
    pub(crate) fn create() -> Result<Self> {
        let file = memory_file(PAGE)?;
        allocate(file.as_fd(), 0, PAGE)?;
        seal(&file, FIXED_SIZE)?;
        Self::open(file)
    }

    /// Maps the page in `file`.
    pub(crate) fn open(file: OwnedFd) -> Result<Self> {
        if sealed_size(file.as_fd(), FIXED_SIZE)? != PAGE {
            return Err(Error::Refused("the control page has another size"));
        }
        let mapping = MmapOptions::new().len(PAGE).map_raw(file.as_raw_fd());
        let mapping = mapping.trying_to("map shared memory")?;
        keep_from_core_dumps(&mapping)?;
        Ok(Self { mapping, file })
    }

    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// The word at `INDEX`, in units of eight bytes.
    #[expect(clippy::cast_ptr_alignment, reason = "a mapping begins at a page")]
    pub(crate) fn word<const INDEX: usize>(&self) -> &AtomicU64 {
        const { assert!(INDEX < PAGE / 16, "beyond the first half of the page") };
        // SAFETY: the index lies within the page and is aligned, because the page is. The memory is writable, is valid
        // for as long as `self`, and is only ever accessed as this atomic: no index is used for both widths.
        unsafe { AtomicU64::from_ptr(self.mapping.as_mut_ptr().cast::<u64>().add(INDEX)) }
    }

    /// The words of the second half of the page, which nothing else is in.
    #[expect(clippy::cast_ptr_alignment, reason = "a mapping begins at a page")]
    pub(crate) fn upper_half(&self) -> &[AtomicU64] {
        // SAFETY: the half lies within the page and is aligned, because the page is. The memory is writable, is valid for
        // as long as `self`, and is only ever accessed as these atomics: every index of `word` and `half` is below it.
        unsafe {
            let half = self.mapping.as_mut_ptr().cast::<AtomicU64>().add(PAGE / 16);
            std::slice::from_raw_parts(half, PAGE / 16)
        }
    }

    /// The half word at `INDEX`, in units of four bytes.
    #[expect(clippy::cast_ptr_alignment, reason = "a mapping begins at a page")]
    pub(crate) fn half<const INDEX: usize>(&self) -> &AtomicU32 {
        const { assert!(INDEX < PAGE / 8, "beyond the first half of the page") };
        // SAFETY: as for `word`.
        unsafe { AtomicU32::from_ptr(self.mapping.as_mut_ptr().cast::<u32>().add(INDEX)) }
    }
}

fn memory_file(len: usize) -> Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let create = |flags| rustix::fs::memfd_create("etcd_discovery", flags);
    // A hardened system refuses memory that programs could be started from (`vm.memfd_noexec`).
    let file = match create(flags | MemfdFlags::NOEXEC_SEAL) {
        // Linux before 6.3 does not know the flag.
        Err(Errno::INVAL) => create(flags),
        created => created,
    };
    let file = file.trying_to("create shared memory")?;
    rustix::fs::ftruncate(&file, len as u64).trying_to("size shared memory")?;
    Ok(file)
}

/// Allocates `len` bytes of `file` from `start` on.
///
/// Memory that is touched without this kills the process with SIGBUS if the system has no more; here it is an error.
pub(crate) fn allocate(file: BorrowedFd<'_>, start: usize, len: usize) -> Result<()> {
    let allocate = || fallocate(file, FallocateFlags::empty(), start as u64, len as u64);
    // The process may be stopped in the midst of it (SIGSTOP, a debugger), which says nothing about memory.
    retry_on_intr(allocate).trying_to("allocate shared memory")
}

fn seal(file: &OwnedFd, seals: SealFlags) -> Result<()> {
    rustix::fs::fcntl_add_seals(file, seals).trying_to("seal shared memory (Linux 5.1 or later is needed)")
}

/// The size of `file`, which no one can change.
fn sealed_size(file: BorrowedFd<'_>, expected: SealFlags) -> Result<usize> {
    let seals =
        rustix::fs::fcntl_get_seals(file).trying_to("look at a descriptor that should be shared memory")?;
    if !seals.contains(expected) {
        return Err(Error::Refused("the file is not sealed"));
    }
    let size = rustix::fs::fstat(file).trying_to("look at shared memory")?.st_size;
    usize::try_from(size).ok().filter(|size| *size > 0).ok_or(Error::Refused("the file is empty"))
}

/// Values may be secrets (promise 10).
fn keep_from_core_dumps(mapping: &MmapRaw) -> Result<()> {
    mapping.advise(Advice::DontDump).trying_to("keep shared memory from core dumps")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn map(bytes: &[u8]) -> Map {
        let mut writable = WritableMap::create(PAGE).unwrap();
        assert!(writable.write(0, bytes));
        Map::open(&writable.file(), |_| Ok((7, 1))).unwrap()
    }

    #[test]
    fn no_read_goes_beyond_its_limit_or_the_file() {
        let map = map(b"0123456789");
        assert_eq!(map.bytes(2, 3, 5), Some(&b"234"[..]));
        assert_eq!(map.bytes(2, 4, 5), None);
        assert_eq!(map.bytes(PAGE, 0, usize::MAX), Some(&b""[..]));
        for (start, len) in
            [(PAGE, 1), (PAGE - 1, 2), (usize::MAX, 1), (1, usize::MAX), (usize::MAX, usize::MAX)]
        {
            assert_eq!(map.bytes(start, len, usize::MAX), None, "{start} {len}");
        }
        assert_eq!((map.word(PAGE - 7, usize::MAX), map.id()), (None, 7));
    }

    #[test]
    fn no_write_goes_beyond_the_file() {
        let mut map = WritableMap::create(PAGE).unwrap();
        assert!(map.write(PAGE - 2, b"ab"));
        assert!(!map.write(PAGE - 1, b"ab") && !map.write(usize::MAX, b"a"));
    }

    #[test]
    fn a_segment_can_be_neither_truncated_nor_grown_nor_written_by_another_process() {
        let map = WritableMap::create(PAGE).unwrap();
        let file = map.file();
        for size in [0, 1, 2 * PAGE as u64] {
            assert_eq!(rustix::fs::ftruncate(file, size), Err(rustix::io::Errno::PERM), "{size}");
        }
        let again = MmapOptions::new().len(PAGE).map_raw(file.as_raw_fd());
        assert_eq!(again.err().map(|error| error.kind()), Some(io::ErrorKind::PermissionDenied));
        assert_eq!(rustix::io::pwrite(file, b"x", 0), Err(rustix::io::Errno::PERM));
        assert_eq!(rustix::fs::fcntl_add_seals(file, SealFlags::WRITE), Err(rustix::io::Errno::PERM));
    }

    #[test]
    fn a_file_that_can_be_truncated_is_refused() {
        let file = memory_file(PAGE).unwrap();
        assert!(matches!(Map::open(&file, |_| Ok((1, 1))), Err(Error::Refused(_))));
        assert!(matches!(Page::open(file), Err(Error::Refused(_))));
        let plain = std::fs::File::open("/proc/self/exe").unwrap();
        assert!(matches!(Map::open(&plain, |_| Ok((1, 1))), Err(Error::Refused(_) | Error::System { .. })));
    }

    /// Core dumps and forked children differ by the flags of the mapping (`dd`, `dc`).
    #[test]
    fn core_dumps_leave_both_mappings_out_and_children_inherit_only_the_one_of_readers() {
        let writable = WritableMap::create(5 * PAGE).unwrap();
        let map = Map::open(&writable.file(), |_| Ok((1, 1))).unwrap();
        let start = |map: &Map| map.bytes(0, 1, 1).unwrap().as_ptr();
        let own = writable.to_read(1, 1);
        assert!(
            own.bytes(PAGE, 4 * PAGE, 5 * PAGE).is_some() && own.bytes(PAGE, 5 * PAGE, 9 * PAGE).is_none()
        );
        let flags = |start: *const u8| {
            let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
            let from = format!("{:x}-", start as usize);
            let mut lines = smaps.lines().skip_while(|line| !line.starts_with(&from));
            lines.find(|line| line.starts_with("VmFlags:")).map(|line| format!("{line} ")).unwrap()
        };
        let (to_read, to_write) = (flags(start(&map)), flags(start(&own)));
        assert!(
            to_read.contains(" dd ") && !to_read.contains(" dc ") && !to_read.contains(" mw "),
            "{to_read}"
        );
        assert!(to_write.contains(" dd ") && to_write.contains(" dc "), "{to_write}");
    }
}
