//! `EtcdDiscovery::Client`: its events, for the Ruby threads that write the log and call blocks.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use etcd_discovery_core::error::Error as CoreError;
use etcd_discovery_core::notice::{LocalCopy, Member, Notice, Sink};
use magnus::{Error, RArray, RHash, Ruby, Value, method, prelude::*};

use super::client::Client;
use super::waker::Waker;
use crate::error::{guarded, raised};
use crate::value::{bytes, string};

/// Reads the notices from `cursor` on; nil is the present. Returns the next cursor, how many notices were missed, and an
/// array of name, time (seconds), payload and origin for each of the others; nil if there is nothing new.
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
    let payload = Payload { ruby, hash: ruby.hash_new() };
    let name = payload.fill(notice)?;
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let origin = match **notice {
        Notice::Service { origin, .. } => Some(origin),
        _ => None,
    };
    let event = ruby.ary_new_capa(4);
    event.push(ruby.to_symbol(name))?;
    event.push(seconds)?;
    event.push(payload.hash)?;
    event.push(origin)?;
    Ok(event)
}

struct Payload<'a> {
    ruby: &'a Ruby,
    hash: RHash,
}

impl Payload<'_> {
    fn set(&self, field: &str, value: impl magnus::IntoValue) -> Result<&Self, Error> {
        self.hash.aset(self.ruby.to_symbol(field), value)?;
        Ok(self)
    }

    fn symbol(&self, field: &str, value: &str) -> Result<&Self, Error> {
        self.set(field, self.ruby.to_symbol(value))
    }

    fn bytes(&self, field: &str, value: &[u8]) -> Result<&Self, Error> {
        self.set(field, string(self.ruby, value))
    }

    fn copy(&self, copy: LocalCopy) -> Result<&Self, Error> {
        self.set("revision", copy.revision)?.set("keys", copy.keys)
    }

    fn member(&self, member: &Member) -> Result<&Self, Error> {
        let version = Some(member.version.as_str()).filter(|version| !version.is_empty());
        self.set("endpoint", member.endpoint.as_str())?.set("server_version", version)
    }

    fn error(&self, error: Option<&CoreError>) -> Result<&Self, Error> {
        self.set("error", error.and_then(|error| raised(self.ruby, error).value()))
    }

    /// Returns the name of the event. `EtcdDiscovery::EventType::ALL` documents each.
    fn fill(&self, notice: &Notice) -> Result<&'static str, Error> {
        match notice {
            Notice::Connected { member, copy, inherited, after } => {
                self.member(member)?.copy(*copy)?;
                self.set("after", after.as_secs_f64())?.set("inherited", *inherited)?;
                Ok("connect")
            }
            Notice::Reconnected { member, copy, connections, after } => {
                self.member(member)?.copy(*copy)?;
                self.set("count", *connections)?.set("after", after.as_secs_f64())?;
                Ok("reconnect")
            }
            Notice::Disconnected { endpoint, copy, error, retry_within } => {
                self.set("endpoint", endpoint.as_deref())?.copy(*copy)?.error(Some(error))?;
                self.set("next_attempt", retry_within.as_secs_f64())?;
                Ok("disconnect")
            }
            Notice::Denied { copy, error } => {
                self.copy(*copy)?.error(Some(error))?;
                Ok("denied")
            }
            Notice::Relisted { copy } => {
                self.set("count", 1)?.copy(*copy)?;
                Ok("relist")
            }
            Notice::Reset { copy } => {
                self.set("count", 1)?.copy(*copy)?;
                Ok("reset")
            }
            Notice::Diverged { copy, error } => {
                self.set("count", 1)?.copy(*copy)?.error(Some(error))?;
                Ok("divergence")
            }
            Notice::Stale { age, max_staleness, state, copy, error } => {
                self.set("age", age.as_secs_f64())?.set("max_staleness", max_staleness.as_secs_f64())?;
                self.symbol("state", state)?.copy(*copy)?.error(error.as_ref())?;
                Ok("stale")
            }
            Notice::Fresh { age, after, copy } => {
                self.set("age", age.as_secs_f64())?.set("after", after.as_secs_f64())?.copy(*copy)?;
                Ok("fresh")
            }
            Notice::Registration { key, address, state, previous, lease, error } => {
                self.bytes("key", key)?.bytes("address", address)?.symbol("state", state)?;
                self.symbol("previous", previous)?.set("lease", *lease)?.error(error.as_ref())?;
                Ok("registration")
            }
            Notice::InvalidValue { key, revision, problem } => {
                self.bytes("key", key)?.set("revision", *revision)?.set("problem", problem.as_str())?;
                Ok("invalid_value")
            }
            Notice::CacheFailed { error } => {
                self.error(Some(error))?;
                Ok("cache_error")
            }
            Notice::Service { service, kind, message, .. } => {
                self.bytes("service", service)?.symbol("type", kind)?.bytes("message", message)?;
                Ok("service")
            }
        }
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
