//! `EtcdDiscovery::Client`: reads from etcd itself, at the current or a past revision.

use etcd_discovery_core::range::KeyRange;
use etcd_discovery_core::session::{Found, Query};
use magnus::rb_sys::AsRawValue;
use magnus::{Error, RArray, RString, Ruby, TryConvert, Value, method, prelude::*, typed_data::Obj};

use super::client::Client;
use super::snapshot::Snapshot;
use crate::error::guarded;
use crate::value::{bytes, string};
use crate::waits::Request;

/// Reads ranges at one revision (nil: the current one).
///
/// A range is `[target, whether it is a prefix, limit, whether to leave the values out]`. Returns the
/// revision, and for each range the number of its keys, and `[key, value, revision, lease]` of each.
fn read(
    ruby: &Ruby,
    this: &Client,
    doing: RString,
    targets: RArray,
    revision: Option<i64>,
) -> Result<RArray, Error> {
    guarded(ruby, || {
        let queries: Vec<Query> =
            targets.into_iter().map(|target| query(ruby, target)).collect::<Result<_, _>>()?;
        let request = Request { ruby, doing: &doing.to_string()?, key: None };
        let reading = request.finish(this.core(ruby)?.read(queries, revision))?;
        let found = ruby.ary_new();
        reading.found.iter().try_for_each(|one| found.push(rows(ruby, one)?))?;
        Ok(ruby.ary_new_from_values(&[ruby.into_value(reading.revision), found.as_value()]))
    })
}

fn query(ruby: &Ruby, given: Value) -> Result<Query, Error> {
    let (target, prefix, limit, keys_only) = <(Value, bool, Option<i64>, bool)>::try_convert(given)?;
    let target = bytes(ruby, target)?;
    let range = if prefix { KeyRange::prefix(&target) } else { KeyRange::key(&target) };
    Ok(Query { range, limit, keys_only })
}

fn rows(ruby: &Ruby, found: &Found) -> Result<Value, Error> {
    let rows = ruby.ary_new();
    for entry in &found.entries {
        let (key, value) = (string(ruby, entry.key()), string(ruby, entry.value()));
        rows.push((key, value, entry.mod_revision(), entry.lease()))?;
    }
    Ok(ruby.into_value((found.count, rows)))
}

/// All watched keys as they were at a revision.
fn at(ruby: &Ruby, this: Obj<Client>, revision: i64) -> Result<Snapshot, Error> {
    guarded(ruby, || {
        let core = this.core(ruby)?;
        let request = Request { ruby, doing: "read the past", key: None };
        let content = request.finish(core.read_watched(revision))?;
        Ok(Snapshot::of(core, content, this.as_raw()))
    })
}

/// `[revision, value]` of the last `limit` changes of a key, oldest first.
///
/// The value is nil for a deletion.
fn history(ruby: &Ruby, this: &Client, key: Value, limit: usize) -> Result<RArray, Error> {
    guarded(ruby, || {
        let key = bytes(ruby, key)?;
        let request = Request { ruby, doing: "history of", key: Some(&key) };
        let changes = request.finish(this.core(ruby)?.history(key.clone(), limit))?;
        let rows = ruby.ary_new();
        for change in &changes {
            let value = change.entry.as_ref().map(|entry| string(ruby, entry.value()));
            rows.push((change.mod_revision, value))?;
        }
        Ok(rows)
    })
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let class = ruby.define_module("EtcdDiscovery")?.define_class("Client", ruby.class_object())?;
    class.define_private_method("native_read", method!(read, 3))?;
    class.define_private_method("native_at", method!(at, 1))?;
    class.define_private_method("native_history", method!(history, 2))?;
    Ok(())
}
