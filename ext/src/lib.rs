//! The binding of `etcd_discovery_core` to Ruby. One concern a file; this one only declares.
//!
//! The rules of the bridge:
//!
//! * Ruby raises by `longjmp`, which would skip Rust's destructors: nothing here calls a Ruby function that
//!   can raise unless through magnus, which protects the call, or with nothing left to destroy.
//! * A panic must not reach Ruby, where it cannot be rescued: [`error::guarded`] turns it into an
//!   `InternalError`.
//! * Whatever may block gives up the GVL in [`gvl`], and nowhere else.
//! * No Ruby value is kept outside of an object that marks it.

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

/// Ruby calls it once, while it loads the library.
///
/// This is what `magnus::init` makes, with the check before it: magnus reads Ruby's objects.
///
/// # Safety
///
/// Only Ruby may call it, on a thread that holds the GVL.
#[unsafe(no_mangle)]
#[allow(non_snake_case)]
pub unsafe extern "C" fn Init_etcd_discovery() {
    // SAFETY: Ruby called this to load the library, and nothing was made yet.
    unsafe { built_for::check() };
    // SAFETY: this is a thread of Ruby's with the GVL; an error leaves by `longjmp`, with nothing to destroy.
    unsafe { init.call_handle_error(&Ruby::get_unchecked()) };
}

fn init(ruby: &Ruby) -> Result<(), Error> {
    fork::init();
    ruby_api::init(ruby)
}
