//! `EtcdDiscovery::Waker`: what the Ruby threads for callbacks and log lines wait for.

use std::sync::Arc;

use etcd_discovery_core::store::Waker as Core;
use magnus::{DataTypeFunctions, Error, Ruby, TypedData, Value, function, method, prelude::*};

use crate::error::{guarded, no_descriptor, raised};

/// A waker: Ruby waits for its descriptor.
#[derive(TypedData, DataTypeFunctions)]
#[magnus(class = "EtcdDiscovery::Waker", free_immediately)]
pub(crate) struct Waker(Arc<Core>);

impl Waker {
    fn new(ruby: &Ruby) -> Result<Self, Error> {
        guarded(ruby, || match Core::new() {
            Ok(core) => Ok(Self(Arc::new(core))),
            Err(error) => Err(raised(ruby, &no_descriptor(&error))),
        })
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

    fn clear(ruby: &Ruby, this: &Self) -> Result<(), Error> {
        guarded(ruby, || {
            this.0.clear();
            Ok(())
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
    class.define_method("clear", method!(Waker::clear, 0))?;
    Ok(())
}
