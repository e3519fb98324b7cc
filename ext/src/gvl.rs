//! Blocking without the GVL, in the one form that is sound.
//!
//! `rb_thread_call_without_gvl` checks for interrupts itself and leaves by `longjmp`, over Rust's frames:
//! what they own is never dropped (seen: 1 entered, 0 dropped, on `Thread#kill` and `Timeout`). So the wait
//! runs under `rb_nogvl` with `RB_NOGVL_INTR_FAIL`, which only returns; the interrupt is then raised by a
//! protected `rb_thread_check_ints` and travels as a [`magnus::Error`], through destructors (promise 8).

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use etcd_discovery_core::error::{Error as CoreError, ErrorKind};
use etcd_discovery_core::store::{Bell, Interrupt, Wake};
use magnus::{Error, Ruby, Value, kwargs, prelude::*, rb_sys::protect};

use crate::error::raised;

/// Something that blocks, and can be asked to come back.
pub(crate) trait Wait {
    /// Blocks, without the GVL: no Ruby in here.
    fn wait(&self, interrupt: &Interrupt) -> Wake;
    /// Brings back the thread that is in [`Self::wait`] with this `interrupt`.
    fn interrupt(&self, interrupt: &Interrupt);
    /// When it ends in any case; `None` for something that ends by itself.
    fn deadline(&self) -> Option<Instant>;
    /// Has `bell` rung whenever [`Self::wait`] might have an end.
    fn hang(&self, bell: &Arc<Bell>) -> Result<(), CoreError>;
}

struct Call<'a, W> {
    wait: &'a W,
    interrupt: Interrupt,
    wake: Option<Wake>,
}

/// Waits until `wait` is over, and returns whether it was before its deadline.
///
/// # Errors
/// Whatever the interrupt raises in this thread: `Timeout::Error`, a signal's exception, a kill.
pub(crate) fn wait<W: Wait>(ruby: &Ruby, wait: &W) -> Result<bool, Error> {
    // SAFETY: called with the GVL; it only reads what the current thread has, nil in a blocking fiber.
    if unsafe { rb_sys::rb_fiber_scheduler_current() } != rb_sys::Qnil as rb_sys::VALUE {
        return wait_in_fiber(ruby, wait);
    }
    loop {
        let mut call = Call { wait, interrupt: Interrupt::default(), wake: None };
        // SAFETY: `call` outlives the call; `block` and `unblock` are given pointers to it of its own
        // type, and `unblock` uses only what may be shared between threads.
        unsafe {
            let data = ptr::from_mut(&mut call).cast::<c_void>();
            let flags = i32::try_from(rb_sys::RB_NOGVL_INTR_FAIL).unwrap_or(1);
            rb_sys::rb_nogvl(Some(block::<W>), data, Some(unblock::<W>), data, flags);
        }
        match call.wake {
            Some(Wake::Ready) => return Ok(true),
            Some(Wake::Deadline) => return Ok(false),
            // Interrupted, or not begun because an interrupt was pending already.
            Some(Wake::Interrupted) | None => check_interrupts()?,
        }
    }
}

/// Under a fiber scheduler only this fiber waits, and the thread goes on with others: the scheduler waits
/// for the descriptor of a bell.
fn wait_in_fiber<W: Wait>(ruby: &Ruby, wait: &W) -> Result<bool, Error> {
    let refused =
        |error: std::io::Error| raised(ruby, &CoreError::new(ErrorKind::Internal, error.to_string()));
    let bell = Arc::new(Bell::new().map_err(refused)?);
    wait.hang(&bell).map_err(|error| raised(ruby, &error))?;
    let options = kwargs!(ruby, "autoclose" => false);
    let io: Value = ruby.class_io().funcall("for_fd", (bell.descriptor(), options))?;
    loop {
        bell.hush();
        if wait.wait(&Interrupt::raised()) == Wake::Ready {
            return Ok(true);
        }
        let left = wait.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(false);
        }
        let _: Value = io.funcall("wait_readable", (left.map(|left| left.as_secs_f64()),))?;
    }
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
    let call = unsafe { &mut *data.cast::<Call<'_, W>>() };
    // A panic must not cross into C; the caller takes it for a wait that came to nothing.
    let waited = catch_unwind(AssertUnwindSafe(|| call.wait.wait(&call.interrupt)));
    call.wake = Some(waited.unwrap_or(Wake::Deadline));
    ptr::null_mut()
}

unsafe extern "C" fn unblock<W: Wait>(data: *mut c_void) {
    // SAFETY: Ruby calls this only while the thread is in `block`, so that `data` is alive; the fields
    // read here are not written meanwhile.
    let (wait, interrupt) = unsafe {
        let call = data.cast::<Call<'_, W>>();
        (&*ptr::addr_of!((*call).wait), &*ptr::addr_of!((*call).interrupt))
    };
    let _ = catch_unwind(AssertUnwindSafe(|| wait.interrupt(interrupt)));
}
