//! Bytes of etcd as strings of Ruby, and back.

use magnus::{Error, RString, Ruby, Value, prelude::*};

/// A frozen String: UTF-8 where the bytes are, else BINARY.
pub(crate) fn string(ruby: &Ruby, bytes: &[u8]) -> RString {
    let string = encoded(ruby, bytes);
    string.freeze();
    string
}

/// The same for a key: interned, so that a literal of the program with the same bytes is the same object.
pub(crate) fn name(ruby: &Ruby, bytes: &[u8]) -> RString {
    encoded(ruby, bytes).to_interned_str()
}

fn encoded(ruby: &Ruby, bytes: &[u8]) -> RString {
    if std::str::from_utf8(bytes).is_ok() {
        ruby.enc_str_new(bytes, ruby.utf8_encindex())
    } else {
        ruby.enc_str_new(bytes, ruby.ascii8bit_encindex())
    }
}

/// The bytes of a String, whatever its encoding says.
///
/// # Errors
/// `TypeError` for anything else: a Symbol that read as `nil` would hide a mistake.
pub(crate) fn bytes(ruby: &Ruby, value: Value) -> Result<Vec<u8>, Error> {
    with_bytes(ruby, value, <[u8]>::to_vec)
}

/// Gives `look` the bytes of a String. No Ruby code may run in `look`: it could change the String.
///
/// # Errors
/// `TypeError` for anything else.
#[inline]
pub(crate) fn with_bytes<T>(ruby: &Ruby, value: Value, look: impl FnOnce(&[u8]) -> T) -> Result<T, Error> {
    let Some(string) = RString::from_value(value) else {
        // SAFETY: the class name is used before any other Ruby code can run.
        let given = unsafe { value.classname() }.into_owned();
        return Err(Error::new(ruby.exception_type_error(), format!("expected a String, got {given}")));
    };
    // SAFETY: `look` runs no Ruby code.
    Ok(look(unsafe { string.as_slice() }))
}
