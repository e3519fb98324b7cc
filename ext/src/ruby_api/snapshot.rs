//! `EtcdDiscovery::Snapshot`: an immutable view at one revision.

use std::sync::Arc;

use etcd_discovery_core::range::KeyRange;
use etcd_discovery_core::session::Client as Core;
use etcd_discovery_core::store::{Entry, Key, Published, Snapshot as Content};
use magnus::rb_sys::{AsRawValue, FromRawValue};
use magnus::{
    DataTypeFunctions, Error, RArray, Ruby, TryConvert, TypedData, Value, gc, method, prelude::*,
    typed_data::Obj,
};
use rb_sys::VALUE;

use super::client::Client;
use crate::error::{guarded, unwatched};
use crate::read::{Outcome, Read};
use crate::typed::Kind;
use crate::value::{bytes, name, string, with_bytes};
use crate::value_cache::ValueCache;

/// A snapshot of one client, or the part of it under a prefix.
#[derive(TypedData)]
#[magnus(class = "EtcdDiscovery::Snapshot", free_immediately, mark)]
pub(crate) struct Snapshot {
    core: Arc<Core>,
    content: Content,
    /// The publication that it is of, if it is of one.
    published: Option<Arc<Published>>,
    /// Only the keys of this range, where there is one.
    range: Option<KeyRange>,
    /// The client's object: it knows what was made already of the entries that are still current.
    client: VALUE,
    value_cache: ValueCache,
    /// The bytes that this has reported to Ruby's collector.
    weight: isize,
}

impl DataTypeFunctions for Snapshot {
    fn mark(&self, marker: &gc::Marker) {
        self.value_cache.mark(marker);
        // SAFETY: an object of this class has kept the client alive since it was made.
        marker.mark(unsafe { Value::from_raw(self.client) });
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // Objects are freed on Ruby's threads alone.
        if let Ok(ruby) = Ruby::get() {
            ruby.gc_adjust_memory_usage(-self.weight);
        }
    }
}

impl Snapshot {
    /// The current snapshot of a client that has one.
    ///
    /// For Ruby's collector it is a small object, yet it may be the last to hold much of an old content: one
    /// who takes a snapshot at each change and makes few other objects would hold thousands of them.
    pub(crate) fn current(ruby: &Ruby, client: Obj<Client>) -> Result<Self, Error> {
        let reader = client.reader(ruby)?;
        reader.ensure_ready(ruby, client.as_value())?;
        let published = reader.core().publication().load_full();
        let mut snapshot = Self::of(reader.core(), published.snapshot().clone(), None, client.as_raw());
        snapshot.weight = reader.weight_since_last(&published);
        snapshot.published = Some(published);
        ruby.gc_adjust_memory_usage(snapshot.weight);
        Ok(snapshot)
    }

    pub(crate) fn of(core: &Arc<Core>, content: Content, range: Option<KeyRange>, client: VALUE) -> Self {
        let core = Arc::clone(core);
        Self { core, content, published: None, range, client, value_cache: ValueCache::default(), weight: 0 }
    }

    pub(crate) const fn content(&self) -> &Content {
        &self.content
    }

    pub(crate) fn watches(&self, key: &[u8]) -> bool {
        self.core.settings().ranges.contains(key)
    }

    /// The keys whose entries differ from those of `older`. The publications of one client know them; snapshots of
    /// two clients share nothing that a comparison could skip, so only `range` of them is compared.
    pub(crate) fn changed_keys_since(&self, older: &Self, range: &KeyRange) -> Vec<Key> {
        match (&self.published, &older.published) {
            (Some(published), Some(before)) if Arc::ptr_eq(&self.core, &older.core) => {
                published.changed_keys_since(before)
            }
            _ => older.content.changed_keys_in(&self.content, range),
        }
    }

    pub(crate) const fn value_cache(&self) -> &ValueCache {
        &self.value_cache
    }

    /// A read of any kind, with what a reader gets where there is nothing good.
    pub(crate) fn read(
        &self,
        ruby: &Ruby,
        kind: Kind,
        key: Value,
        default: Option<Value>,
    ) -> Result<Value, Error> {
        // SAFETY: `key` is an argument of a call from Ruby, and the cache belongs to this live snapshot.
        if let Some(known) = unsafe { self.value_cache.known(kind, key.as_raw()) } {
            // SAFETY: this snapshot's cache marks the value.
            return Ok(unsafe { Value::from_raw(known) });
        }
        let Some(entry) = self.find(ruby, key)?.cloned() else {
            return Ok(default.unwrap_or_else(|| ruby.qnil().as_value()));
        };
        // SAFETY: the client is marked for as long as this lives.
        let client = unsafe { Value::from_raw(self.client) };
        let read = Read { kind, entry: &entry };
        let outcome = Obj::<Client>::try_convert(client)?.reader(ruby)?.make(ruby, &read)?;
        if let Outcome::Value(value) = outcome {
            self.value_cache.keep(ruby, kind, name(ruby, entry.key()), value)?;
        }
        outcome.or_default(default)
    }

    fn entries(&self) -> Box<dyn Iterator<Item = &Entry> + '_> {
        match &self.range {
            Some(range) => Box::new(self.content.range(range)),
            None => Box::new(self.content.iter()),
        }
    }

    fn find(&self, ruby: &Ruby, key: Value) -> Result<Option<&Entry>, Error> {
        let found = with_bytes(ruby, key, |key| {
            let watched = match &self.range {
                Some(range) => range.contains(key),
                None => self.core.settings().ranges.contains(key),
            };
            if watched { Ok(self.content.get(key)) } else { Err(key.to_vec()) }
        })?;
        found.map_err(|key| unwatched(ruby, &key, &self.core.settings().ranges))
    }

    pub(crate) fn has_key(&self, ruby: &Ruby, key: Value) -> Result<bool, Error> {
        Ok(self.find(ruby, key)?.is_some())
    }

    fn key_p(ruby: &Ruby, this: &Self, key: Value) -> Result<bool, Error> {
        guarded(ruby, || this.has_key(ruby, key))
    }

    fn revision(ruby: &Ruby, this: &Self) -> Result<i64, Error> {
        guarded(ruby, || Ok(this.content.revision()))
    }

    fn mod_revision(ruby: &Ruby, this: &Self, key: Value) -> Result<Option<i64>, Error> {
        guarded(ruby, || Ok(this.find(ruby, key)?.map(Entry::mod_revision)))
    }

    fn size(ruby: &Ruby, this: &Self) -> Result<usize, Error> {
        guarded(ruby, || Ok(if this.range.is_none() { this.content.len() } else { this.entries().count() }))
    }

    fn keys(ruby: &Ruby, this: &Self) -> Result<RArray, Error> {
        guarded(ruby, || {
            let keys = ruby.ary_new();
            this.entries().try_for_each(|entry| keys.push(string(ruby, entry.key())))?;
            Ok(keys)
        })
    }

    fn pairs(ruby: &Ruby, this: &Self) -> Result<RArray, Error> {
        guarded(ruby, || {
            let pairs = ruby.ary_new();
            this.entries().try_for_each(|entry| {
                pairs
                    .push(ruby.ary_new_from_values(&[string(ruby, entry.key()), string(ruby, entry.value())]))
            })?;
            Ok(pairs)
        })
    }

    fn prefix(ruby: &Ruby, this: &Self, prefix: Value) -> Result<Self, Error> {
        guarded(ruby, || {
            let prefix = bytes(ruby, prefix)?;
            let range = KeyRange::prefix(&prefix);
            let watched = match &this.range {
                Some(outer) => outer.covers(&range),
                None => this.core.settings().ranges.cover(&range),
            };
            if !watched {
                return Err(unwatched(ruby, &prefix, &this.core.settings().ranges));
            }
            Ok(Self::of(&this.core, this.content.clone(), Some(range), this.client))
        })
    }
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let class = ruby.define_module("EtcdDiscovery")?.define_class("Snapshot", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("key?", method!(Snapshot::key_p, 1))?;
    class.define_method("revision", method!(Snapshot::revision, 0))?;
    class.define_method("mod_revision", method!(Snapshot::mod_revision, 1))?;
    class.define_method("size", method!(Snapshot::size, 0))?;
    class.define_method("keys", method!(Snapshot::keys, 0))?;
    class.define_method("to_a", method!(Snapshot::pairs, 0))?;
    class.define_method("prefix", method!(Snapshot::prefix, 1))?;
    Ok(())
}
