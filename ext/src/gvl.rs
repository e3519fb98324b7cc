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

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use etcd_discovery_core::error::Error as CoreError;
use etcd_discovery_core::store::Waker;
use magnus::{Error, Ruby, Value, kwargs, prelude::*, rb_sys::protect};

use crate::error::{no_descriptor, raised};

/// Something to wait for.
pub(crate) trait Wait {
    /// Whether the wait is over. Also called without the GVL, so it must not use Ruby.
    fn is_over(&self) -> bool;
    /// When the wait ends at the latest; `None` if it always ends by itself.
    fn deadline(&self) -> Option<Instant>;
    /// Registers `waker`, which is woken whenever the wait might be over.
    fn add_waker(&self, waker: &Arc<Waker>) -> Result<(), CoreError>;
}

struct Call<'a, W> {
    wait: &'a W,
    waker: &'a Waker,
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
        if left(wait).is_some_and(|left| left.is_zero()) {
            return Ok(false);
        }
        // A new one in each round: a signal handler may have forked, and this may be the child.
        let waker = waker_for(ruby, wait)?;
        // SAFETY: this thread holds the GVL. The call only reads the thread's scheduler, nil in a blocking fiber.
        if unsafe { rb_sys::rb_fiber_scheduler_current() } == rb_sys::Qnil as rb_sys::VALUE {
            wait_in_thread(&Call { wait, waker: &waker, interrupted: AtomicBool::new(false) });
            check_interrupts()?;
        } else {
            wait_in_fiber(ruby, wait, &waker)?;
        }
    }
}

fn waker_for<W: Wait>(ruby: &Ruby, wait: &W) -> Result<Arc<Waker>, Error> {
    let waker = Waker::new().map(Arc::new).map_err(|error| raised(ruby, &no_descriptor(&error)))?;
    wait.add_waker(&waker).map_err(|error| raised(ruby, &error))?;
    Ok(waker)
}

fn left<W: Wait>(wait: &W) -> Option<Duration> {
    wait.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

fn wait_in_thread<W: Wait>(call: &Call<'_, W>) {
    let flags = rb_sys::RB_NOGVL_INTR_FAIL | rb_sys::RB_NOGVL_UBF_ASYNC_SAFE;
    let data = ptr::from_ref(call).cast::<c_void>().cast_mut();
    // SAFETY: `call` lives until `rb_nogvl` returns, and both functions take `data` for the `Call<W>` that it is.
    // `unblock` is safe on another thread and in a signal handler, as the flag says.
    unsafe {
        rb_sys::rb_nogvl(
            Some(block::<W>),
            data,
            Some(unblock::<W>),
            data,
            i32::try_from(flags).unwrap_or_default(),
        );
    }
}

/// Lets the fiber scheduler wait for the descriptor, so that the thread can run other fibers.
fn wait_in_fiber<W: Wait>(ruby: &Ruby, wait: &W, waker: &Waker) -> Result<(), Error> {
    let options = kwargs!(ruby, "autoclose" => false);
    let io: Value = ruby.class_io().funcall("for_fd", (waker.descriptor(), options))?;
    if wait.is_over() {
        return Ok(());
    }
    let left = left(wait).map(|left| left.as_secs_f64());
    io.funcall::<_, _, Value>("wait_readable", (left,)).map(drop)
}

fn check_interrupts() -> Result<(), Error> {
    protect(|| {
        // SAFETY: this thread holds the GVL, `protect` catches the `longjmp`, and this closure has nothing to drop.
        unsafe { rb_sys::rb_thread_check_ints() };
        rb_sys::Qnil as rb_sys::VALUE
    })
    .map(drop)
}

unsafe extern "C" fn block<W: Wait>(data: *mut c_void) -> *mut c_void {
    // SAFETY: `data` is the `Call<W>` of `wait_in_thread`, which waits for this call to return.
    let call = unsafe { &*data.cast::<Call<'_, W>>() };
    // A panic must not cross into C. The caller checks again, and panics where that can be raised.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        while !call.interrupted.load(Ordering::SeqCst) && !call.wait.is_over() && listen(call) {
            call.waker.clear();
        }
    }));
    ptr::null_mut()
}

/// Waits for the waker. Returns whether the caller should check the condition again.
fn listen<W: Wait>(call: &Call<'_, W>) -> bool {
    let left = left(call.wait);
    let (Some(descriptor), false) = (call.waker.descriptor(), left.is_some_and(|left| left.is_zero())) else {
        return false;
    };
    // Rounded up: a wake just before the deadline would make the caller spin until it.
    let milliseconds = left.map_or(-1, |left| i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX));
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    // SAFETY: `poll` is one `pollfd` on this stack. A signal may end the call early, which is harmless.
    unsafe { libc::poll(&raw mut poll, 1, milliseconds) };
    true
}

unsafe extern "C" fn unblock<W: Wait>(data: *mut c_void) {
    // SAFETY: Ruby calls this only while the waiting thread is in `block`, so `data` is alive. The code below takes
    // no lock and allocates nothing, so it is safe in a signal handler.
    let call = unsafe { &*data.cast::<Call<'_, W>>() };
    call.interrupted.store(true, Ordering::SeqCst);
    call.waker.wake();
}
