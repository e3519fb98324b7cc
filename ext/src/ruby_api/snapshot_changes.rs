//! What lies between two snapshots, for subscriptions.
//!
//! A change is an Array of key, value (nil: deleted), previous value (nil: new) and revision; they come in the
//! order of revisions. A deletion leaves no revision behind; it gets that of the snapshot that first shows it.
//! What changed more than once in between shows as one change.

use etcd_discovery_core::range::KeyRange;
use etcd_discovery_core::store::{Entry, Key};
use magnus::{Error, RArray, Ruby, Value, method, prelude::*, typed_data::Obj};

use super::snapshot::Snapshot;
use super::target_index::TargetIndex;
use crate::error::guarded;
use crate::typed::Kind;
use crate::value::{bytes, string};

/// The changes of one key or prefix.
fn since(
    ruby: &Ruby,
    newer: Obj<Snapshot>,
    older: Option<Obj<Snapshot>>,
    target: Value,
) -> Result<RArray, Error> {
    guarded(ruby, || {
        let keys = keys_under(&newer, older.as_deref(), &bytes(ruby, target)?);
        let changes = ruby.ary_new_capa(keys.len());
        for (revision, key) in in_order(&newer, keys) {
            changes.push(change(ruby, &newer, older.as_deref(), revision, &key)?)?;
        }
        Ok(changes)
    })
}

/// The changes that concern someone, each with an Array of the targets that it matches.
///
/// The publication has the list of changed keys; it is looked through once for all of them. No Ruby object is made
/// for a key that no one subscribes to.
fn matching(
    ruby: &Ruby,
    newer: Obj<Snapshot>,
    older: Obj<Snapshot>,
    index: Obj<TargetIndex>,
) -> Result<RArray, Error> {
    guarded(ruby, || {
        let mut keys = newer.changed_keys_since(&older, &KeyRange::prefix(b""));
        keys.retain(|key| index.has_match(key));
        let changes = ruby.ary_new_capa(keys.len());
        for (revision, key) in in_order(&newer, keys) {
            let targets =
                ruby.ary_from_iter(index.matches(&key).iter().map(|target| ruby.str_from_slice(target)));
            let change = change(ruby, &newer, Some(&older), revision, &key)?;
            changes.push(ruby.ary_new_from_values(&[change.as_value(), targets.as_value()]))?;
        }
        Ok(changes)
    })
}

fn keys_under(newer: &Snapshot, older: Option<&Snapshot>, target: &[u8]) -> Vec<Key> {
    let range = KeyRange::target(target);
    let Some(older) = older else {
        return newer.content().range(&range).map(|entry| Key::from(entry.key())).collect();
    };
    let mut keys = newer.changed_keys_since(older, &range);
    // What the new client does not watch was not deleted.
    keys.retain(|key| range.contains(key) && newer.watches(key));
    keys
}

fn in_order(newer: &Snapshot, keys: Vec<Key>) -> Vec<(i64, Key)> {
    let revision =
        |key: &Key| newer.content().get(key).map_or(newer.content().revision(), Entry::mod_revision);
    let mut keys: Vec<(i64, Key)> = keys.into_iter().map(|key| (revision(&key), key)).collect();
    keys.sort_by_key(|(revision, _)| *revision);
    keys
}

fn change(
    ruby: &Ruby,
    newer: &Snapshot,
    older: Option<&Snapshot>,
    revision: i64,
    key: &[u8],
) -> Result<RArray, Error> {
    let name = string(ruby, key).as_value();
    let value = text(ruby, newer, key, name)?;
    let previous = match older {
        Some(older) => text(ruby, older, key, name)?,
        None => ruby.qnil().as_value(),
    };
    Ok(ruby.ary_new_from_values(&[name, value, previous, ruby.into_value(revision)]))
}

/// The older snapshot may be of a client that did not watch the key: it had no value there.
fn text(ruby: &Ruby, snapshot: &Snapshot, key: &[u8], name: Value) -> Result<Value, Error> {
    if snapshot.content().get(key).is_none() {
        return Ok(ruby.qnil().as_value());
    }
    snapshot.read(ruby, Kind::Text, name, None)
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let class = ruby.define_module("EtcdDiscovery")?.define_class("Snapshot", ruby.class_object())?;
    class.define_private_method("native_changes_since", method!(since, 2))?;
    class.define_private_method("native_matching_changes", method!(matching, 2))
}
