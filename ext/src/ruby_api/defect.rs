//! Lets a test make the library panic (promise 9).
//!
//! A release does not have it: see the core's feature `defects`.

use etcd_discovery_core::defect;
use magnus::{Error, Object, RModule, Ruby, function, prelude::*};

use crate::error::guarded;

/// `native_defect(key, times)`: the code that handles `key` panics the next `times` times.
///
/// Without a key, this panics.
fn native_defect(ruby: &Ruby, key: Option<String>, times: u32) -> Result<(), Error> {
    guarded(ruby, || {
        #[allow(clippy::panic, reason = "tests call it to cause a panic")]
        let Some(key) = key else { panic!("a test caused this panic") };
        defect::arm(key.as_bytes(), times);
        Ok(())
    })
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let module: RModule = ruby.class_object().const_get("EtcdDiscovery")?;
    module.define_singleton_method("native_defect", function!(native_defect, 2))
}
