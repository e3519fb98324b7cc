//! `EtcdDiscovery::Client`: start and stop, waits, pins and status.
//!
//! Ruby code defines most of the public methods.

use std::sync::Arc;

use etcd_discovery_core::error::Error as CoreError;
use etcd_discovery_core::range::KeyRange;
use etcd_discovery_core::session::Client as Core;
use etcd_discovery_core::store::Publication;
use magnus::{Error, RArray, RHash, Ruby, Value, method, prelude::*, typed_data::Obj};

use super::client::Client;
use super::client_pins;
use super::snapshot::Snapshot;
use super::waker::Waker;
use crate::error::{guarded, raised, unwatched};
use crate::reader::Reader;
use crate::seconds::Seconds;
use crate::typed::Kind;
use crate::value::bytes;
use crate::waits;

impl Client {
    fn setup(ruby: &Ruby, this: Obj<Self>, settings: RHash, boot_timeout: Seconds) -> Result<(), Error> {
        guarded(ruby, || {
            let settings = crate::settings::read(ruby, settings)?;
            let core = Core::new(settings).map_err(|error| raised(ruby, &error))?;
            let reader = Reader::new(Arc::new(core), boot_timeout.0);
            this.set_reader(ruby, reader)
        })
    }

    fn start(ruby: &Ruby, this: &Self) -> Result<(), Error> {
        guarded(ruby, || this.core(ruby)?.start().map_err(|error| raised(ruby, &error)))
    }

    fn stop(ruby: &Ruby, this: &Self) -> Result<(), Error> {
        guarded(ruby, || {
            this.reader(ruby)?.stop();
            Ok(())
        })
    }

    fn resume(ruby: &Ruby, this: &Self) -> Result<(), Error> {
        guarded(ruby, || this.core(ruby)?.resume().map_err(|error| raised(ruby, &error)))
    }

    fn wait_ready(ruby: &Ruby, this: &Self, timeout: Seconds) -> Result<(), Error> {
        guarded(ruby, || this.reader(ruby)?.start_within(ruby, timeout.0))
    }

    /// Starts the client as a read does, and waits for its first snapshot for at most `timeout`.
    ///
    /// Returns the error that says why there is none, or nil.
    fn await_snapshot(ruby: &Ruby, this: Obj<Self>, timeout: Seconds) -> Result<Value, Error> {
        guarded(ruby, || {
            let reason = this.reader(ruby)?.await_snapshot(ruby, this.as_value(), Some(timeout.0))?;
            Ok(ruby.into_value(reason.and_then(|reason| raised(ruby, &reason).value())))
        })
    }

    /// Raises unless the key is watched.
    fn ensure_key_watched(ruby: &Ruby, this: &Self, key: Value) -> Result<(), Error> {
        guarded(ruby, || this.reader(ruby)?.ensure_key_watched(ruby, key))
    }

    fn is_wanted(ruby: &Ruby, this: &Self) -> Result<bool, Error> {
        guarded(ruby, || Ok(this.core(ruby)?.is_wanted()))
    }

    fn is_ready(ruby: &Ruby, this: &Self) -> Result<bool, Error> {
        guarded(ruby, || Ok(this.core(ruby)?.is_ready()))
    }

    fn has_key(ruby: &Ruby, this: Obj<Self>, key: Value) -> Result<bool, Error> {
        guarded(ruby, || match client_pins::pinned(ruby, this)? {
            Some(pinned) => pinned.has_key(ruby, key),
            None => this.reader(ruby)?.has_key(ruby, this.as_value(), key),
        })
    }

    fn snapshot(ruby: &Ruby, this: Obj<Self>) -> Result<Obj<Snapshot>, Error> {
        guarded(ruby, || match client_pins::pinned(ruby, this)? {
            Some(pinned) => Ok(pinned),
            None => Ok(ruby.obj_wrap(Snapshot::current(ruby, this)?)),
        })
    }

    fn pin(ruby: &Ruby, this: Obj<Self>) -> Result<Value, Error> {
        guarded(ruby, || client_pins::pin(ruby, this))
    }

    fn pin_enter(ruby: &Ruby, this: Obj<Self>) -> Result<Option<RHash>, Error> {
        guarded(ruby, || client_pins::enter(ruby, this))
    }

    fn pin_leave(ruby: &Ruby, this: Obj<Self>, pins: RHash) -> Result<(), Error> {
        guarded(ruby, || client_pins::leave(pins, this))
    }

    fn invalid_keys(ruby: &Ruby, this: &Self) -> Result<RArray, Error> {
        guarded(ruby, || this.reader(ruby)?.invalid_keys(ruby))
    }

    fn live_snapshot(ruby: &Ruby, this: Obj<Self>) -> Result<Snapshot, Error> {
        guarded(ruby, || Snapshot::current(ruby, this))
    }

    fn live_revision(ruby: &Ruby, this: Obj<Self>) -> Result<i64, Error> {
        guarded(ruby, || {
            let reader = this.reader(ruby)?;
            reader.ensure_ready(ruby, this.as_value())?;
            Ok(reader.core().publication().load().snapshot().revision())
        })
    }

    /// Raises unless the whole key or prefix is watched.
    fn ensure_range_watched(ruby: &Ruby, this: &Self, target: Value) -> Result<(), Error> {
        guarded(ruby, || {
            let target = bytes(ruby, target)?;
            let settings = this.core(ruby)?.settings();
            let ranges = &settings.ranges;
            if settings.layers.is_name(&target) || ranges.cover(&KeyRange::target(&target)) {
                Ok(())
            } else {
                Err(unwatched(ruby, &target, ranges))
            }
        })
    }

    fn live_value(ruby: &Ruby, this: Obj<Self>, key: Value) -> Result<Value, Error> {
        guarded(ruby, || this.reader(ruby)?.find(ruby, this.as_value(), Kind::Text, key, None))
    }

    fn generation(ruby: &Ruby, this: &Self) -> Result<u64, Error> {
        guarded(ruby, || Ok(this.core(ruby)?.publication().generation()))
    }

    fn wait_generation(ruby: &Ruby, this: &Self, seen: u64, timeout: Seconds) -> Result<bool, Error> {
        guarded(ruby, || waits::until(ruby, this.core(ruby)?, timeout.0, |now| now.generation() > seen))
    }

    fn wait_revision(ruby: &Ruby, this: &Self, revision: i64, timeout: Seconds) -> Result<bool, Error> {
        let arrived = |now: &Publication| now.load().snapshot().revision() >= revision;
        guarded(ruby, || waits::until(ruby, this.core(ruby)?, timeout.0, arrived))
    }

    fn add_waker(ruby: &Ruby, this: &Self, waker: &Waker) -> Result<(), Error> {
        guarded(ruby, || this.core(ruby)?.add_waker(waker.core()).map_err(|error| raised(ruby, &error)))
    }

    fn status(ruby: &Ruby, this: &Self) -> Result<RHash, Error> {
        guarded(ruby, || status(ruby, this.core(ruby)?))
    }
}

fn status(ruby: &Ruby, core: &Core) -> Result<RHash, Error> {
    let (report, published) = (core.report(), core.publication().load_full());
    let hash = ruby.hash_new();
    let set = |name: &str, value: Value| hash.aset(ruby.to_symbol(name), value);
    let age = report.confirmed_at.map(|at| at.elapsed());
    set("state", ruby.to_symbol(report.phase.as_str()).as_value())?;
    set("revision", ruby.into_value(published.snapshot().revision()))?;
    set("size", ruby.into_value(published.snapshot().len()))?;
    set("age", ruby.into_value(age.map(|age| age.as_secs_f64())))?;
    set("reconnects", ruby.into_value(report.reconnects))?;
    set("relists", ruby.into_value(report.relists))?;
    set("resets", ruby.into_value(report.resets))?;
    set("audits", ruby.into_value(report.audits))?;
    set("divergences", ruby.into_value(report.divergences))?;
    let exception =
        |error: Option<&CoreError>| ruby.into_value(error.and_then(|error| raised(ruby, error).value()));
    let cache_error = core.cache_problem();
    set("from_cache", ruby.into_value(report.from_cache))?;
    set("cache_error", exception(cache_error.as_deref()))?;
    set("last_error", exception(report.last_error.as_ref().or(cache_error.as_deref())))?;
    let error_age = report.last_error_at.filter(|_| report.last_error.is_some()).map(|at| at.elapsed());
    set("last_error_age", ruby.into_value(error_age.map(|age| age.as_secs_f64())))?;
    let peer = report.peer.as_ref();
    set("endpoint", ruby.into_value(peer.map(|peer| peer.endpoint.as_str())))?;
    let version = peer.map(|peer| peer.version.as_str()).filter(|version| !version.is_empty());
    set("server_version", ruby.into_value(version))?;
    set("pid", ruby.into_value(std::process::id()))?;
    let (role, leader) = core.host_role().unzip();
    set("role", ruby.into_value(role.map(|role| ruby.to_symbol(role.as_str()))))?;
    set("leader_pid", ruby.into_value(leader.flatten()))?;
    set("host_copy_error", exception(core.host_problem().as_deref()))?;
    Ok(hash)
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let class = ruby.define_module("EtcdDiscovery")?.define_class("Client", ruby.class_object())?;
    class.define_alloc_func::<Client>();
    class.define_private_method("native_setup", method!(Client::setup, 2))?;
    class.define_private_method("native_start", method!(Client::start, 0))?;
    class.define_private_method("native_stop", method!(Client::stop, 0))?;
    class.define_private_method("native_wanted?", method!(Client::is_wanted, 0))?;
    class.define_private_method("native_resume", method!(Client::resume, 0))?;
    class.define_private_method("native_wait_ready", method!(Client::wait_ready, 1))?;
    class.define_private_method("native_await_snapshot", method!(Client::await_snapshot, 1))?;
    class.define_private_method("native_ensure_key_watched", method!(Client::ensure_key_watched, 1))?;
    class.define_private_method("native_snapshot", method!(Client::live_snapshot, 0))?;
    class.define_private_method("native_revision", method!(Client::live_revision, 0))?;
    class.define_private_method("native_ensure_range_watched", method!(Client::ensure_range_watched, 1))?;
    class.define_private_method("native_value", method!(Client::live_value, 1))?;
    class.define_private_method("native_generation", method!(Client::generation, 0))?;
    class.define_private_method("native_wait_generation", method!(Client::wait_generation, 2))?;
    class.define_private_method("native_wait_revision", method!(Client::wait_revision, 2))?;
    class.define_private_method("native_add_waker", method!(Client::add_waker, 1))?;
    class.define_private_method("native_invalid_keys", method!(Client::invalid_keys, 0))?;
    class.define_private_method("native_pin_enter", method!(Client::pin_enter, 0))?;
    class.define_private_method("native_pin_leave", method!(Client::pin_leave, 1))?;
    class.define_private_method("native_status", method!(Client::status, 0))?;
    class.define_method("ready?", method!(Client::is_ready, 0))?;
    class.define_method("key?", method!(Client::has_key, 1))?;
    class.define_method("snapshot", method!(Client::snapshot, 0))?;
    class.define_method("pin", method!(Client::pin, 0))?;
    Ok(())
}
