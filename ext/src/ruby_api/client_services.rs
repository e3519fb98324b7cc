//! `EtcdDiscovery::Client`: the keys of one service, read only when one of them has changed.

use etcd_discovery_core::range::KeyRange;
use magnus::{Error, RArray, Ruby, Value, method, prelude::*, typed_data::Obj};

use super::client::Client;
use crate::error::{guarded, unwatched};
use crate::value::{bytes, string};

/// `[generation, [[key, value], …]]` of the key `name` and the keys under `name/`.
///
/// `nil` if none of them has changed since the generation `since`. With 0 it always returns the keys.
fn service_entries(
    ruby: &Ruby,
    client: Obj<Client>,
    name: Value,
    since: u64,
) -> Result<Option<RArray>, Error> {
    guarded(ruby, || {
        let reader = client.reader(ruby)?;
        reader.ensure_ready(ruby, client.as_value())?;
        let name = bytes(ruby, name)?;
        let own = KeyRange::key(&name);
        let under = KeyRange::prefix(&[name.as_slice(), b"/"].concat());
        let ranges = &reader.core().settings().ranges;
        if !ranges.cover(&under) && !ranges.contains(&name) {
            return Err(unwatched(ruby, &name, ranges));
        }
        let published = reader.core().publication().load_full();
        if since == published.generation() {
            return Ok(None);
        }
        let mut touched = false;
        let complete = published.each_change_since(since, |key| {
            touched = touched || own.contains(key) || under.contains(key);
        });
        if since > 0 && complete && !touched {
            return Ok(None);
        }
        let entries = ruby.ary_new();
        for range in [&own, &under] {
            for entry in published.snapshot().range(range) {
                entries.push(
                    ruby.ary_new_from_values(&[string(ruby, entry.key()), string(ruby, entry.value())]),
                )?;
            }
        }
        let answer = ruby.ary_new();
        answer.push(published.generation())?;
        answer.push(entries)?;
        Ok(Some(answer))
    })
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let class = ruby.define_module("EtcdDiscovery")?.define_class("Client", ruby.class_object())?;
    class.define_private_method("native_service_entries", method!(service_entries, 2))
}
