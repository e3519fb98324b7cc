//! `EtcdDiscovery::Client#pin`: all reads of one fiber see one revision.
//!
//! The pins of a fiber are in a fiber-local variable: the fiber itself, and a Hash from client to snapshot, nil before the
//! first read. The fiber is part of it because `ActionController::Live` copies fiber-local variables by reference into
//! the threads of its streams: pins of another fiber must not count. While no fiber of the process has a pin, a read
//! only loads one counter.

use std::sync::atomic::{AtomicUsize, Ordering};

use magnus::rb_sys::AsRawValue;
use magnus::value::LazyId;
use magnus::{Error, RArray, RHash, Ruby, Value, prelude::*, typed_data::Obj};

use super::client::Client;
use super::snapshot::Snapshot;

static PINS: LazyId = LazyId::new("etcd_discovery_pins");

/// The number of pins.
///
/// A fiber that ends without running its `ensure` (an abandoned fiber, a thread lost in a fork) leaves it too
/// high, which only makes reads slower.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// Whether any fiber has pinned anything.
#[inline]
pub(crate) fn any() -> bool {
    ACTIVE.load(Ordering::Relaxed) > 0
}

/// Yields; until the block ends, all reads of `client` in this fiber see one revision.
///
/// An inner pin joins the outer one.
pub(crate) fn pin(ruby: &Ruby, client: Obj<Client>) -> Result<Value, Error> {
    let Some(pins) = enter(ruby, client)? else { return ruby.yield_values(()) };
    let result = ruby.yield_values(());
    leave(pins, client)?;
    result
}

/// Starts a pin.
///
/// Returns what [`leave`] needs to end it; `None` if this fiber has pinned `client` already.
pub(crate) fn enter(ruby: &Ruby, client: Obj<Client>) -> Result<Option<RHash>, Error> {
    let pins = match own(ruby)? {
        Some(pins) => pins,
        None => make(ruby)?,
    };
    if pins.lookup2::<_, _, Option<Value>>(client, ruby.qfalse())?.is_none_or(Value::to_bool) {
        return Ok(None);
    }
    pins.aset(client, ruby.qnil())?;
    ACTIVE.fetch_add(1, Ordering::Relaxed);
    Ok(Some(pins))
}

/// Ends the pin that [`enter`] started. Any fiber may call it.
pub(crate) fn leave(pins: RHash, client: Obj<Client>) -> Result<(), Error> {
    ACTIVE.fetch_sub(1, Ordering::Relaxed);
    pins.delete::<_, Value>(client).map(drop)
}

/// The snapshot that this fiber has pinned, taken now at the first read; `None` without a pin.
pub(crate) fn pinned(ruby: &Ruby, client: Obj<Client>) -> Result<Option<Obj<Snapshot>>, Error> {
    if !any() {
        return Ok(None);
    }
    let Some(pins) = own(ruby)? else { return Ok(None) };
    let pin: Value = pins.lookup2(client, ruby.qfalse())?;
    if pin.is_nil() {
        let snapshot = ruby.obj_wrap(Snapshot::current(ruby, client)?);
        pins.aset(client, snapshot)?;
        return Ok(Some(snapshot));
    }
    if pin.to_bool() { Obj::try_convert(pin).map(Some) } else { Ok(None) }
}

/// The pins of the current fiber.
fn own(ruby: &Ruby) -> Result<Option<RHash>, Error> {
    let Some(pair) = ruby.thread_current().local_aref::<_, Option<RArray>>(*PINS)? else { return Ok(None) };
    let owner: Value = pair.entry(0)?;
    if owner.as_raw() == ruby.fiber_current().as_raw() { pair.entry(1).map(Some) } else { Ok(None) }
}

fn make(ruby: &Ruby) -> Result<RHash, Error> {
    let pins = ruby.hash_new();
    let _: Value = pins.funcall("compare_by_identity", ())?;
    let owned = ruby.ary_new_from_values(&[ruby.fiber_current().as_value(), pins.as_value()]);
    ruby.thread_current().local_aset(*PINS, owned)?;
    Ok(pins)
}
