//! What was made of values, as Ruby's own objects: for each kind of read a Hash from keys to results.

use std::cell::Cell;

use magnus::rb_sys::{AsRawValue, FromRawValue};
use magnus::{Error, RHash, RString, Ruby, Value};
use rb_sys::VALUE;

use crate::string_cache::is_plain_string;
use crate::typed::Kind;

const KINDS: usize = Kind::ALL.len();
const NIL: VALUE = rb_sys::Qnil as VALUE;

/// A Hash for each kind, made when it is first needed. The owner of the cache marks it.
pub(crate) struct ValueCache([Cell<VALUE>; KINDS]);

impl Default for ValueCache {
    fn default() -> Self {
        Self([const { Cell::new(NIL) }; KINDS])
    }
}

impl ValueCache {
    /// The result for `key`, if it is here.
    ///
    /// # Safety
    /// `key` is a live value, and the owner of the cache is alive.
    #[inline]
    pub(crate) unsafe fn known(&self, kind: Kind, key: VALUE) -> Option<VALUE> {
        let hash = self.0[kind as usize].get();
        // SAFETY: a plain String has hash and equality of its own, so that the look-up runs no code of the
        // user's and cannot raise. The Hash is alive: the owner marks it.
        unsafe {
            if hash == NIL || !is_plain_string(key) {
                return None;
            }
            let value = rb_sys::rb_hash_lookup2(hash, key, rb_sys::Qundef as VALUE);
            (value != rb_sys::Qundef as VALUE).then_some(value)
        }
    }

    /// The result for a key as it is named here, whatever the encoding of the caller's String.
    pub(crate) fn get(&self, kind: Kind, name: RString) -> Option<Value> {
        // SAFETY: a live String; the owner is borrowed from a live object.
        unsafe { self.known(kind, name.as_raw()).map(|value| Value::from_raw(value)) }
    }

    pub(crate) fn keep(&self, ruby: &Ruby, kind: Kind, name: RString, value: Value) -> Result<(), Error> {
        self.hash(ruby, kind).aset(name, value)
    }

    /// Drops every result for a key.
    pub(crate) fn forget(&self, name: RString) -> Result<(), Error> {
        self.hashes().try_for_each(|hash| hash.delete::<_, Value>(name).map(drop))
    }

    pub(crate) fn clear(&self) -> Result<(), Error> {
        self.hashes().try_for_each(RHash::clear)
    }

    pub(crate) fn mark(&self) {
        for hash in &self.0 {
            // SAFETY: called while Ruby marks; nil, or a Hash that this has kept alive. Pinned, as it is
            // known here by its address.
            unsafe { rb_sys::rb_gc_mark(hash.get()) };
        }
    }

    fn hash(&self, ruby: &Ruby, kind: Kind) -> RHash {
        let place = &self.0[kind as usize];
        // SAFETY: nil, or a Hash that the owner keeps alive.
        if let Some(hash) = RHash::from_value(unsafe { Value::from_raw(place.get()) }) {
            return hash;
        }
        let hash = ruby.hash_new();
        place.set(hash.as_raw());
        hash
    }

    fn hashes(&self) -> impl Iterator<Item = RHash> {
        // SAFETY: nil, or a Hash that the owner keeps alive.
        self.0.iter().filter_map(|hash| RHash::from_value(unsafe { Value::from_raw(hash.get()) }))
    }
}
