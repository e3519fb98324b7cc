//! `EtcdDiscovery::TargetIndex`: the keys and prefixes that the subscriptions of one client have.

use std::cell::RefCell;

use etcd_discovery_core::store::TargetIndex as Core;
use magnus::{DataTypeFunctions, Error, Ruby, TypedData, Value, function, method, prelude::*};

use crate::error::guarded;
use crate::value::with_bytes;

/// The index of one client's subscriptions. Guarded by the GVL.
#[derive(Default, TypedData, DataTypeFunctions)]
#[magnus(class = "EtcdDiscovery::TargetIndex", free_immediately)]
pub(crate) struct TargetIndex(RefCell<Core>);

impl TargetIndex {
    fn new(ruby: &Ruby) -> Result<Self, Error> {
        guarded(ruby, || Ok(Self::default()))
    }

    /// Whether `key` lies in one of the targets of which `wanted` is true.
    pub(crate) fn has_match(&self, key: &[u8], wanted: impl Fn(&[u8]) -> bool) -> bool {
        self.0.borrow().matches(key).any(wanted)
    }

    /// The targets that `key` lies in and of which `wanted` is true.
    pub(crate) fn matches(&self, key: &[u8], wanted: impl Fn(&[u8]) -> bool) -> Vec<Box<[u8]>> {
        self.0.borrow().matches(key).filter(|target| wanted(target)).map(Box::from).collect()
    }

    fn insert(ruby: &Ruby, this: &Self, target: Value) -> Result<(), Error> {
        guarded(ruby, || with_bytes(ruby, target, |target| this.0.borrow_mut().insert(target)))
    }

    fn remove(ruby: &Ruby, this: &Self, target: Value) -> Result<(), Error> {
        guarded(ruby, || with_bytes(ruby, target, |target| this.0.borrow_mut().remove(target)))
    }
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let module = ruby.define_module("EtcdDiscovery")?;
    let class = module.define_class("TargetIndex", ruby.class_object())?;
    let _: Value = module.funcall("private_constant", (ruby.to_symbol("TargetIndex"),))?;
    class.undef_default_alloc_func();
    class.define_singleton_method("new", function!(TargetIndex::new, 0))?;
    class.define_method("insert", method!(TargetIndex::insert, 1))?;
    class.define_method("remove", method!(TargetIndex::remove, 1))?;
    Ok(())
}
