//! `EtcdDiscovery::SubscriptionIndex`: the subscriptions of one client, by the key or prefix that each is for.

use std::cell::{Cell, RefCell};

use etcd_discovery_core::store::TargetIndex;
use magnus::value::Opaque;
use magnus::{
    DataTypeFunctions, Error, RArray, Ruby, TypedData, Value, function, gc, method, prelude::*,
    rb_sys::AsRawValue, typed_data::Obj,
};

use super::snapshot::Snapshot;
use crate::error::guarded;
use crate::value::with_bytes;

/// A subscription with its number. Numbers ascend in the order of subscribing.
#[derive(Clone, Copy)]
pub(crate) struct Numbered {
    pub(crate) subscription: Opaque<Value>,
    pub(crate) number: u64,
}

/// The subscriptions of one client by target, and what they have received. Guarded by the GVL.
///
/// No borrow may last while Ruby code runs: Ruby may switch to a thread that subscribes.
#[derive(Default, TypedData)]
#[magnus(class = "EtcdDiscovery::SubscriptionIndex", free_immediately, mark)]
pub(crate) struct SubscriptionIndex {
    targets: RefCell<TargetIndex<Vec<Numbered>>>,
    /// The snapshot up to which all of them have their changes, or will be called with them.
    delivered: Cell<Option<Opaque<Obj<Snapshot>>>>,
}

impl DataTypeFunctions for SubscriptionIndex {
    fn mark(&self, marker: &gc::Marker) {
        self.targets.borrow().values().flatten().for_each(|one| marker.mark(one.subscription));
        if let Some(delivered) = self.delivered.get() {
            marker.mark(delivered);
        }
    }
}

impl SubscriptionIndex {
    fn new(ruby: &Ruby) -> Result<Self, Error> {
        guarded(ruby, || Ok(Self::default()))
    }

    /// Whether `key` lies in one of the targets of which `wanted` is true.
    pub(crate) fn has_match(&self, key: &[u8], wanted: impl Fn(&[u8]) -> bool) -> bool {
        self.targets.borrow().matches(key).any(|(target, _)| wanted(target))
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
        let index = self.targets.borrow();
        index.matches(key).filter(|(target, _)| wanted(target)).flat_map(|(_, same)| same).try_for_each(take)
    }

    /// The snapshot that all subscriptions have received; `None` before the first one.
    pub(crate) fn known(&self, ruby: &Ruby) -> Option<Obj<Snapshot>> {
        self.delivered.get().map(|delivered| ruby.get_inner(delivered))
    }

    pub(crate) fn set_known(&self, snapshot: Obj<Snapshot>) {
        self.delivered.set(Some(snapshot.into()));
    }

    fn add(ruby: &Ruby, this: &Self, target: Value, subscription: Value, number: u64) -> Result<(), Error> {
        let one = Numbered { subscription: subscription.into(), number };
        guarded(ruby, || with_bytes(ruby, target, |target| this.targets.borrow_mut().entry(target).push(one)))
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
        guarded(ruby, || {
            with_bytes(ruby, target, |target| drop_from(&mut this.targets.borrow_mut(), target))?;
            // Otherwise an old snapshot would be kept for no one.
            if this.is_empty() {
                this.delivered.set(None);
            }
            Ok(())
        })
    }

    /// Removes everything: what was delivered, and the pairs of subscription and number, in no order.
    ///
    /// In one call, so that no delivery comes in between.
    fn take(ruby: &Ruby, this: &Self) -> Result<(Option<Obj<Snapshot>>, RArray), Error> {
        guarded(ruby, || {
            let pairs = ruby.ary_new();
            for one in this.targets.borrow().values().flatten() {
                pairs.push((one.subscription, one.number))?;
            }
            let known = this.known(ruby);
            this.targets.take();
            this.delivered.set(None);
            Ok((known, pairs))
        })
    }

    fn is_empty(&self) -> bool {
        self.targets.borrow().values().next().is_none()
    }

    fn empty_p(ruby: &Ruby, this: &Self) -> Result<bool, Error> {
        guarded(ruby, || Ok(this.is_empty()))
    }

    fn delivered(ruby: &Ruby, this: &Self) -> Result<Option<Obj<Snapshot>>, Error> {
        guarded(ruby, || Ok(this.known(ruby)))
    }

    fn set_delivered(ruby: &Ruby, this: &Self, snapshot: Obj<Snapshot>) -> Result<(), Error> {
        guarded(ruby, || {
            this.set_known(snapshot);
            Ok(())
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
    class.define_method("take", method!(SubscriptionIndex::take, 0))?;
    class.define_method("empty?", method!(SubscriptionIndex::empty_p, 0))?;
    class.define_method("delivered", method!(SubscriptionIndex::delivered, 0))?;
    class.define_method("delivered=", method!(SubscriptionIndex::set_delivered, 1))?;
    Ok(())
}
