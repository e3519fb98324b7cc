//! What lies between two snapshots, for those who want to be told.

use etcd_discovery_core::range::KeyRange;
use etcd_discovery_core::store::{Entry, Key};
use magnus::{Error, RArray, Ruby, Value, prelude::*, typed_data::Obj};

use crate::error::guarded;
use crate::snapshot::Snapshot;
use crate::typed::Kind;
use crate::value::{bytes, string};

/// Arrays of key, value (nil: deleted), previous value (nil: new) and revision, in the order of revisions.
///
/// A deletion leaves no revision behind; it gets that of the snapshot that first shows it. What changed more
/// than once in between shows as one change.
pub(crate) fn since(
    ruby: &Ruby,
    newer: Obj<Snapshot>,
    older: Option<Obj<Snapshot>>,
    wanted: Value,
) -> Result<RArray, Error> {
    guarded(ruby, || {
        let wanted = range(&bytes(ruby, wanted)?);
        let mut keys: Vec<(i64, Key)> = changed_keys(&newer, older.as_deref())
            .into_iter()
            .filter(|key| wanted.contains(key))
            .map(|key| {
                let entry = newer.content().get(&key);
                (entry.map_or_else(|| newer.content().revision(), Entry::mod_revision), key)
            })
            .collect();
        keys.sort_by_key(|(revision, _)| *revision);
        let changes = ruby.ary_new_capa(keys.len());
        for (revision, key) in keys {
            let key = string(ruby, &key).as_value();
            let value = newer.read(ruby, Kind::Text, key, None)?;
            let previous = match older {
                Some(older) => older.read(ruby, Kind::Text, key, None)?,
                None => ruby.qnil().as_value(),
            };
            let change = [key, value, previous, ruby.into_value(revision)];
            changes.push(ruby.ary_new_from_values(&change))?;
        }
        Ok(changes)
    })
}

/// What ends in a slash is a prefix, an empty text is everything, and anything else is one key.
pub(crate) fn range(wish: &[u8]) -> KeyRange {
    let prefix = wish.last().is_none_or(|last| *last == b'/');
    if prefix { KeyRange::prefix(wish) } else { KeyRange::key(wish) }
}

fn changed_keys(newer: &Snapshot, older: Option<&Snapshot>) -> Vec<Key> {
    match older {
        Some(older) => older.content().changed_keys(newer.content()),
        None => newer.content().iter().map(|entry| Key::from(entry.key())).collect(),
    }
}
