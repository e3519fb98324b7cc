//! The short ways to a value: by the identity of the key's String, and by its bytes.
//!
//! Most keys are literals, and Ruby keeps one interned String for each. What such an object was answered
//! with is found here by its address, without a look at its bytes. An interned String never changes, and
//! both it and its answer are marked and pinned for as long as they stand here, so that neither the
//! collector nor compaction can put another object at the address.
//!
//! Other keys are found by their bytes, with a hash that is cheaper than Ruby's. Ruby's has to resist keys
//! that were made to collide; here a collision only costs the way through Ruby's Hash.

use std::cell::Cell;

use magnus::rb_sys::{AsRawValue, FromRawValue};
use magnus::{RString, Value, gc};
use rb_sys::VALUE;

/// Powers of two: 4 KiB and 48 KiB a client. Two keys that share a place only cost each other the long way.
const IDENTITIES: usize = 256;
const TEXTS: usize = 2_048;

/// An odd number without a pattern (2^64 over the golden ratio) to multiply by: it spreads what is alike.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// False, which no key is: a place that holds nothing.
const NOTHING: VALUE = 0;

#[derive(Clone, Copy)]
struct Text {
    hash: u64,
    name: VALUE,
    value: VALUE,
}

const NO_TEXT: Text = Text { hash: 0, name: NOTHING, value: NOTHING };

/// Answers, all of one generation.
pub(crate) struct StringCache {
    identities: Box<[Cell<(VALUE, VALUE)>; IDENTITIES]>,
    texts: Box<[Cell<Text>]>,
}

impl StringCache {
    pub(crate) fn new() -> Self {
        Self {
            identities: Box::new([const { Cell::new((NOTHING, NOTHING)) }; IDENTITIES]),
            texts: vec![Cell::new(NO_TEXT); TEXTS].into_boxed_slice(),
        }
    }

    /// The answer that `key` had before.
    ///
    /// # Safety
    /// `key` is a live value.
    #[inline]
    pub(crate) unsafe fn get(&self, key: VALUE) -> Option<VALUE> {
        let (known, value) = self.identities[place::<IDENTITIES>(key)].get();
        // SAFETY: the caller's word.
        if known == key { Some(value) } else { unsafe { self.by_text(key) } }
    }

    #[inline]
    unsafe fn by_text(&self, key: VALUE) -> Option<VALUE> {
        // SAFETY: what is no special constant is a heap object, which begins with an `RBasic`; a String's
        // bytes, and those of a name that is marked, are looked at and let go of before Ruby runs again.
        unsafe {
            if !is_plain_string(key) {
                return None;
            }
            let bytes = bytes_of(key);
            let hash = hash(bytes);
            let text = self.texts[place::<TEXTS>(hash)].get();
            let same = text.name != NOTHING && text.hash == hash && bytes_of(text.name) == bytes;
            same.then_some(text.value)
        }
    }

    /// Remembers the answer for `key` if that is an interned String, and else nothing.
    ///
    /// # Safety
    /// Both are live values, `key` a String.
    pub(crate) unsafe fn keep_identity(&self, key: VALUE, value: VALUE) {
        // Not merely frozen: a frozen String can be one that is thawed at its first change.
        const INTERNED: VALUE = rb_sys::ruby_rstring_flags::RSTRING_FSTR as VALUE;
        // SAFETY: the caller's word; every object begins with an `RBasic`.
        if unsafe { (*(key as *const rb_sys::RBasic)).flags } & INTERNED != 0 {
            self.identities[place::<IDENTITIES>(key)].set((key, value));
        }
    }

    /// Remembers the answer for every String with the bytes of `name`, which is interned.
    ///
    /// # Safety
    /// `value` is a live value.
    pub(crate) unsafe fn keep_text(&self, name: RString, value: VALUE) {
        // SAFETY: a live String, whose bytes are let go of before Ruby runs again.
        let hash = hash(unsafe { bytes_of(name.as_raw()) });
        self.texts[place::<TEXTS>(hash)].set(Text { hash, name: name.as_raw(), value });
    }

    /// Drops what was answered by identity: cheaper than to find out what of it concerns the changed keys.
    pub(crate) fn clear_identities(&self) {
        self.identities.iter().for_each(|place| place.set((NOTHING, NOTHING)));
    }

    /// Drops what was answered for one key.
    pub(crate) fn forget_text(&self, key: &[u8]) {
        let place = &self.texts[place::<TEXTS>(hash(key))];
        place.set(NO_TEXT);
    }

    pub(crate) fn clear(&self) {
        self.clear_identities();
        self.texts.iter().for_each(|place| place.set(NO_TEXT));
    }

    /// Keeps all of it alive, and pins it: it is known here by its addresses.
    pub(crate) fn mark(&self, marker: &gc::Marker) {
        let identities = self.identities.iter().map(Cell::get);
        let texts = self.texts.iter().map(|text| (text.get().name, text.get().value));
        for (key, value) in identities.chain(texts).filter(|(key, _)| *key != NOTHING) {
            // SAFETY: both were alive when they were put here, and this has kept them alive since.
            let (key, value) = unsafe { (Value::from_raw(key), Value::from_raw(value)) };
            marker.mark(key);
            marker.mark(value);
        }
    }
}

#[inline]
#[allow(clippy::cast_possible_truncation)] // eleven bits are left at most
const fn place<const PLACES: usize>(number: u64) -> usize {
    (number.wrapping_mul(SPREAD) >> (u64::BITS - PLACES.trailing_zeros())) as usize
}

/// Eight bytes at a time; the last eight overlap the ones before.
#[inline]
fn hash(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(SPREAD);
    let length = bytes.len() as u64;
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().fold(length, |hash, byte| mix(hash, u64::from(*byte)));
    };
    let (words, _) = bytes.as_chunks::<8>();
    let body = words.iter().fold(length, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    mix(body, u64::from_le_bytes(*last))
}

/// # Safety
/// `string` is a live String; no Ruby code runs while the bytes are in use.
#[inline]
unsafe fn bytes_of<'a>(string: VALUE) -> &'a [u8] {
    // SAFETY: the caller's word.
    unsafe {
        let length = usize::try_from(rb_sys::RSTRING_LEN(string)).unwrap_or(0);
        std::slice::from_raw_parts(rb_sys::RSTRING_PTR(string).cast(), length)
    }
}

/// Whether it is a String and of no subclass, so that nothing of it can be the user's own.
///
/// # Safety
/// `value` is a live value.
#[inline]
pub(crate) unsafe fn is_plain_string(value: VALUE) -> bool {
    // SAFETY: what is no special constant is a heap object, which begins with an `RBasic`.
    unsafe {
        !rb_sys::SPECIAL_CONST_P(value) && (*(value as *const rb_sys::RBasic)).klass == rb_sys::rb_cString
    }
}
