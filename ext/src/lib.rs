//! The binding of `etcd_discovery_core` to Ruby. One concern a file; this one only declares.
//!
//! The rules of the bridge:
//!
//! * Ruby raises by `longjmp`, which would skip Rust's destructors: nothing here calls a Ruby function that
//!   can raise unless through magnus, which protects the call, or with nothing left to destroy.
//! * A panic must not reach Ruby, where it cannot be rescued: [`error::guarded`] turns it into an
//!   `InternalError`.
//! * Whatever may block gives up the GVL in [`gvl`], and nowhere else.
//! * No Ruby value is kept outside of an object that marks it, save the one root in [`aref`].

// The macro makes one public symbol, which Ruby alone calls.
#![allow(missing_docs)]

mod aref;
mod bell;
mod changes;
mod client;
mod error;
mod fork;
mod gvl;
mod json;
mod memo;
mod offline;
mod pin;
mod reader;
mod recall;
mod registration;
mod service;
mod settings;
mod snapshot;
mod typed;
mod value;
mod verdicts;
mod waits;

use magnus::{Error, Ruby};

#[magnus::init]
fn init(ruby: &Ruby) -> Result<(), Error> {
    fork::init();
    bell::init(ruby)?;
    client::init(ruby)?;
    snapshot::init(ruby)?;
    registration::init(ruby)?;
    service::init(ruby)?;
    offline::init(ruby)?;
    aref::init(ruby)
}
