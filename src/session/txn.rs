//! Translates a transaction to and from etcd's types.

use etcd_client::{
    Compare as EtcdCompare, CompareOp, DeleteOptions, GetOptions, PutOptions, Txn, TxnOp, TxnOpResponse,
};

use crate::defect;
use crate::error::{Error, Result};
use crate::store::transaction::{Compare, Condition, Operation, Outcome, Transaction};
use crate::store::{Entry, EntryRef};
use crate::transport::{Link, MAX_MESSAGE};

/// Sends `transaction` at most once.
pub(super) async fn commit(link: &Link, transaction: &Transaction) -> Result<Outcome> {
    let txn = Txn::new()
        .when(transaction.compares.iter().map(compare).collect::<Vec<_>>())
        .and_then(transaction.operations.iter().map(operation).collect::<Vec<_>>())
        // Reading at the same revision is the only way to know which comparison failed.
        .or_else(transaction.compares.iter().map(look).collect::<Vec<_>>());
    let answered = link
        .call(|client| {
            let txn = txn.clone();
            async move {
                transaction.operations.iter().for_each(strike);
                client.kv_client().max_decoding_message_size(MAX_MESSAGE).txn(txn).await
            }
        })
        .await;
    let response = answered.map_err(Error::from)?;
    if response.succeeded() {
        return Ok(Outcome::Written(response.header().map_or(0, etcd_client::ResponseHeader::revision)));
    }
    let found: Vec<Vec<Entry>> = response.op_responses().into_iter().map(entries).collect();
    let failed = |(compare, found): (&Compare, &Vec<Entry>)| !compare.holds(found.iter().map(EntryRef::Own));
    let place = transaction.compares.iter().zip(&found).position(failed).unwrap_or_default();
    let seen = found.get(place).and_then(|entries| entries.iter().map(Entry::mod_revision).max());
    Ok(Outcome::Conflict { compare: place, revision: seen.unwrap_or_default() })
}

fn strike(operation: &Operation) {
    if let Operation::Put(key, ..) = operation {
        defect::strike(key);
    }
}

fn compare(compare: &Compare) -> EtcdCompare {
    let key = compare.key.clone();
    match &compare.condition {
        Condition::Revision(revision) => EtcdCompare::mod_revision(key, CompareOp::Equal, *revision),
        Condition::Value(value) => EtcdCompare::value(key, CompareOp::Equal, value.clone()),
        Condition::Present => EtcdCompare::create_revision(key, CompareOp::Greater, 0),
        Condition::UnchangedSince { end, revision } => {
            let after = revision.saturating_add(1);
            EtcdCompare::mod_revision(key, CompareOp::Less, after).with_range(end.clone())
        }
    }
}

fn look(compare: &Compare) -> TxnOp {
    let options = GetOptions::new();
    let options = match &compare.condition {
        Condition::Value(_) => options,
        Condition::Revision(_) | Condition::Present => options.with_keys_only(),
        Condition::UnchangedSince { end, revision } => options
            .with_range(end.clone())
            .with_min_mod_revision(revision.saturating_add(1))
            .with_limit(1)
            .with_keys_only(),
    };
    TxnOp::get(compare.key.clone(), Some(options))
}

fn operation(operation: &Operation) -> TxnOp {
    match operation {
        Operation::Put(key, value, lease) => {
            let options = (*lease != 0).then(|| PutOptions::new().with_lease(*lease));
            TxnOp::put(key.clone(), value.clone(), options)
        }
        Operation::Delete(key) => TxnOp::delete(key.clone(), None),
        Operation::DeleteRange(start, end) => {
            TxnOp::delete(start.clone(), Some(DeleteOptions::new().with_range(end.clone())))
        }
    }
}

fn entries(answer: TxnOpResponse) -> Vec<Entry> {
    let TxnOpResponse::Get(mut found) = answer else { return Vec::new() };
    found.0.kvs.drain(..).map(|kv| Entry::new(kv.key, &kv.value, kv.mod_revision, kv.lease)).collect()
}
