//! The page that says where the current root is, who writes, and how fresh the content is.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use rustix::time::{ClockId, clock_gettime};

use crate::error::{Context, Error, Result};
use crate::map::Page;

/// Changes with the layout of the page, of a segment, or of anything in it.
pub const FORMAT: u64 = 0x7368_656c_6600_0003;

// Words of eight bytes. Readers look at the second cache line on every read; it changes only with the content.
const WORD_FORMAT: usize = 0;
const WORD_SHELF: usize = 1;
const WORD_IDENTITY: usize = 2;
const WORD_IDENTITY_REST: usize = 3;
const WORD_ROOT: usize = 8;
const WORD_GENERATION: usize = 9;
const WORD_CLUSTER: usize = 16;
const WORD_TERM: usize = 17;
const WORD_CONFIRMED: usize = 18;
const WORD_BEAT: usize = 19;
const WORD_SEGMENTS: usize = 20;
// Halves of four bytes.
const HALF_PHASE: usize = 48;
const HALF_WRITER: usize = 49;

const OFFSET_BITS: u32 = 40;
/// Segment numbers have the bits that are left.
pub(crate) const MAX_SEGMENT: u32 = (1 << (64 - OFFSET_BITS)) - 1;

/// The control page: one for all segments, leaders and followers of one shelf.
///
/// All processes can write to it. The writer alone does.
#[derive(Debug)]
pub struct Control {
    page: Page,
    /// Names the page's file for as long as it exists.
    place: (u64, u64),
    bell: Arc<OwnedFd>,
}

impl Control {
    fn of(page: Page, bell: Arc<OwnedFd>) -> Result<Self> {
        let place = place_of(page.file()).trying_to("look at shared memory")?;
        Ok(Self { page, place, bell })
    }

    /// Whether `file` is the page.
    pub(crate) fn is_in(&self, file: BorrowedFd<'_>) -> bool {
        place_of(file).is_ok_and(|place| place == self.place)
    }

    /// A new page for processes that agree on `identity`.
    pub(crate) fn create(identity: u128) -> Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let bell = Arc::new(bell.trying_to("make a counter that wakes those who wait")?);
        let control = Self::of(Page::create()?, bell)?;
        let mut shelf = [0; 8];
        rustix::rand::getrandom(&mut shelf, rustix::rand::GetRandomFlags::empty())
            .trying_to("get a random number")?;
        let [low, high] = split(identity);
        let page = &control.page;
        page.word::<WORD_SHELF>().store(u64::from_ne_bytes(shelf), Relaxed);
        page.word::<WORD_IDENTITY>().store(low, Relaxed);
        page.word::<WORD_IDENTITY_REST>().store(high, Relaxed);
        page.word::<WORD_FORMAT>().store(FORMAT, Release);
        Ok(control)
    }

    /// The page in `page`, if it has this version's format and the same `identity`, and what wakes its readers.
    pub(crate) fn open([page, bell]: [OwnedFd; 2], identity: u128) -> Result<Self> {
        let control = Self::of(Page::open(page)?, Arc::new(bell))?;
        if control.page.word::<WORD_FORMAT>().load(Acquire) != FORMAT {
            return Err(Error::Refused("it has another format, as other versions of this gem write"));
        }
        if !control.is_for(identity) {
            return Err(Error::Refused("it belongs to processes with other settings"));
        }
        Ok(control)
    }

    /// Whether it belongs to processes that agree on `identity`.
    #[must_use]
    pub fn is_for(&self, identity: u128) -> bool {
        let [low, high] = split(identity);
        self.page.word::<WORD_IDENTITY>().load(Relaxed) == low
            && self.page.word::<WORD_IDENTITY_REST>().load(Relaxed) == high
    }

    /// The descriptors to pass on: the page's, and the bell's.
    #[must_use]
    pub fn files(&self) -> [BorrowedFd<'_>; 2] {
        [self.page.file(), self.bell.as_fd()]
    }

    /// What [`Self::ring`] rings: a counter in the kernel that all processes share, and that no one reads.
    ///
    /// Add it to an epoll with `EPOLLET`: the kernel then reports each ring to each such epoll once, whatever the counter is.
    #[must_use]
    pub const fn bell(&self) -> &Arc<OwnedFd> {
        &self.bell
    }

    /// The random number that all segments of this shelf carry.
    pub(crate) fn shelf(&self) -> u64 {
        self.page.word::<WORD_SHELF>().load(Relaxed)
    }

    /// The word that changes with each publication; 0 before the first. A reader compares it with the one it knows.
    #[inline]
    #[must_use]
    pub fn root(&self) -> u64 {
        self.root_word().load(Acquire)
    }

    /// Where that word is, for a reader that looks at it many million times a second.
    #[inline]
    #[must_use]
    pub fn root_word(&self) -> &AtomicU64 {
        self.page.word::<WORD_ROOT>()
    }

    /// How often content was published. It may be behind the root's own, if a writer died in between.
    #[inline]
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.page.word::<WORD_GENERATION>().load(Acquire)
    }

    /// Publishes. The first store decides; everything after it is repeated by the next writer if this one dies.
    pub(crate) fn commit(&self, root: u64, generation: u64, cluster_id: u64, raft_term: u64) {
        self.page.word::<WORD_ROOT>().store(root, SeqCst);
        self.page.word::<WORD_GENERATION>().store(generation, Release);
        self.page.word::<WORD_CLUSTER>().store(cluster_id, Release);
        self.page.word::<WORD_TERM>().store(raft_term, Release);
    }

    /// A segment number that no other segment of this shelf has or had, also of writers that died.
    pub(crate) fn next_segment(&self) -> Result<u32> {
        let last = self.page.word::<WORD_SEGMENTS>().fetch_add(1, SeqCst);
        u32::try_from(last + 1)
            .ok()
            .filter(|id| *id <= MAX_SEGMENT)
            .ok_or(Error::Refused("all segment numbers are used up"))
    }

    /// The cluster that the content is from.
    #[must_use]
    pub fn cluster_id(&self) -> u64 {
        self.page.word::<WORD_CLUSTER>().load(Acquire)
    }

    /// The raft term in which it was read.
    #[must_use]
    pub fn raft_term(&self) -> u64 {
        self.page.word::<WORD_TERM>().load(Acquire)
    }

    /// When the content was last confirmed, by [`now`]'s clock; zero if never.
    ///
    /// Read this before the root: what was confirmed then is at least as old as the root that you find afterwards.
    #[must_use]
    pub fn confirmed_at(&self) -> Duration {
        Duration::from_nanos(self.page.word::<WORD_CONFIRMED>().load(Acquire))
    }

    /// Records when the published content was confirmed. Only the writer may call this, and only after it published.
    pub fn confirm(&self, at: Duration) {
        self.page.word::<WORD_CONFIRMED>().fetch_max(nanos(at), SeqCst);
    }

    /// When the writer last showed that it runs, by [`now`]'s clock; zero if never.
    #[must_use]
    pub fn beat_at(&self) -> Duration {
        Duration::from_nanos(self.page.word::<WORD_BEAT>().load(Acquire))
    }

    /// Shows that the writer runs.
    pub fn beat(&self) {
        self.page.word::<WORD_BEAT>().store(nanos(now()), Release);
    }

    /// The writer's state; the number's meaning is the caller's.
    #[must_use]
    pub fn phase(&self) -> u32 {
        self.page.half::<HALF_PHASE>().load(Acquire)
    }

    /// Records the writer's state, and wakes those who wait if it changed.
    pub fn set_phase(&self, phase: u32) {
        if self.page.half::<HALF_PHASE>().swap(phase, SeqCst) != phase {
            self.ring();
        }
    }

    /// Shows a text, of which what fits is kept. Only the writer may call this.
    pub fn set_text(&self, text: &str) {
        let words = self.page.upper_half();
        let (Some(count), Some(len), Some(room)) = (words.first(), words.get(1), words.get(2..)) else {
            return;
        };
        let most = text.len().min(room.len() * 8);
        let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        let text = &text.as_bytes()[..end];
        if self.text().is_some_and(|shown| shown.as_bytes() == text) {
            return;
        }
        // Odd while it is written. If the writer dies meanwhile, nothing is shown until the next one writes.
        let odd = count.load(Relaxed) | 1;
        count.store(odd, SeqCst);
        len.store(text.len() as u64, SeqCst);
        for (word, bytes) in room.iter().zip(text.chunks(8)) {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(padded), SeqCst);
        }
        count.store(odd + 1, SeqCst);
    }

    /// The text that the writer shows; `None` while it is being written.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let (count, rest) = self.page.upper_half().split_first()?;
        let (len, room) = rest.split_first()?;
        let before = count.load(SeqCst);
        let len = usize::try_from(len.load(SeqCst)).ok()?;
        let bytes: Vec<u8> = room.iter().flat_map(|word| word.load(SeqCst).to_ne_bytes()).take(len).collect();
        (before.is_multiple_of(2) && count.load(SeqCst) == before)
            .then_some(bytes)
            .and_then(|bytes| String::from_utf8(bytes).ok())
    }

    /// The writer's process id; 0 before the first.
    #[must_use]
    pub fn writer(&self) -> u32 {
        self.page.half::<HALF_WRITER>().load(Acquire)
    }

    pub(crate) fn set_writer(&self, pid: u32) {
        self.page.half::<HALF_WRITER>().store(pid, Release);
    }

    /// Wakes those who wait in any process. The writer does it after each publication and each change of its state.
    pub fn ring(&self) {
        // It can only fail when the counter is full, after more rings than a machine lives.
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }
}

/// The time since the machine was started, with the time that it slept: the same clock in all processes of the host.
#[must_use]
pub fn now() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The word that names a root.
pub(crate) fn root_word(segment: u32, offset: usize) -> u64 {
    u64::from(segment) << OFFSET_BITS | offset as u64
}

/// The segment and the offset of a root; `None` before the first one.
pub(crate) fn root_place(word: u64) -> Option<(u32, usize)> {
    let segment = u32::try_from(word >> OFFSET_BITS).ok().filter(|segment| *segment > 0)?;
    Some((segment, usize::try_from(word & ((1 << OFFSET_BITS) - 1)).ok()?))
}

fn place_of(file: BorrowedFd<'_>) -> rustix::io::Result<(u64, u64)> {
    rustix::fs::fstat(file).map(|found| (found.st_dev, found.st_ino))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn split(identity: u128) -> [u64; 2] {
    let [low, high] = [identity, identity >> 64].map(|half| half & u128::from(u64::MAX));
    [low, high].map(|half| u64::try_from(half).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{listening, rung};

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_root_word_names_its_segment_and_offset() {
        for (segment, offset) in [(1, 8), (MAX_SEGMENT, (1 << OFFSET_BITS) - 8)] {
            assert_eq!(root_place(root_word(segment, offset)), Some((segment, offset)));
        }
        assert_eq!(root_place(0), None);
        assert_eq!(root_place(4_096), None);
    }

    #[test]
    fn a_page_of_other_settings_or_another_format_is_refused() {
        let control = Control::create(7 << 70 | 1).unwrap();
        let files = || control.files().map(|file| file.try_clone_to_owned().unwrap());
        assert!(Control::open(files(), 7 << 70 | 1).is_ok());
        assert!(matches!(Control::open(files(), 7 << 70 | 2), Err(Error::Refused(_))));
        assert!(matches!(Control::open(files(), 1), Err(Error::Refused(_))));
        control.page.word::<WORD_FORMAT>().store(FORMAT + 1, SeqCst);
        assert!(matches!(Control::open(files(), 7 << 70 | 1), Err(Error::Refused(_))));
    }

    #[test]
    fn each_ring_reaches_everyone_who_waits_once_however_many_rang_before() {
        let control = Control::create(1).unwrap();
        control.ring();
        let again = || control.files().map(|file| file.try_clone_to_owned().unwrap());
        let others = [(); 2].map(|()| Control::open(again(), 1).unwrap());
        let epolls: Vec<_> = others.iter().map(|other| listening(other.bell())).collect();
        assert_eq!(rung(&epolls, Duration::ZERO), 2, "rings from before count");
        for _ in 0..3 {
            assert_eq!(rung(&epolls, Duration::ZERO), 0);
            control.ring();
            control.set_phase(control.phase() + 1);
            assert_eq!(rung(&epolls, LONG), 2);
        }
    }

    #[test]
    fn the_same_state_again_rings_no_bell() {
        let control = Control::create(1).unwrap();
        let epolls = [listening(control.bell())];
        control.set_phase(0);
        assert_eq!(rung(&epolls, Duration::ZERO), 0);
    }

    #[test]
    fn segment_numbers_are_used_once_and_run_out_with_an_error() {
        let control = Control::create(1).unwrap();
        assert_eq!([control.next_segment().unwrap(), control.next_segment().unwrap()], [1, 2]);
        control.page.word::<WORD_SEGMENTS>().store(MAX_SEGMENT.into(), SeqCst);
        assert!(matches!(control.next_segment(), Err(Error::Refused(_))));
    }

    #[test]
    fn a_text_is_shown_whole_or_not_at_all_also_beside_a_writer_that_changes_it() {
        let control = Control::create(1).unwrap();
        assert_eq!(control.text().as_deref(), Some(""));
        let texts = ["a".repeat(100), "b".repeat(2_000), String::new(), "ü".repeat(5_000)];
        control.set_text(&texts[3]);
        let longest = control.text().unwrap();
        assert!(longest.len() > 2_000 && longest.chars().all(|c| c == 'ü'));
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (0..2_000).for_each(|turn| control.set_text(&texts[turn % 4])));
            while !writer.is_finished() {
                if let Some(text) = control.text() {
                    assert!(text == longest || texts.contains(&text), "{text}");
                }
            }
        });
    }

    #[test]
    fn a_confirmation_never_goes_back() {
        let control = Control::create(1).unwrap();
        control.confirm(Duration::from_secs(5));
        control.confirm(Duration::from_secs(4));
        assert_eq!(control.confirmed_at(), Duration::from_secs(5));
    }
}
