//! `EtcdDiscovery::Bell`: what the thread that delivers changes waits for.

use std::io;
use std::sync::Arc;

use etcd_discovery_core::error::{Error as CoreError, ErrorKind};
use etcd_discovery_core::store::Bell as Core;
use magnus::{DataTypeFunctions, Error, Ruby, TypedData, Value, function, method, prelude::*};

use crate::error::{guarded, raised};

/// A bell that Ruby can wait for.
#[derive(TypedData, DataTypeFunctions)]
#[magnus(class = "EtcdDiscovery::Bell", free_immediately)]
pub(crate) struct Bell(Arc<Core>);

/// Why there can be no bell.
pub(crate) fn no_descriptor(error: &io::Error) -> CoreError {
    let message = format!(
        "the system gives no descriptor ({error}): this process or its container is at a limit (ulimit -n)"
    );
    CoreError::new(ErrorKind::ResourceExhausted, message)
}

impl Bell {
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

    fn ring(ruby: &Ruby, this: &Self) -> Result<(), Error> {
        guarded(ruby, || {
            this.0.ring();
            Ok(())
        })
    }

    fn hush(ruby: &Ruby, this: &Self) -> Result<(), Error> {
        guarded(ruby, || {
            this.0.hush();
            Ok(())
        })
    }
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let module = ruby.define_module("EtcdDiscovery")?;
    let class = module.define_class("Bell", ruby.class_object())?;
    let _: Value = module.funcall("private_constant", (ruby.to_symbol("Bell"),))?;
    class.undef_default_alloc_func();
    class.define_singleton_method("new", function!(Bell::new, 0))?;
    class.define_method("descriptor", method!(Bell::descriptor, 0))?;
    class.define_method("ring", method!(Bell::ring, 0))?;
    class.define_method("hush", method!(Bell::hush, 0))?;
    Ok(())
}
