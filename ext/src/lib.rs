//! The binding of `etcd_discovery_core` to Ruby.
//!
//! What Ruby sees is in [`ruby_api`]; the other files serve it.
//!
//! The rules of the binding:
//!
//! * Ruby raises by `longjmp`, which skips Rust's destructors. So Ruby functions that can raise are called through
//!   magnus, which protects the call, or when no Rust value is left to drop.
//! * A panic must not reach Ruby, where it cannot be rescued: [`error::guarded`] turns it into an `InternalError`.
//! * Code that may block releases the GVL in [`gvl`], and nowhere else.
//! * Every Ruby value that Rust keeps is in an object that marks it. The one root is the default client's, in
//!   `ruby_api::entry_points`.

#![expect(clippy::disallowed_types, reason = "a caller waits for so long awake; ages come from the core")]

mod built_for;
mod error;
mod fork;
mod gvl;
mod json;
mod last_good;
mod read;
mod reader;
mod ruby_api;
mod seconds;
mod settings;
mod string_cache;
mod typed;
mod value;
mod value_cache;
mod waits;

use magnus::method::RubyInit;
use magnus::{Error, Ruby};

/// The entry point of the library. Ruby calls it once, while it loads the library.
///
/// It does what `magnus::init` generates, after the check of the ABI, because magnus reads Ruby's objects.
///
/// # Safety
///
/// Only Ruby may call it, on a thread that holds the GVL.
#[unsafe(no_mangle)]
#[allow(non_snake_case)]
pub unsafe extern "C" fn Init_etcd_discovery() {
    // SAFETY: Ruby called this to load the library, and nothing with a destructor exists yet.
    unsafe { built_for::check() };
    // SAFETY: this thread is Ruby's and holds the GVL. An error leaves by `longjmp`, and nothing is left to drop.
    unsafe { init.call_handle_error(&Ruby::get_unchecked()) };
}

fn init(ruby: &Ruby) -> Result<(), Error> {
    fork::init();
    ruby_api::init(ruby)
}
