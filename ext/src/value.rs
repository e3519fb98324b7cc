//! Converts bytes of etcd to Ruby Strings, and back.

use magnus::{Error, RString, Ruby, Value, prelude::*};

/// A frozen String: UTF-8 if the bytes are valid UTF-8, otherwise BINARY.
pub(crate) fn string(ruby: &Ruby, bytes: &[u8]) -> RString {
    let string = encoded(ruby, bytes);
    string.freeze();
    string
}

/// The String of a key: interned, so that a literal with the same bytes is the same object.
pub(crate) fn name(ruby: &Ruby, bytes: &[u8]) -> RString {
    encoded(ruby, bytes).to_interned_str()
}

fn encoded(ruby: &Ruby, bytes: &[u8]) -> RString {
    match std::str::from_utf8(bytes) {
        Ok(text) => ruby.str_new(text),
        Err(_) => ruby.str_from_slice(bytes),
    }
}

/// The bytes of a String, whatever its encoding says.
///
/// # Errors
/// `TypeError` for anything that is not a String. A Symbol that reads as `nil` would hide a mistake.
pub(crate) fn bytes(ruby: &Ruby, value: Value) -> Result<Vec<u8>, Error> {
    with_bytes(ruby, value, <[u8]>::to_vec)
}

/// Calls `look` with the bytes of a String.
///
/// `look` must not run Ruby code, which could change the String.
///
/// # Errors
/// `TypeError` for anything that is not a String.
#[inline]
pub(crate) fn with_bytes<T>(ruby: &Ruby, value: Value, look: impl FnOnce(&[u8]) -> T) -> Result<T, Error> {
    let Some(string) = RString::from_value(value) else {
        // SAFETY: the class name is copied before any other Ruby code can run.
        let given = unsafe { value.classname() }.into_owned();
        return Err(Error::new(ruby.exception_type_error(), format!("expected a String, got {given}")));
    };
    // SAFETY: `look` runs no Ruby code, so the String does not change while its bytes are borrowed.
    Ok(look(unsafe { string.as_slice() }))
}
