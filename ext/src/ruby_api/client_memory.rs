//! `EtcdDiscovery::Client` without etcd: the memory store of `source` and `EtcdDiscovery::Testing`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_discovery_core::error::{Error as CoreError, ErrorKind};
use etcd_discovery_core::session::Offline;
use etcd_discovery_core::store::{Key, Write};
use magnus::rb_sys::AsRawValue;
use magnus::{Error, RArray, Ruby, TryConvert, Value, method, prelude::*, typed_data::Obj};

use super::client::Client;
use super::snapshot::Snapshot;
use crate::error::{guarded, raised};
use crate::value::{bytes, string};
use crate::waits;

/// A driver stops when its current step is done, which may take this long.
const TIMEOUT: Duration = Duration::from_secs(5);

fn offline<'a>(ruby: &Ruby, client: &'a Client) -> Result<&'a Arc<Offline>, Error> {
    let online = || raised(ruby, &CoreError::new(ErrorKind::Internal, "this client follows etcd"));
    client.core(ruby)?.offline().ok_or_else(online)
}

fn is_offline(ruby: &Ruby, client: &Client) -> Result<bool, Error> {
    guarded(ruby, || Ok(client.core(ruby)?.offline().is_some()))
}

/// Leaves etcd; the client cannot return to it.
fn go_offline(ruby: &Ruby, client: &Client) -> Result<(), Error> {
    guarded(ruby, || {
        let core = client.core(ruby)?;
        if core.offline().is_none() {
            core.stop();
            waits::until_stopped(ruby, core, Instant::now() + TIMEOUT)?;
            core.go_offline().map_err(|error| raised(ruby, &error))?;
        }
        Ok(())
    })
}

/// Writes pairs of key and value (nil: delete the key) at one revision, and returns the revision.
fn write(ruby: &Ruby, client: &Client, pairs: RArray) -> Result<i64, Error> {
    guarded(ruby, || {
        let offline = offline(ruby, client)?;
        let mut writes = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let (key, value) = <(Value, Option<Value>)>::try_convert(pair)?;
            let key: Key = bytes(ruby, key)?.into();
            let value = value.map(|value| bytes(ruby, value)).transpose()?;
            writes.push(Write { key, value: value.map(Vec::into_boxed_slice), lease: 0 });
        }
        let revision = offline.store().write(|_| Some(writes));
        offline.notify();
        Ok(revision.unwrap_or_default())
    })
}

/// Confirms that the source still has this content.
fn confirm(ruby: &Ruby, client: &Client) -> Result<(), Error> {
    guarded(ruby, || {
        offline(ruby, client)?.confirm();
        Ok(())
    })
}

/// Deletes the keys whose lease has ended. Returns whether there are leases that will end.
fn end_leases(ruby: &Ruby, client: &Client) -> Result<bool, Error> {
    guarded(ruby, || Ok(offline(ruby, client)?.end_leases()))
}

/// Records that the source is missing or invalid.
fn fail(ruby: &Ruby, client: &Client, problem: String) -> Result<(), Error> {
    guarded(ruby, || {
        offline(ruby, client)?.fail(&CoreError::new(ErrorKind::Configuration, problem));
        Ok(())
    })
}

/// Reports when the content becomes stale, or fresh again.
fn check_staleness(ruby: &Ruby, client: &Client) -> Result<(), Error> {
    guarded(ruby, || {
        offline(ruby, client)?.check_staleness();
        Ok(())
    })
}

/// A mark: a snapshot of all keys, watched or not, to restore later.
fn mark(ruby: &Ruby, client: Obj<Client>) -> Result<Snapshot, Error> {
    guarded(ruby, || {
        let content = offline(ruby, &client)?.store().all();
        Ok(Snapshot::of(client.core(ruby)?, content.as_ref().clone(), client.as_raw()))
    })
}

/// Restores a mark for all keys except `spared`. Returns the keys that differed.
fn restore(ruby: &Ruby, client: &Client, mark: &Snapshot, spared: RArray) -> Result<RArray, Error> {
    guarded(ruby, || {
        let offline = offline(ruby, client)?;
        let keys = offline.store().restore(mark.content(), &keys(ruby, spared)?);
        offline.notify();
        Ok(ruby.ary_from_iter(keys.iter().map(|key| string(ruby, key))))
    })
}

/// A copy of `mark` with the keys of `changed` as they are in `other`.
fn patch(
    ruby: &Ruby,
    client: Obj<Client>,
    mark: &Snapshot,
    other: &Snapshot,
    changed: RArray,
) -> Result<Snapshot, Error> {
    guarded(ruby, || {
        let content = mark.content().with_keys_of(other.content(), keys(ruby, changed)?);
        Ok(Snapshot::of(client.core(ruby)?, content, client.as_raw()))
    })
}

fn keys(ruby: &Ruby, list: RArray) -> Result<BTreeSet<Key>, Error> {
    list.into_iter().map(|key| bytes(ruby, key).map(Key::from)).collect()
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let class = ruby.define_module("EtcdDiscovery")?.define_class("Client", ruby.class_object())?;
    class.define_private_method("native_offline?", method!(is_offline, 0))?;
    class.define_private_method("native_go_offline", method!(go_offline, 0))?;
    class.define_private_method("native_write_all", method!(write, 1))?;
    class.define_private_method("native_end_leases", method!(end_leases, 0))?;
    class.define_private_method("native_confirm", method!(confirm, 0))?;
    class.define_private_method("native_fail", method!(fail, 1))?;
    class.define_private_method("native_check_staleness", method!(check_staleness, 0))?;
    class.define_private_method("native_mark", method!(mark, 0))?;
    class.define_private_method("native_restore", method!(restore, 2))?;
    class.define_private_method("native_patch", method!(patch, 3))?;
    Ok(())
}
