//! `EtcdDiscovery::SubscriptionIndex`: the subscriptions of one client, by the key or prefix that each is for.

use std::cell::RefCell;

use etcd_discovery_core::store::TargetIndex;
use magnus::value::Opaque;
use magnus::{
    DataTypeFunctions, Error, RArray, Ruby, TypedData, Value, function, gc, method, prelude::*,
    rb_sys::AsRawValue,
};

use crate::error::guarded;
use crate::value::with_bytes;

/// A subscription with its number. Numbers ascend in the order of subscribing.
#[derive(Clone, Copy)]
pub(crate) struct Numbered {
    pub(crate) subscription: Opaque<Value>,
    pub(crate) number: u64,
}

/// The subscriptions of one client by target. Guarded by the GVL.
///
/// No borrow may last while Ruby code runs: Ruby may switch to a thread that subscribes.
#[derive(Default, TypedData)]
#[magnus(class = "EtcdDiscovery::SubscriptionIndex", free_immediately, mark)]
pub(crate) struct SubscriptionIndex(RefCell<TargetIndex<Vec<Numbered>>>);

impl DataTypeFunctions for SubscriptionIndex {
    fn mark(&self, marker: &gc::Marker) {
        self.0.borrow().values().flatten().for_each(|one| marker.mark(one.subscription));
    }
}

impl SubscriptionIndex {
    fn new(ruby: &Ruby) -> Result<Self, Error> {
        guarded(ruby, || Ok(Self::default()))
    }

    /// Whether `key` lies in one of the targets of which `wanted` is true.
    pub(crate) fn has_match(&self, key: &[u8], wanted: impl Fn(&[u8]) -> bool) -> bool {
        self.0.borrow().matches(key).any(|(target, _)| wanted(target))
    }

    /// Calls `take` with each subscription to a target that `key` lies in and of which `wanted` is true.
    ///
    /// `take` must not run Ruby code.
    pub(crate) fn each_match<E>(
        &self,
        key: &[u8],
        wanted: impl Fn(&[u8]) -> bool,
        take: impl FnMut(&Numbered) -> Result<(), E>,
    ) -> Result<(), E> {
        let index = self.0.borrow();
        index.matches(key).filter(|(target, _)| wanted(target)).flat_map(|(_, same)| same).try_for_each(take)
    }

    fn add(ruby: &Ruby, this: &Self, target: Value, subscription: Value, number: u64) -> Result<(), Error> {
        let one = Numbered { subscription: subscription.into(), number };
        guarded(ruby, || with_bytes(ruby, target, |target| this.0.borrow_mut().entry(target).push(one)))
    }

    fn delete(ruby: &Ruby, this: &Self, target: Value, subscription: Value) -> Result<(), Error> {
        let is_other = |one: &Numbered| ruby.get_inner(one.subscription).as_raw() != subscription.as_raw();
        let drop_from = |index: &mut TargetIndex<Vec<Numbered>>, target: &[u8]| {
            let same = index.entry(target);
            same.retain(is_other);
            if same.is_empty() {
                index.remove(target);
            }
        };
        guarded(ruby, || with_bytes(ruby, target, |target| drop_from(&mut this.0.borrow_mut(), target)))
    }

    fn clear(ruby: &Ruby, this: &Self) -> Result<(), Error> {
        guarded(ruby, || {
            this.0.take();
            Ok(())
        })
    }

    fn empty_p(ruby: &Ruby, this: &Self) -> Result<bool, Error> {
        guarded(ruby, || Ok(this.0.borrow().values().next().is_none()))
    }

    /// The pairs of subscription and number, in no order.
    fn pairs(ruby: &Ruby, this: &Self) -> Result<RArray, Error> {
        guarded(ruby, || {
            let pairs = ruby.ary_new();
            for one in this.0.borrow().values().flatten() {
                pairs.push((one.subscription, one.number))?;
            }
            Ok(pairs)
        })
    }
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let module = ruby.define_module("EtcdDiscovery")?;
    let class = module.define_class("SubscriptionIndex", ruby.class_object())?;
    let _: Value = module.funcall("private_constant", (ruby.to_symbol("SubscriptionIndex"),))?;
    class.undef_default_alloc_func();
    class.define_singleton_method("new", function!(SubscriptionIndex::new, 0))?;
    class.define_method("add", method!(SubscriptionIndex::add, 3))?;
    class.define_method("delete", method!(SubscriptionIndex::delete, 2))?;
    class.define_method("clear", method!(SubscriptionIndex::clear, 0))?;
    class.define_method("empty?", method!(SubscriptionIndex::empty_p, 0))?;
    class.define_method("to_a", method!(SubscriptionIndex::pairs, 0))?;
    Ok(())
}
