//! `pin { }`: reads of one fiber that all see one revision.
//!
//! The pins of a fiber are a Hash in a fiber-local variable: from client to snapshot, nil before the first
//! read. While no fiber of the process has one, a read pays for one load of a counter.

use std::sync::atomic::{AtomicUsize, Ordering};

use magnus::value::LazyId;
use magnus::{Error, RHash, Ruby, Value, prelude::*, typed_data::Obj};

use crate::client::Client;
use crate::snapshot::Snapshot;

static PINS: LazyId = LazyId::new("etcd_discovery_pins");

/// Fibers that have pinned something. One that ends without running its `ensure` (an abandoned fiber, a
/// thread lost in a fork) leaves it too high, which costs time and nothing else.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// Whether any fiber has pinned anything.
#[inline]
pub(crate) fn any() -> bool {
    ACTIVE.load(Ordering::Relaxed) > 0
}

/// Yields, with all reads of `client` in this fiber seeing one revision. A pin within a pin is the same pin.
pub(crate) fn pin(ruby: &Ruby, client: Obj<Client>) -> Result<Value, Error> {
    let pins = pins(ruby)?;
    if pins.lookup2::<_, _, Option<Value>>(client, ruby.qfalse())?.is_none_or(Value::to_bool) {
        return ruby.yield_value(());
    }
    pins.aset(client, ruby.qnil())?;
    ACTIVE.fetch_add(1, Ordering::Relaxed);
    let result = ruby.yield_value(());
    ACTIVE.fetch_sub(1, Ordering::Relaxed);
    pins.delete::<_, Value>(client)?;
    result
}

/// The snapshot that this fiber has pinned, taken now if this is its first read; `None` without a pin.
pub(crate) fn pinned(ruby: &Ruby, client: Obj<Client>) -> Result<Option<Obj<Snapshot>>, Error> {
    if !any() {
        return Ok(None);
    }
    let Some(pins) = ruby.thread_current().local_aref::<_, Option<RHash>>(*PINS)? else { return Ok(None) };
    let pin: Value = pins.lookup2(client, ruby.qfalse())?;
    if pin.is_nil() {
        let snapshot = ruby.obj_wrap(Snapshot::current(ruby, client)?);
        pins.aset(client, snapshot)?;
        return Ok(Some(snapshot));
    }
    if pin.to_bool() { Obj::try_convert(pin).map(Some) } else { Ok(None) }
}

fn pins(ruby: &Ruby) -> Result<RHash, Error> {
    let fiber = ruby.thread_current();
    if let Some(pins) = fiber.local_aref::<_, Option<RHash>>(*PINS)? {
        return Ok(pins);
    }
    let pins = ruby.hash_new();
    let _: Value = pins.funcall("compare_by_identity", ())?;
    fiber.local_aset(*PINS, pins)?;
    Ok(pins)
}
