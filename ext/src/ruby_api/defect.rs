//! Lets a test make the library panic (promise 9). Not in a release: see the core's feature `defects`.

use etcd_discovery_core::defect;
use magnus::{Error, Object, RModule, Ruby, function, prelude::*};

use crate::error::guarded;

/// `native_defect(key, times)`: what handles `key` panics the next `times`; without a key, this method itself does.
fn native_defect(ruby: &Ruby, key: Option<String>, times: u32) -> Result<(), Error> {
    guarded(ruby, || {
        #[allow(clippy::panic, reason = "that is what it is for")]
        let Some(key) = key else { panic!("a defect, made on purpose") };
        defect::arm(key.as_bytes(), times);
        Ok(())
    })
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let module: RModule = ruby.class_object().const_get("EtcdDiscovery")?;
    module.define_singleton_method("native_defect", function!(native_defect, 2))
}
