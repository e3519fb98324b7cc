//! Waits without the GVL, in the only way that is sound.
//!
//! `rb_thread_call_without_gvl` checks for interrupts itself and leaves by `longjmp` over Rust's frames, so their values
//! are never dropped (seen with `Thread#kill` and `Timeout`: 1 entered, 0 dropped). So the wait runs under `rb_nogvl`
//! with `RB_NOGVL_INTR_FAIL`, which only returns. A protected `rb_thread_check_ints` then raises the interrupt, and it
//! travels as a [`magnus::Error`] through the destructors (promise 8).
//!
//! The wait is for a waker's descriptor, because waking it is all that Ruby needs to bring the thread back, and
//! that is safe in a signal handler. If it were not, Ruby would start a thread for each
//! wait of a process that has only one, and end it again.

use std::cell::Cell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use etcd_discovery_core::error::Error as CoreError;
use etcd_discovery_core::store::Waker;
use magnus::{Error, Ruby, Value, kwargs, prelude::*, rb_sys::protect};

use crate::error::raised;

/// Something to wait for.
pub(crate) trait Wait {
    /// Whether the wait is over. Also called without the GVL, so it must not use Ruby.
    fn is_over(&self) -> bool;
    /// When the wait ends at the latest; `None` if it always ends by itself.
    fn deadline(&self) -> Option<Instant>;
    /// A waker that is woken whenever the wait might be over.
    fn waker(&self) -> Result<Arc<Waker>, CoreError>;
}

/// A wait of this thread without the GVL.
struct Call<'a> {
    /// Whether to wait, or wait again after a wake-up. Called without the GVL, so it must not use Ruby.
    goes_on: &'a dyn Fn() -> bool,
    waker: &'a Waker,
    deadline: Option<Instant>,
    interrupted: AtomicBool,
}

/// Waits until `wait` is over, and returns whether it was before its deadline.
///
/// # Errors
/// The exception of the interrupt: `Timeout::Error`, a signal's exception, a kill.
pub(crate) fn wait<W: Wait>(ruby: &Ruby, wait: &W) -> Result<bool, Error> {
    loop {
        if wait.is_over() {
            return Ok(true);
        }
        if left(wait.deadline()).is_some_and(|left| left.is_zero()) {
            return Ok(false);
        }
        // Asked for in each round: a signal handler may have forked, and this may be the child.
        let waker = wait.waker().map_err(|error| raised(ruby, &error))?;
        pause(ruby, &waker, wait.deadline(), &|| !wait.is_over())?;
    }
}

/// Waits until `waker` is woken or `deadline` has passed, and clears the waker before this thread takes the GVL again.
/// It may return earlier. Returns at once in a forked child, where the waker has no descriptor.
///
/// # Errors
/// The exception of the interrupt: a kill, or what another thread raises in this one.
pub(crate) fn sleep(ruby: &Ruby, waker: &Waker, deadline: Option<Instant>) -> Result<(), Error> {
    let woken = Cell::new(false);
    pause(ruby, waker, deadline, &|| !woken.replace(true))
}

fn left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

fn pause(
    ruby: &Ruby,
    waker: &Waker,
    deadline: Option<Instant>,
    goes_on: &dyn Fn() -> bool,
) -> Result<(), Error> {
    let call = Call { goes_on, waker, deadline, interrupted: AtomicBool::new(false) };
    // SAFETY: this thread holds the GVL. The call only reads the thread's scheduler, nil in a blocking fiber.
    if unsafe { rb_sys::rb_fiber_scheduler_current() } == rb_sys::Qnil as rb_sys::VALUE {
        wait_in_thread(&call);
        check_interrupts()
    } else {
        wait_in_fiber(ruby, &call)
    }
}

fn wait_in_thread(call: &Call<'_>) {
    let flags = rb_sys::RB_NOGVL_INTR_FAIL | rb_sys::RB_NOGVL_UBF_ASYNC_SAFE;
    let data = ptr::from_ref(call).cast::<c_void>().cast_mut();
    // SAFETY: `call` lives until `rb_nogvl` returns, and both functions take `data` for the `Call` that it is.
    // `unblock` is safe on another thread and in a signal handler, as the flag says.
    unsafe {
        rb_sys::rb_nogvl(Some(block), data, Some(unblock), data, i32::try_from(flags).unwrap_or_default());
    }
}

/// Lets the fiber scheduler wait for the descriptor, so that the thread can run other fibers.
fn wait_in_fiber(ruby: &Ruby, call: &Call<'_>) -> Result<(), Error> {
    let Some(descriptor) = call.waker.descriptor() else { return Ok(()) };
    let options = kwargs!(ruby, "autoclose" => false);
    let io: Value = ruby.class_io().funcall("for_fd", (descriptor, options))?;
    if (call.goes_on)() {
        let left = left(call.deadline).map(|left| left.as_secs_f64());
        let _: Value = io.funcall("wait_readable", (left,))?;
        call.waker.clear();
    }
    Ok(())
}

fn check_interrupts() -> Result<(), Error> {
    protect(|| {
        // SAFETY: this thread holds the GVL, `protect` catches the `longjmp`, and this closure has nothing to drop.
        unsafe { rb_sys::rb_thread_check_ints() };
        rb_sys::Qnil as rb_sys::VALUE
    })
    .map(drop)
}

unsafe extern "C" fn block(data: *mut c_void) -> *mut c_void {
    // SAFETY: `data` is the `Call` of `wait_in_thread`, which waits for this call to return.
    let call = unsafe { &*data.cast::<Call<'_>>() };
    // A panic must not cross into C. The caller checks again, and panics where that can be raised.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let goes_on = || !call.interrupted.load(Ordering::SeqCst) && (call.goes_on)();
        while goes_on() && listen(call) {}
    }));
    ptr::null_mut()
}

/// Waits for the waker, and clears it. Returns whether the caller should check the condition again.
fn listen(call: &Call<'_>) -> bool {
    let left = left(call.deadline);
    !left.is_some_and(|left| left.is_zero()) && call.waker.wait(left)
}

unsafe extern "C" fn unblock(data: *mut c_void) {
    // SAFETY: Ruby calls this only while the waiting thread is in `block`, so `data` is alive. The code below takes
    // no lock and allocates nothing, so it is safe in a signal handler.
    let call = unsafe { &*data.cast::<Call<'_>>() };
    call.interrupted.store(true, Ordering::SeqCst);
    call.waker.wake();
}
