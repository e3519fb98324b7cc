//! The two fastest ways to a value: by the identity of the key's String, and by its bytes.
//!
//! Most keys are literals, and Ruby keeps one interned String for each. The answer for such an object is found by its
//! address, without reading its bytes. An interned String never changes. The cache marks and pins it and its answer,
//! so that neither the collector nor compaction can put another object at the address.
//!
//! Other keys are found by their bytes, with a hash that is cheaper than Ruby's. Ruby's hash must resist keys that are
//! made to collide; here a collision only means that the read takes the way through Ruby's Hash.

use std::cell::Cell;

use magnus::rb_sys::{AsRawValue, FromRawValue};
use magnus::{RString, Value, gc};
use rb_sys::VALUE;

/// Powers of two: 4 KiB and 48 KiB per client. Two keys that share a slot evict each other.
const IDENTITIES: usize = 256;
const TEXTS: usize = 2_048;

/// A multiplier that spreads similar inputs: 2^64 by the golden ratio, odd and without a pattern.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// `false`, which is never a key: an empty slot.
const NOTHING: VALUE = 0;

#[derive(Clone, Copy)]
struct Text {
    hash: u64,
    name: VALUE,
    value: VALUE,
}

const NO_TEXT: Text = Text { hash: 0, name: NOTHING, value: NOTHING };

/// The cached answers, all of one generation.
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

    /// The earlier answer for `key`.
    ///
    /// # Safety
    /// `key` is a live value.
    #[inline]
    pub(crate) unsafe fn get(&self, key: VALUE) -> Option<VALUE> {
        let (known, value) = self.identities[place::<IDENTITIES>(key)].get();
        // SAFETY: the caller passes a live value.
        if known == key { Some(value) } else { unsafe { self.by_text(key) } }
    }

    /// # Safety
    /// `key` is a live value.
    #[inline]
    unsafe fn by_text(&self, key: VALUE) -> Option<VALUE> {
        // SAFETY: `key` is alive and, after the check, a String; a name in the cache is marked. No Ruby code runs
        // while the bytes of the two are in use.
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

    /// Keeps the answer for `key` if that is an interned String. Otherwise does nothing.
    ///
    /// # Safety
    /// Both are live values, `key` a String.
    pub(crate) unsafe fn keep_identity(&self, key: VALUE, value: VALUE) {
        // The flag for frozen is not enough: a chilled String has it too, and can still change.
        const INTERNED: VALUE = rb_sys::ruby_rstring_flags::RSTRING_FSTR as VALUE;
        // SAFETY: `key` is a live String, so it is a heap object, which begins with an `RBasic`.
        if unsafe { (*(key as *const rb_sys::RBasic)).flags } & INTERNED != 0 {
            self.identities[place::<IDENTITIES>(key)].set((key, value));
        }
    }

    /// Keeps the answer for every String with the bytes of `name`, which is interned.
    ///
    /// # Safety
    /// `value` is a live value.
    pub(crate) unsafe fn keep_text(&self, name: RString, value: VALUE) {
        // SAFETY: `name` is a live String, and no Ruby code runs while its bytes are hashed.
        let hash = hash(unsafe { bytes_of(name.as_raw()) });
        self.texts[place::<TEXTS>(hash)].set(Text { hash, name: name.as_raw(), value });
    }

    /// Drops all answers by identity. That is cheaper than finding those of the changed keys.
    pub(crate) fn clear_identities(&self) {
        self.identities.iter().for_each(|place| place.set((NOTHING, NOTHING)));
    }

    /// Drops the answer for one key.
    pub(crate) fn forget_text(&self, key: &[u8]) {
        let place = &self.texts[place::<TEXTS>(hash(key))];
        place.set(NO_TEXT);
    }

    pub(crate) fn clear(&self) {
        self.clear_identities();
        self.texts.iter().for_each(|place| place.set(NO_TEXT));
    }

    /// Keeps all keys and answers alive, and pins them, because the cache knows them by address.
    pub(crate) fn mark(&self, marker: &gc::Marker) {
        let identities = self.identities.iter().map(Cell::get);
        let texts = self.texts.iter().map(|text| (text.get().name, text.get().value));
        for (key, value) in identities.chain(texts).filter(|(key, _)| *key != NOTHING) {
            // SAFETY: both were alive when they were cached, and this function has kept them alive since.
            let (key, value) = unsafe { (Value::from_raw(key), Value::from_raw(value)) };
            marker.mark(key);
            marker.mark(value);
        }
    }
}

#[inline]
#[allow(clippy::cast_possible_truncation)] // at most eleven bits remain
const fn place<const PLACES: usize>(number: u64) -> usize {
    (number.wrapping_mul(SPREAD) >> (u64::BITS - PLACES.trailing_zeros())) as usize
}

/// Hashes eight bytes at a time; the last eight may overlap the previous ones.
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
    // SAFETY: the caller passes a live String, whose pointer and length stay valid until Ruby code runs.
    unsafe {
        let length = usize::try_from(rb_sys::RSTRING_LEN(string)).unwrap_or(0);
        std::slice::from_raw_parts(rb_sys::RSTRING_PTR(string).cast(), length)
    }
}

/// Whether it is a String and not of a subclass, so that no method of it is the application's own.
///
/// # Safety
/// `value` is a live value.
#[inline]
pub(crate) unsafe fn is_plain_string(value: VALUE) -> bool {
    // SAFETY: a live value that is no special constant is a heap object, which begins with an `RBasic`.
    unsafe {
        !rb_sys::SPECIAL_CONST_P(value) && (*(value as *const rb_sys::RBasic)).klass == rb_sys::rb_cString
    }
}
