//! `EtcdDiscovery::TypedText`: what a typed read would make of a text that is not in etcd yet.

use magnus::{Error, RArray, RString, Ruby, Value, method, prelude::*};

use crate::error::guarded;
use crate::typed::Kind;
use crate::value::bytes;

/// `TypedText.parse(kind, text)`: the value in an Array; `nil` if the text is not of that kind.
fn parse_text(ruby: &Ruby, _module: Value, kind: RString, text: Value) -> Result<Option<RArray>, Error> {
    guarded(ruby, || {
        let kind = match &*kind.to_string()? {
            "json" => Kind::Json,
            "integer" => Kind::Integer,
            "float" => Kind::Float,
            "boolean" => Kind::Boolean,
            "list" => Kind::List,
            "duration" => Kind::Duration,
            _ => Kind::Text,
        };
        let parsed = kind.parse(ruby, &bytes(ruby, text)?)?;
        Ok(parsed.ok().map(|value| ruby.ary_new_from_values(&[value])))
    })
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let module = ruby.define_module("EtcdDiscovery")?;
    let typed = module.define_module("TypedText")?;
    let _: Value = module.funcall("private_constant", (ruby.to_symbol("TypedText"),))?;
    typed.define_singleton_method("parse", method!(parse_text, 2))
}
