//! `EtcdDiscovery::Client`: its events, for the Ruby threads that write the log and call blocks.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use etcd_discovery_core::notice::{Field, Notice, Sink};
use magnus::{Error, RArray, Ruby, Value, method, prelude::*};

use super::client::Client;
use super::waker::Waker;
use crate::error::{guarded, raised};
use crate::value::{bytes, string};

/// Reads the notices from `cursor` on; nil is the present.
///
/// Returns the next cursor, how many notices were missed, and an array of name, time (seconds), payload and
/// origin for each of the others; nil if there is nothing new.
fn drain(ruby: &Ruby, client: &Client, cursor: Option<u64>) -> Result<Option<(u64, u64, RArray)>, Error> {
    guarded(ruby, || {
        let feed = client.core(ruby)?.notices();
        let end = feed.end();
        if cursor == Some(end) {
            return Ok(None);
        }
        let events = ruby.ary_new();
        let Some(cursor) = cursor else { return Ok(Some((end, 0, events))) };
        // No lock is held here: making Ruby objects may run Ruby code.
        let batch = feed.read(cursor);
        for (at, notice) in &batch.notices {
            events.push(event(ruby, *at, notice)?)?;
        }
        Ok(Some((batch.cursor, batch.missed, events)))
    })
}

/// Registers `waker`, which is woken at each notice.
fn observe(ruby: &Ruby, client: &Client, waker: &Waker) -> Result<(), Error> {
    guarded(ruby, || {
        client.core(ruby)?.notices().add_waker(waker.core());
        Ok(())
    })
}

/// Reports an event that Ruby code noticed: what happened to the instances of a service.
fn notify_service(
    ruby: &Ruby,
    client: &Client,
    origin: u64,
    service: Value,
    kind: String,
    message: Value,
) -> Result<(), Error> {
    guarded(ruby, || {
        let (service, message) = (bytes(ruby, service)?, bytes(ruby, message)?);
        client.core(ruby)?.notices().notify(Notice::Service { origin, service, kind, message });
        Ok(())
    })
}

/// Reports a value that has its type but breaks a rule that Ruby code checks.
fn notify_invalid(
    ruby: &Ruby,
    client: &Client,
    key: Value,
    revision: i64,
    problem: String,
) -> Result<(), Error> {
    guarded(ruby, || {
        let key = bytes(ruby, key)?;
        client.core(ruby)?.notices().notify(Notice::InvalidValue { key, revision, problem });
        Ok(())
    })
}

fn event(ruby: &Ruby, at: SystemTime, notice: &Arc<Notice>) -> Result<RArray, Error> {
    let payload = ruby.hash_new();
    for (name, field) in notice.payload() {
        payload.aset(ruby.to_symbol(name), value(ruby, field))?;
    }
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let origin = match **notice {
        Notice::Service { origin, .. } => Some(origin),
        _ => None,
    };
    let event = ruby.ary_new_capa(4);
    event.push(ruby.to_symbol(notice.name()))?;
    event.push(seconds)?;
    event.push(payload)?;
    event.push(origin)?;
    Ok(event)
}

fn value(ruby: &Ruby, field: Field<'_>) -> Value {
    match field {
        Field::Absent => ruby.qnil().as_value(),
        Field::Truth(truth) => ruby.into_value(truth),
        Field::Number(number) => ruby.into_value(number),
        Field::Seconds(seconds) => ruby.into_value(seconds),
        Field::Word(word) => ruby.to_symbol(word).as_value(),
        Field::Text(text) | Field::Private(text) => string(ruby, text).as_value(),
        Field::Error(error) => ruby.into_value(raised(ruby, error).value()),
    }
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let class = ruby.define_module("EtcdDiscovery")?.define_class("Client", ruby.class_object())?;
    class.define_private_method("native_drain", method!(drain, 1))?;
    class.define_private_method("native_observe", method!(observe, 1))?;
    class.define_private_method("native_notify_service", method!(notify_service, 4))?;
    class.define_private_method("native_notify_invalid", method!(notify_invalid, 3))?;
    Ok(())
}
