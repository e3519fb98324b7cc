//! `EtcdDiscovery::Snapshot`: the changes between two snapshots, for subscriptions.
//!
//! A change is an Array of key or name, value (nil: deleted), previous value (nil: new), revision, and for a name the
//! layer; they come in the order of revisions. A deletion has no revision of its own; it gets that of the snapshot that
//! first shows it. Several changes of one key show as one change.

use std::collections::BTreeSet;

use etcd_discovery_core::range::KeyRange;
use etcd_discovery_core::store::{EffectiveChange, EntryRef, Key, names_of};
use magnus::{
    Error, RArray, RClass, RString, Ruby, Value, method, prelude::*, rb_sys::AsRawValue, typed_data::Obj,
};

use super::client::Client;
use super::snapshot::Snapshot;
use super::subscription_index::SubscriptionIndex;
use crate::error::guarded;
use crate::typed::Kind;
use crate::value::{bytes, string};

/// A value of at least so many bytes is one String for changes and reads, made by way of their caches. To copy a shorter
/// one costs less.
const SHARED_FROM: usize = 1_024;

/// The changes of one target: a key, a name, or a prefix of either.
fn since(
    ruby: &Ruby,
    newer: Obj<Snapshot>,
    older: Option<Obj<Snapshot>>,
    target: Value,
) -> Result<RArray, Error> {
    guarded(ruby, || {
        let target = bytes(ruby, target)?;
        let older = older.as_deref();
        let found = if newer.layers().is_name(&target) {
            names_under(&newer, older, &target)
        } else {
            keys_under(&newer, older, &target)
        };
        let changes = ruby.ary_new_capa(found.len());
        for one in in_order(found) {
            changes.push(fields(ruby, &newer, older, &one)?)?;
        }
        Ok(changes)
    })
}

/// Appends to `due` what the subscriptions of a client receive since the last call: for each subscription, in the order
/// of subscribing, its changes in the order of revisions. The index then knows that they have the latest snapshot.
///
/// Each element is a pair of subscription and `Change`, an object of `class` that all subscriptions share.
///
/// One call does it all, because the thread that calls it has just woken up, and each call from cold caches costs
/// microseconds. No Ruby object is made for a key that no one subscribes to.
fn collect_due(
    ruby: &Ruby,
    client: Obj<Client>,
    index: Obj<SubscriptionIndex>,
    class: RClass,
    due: RArray,
) -> Result<(), Error> {
    guarded(ruby, || {
        let Some(known) = index.known(ruby) else { return Ok(()) };
        if known.is_latest_of(client.core(ruby)?) {
            return Ok(());
        }
        let newer = ruby.obj_wrap(Snapshot::current(ruby, client)?);
        let (layers, found) = (newer.layers(), in_order(matching(&newer, &known, &index)));
        let (calls, mut numbers) = (ruby.ary_new_capa(found.len()), Vec::with_capacity(found.len()));
        for one in found {
            let (key, value, previous, revision, layer) = fields(ruby, &newer, Some(&known), &one)?;
            let change = class.new_instance((key, value, previous, revision, layer, newer))?;
            let wanted = |target: &[u8]| layers.is_name(target) == one.is_name;
            index.each_match(&one.change.name, wanted, |matched| {
                numbers.push(matched.number);
                calls.push(ruby.ary_new_from_values(&[ruby.get_inner(matched.subscription), change]))
            })?;
        }
        let calls = by_number(ruby, calls, &numbers)?;
        // `initialize` is Ruby code. Another thread may meanwhile have cancelled them all, or moved them to another client.
        if index.known(ruby).is_some_and(|latest| latest.as_raw() == known.as_raw()) {
            due.concat(calls)?;
            index.set_known(newer);
        }
        Ok(())
    })
}

/// The pairs in the order of their numbers. The Ruby objects stay in Arrays, where the collector sees them.
fn by_number(ruby: &Ruby, calls: RArray, numbers: &[u64]) -> Result<RArray, Error> {
    if numbers.is_sorted() {
        return Ok(calls);
    }
    let mut places: Vec<usize> = (0..numbers.len()).collect();
    places.sort_by_key(|place| numbers[*place]);
    let sorted = ruby.ary_new_capa(places.len());
    for place in places {
        sorted.push(calls.entry::<Value>(isize::try_from(place).unwrap_or(isize::MAX))?)?;
    }
    Ok(sorted)
}

/// The changes of keys and names that someone subscribes to.
fn matching(newer: &Snapshot, older: &Snapshot, index: &SubscriptionIndex) -> Vec<Found> {
    let layers = newer.layers();
    let keys = newer.changed_keys_since(older, &KeyRange::prefix(b""));
    let names = names_of(layers, &keys, |name| index.has_match(name, |target| layers.is_name(target)));
    let mut found = effective(newer, Some(older), names);
    let of_keys = keys.into_iter().filter(|key| index.has_match(key, |target| !layers.is_name(target)));
    found.extend(of_keys.map(|key| Found::of_key(newer, key)));
    found
}

/// What has changed: a key by itself, or the effective value of a name.
struct Found {
    change: EffectiveChange,
    is_name: bool,
}

impl Found {
    fn of_key(newer: &Snapshot, key: Key) -> Self {
        let content = newer.content();
        let revision = content.get(&key).map_or(content.revision(), EntryRef::mod_revision);
        Self { change: EffectiveChange { name: key, revision, layer: None }, is_name: false }
    }

    /// The value in a snapshot; none if that is of another client, which did not watch the key.
    fn value(&self, ruby: &Ruby, snapshot: &Snapshot, name: Value) -> Result<Value, Error> {
        let key = &*self.change.name;
        let entry = if self.is_name {
            snapshot.view().get(key).map(|found| found.entry)
        } else {
            snapshot.content().get(key)
        };
        match entry {
            None => Ok(ruby.qnil().as_value()),
            // A read by this key would take it for a name.
            Some(entry) if !self.is_name && snapshot.layers().is_name(key) => {
                Ok(string(ruby, entry.value()).as_value())
            }
            Some(entry) if entry.value().len() < SHARED_FROM => Ok(string(ruby, entry.value()).as_value()),
            Some(_) => snapshot.read(ruby, Kind::Text, name, None),
        }
    }
}

fn keys_under(newer: &Snapshot, older: Option<&Snapshot>, target: &[u8]) -> Vec<Found> {
    let range = KeyRange::target(target);
    let mut keys: Vec<Key> = match older {
        None => newer.content().range(&range).map(|entry| Key::from(entry.key())).collect(),
        Some(older) => newer.changed_keys_since(older, &range),
    };
    // A key that the new client does not watch was not deleted.
    keys.retain(|key| older.is_none() || range.contains(key) && newer.watches(key));
    keys.into_iter().map(|key| Found::of_key(newer, key)).collect()
}

fn names_under(newer: &Snapshot, older: Option<&Snapshot>, target: &[u8]) -> Vec<Found> {
    let all = |snapshot: &Snapshot| snapshot.view().of_target(target).into_keys().collect::<BTreeSet<Key>>();
    let range = KeyRange::target(target);
    let names = match older {
        None => all(newer),
        Some(older) if newer.has_client_of(older) => {
            let keys = newer.changed_keys_since(older, &KeyRange::prefix(b""));
            names_of(newer.layers(), &keys, |name| range.contains(name))
        }
        // The other client may have other layers: each name may differ.
        Some(older) => &all(newer) | &all(older),
    };
    effective(newer, older, names)
}

/// The names whose effective values differ.
fn effective(newer: &Snapshot, older: Option<&Snapshot>, names: BTreeSet<Key>) -> Vec<Found> {
    let (now, before) = (newer.view(), older.map(Snapshot::view));
    let changes = names.into_iter().filter_map(|name| now.change_of(&name, before.as_ref()));
    changes.map(|change| Found { change, is_name: true }).collect()
}

fn in_order(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|one| one.change.revision);
    found
}

/// Key or name, value, previous value, revision and layer.
type Fields = (Value, Value, Value, i64, Option<RString>);

fn fields(ruby: &Ruby, newer: &Snapshot, older: Option<&Snapshot>, found: &Found) -> Result<Fields, Error> {
    let name = string(ruby, &found.change.name).as_value();
    let value = found.value(ruby, newer, name)?;
    let previous = match older {
        Some(older) => found.value(ruby, older, name)?,
        None => ruby.qnil().as_value(),
    };
    let layer = found.change.layer.as_ref().map(|layer| string(ruby, layer));
    Ok((name, value, previous, found.change.revision, layer))
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let class = ruby.define_module("EtcdDiscovery")?.define_class("Snapshot", ruby.class_object())?;
    class.define_private_method("native_changes_since", method!(since, 2))?;
    let client = ruby.define_module("EtcdDiscovery")?.define_class("Client", ruby.class_object())?;
    client.define_private_method("native_collect_due", method!(collect_due, 3))
}
