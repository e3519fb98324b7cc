//! Blocking without the GVL, in the one form that is sound.
//!
//! `rb_thread_call_without_gvl` checks for interrupts itself and leaves by `longjmp`, over Rust's frames:
//! what they own is never dropped (seen: 1 entered, 0 dropped, on `Thread#kill` and `Timeout`). So the wait
//! runs under `rb_nogvl` with `RB_NOGVL_INTR_FAIL`, which only returns; the interrupt is then raised by a
//! protected `rb_thread_check_ints` and travels as a [`magnus::Error`], through destructors (promise 8).
//!
//! The wait is for a waker's descriptor, because waking it is all that Ruby needs to bring the thread back, and
//! that is safe in a signal handler. Where it may not, Ruby starts a thread for each wait of a
//! process that has but one, and ends it again.

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
    /// Whether it has come. Called without the GVL too: no Ruby in here.
    fn is_over(&self) -> bool;
    /// When it ends in any case; `None` for something that ends by itself.
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
/// Whatever the interrupt raises in this thread: `Timeout::Error`, a signal's exception, a kill.
pub(crate) fn wait<W: Wait>(ruby: &Ruby, wait: &W) -> Result<bool, Error> {
    loop {
        if wait.is_over() {
            return Ok(true);
        }
        if left(wait).is_some_and(|left| left.is_zero()) {
            return Ok(false);
        }
        // Anew in each turn: what interrupted the one before may have forked, and this be its child.
        let waker = waker_for(ruby, wait)?;
        // SAFETY: called with the GVL; it only reads what the current thread has, nil in a blocking fiber.
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
    // SAFETY: `call` outlives the call; `block` and `unblock` are given pointers to it of its own type, and
    // `unblock` uses only what may be shared between threads, and with a signal handler.
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

/// Under a fiber scheduler only this fiber waits, and the thread goes on with others: the scheduler waits
/// for the descriptor.
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
        // SAFETY: called with the GVL, under protection, with nothing of Rust's on the stack to destroy.
        unsafe { rb_sys::rb_thread_check_ints() };
        rb_sys::Qnil as rb_sys::VALUE
    })
    .map(drop)
}

unsafe extern "C" fn block<W: Wait>(data: *mut c_void) -> *mut c_void {
    // SAFETY: `data` is the `Call<W>` of the frame below, which waits for this call to return.
    let call = unsafe { &*data.cast::<Call<'_, W>>() };
    // A panic must not cross into C. The caller looks again, and meets it where it may be raised.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        while !call.interrupted.load(Ordering::SeqCst) && !call.wait.is_over() && listen(call) {
            call.waker.clear();
        }
    }));
    ptr::null_mut()
}

/// Waits for the waker. Says whether that may be worth another look.
fn listen<W: Wait>(call: &Call<'_, W>) -> bool {
    let left = left(call.wait);
    let (Some(descriptor), false) = (call.waker.descriptor(), left.is_some_and(|left| left.is_zero())) else {
        return false;
    };
    // Rounded up: to wake before the deadline would be to spin until it.
    let milliseconds = left.map_or(-1, |left| i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX));
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor, in memory that outlives the call. A signal ends it early, and that is well.
    unsafe { libc::poll(&raw mut poll, 1, milliseconds) };
    true
}

unsafe extern "C" fn unblock<W: Wait>(data: *mut c_void) {
    // SAFETY: Ruby calls this only while the thread is in `block`, so that `data` is alive; what is used here
    // takes no lock and allocates nothing, so that it may be called in a signal handler.
    let call = unsafe { &*data.cast::<Call<'_, W>>() };
    call.interrupted.store(true, Ordering::SeqCst);
    call.waker.wake();
}
