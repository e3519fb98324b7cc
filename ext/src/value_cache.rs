//! What was made of values, as Ruby objects: for each kind of read a Hash from keys to results.

use std::cell::Cell;

use magnus::rb_sys::{AsRawValue, FromRawValue};
use magnus::value::Opaque;
use magnus::{Error, RHash, RString, Ruby, Value, gc};
use rb_sys::VALUE;

use crate::string_cache::is_plain_string;
use crate::typed::Kind;

const KINDS: usize = Kind::ALL.len();

/// A Hash for each kind, made when it is first needed. The owner of the cache marks it.
pub(crate) struct ValueCache([Cell<Option<Opaque<RHash>>>; KINDS]);

impl Default for ValueCache {
    fn default() -> Self {
        Self([const { Cell::new(None) }; KINDS])
    }
}

impl ValueCache {
    /// The result for `key`, if it is here.
    ///
    /// # Safety
    /// `key` is a live value, the owner of the cache is alive, and the caller holds the GVL.
    #[inline]
    pub(crate) unsafe fn known(&self, kind: Kind, key: VALUE) -> Option<VALUE> {
        let hash = self.0[kind as usize].get()?;
        // SAFETY: the caller holds the GVL, and the owner marks the Hash. A plain String has Ruby's own hash and
        // equality, so that the lookup runs no code of the application and cannot raise.
        unsafe {
            if !is_plain_string(key) {
                return None;
            }
            let hash = Ruby::get_unchecked().get_inner(hash).as_raw();
            let value = rb_sys::rb_hash_lookup2(hash, key, rb_sys::Qundef as VALUE);
            (value != rb_sys::Qundef as VALUE).then_some(value)
        }
    }

    /// The result for a key as it is named here, whatever the encoding of the caller's String.
    pub(crate) fn get(&self, kind: Kind, name: RString) -> Option<Value> {
        // SAFETY: `name` is a live String of a call from Ruby, which has borrowed the owner.
        unsafe { self.known(kind, name.as_raw()).map(|value| Value::from_raw(value)) }
    }

    pub(crate) fn keep(&self, ruby: &Ruby, kind: Kind, name: RString, value: Value) -> Result<(), Error> {
        let place = &self.0[kind as usize];
        let hash = place.get().unwrap_or_else(|| ruby.hash_new().into());
        place.set(Some(hash));
        ruby.get_inner(hash).aset(name, value)
    }

    /// Drops every result for a key.
    pub(crate) fn forget(&self, ruby: &Ruby, name: RString) -> Result<(), Error> {
        self.hashes(ruby).try_for_each(|hash| hash.delete::<_, Value>(name).map(drop))
    }

    pub(crate) fn clear(&self, ruby: &Ruby) -> Result<(), Error> {
        self.hashes(ruby).try_for_each(RHash::clear)
    }

    /// Pins the Hashes, because they are known here by their addresses.
    pub(crate) fn mark(&self, marker: &gc::Marker) {
        self.0.iter().filter_map(Cell::get).for_each(|hash| marker.mark(hash));
    }

    fn hashes<'a>(&'a self, ruby: &'a Ruby) -> impl Iterator<Item = RHash> + 'a {
        self.0.iter().filter_map(Cell::get).map(|hash| ruby.get_inner(hash))
    }
}
