//! Parses JSON into deeply frozen Ruby values.

use magnus::{Error, IntoValue, Ruby, Value, prelude::*};
use serde_json::{Number, Value as Json};

use crate::value::{name, string};

/// The name by which `serde_json` passes on numbers of arbitrary precision.
///
/// A document that uses it as a name of its own would read as a number, so it is refused.
const RESERVED: &[u8] = b"$serde_json::private::Number";

/// The value of a document.
///
/// `Err` says what is wrong with it. More than 128 levels of nesting are an error.
pub(crate) fn parse(ruby: &Ruby, text: &[u8]) -> Result<Result<Value, String>, Error> {
    if text.windows(RESERVED.len()).any(|window| window == RESERVED) {
        return Ok(Err("is JSON with a reserved name in it".into()));
    }
    match serde_json::from_slice::<Json>(text) {
        Ok(json) => ruby_value(ruby, &json).map(Ok),
        Err(error) => Ok(Err(format!("is not JSON ({error})"))),
    }
}

// Ruby values under construction must stay on the stack, where Ruby's collector finds them.
fn ruby_value(ruby: &Ruby, json: &Json) -> Result<Value, Error> {
    Ok(match json {
        Json::Null => ruby.qnil().as_value(),
        Json::Bool(truth) => truth.into_value_with(ruby),
        Json::Number(number) => number_value(ruby, number)?,
        Json::String(text) => string(ruby, text.as_bytes()).as_value(),
        Json::Array(items) => {
            let array = ruby.ary_new_capa(items.len());
            items.iter().try_for_each(|item| array.push(ruby_value(ruby, item)?))?;
            array.freeze();
            array.as_value()
        }
        Json::Object(members) => {
            let hash = ruby.hash_new();
            for (key, member) in members {
                hash.aset(name(ruby, key.as_bytes()), ruby_value(ruby, member)?)?;
            }
            hash.freeze();
            hash.as_value()
        }
    })
}

fn number_value(ruby: &Ruby, number: &Number) -> Result<Value, Error> {
    if let Some(small) = number.as_i64() {
        return Ok(ruby.into_value(small));
    }
    let digits = number.as_str();
    if digits.contains(['.', 'e', 'E']) {
        return Ok(ruby.into_value(digits.parse::<f64>().unwrap_or(f64::NAN)));
    }
    ruby.module_kernel().funcall("Integer", (digits, 10))
}
