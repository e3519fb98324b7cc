//! `EtcdDiscovery::Snapshot`: an immutable view at one revision.

use std::sync::Arc;

use etcd_discovery_core::range::KeyRange;
use etcd_discovery_core::session::Client as Core;
use etcd_discovery_core::store::{Entry, Key, Snapshot as Content};
use magnus::{DataTypeFunctions, Error, RArray, RString, Ruby, TypedData, Value, method, prelude::*};

use crate::error::{guarded, unwatched};
use crate::value::{bytes, string};

/// A snapshot of one client, or the part of it under a prefix.
#[derive(TypedData, DataTypeFunctions)]
#[magnus(class = "EtcdDiscovery::Snapshot", free_immediately, frozen_shareable)]
pub(crate) struct Snapshot {
    core: Arc<Core>,
    content: Content,
    /// Only the keys of this range, where there is one.
    range: Option<KeyRange>,
}

impl Snapshot {
    /// The current snapshot of `core`.
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        let content = core.publication().load().snapshot().clone();
        Self { core: Arc::clone(core), content, range: None }
    }

    fn entries(&self) -> Box<dyn Iterator<Item = (&Key, &Arc<Entry>)> + '_> {
        match &self.range {
            Some(range) => Box::new(self.content.range(range)),
            None => Box::new(self.content.iter()),
        }
    }

    fn find(&self, ruby: &Ruby, key: Value) -> Result<Option<&Arc<Entry>>, Error> {
        let key = bytes(ruby, key)?;
        let watched = match &self.range {
            Some(range) => range.contains(&key),
            None => self.core.settings().ranges.contains(&key),
        };
        if watched { Ok(self.content.get(&key)) } else { Err(unwatched(ruby, &key)) }
    }

    fn aref(ruby: &Ruby, this: &Self, key: Value) -> Result<Option<RString>, Error> {
        guarded(ruby, || Ok(this.find(ruby, key)?.map(|entry| string(ruby, &entry.value))))
    }

    fn has_key(ruby: &Ruby, this: &Self, key: Value) -> Result<bool, Error> {
        guarded(ruby, || Ok(this.find(ruby, key)?.is_some()))
    }

    fn revision(&self) -> i64 {
        self.content.revision()
    }

    fn mod_revision(ruby: &Ruby, this: &Self, key: Value) -> Result<Option<i64>, Error> {
        guarded(ruby, || Ok(this.find(ruby, key)?.map(|entry| entry.mod_revision)))
    }

    fn size(&self) -> usize {
        if self.range.is_none() { self.content.len() } else { self.entries().count() }
    }

    fn keys(ruby: &Ruby, this: &Self) -> Result<RArray, Error> {
        guarded(ruby, || {
            let keys = ruby.ary_new();
            this.entries().try_for_each(|(key, _)| keys.push(string(ruby, key)))?;
            Ok(keys)
        })
    }

    fn pairs(ruby: &Ruby, this: &Self) -> Result<RArray, Error> {
        guarded(ruby, || {
            let pairs = ruby.ary_new();
            this.entries().try_for_each(|(key, entry)| {
                pairs.push(ruby.ary_new_from_values(&[string(ruby, key), string(ruby, &entry.value)]))
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
                return Err(unwatched(ruby, &prefix));
            }
            Ok(Self { core: Arc::clone(&this.core), content: this.content.clone(), range: Some(range) })
        })
    }
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let class = ruby.define_module("EtcdDiscovery")?.define_class("Snapshot", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("[]", method!(Snapshot::aref, 1))?;
    class.define_method("key?", method!(Snapshot::has_key, 1))?;
    class.define_method("revision", method!(Snapshot::revision, 0))?;
    class.define_method("mod_revision", method!(Snapshot::mod_revision, 1))?;
    class.define_method("size", method!(Snapshot::size, 0))?;
    class.define_method("keys", method!(Snapshot::keys, 0))?;
    class.define_method("to_a", method!(Snapshot::pairs, 0))?;
    class.define_method("prefix", method!(Snapshot::prefix, 1))?;
    Ok(())
}
