//! `EtcdDiscovery::Client`: writes, each of which is one transaction.

use etcd_discovery_core::store::transaction::{Compare, Condition, Operation, Outcome, Transaction};
use magnus::{Error, RArray, RString, Ruby, TryConvert, Value, method, prelude::*};

use super::client::Client;
use crate::error::guarded;
use crate::value::bytes;
use crate::waits::Request;

/// Writes all `operations` at one revision if all `compares` hold, and returns the revision.
///
/// Otherwise returns the index of the first comparison that failed, and the current revision of its key.
/// Errors name `doing` and `key`.
fn commit(
    ruby: &Ruby,
    this: &Client,
    doing: RString,
    key: Option<Value>,
    compares: RArray,
    operations: RArray,
) -> Result<Value, Error> {
    guarded(ruby, || {
        let key = key.map(|key| bytes(ruby, key)).transpose()?;
        let transaction = Transaction {
            compares: compares.into_iter().map(|one| compare(ruby, one)).collect::<Result<_, _>>()?,
            operations: operations.into_iter().map(|one| operation(ruby, one)).collect::<Result<_, _>>()?,
        };
        let request = Request { ruby, doing: &doing.to_string()?, key: key.as_deref() };
        Ok(match request.finish(this.core(ruby)?.commit(transaction))? {
            Outcome::Written(revision) => ruby.into_value(revision),
            Outcome::Conflict { compare, revision } => ruby.into_value((compare, revision)),
        })
    })
}

/// A comparison: `[key, revision]`, `[key, value]`, `[key, true]` or `[first, revision, end]`.
///
/// `true` means that the key exists. The last form means that no key from `first` up to `end` was put after
/// the revision.
fn compare(ruby: &Ruby, given: Value) -> Result<Compare, Error> {
    let given = RArray::try_convert(given)?;
    let key = bytes(ruby, given.entry(0)?)?;
    let expected: Value = given.entry(1)?;
    let condition = if given.len() == 3 {
        let end = bytes(ruby, given.entry(2)?)?;
        Condition::UnchangedSince { end, revision: i64::try_convert(expected)? }
    } else if expected.is_kind_of(ruby.class_true_class()) {
        Condition::Present
    } else if expected.is_kind_of(ruby.class_string()) {
        Condition::Value(bytes(ruby, expected)?)
    } else {
        Condition::Revision(i64::try_convert(expected)?)
    };
    Ok(Compare { key, condition })
}

/// An operation: `[key, value]`, `[key, value, lease]`, `[key, nil]` or `[first, nil, end]`.
///
/// With `nil` it deletes the key, or all keys from `first` up to `end`.
fn operation(ruby: &Ruby, given: Value) -> Result<Operation, Error> {
    let given = RArray::try_convert(given)?;
    let key = bytes(ruby, given.entry(0)?)?;
    let value: Option<Value> = given.entry(1)?;
    Ok(match value {
        Some(value) => {
            let lease: Option<i64> = given.entry(2)?;
            Operation::Put(key, bytes(ruby, value)?, lease.unwrap_or_default())
        }
        None if given.len() == 3 => Operation::DeleteRange(key, bytes(ruby, given.entry(2)?)?),
        None => Operation::Delete(key),
    })
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let class = ruby.define_module("EtcdDiscovery")?.define_class("Client", ruby.class_object())?;
    class.define_private_method("native_commit", method!(commit, 4))?;
    Ok(())
}
