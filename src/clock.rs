//! The clock for deadlines, leases and ages. It counts the time that the machine sleeps.
//!
//! `std::time::Instant` stands still while a laptop or a virtual machine is suspended. Measured by it, data would be as
//! fresh after a night asleep as it was before, and a lease that etcd dropped hours ago would still hold. Timers stand
//! still too, so [`sleep_until`] sleeps in short steps and reads this clock in between.
//!
//! `std::time::Instant` remains right for how long a caller is willing to wait: time asleep is not time spent waiting.

use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use rustix::time::ClockId;

/// Linux counts suspension in this clock only.
#[cfg(any(target_os = "linux", target_os = "android"))]
const COUNTS_SLEEP: ClockId = ClockId::Boottime;
/// On macOS this clock counts sleep, unlike the `CLOCK_UPTIME_RAW` behind `std::time::Instant`.
///
/// Elsewhere it is the best there is.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const COUNTS_SLEEP: ClockId = ClockId::Monotonic;

/// A thousand years.
///
/// Added to every reading, so that a copy from disk may be older than the machine's last boot.
const BEFORE_BOOT: Duration = Duration::from_secs(1_000 * 365 * 24 * 3_600);

/// How late a deadline may be noticed after the machine wakes up.
const LONGEST_STEP: Duration = Duration::from_secs(1);

/// A moment, by the clock that counts the time asleep.
///
/// Used like `std::time::Instant`, except that adding too much gives the last moment instead of a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Duration);

impl Instant {
    /// Returns the current moment. A call of the vDSO on Linux, as cheap as `std::time::Instant::now`.
    #[must_use]
    pub fn now() -> Self {
        Self(BEFORE_BOOT.saturating_add(since_boot()))
    }

    /// Returns the moment that was `time` after the machine's boot, as [`Instant::now`] counts on Linux.
    #[must_use]
    pub fn since_boot(time: Duration) -> Self {
        Self(BEFORE_BOOT.saturating_add(time))
    }

    /// Returns how long after the machine's boot this moment was; zero if it was before.
    #[must_use]
    pub fn after_boot(self) -> Duration {
        self.0.saturating_sub(BEFORE_BOOT)
    }

    /// Returns the time from this moment until now; zero if it lies ahead.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Self::now().saturating_duration_since(*self)
    }

    /// Returns the time from `earlier` to this moment; zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the moment `duration` before this one; `None` if that is too long ago for the clock.
    #[must_use]
    pub fn checked_sub(&self, duration: Duration) -> Option<Self> {
        self.0.checked_sub(duration).map(Self)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

#[cfg(not(test))]
fn since_boot() -> Duration {
    system()
}

fn system() -> Duration {
    let time = rustix::time::clock_gettime(COUNTS_SLEEP);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Sleeps until `deadline`; forever without one.
///
/// After the machine was asleep, ends within a second of its waking up.
pub(crate) async fn sleep_until(deadline: Option<Instant>) {
    let Some(deadline) = deadline else { return std::future::pending().await };
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LONGEST_STEP)).await;
    }
}

#[cfg(test)]
use simulated::since_boot;
#[cfg(test)]
pub(crate) use simulated::suspend;

/// In tests: tokio's clock, which may be paused, plus the time that the machine sleeps in a test.
#[cfg(test)]
mod simulated {
    use std::cell::Cell;
    use std::sync::LazyLock;
    use std::time::Duration;

    /// A paused clock of tokio's may have stopped before the first reading.
    const UPTIME: Duration = Duration::from_secs(24 * 3_600);

    static BOOTED: LazyLock<tokio::time::Instant> = LazyLock::new(tokio::time::Instant::now);

    thread_local! {
        static ASLEEP: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    pub(super) fn since_boot() -> Duration {
        let (booted, timers) = (*BOOTED, tokio::time::Instant::now());
        let awake = UPTIME + timers.saturating_duration_since(booted);
        ASLEEP.get() + awake.saturating_sub(booted.saturating_duration_since(timers))
    }

    /// Has the machine asleep for `time`: on this thread the clock goes on, and no timer does.
    pub(crate) fn suspend(time: Duration) {
        ASLEEP.set(ASLEEP.get() + time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NIGHT: Duration = Duration::from_secs(8 * 3_600);

    #[test]
    fn the_systems_clock_is_the_one_that_counts_sleep() {
        let expected = || rustix::time::clock_gettime(COUNTS_SLEEP);
        let (before, read, after) = (expected(), system(), expected());
        let seconds = |at: rustix::time::Timespec| u64::try_from(at.tv_sec).unwrap();
        assert!(
            (seconds(before)..=seconds(after)).contains(&read.as_secs()),
            "{before:?} {read:?} {after:?}"
        );
    }

    /// Processes of a host compare ages that others have recorded. No one can set this clock: the time of day may jump.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_memory_that_the_processes_of_a_host_share_counts_by_the_same_clock() {
        let (before, shared, after) = (system(), etcd_discovery_shelf::now(), system());
        assert!((before..=after).contains(&shared), "{before:?} {shared:?} {after:?}");
    }

    #[test]
    fn what_is_older_than_the_last_boot_has_an_age() {
        let year = Duration::from_secs(365 * 24 * 3_600);
        let at = Instant::now().checked_sub(year).unwrap();
        assert!(at.elapsed() >= year);
    }

    #[test]
    fn no_time_is_too_long_to_be_added() {
        assert!(Instant::now() + Duration::MAX > Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_passed_in_the_machines_sleep_is_noticed_within_a_second() {
        let (slept_until, timers) = (Instant::now() + NIGHT, tokio::time::Instant::now());
        let sleep = tokio::spawn(sleep_until(Some(slept_until)));
        tokio::time::sleep(Duration::from_millis(1)).await;
        suspend(NIGHT);
        sleep.await.unwrap();
        assert!(timers.elapsed() <= Duration::from_millis(1_001), "{:?}", timers.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_is_kept_to_the_millisecond_while_the_machine_is_awake() {
        for time in [0, 1, 999, 1_000, 1_001, 12_345].map(Duration::from_millis) {
            let begun = Instant::now();
            sleep_until(Some(begun + time)).await;
            assert_eq!(begun.elapsed(), time);
        }
    }
}
