//! The kinds of reads, and how each converts a value.

use etcd_discovery_core::duration;
use magnus::{Error, IntoValue, Ruby, Value, kwargs, prelude::*};

use crate::value::string;

/// The type to which a read converts the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(usize)]
pub(crate) enum Kind {
    /// The String itself: `[]`.
    Text,
    Json,
    Integer,
    Float,
    Boolean,
    List,
    Duration,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] =
        [Self::Text, Self::Json, Self::Integer, Self::Float, Self::Boolean, Self::List, Self::Duration];

    /// Converts `bytes` to this kind. `Err` continues the sentence "the value …".
    pub(crate) fn parse(self, ruby: &Ruby, bytes: &[u8]) -> Result<Result<Value, String>, Error> {
        match self {
            Self::Text => Ok(Ok(string(ruby, bytes).as_value())),
            Self::Json => crate::json::parse(ruby, bytes),
            Self::Integer => by_kernel(ruby, bytes, "Integer", "is not an integer"),
            Self::Float => by_kernel(ruby, bytes, "Float", "is not a number"),
            Self::Boolean => Ok(boolean(bytes)
                .map(|truth| truth.into_value_with(ruby))
                .ok_or_else(|| "is not a boolean (true or false, yes or no, on or off, 1 or 0)".to_owned())),
            Self::List => list(ruby, bytes).map(Ok),
            Self::Duration => {
                Ok(duration::seconds(bytes).map(|seconds| ruby.into_value(seconds)).ok_or_else(|| {
                    "is not a duration (seconds, or amounts with ns, us, ms, s, m, h or d: \"1h30m\")"
                        .to_owned()
                }))
            }
        }
    }
}

/// Parses numbers as Ruby does: of any size, and with underscores between their digits.
fn by_kernel(ruby: &Ruby, bytes: &[u8], method: &str, problem: &str) -> Result<Result<Value, String>, Error> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(Err(problem.to_owned())) };
    let quietly = kwargs!(ruby, "exception" => false);
    let value: Value = if method == "Integer" {
        // Decimal, also with a zero in front: "010" is ten for people who write configuration.
        ruby.module_kernel().funcall(method, (text, 10, quietly))?
    } else {
        ruby.module_kernel().funcall(method, (text, quietly))?
    };
    Ok(if value.is_nil() { Err(problem.to_owned()) } else { Ok(value) })
}

fn boolean(bytes: &[u8]) -> Option<bool> {
    match bytes.trim_ascii().to_ascii_lowercase().as_slice() {
        b"true" | b"yes" | b"on" | b"1" => Some(true),
        b"false" | b"no" | b"off" | b"0" => Some(false),
        _ => None,
    }
}

/// The items between commas or line breaks, trimmed, without empty ones.
fn list(ruby: &Ruby, bytes: &[u8]) -> Result<Value, Error> {
    let array = ruby.ary_new();
    bytes
        .split(|byte| matches!(byte, b',' | b'\n'))
        .map(<[u8]>::trim_ascii)
        .filter(|item| !item.is_empty())
        .try_for_each(|item| array.push(string(ruby, item)))?;
    array.freeze();
    Ok(array.as_value())
}
