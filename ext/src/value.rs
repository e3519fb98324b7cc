//! Bytes of etcd as strings of Ruby, and back.

use magnus::{Error, RString, Ruby, Value, prelude::*};

/// A frozen String: UTF-8 where the bytes are, else BINARY.
pub(crate) fn string(ruby: &Ruby, bytes: &[u8]) -> RString {
    let string = if std::str::from_utf8(bytes).is_ok() {
        ruby.enc_str_new(bytes, ruby.utf8_encindex())
    } else {
        ruby.enc_str_new(bytes, ruby.ascii8bit_encindex())
    };
    string.freeze();
    string
}

/// The bytes of a String, whatever its encoding says.
///
/// # Errors
/// `TypeError` for anything else: a Symbol that read as `nil` would hide a mistake.
pub(crate) fn bytes(ruby: &Ruby, value: Value) -> Result<Vec<u8>, Error> {
    let Some(string) = RString::from_value(value) else {
        // SAFETY: the class name is used before any other Ruby code can run.
        let given = unsafe { value.classname() }.into_owned();
        return Err(Error::new(ruby.exception_type_error(), format!("expected a String, got {given}")));
    };
    // SAFETY: the bytes are copied before any other Ruby code can run.
    Ok(unsafe { string.as_slice() }.to_vec())
}
