//! `EtcdDiscovery::Waker`: what the Ruby threads for callbacks and log lines wait for.

use std::sync::Arc;
use std::time::Instant;

use etcd_discovery_core::store::Waker as Core;
use magnus::{DataTypeFunctions, Error, Ruby, TypedData, Value, function, method, prelude::*};

use crate::error::{guarded, raised};
use crate::gvl::sleep;
use crate::seconds::Seconds;

/// A waker: a Ruby thread waits for it.
#[derive(TypedData, DataTypeFunctions)]
#[magnus(class = "EtcdDiscovery::Waker", free_immediately)]
pub(crate) struct Waker(Arc<Core>);

impl Waker {
    fn new(ruby: &Ruby) -> Result<Self, Error> {
        guarded(ruby, || Core::new().map(|core| Self(Arc::new(core))).map_err(|error| raised(ruby, &error)))
    }

    pub(crate) const fn core(&self) -> &Arc<Core> {
        &self.0
    }

    fn descriptor(ruby: &Ruby, this: &Self) -> Result<Option<i32>, Error> {
        guarded(ruby, || Ok(this.0.descriptor()))
    }

    fn wake(ruby: &Ruby, this: &Self) -> Result<(), Error> {
        guarded(ruby, || {
            this.0.wake();
            Ok(())
        })
    }

    /// Waits without the GVL until it is woken, for at most `longest` (nil: forever), and clears it. Then the caller reads
    /// the state: a change in between wakes again. Returns false in a forked child, which cannot be woken.
    fn wait(ruby: &Ruby, this: &Self, longest: Option<Seconds>) -> Result<bool, Error> {
        guarded(ruby, || {
            let waker = Arc::clone(&this.0);
            if waker.descriptor().is_none() {
                return Ok(false);
            }
            let deadline = longest.map(|longest| Instant::now() + longest.0);
            sleep(ruby, &waker, deadline).map(|()| true)
        })
    }
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let module = ruby.define_module("EtcdDiscovery")?;
    let class = module.define_class("Waker", ruby.class_object())?;
    let _: Value = module.funcall("private_constant", (ruby.to_symbol("Waker"),))?;
    class.undef_default_alloc_func();
    class.define_singleton_method("new", function!(Waker::new, 0))?;
    class.define_method("descriptor", method!(Waker::descriptor, 0))?;
    class.define_method("wake", method!(Waker::wake, 0))?;
    class.define_method("wait", method!(Waker::wait, 1))?;
    Ok(())
}
