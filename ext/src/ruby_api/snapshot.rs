//! `EtcdDiscovery::Snapshot`: an immutable view at one revision.

use std::sync::Arc;

use etcd_discovery_core::layers::Layers;
use etcd_discovery_core::range::KeyRange;
use etcd_discovery_core::session::Client as Core;
use etcd_discovery_core::store::{EntryRef, Key, Published, Snapshot as Content, View};
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

/// Which part of the content a snapshot shows.
enum Scope {
    /// Everything that is watched.
    All,
    /// The keys of a range.
    Keys(KeyRange),
    /// The names in the layers that begin with a prefix, each with its effective value.
    Names(Vec<u8>),
}

/// A snapshot of one client, or the part of it under a prefix.
#[derive(TypedData)]
#[magnus(class = "EtcdDiscovery::Snapshot", free_immediately, mark)]
pub(crate) struct Snapshot {
    core: Arc<Core>,
    content: Content,
    /// The publication that it was taken from, if it was.
    published: Option<Arc<Published>>,
    /// Which keys or names of the content it shows.
    scope: Scope,
    /// The client's object, whose reader has cached results for entries that are still current.
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
        // Ruby frees objects only on its own threads.
        if let Ok(ruby) = Ruby::get() {
            ruby.gc_adjust_memory_usage(-self.weight);
        }
    }
}

impl Snapshot {
    /// The current snapshot of a client that has one.
    ///
    /// To Ruby's collector a snapshot looks small, but it may keep much of an old content alive. Without the reported
    /// weight, code that takes a snapshot at each change and makes few other objects would hold thousands of them.
    pub(crate) fn current(ruby: &Ruby, client: Obj<Client>) -> Result<Self, Error> {
        let reader = client.reader(ruby)?;
        reader.ensure_ready(ruby, client.as_value())?;
        let published = reader.core().publication().load_full();
        let mut snapshot = Self::of(reader.core(), published.snapshot().clone(), client.as_raw());
        snapshot.weight = reader.weight_since_last(&published);
        snapshot.published = Some(published);
        ruby.gc_adjust_memory_usage(snapshot.weight);
        Ok(snapshot)
    }

    pub(crate) fn of(core: &Arc<Core>, content: Content, client: VALUE) -> Self {
        let core = Arc::clone(core);
        let (scope, value_cache) = (Scope::All, ValueCache::default());
        Self { core, content, published: None, scope, client, value_cache, weight: 0 }
    }

    fn part(&self, scope: Scope) -> Self {
        let mut part = Self::of(&self.core, self.content.clone(), self.client);
        part.scope = scope;
        part
    }

    pub(crate) fn layers(&self) -> &Layers {
        &self.core.settings().layers
    }

    pub(crate) fn view(&self) -> View<'_> {
        View::new(self.layers(), &self.content)
    }

    /// Whether both are of one client.
    pub(crate) fn has_client_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.core, &other.core)
    }

    /// Whether the client of `core` has published nothing since.
    pub(crate) fn is_latest_of(&self, core: &Arc<Core>) -> bool {
        let latest = core.publication().generation();
        Arc::ptr_eq(&self.core, core)
            && self.published.as_ref().is_some_and(|published| published.generation() == latest)
    }

    pub(crate) const fn content(&self) -> &Content {
        &self.content
    }

    pub(crate) fn watches(&self, key: &[u8]) -> bool {
        self.core.settings().ranges.contains(key)
    }

    /// The keys whose entries differ from those of `older`.
    ///
    /// The publications of one client have a list of them. Snapshots of two clients share no nodes that a
    /// comparison could skip, so only `range` is compared.
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

    /// A read of any kind. `default` is returned if there is no good value.
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
        let Some(entry) = self.find(ruby, key)?.map(EntryRef::to_entry) else {
            return Ok(default.unwrap_or_else(|| ruby.qnil().as_value()));
        };
        // SAFETY: this live snapshot marks the client.
        let client = unsafe { Value::from_raw(self.client) };
        let layered = with_bytes(ruby, key, |key| self.layers().is_name(key).then(|| Key::from(key)))?;
        let asked = layered.as_deref().unwrap_or_else(|| entry.key());
        let read = Read { kind, name: asked, entry: &entry };
        let outcome = Obj::<Client>::try_convert(client)?.reader(ruby)?.make(ruby, &read)?;
        if let Outcome::Value(value) = outcome {
            self.value_cache.keep(ruby, kind, name(ruby, asked), value)?;
        }
        outcome.or_default(default)
    }

    /// Passes every key, or name, with its entry to `take`, in order.
    fn each<E>(&self, mut take: impl FnMut(&[u8], EntryRef) -> Result<(), E>) -> Result<(), E> {
        match &self.scope {
            Scope::All => self.content.iter().try_for_each(|entry| take(entry.key(), entry)),
            Scope::Keys(range) => self.content.range(range).try_for_each(|entry| take(entry.key(), entry)),
            Scope::Names(prefix) => {
                self.view().under(prefix).iter().try_for_each(|(name, found)| take(name, found.entry))
            }
        }
    }

    /// Whether this has all keys of a range, or all names with a prefix.
    fn has_all(&self, prefix: &[u8]) -> bool {
        let (names, range) = (self.layers().is_name(prefix), KeyRange::prefix(prefix));
        match &self.scope {
            Scope::All => names || self.core.settings().ranges.cover(&range),
            Scope::Keys(outer) => !names && outer.covers(&range),
            Scope::Names(outer) if names || prefix.is_empty() => prefix.starts_with(outer),
            Scope::Names(outer) => outer.is_empty() && self.core.settings().ranges.cover(&range),
        }
    }

    fn find(&self, ruby: &Ruby, key: Value) -> Result<Option<EntryRef<'_>>, Error> {
        let found = with_bytes(ruby, key, |key| {
            let name = self.layers().is_name(key);
            let watched = match &self.scope {
                Scope::All => name || self.core.settings().ranges.contains(key),
                Scope::Keys(range) => !name && range.contains(key),
                Scope::Names(prefix) if name => key.starts_with(prefix),
                Scope::Names(prefix) => prefix.is_empty() && self.core.settings().ranges.contains(key),
            };
            if watched { Ok(self.view().get(key).map(|found| found.entry)) } else { Err(key.to_vec()) }
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
        guarded(ruby, || Ok(this.find(ruby, key)?.map(EntryRef::mod_revision)))
    }

    fn lease(ruby: &Ruby, this: &Self, key: Value) -> Result<Option<i64>, Error> {
        guarded(ruby, || Ok(this.find(ruby, key)?.map(EntryRef::lease)))
    }

    fn size(ruby: &Ruby, this: &Self) -> Result<usize, Error> {
        guarded(ruby, || {
            let mut count = 0;
            match &this.scope {
                Scope::All => return Ok(this.content.len()),
                _ => this.each(|_, _| {
                    count += 1;
                    Ok::<_, Error>(())
                })?,
            }
            Ok(count)
        })
    }

    fn keys(ruby: &Ruby, this: &Self) -> Result<RArray, Error> {
        guarded(ruby, || {
            let keys = ruby.ary_new();
            this.each(|name, _| keys.push(string(ruby, name)))?;
            Ok(keys)
        })
    }

    fn pairs(ruby: &Ruby, this: &Self) -> Result<RArray, Error> {
        guarded(ruby, || {
            let pairs = ruby.ary_new();
            this.each(|name, entry| {
                pairs.push(ruby.ary_new_from_values(&[string(ruby, name), string(ruby, entry.value())]))
            })?;
            Ok(pairs)
        })
    }

    fn prefix(ruby: &Ruby, this: &Self, prefix: Value) -> Result<Self, Error> {
        guarded(ruby, || {
            let prefix = bytes(ruby, prefix)?;
            if !this.has_all(&prefix) {
                return Err(unwatched(ruby, &prefix, &this.core.settings().ranges));
            }
            let all_names = prefix.is_empty() && matches!(this.scope, Scope::Names(_));
            Ok(this.part(if all_names || this.layers().is_name(&prefix) {
                Scope::Names(prefix)
            } else {
                Scope::Keys(KeyRange::prefix(&prefix))
            }))
        })
    }

    /// The effective values by name. Without layers every key is a name.
    fn layered(ruby: &Ruby, this: &Self) -> Result<Self, Error> {
        guarded(ruby, || match &this.scope {
            Scope::Names(prefix) => Ok(this.part(Scope::Names(prefix.clone()))),
            Scope::Keys(range) if this.layers().is_empty() => Ok(this.part(Scope::Keys(range.clone()))),
            Scope::All if this.layers().is_empty() => Ok(this.part(Scope::All)),
            Scope::All => Ok(this.part(Scope::Names(Vec::new()))),
            Scope::Keys(_) => {
                let message =
                    "this is a part of a snapshot, and may lack layers; call `layered` first, then `prefix`";
                Err(Error::new(ruby.exception_arg_error(), message))
            }
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
    class.define_method("layered", method!(Snapshot::layered, 0))?;
    class.define_private_method("native_lease", method!(Snapshot::lease, 1))?;
    Ok(())
}
