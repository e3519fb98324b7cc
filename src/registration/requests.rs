//! The requests of registrations, and what their answers mean.
//!
//! etcd's own types go no further than this file.

use std::time::Duration;

use etcd_client::{
    Client, Compare, CompareOp, LeaseGrantOptions, LeaseKeepAliveStream, LeaseKeeper, PutOptions, Txn, TxnOp,
    TxnOpResponse, TxnResponse,
};

use super::event::{Event, Holder};
use crate::clock::Instant;
use crate::defect;
use crate::transport::{CallError, Connection, Link, is_refusal};

/// One look at many keys, in the given order: the holders, and the revision of the observation.
pub(super) type Looks = (Vec<Holder>, i64);

pub(super) async fn grant(link: &Link, lease: i64, ttl: i64) -> Event {
    let sent = Instant::now();
    let ask = |client: Client| async move {
        client.lease_client().grant(ttl, Some(LeaseGrantOptions::new().with_id(lease))).await
    };
    match link.call(ask).await {
        Ok(answer) => Event::Granted { lease: answer.id(), ttl: seconds(answer.ttl()), sent },
        Err(error) => Event::Failed { lease, error: error.into() },
    }
}

pub(super) async fn claim(link: &Link, key: Vec<u8>, value: Vec<u8>, lease: i64, expected: i64) -> Event {
    let sent = Instant::now();
    defect::strike(&key);
    let transaction = Txn::new()
        .when([Compare::mod_revision(key.clone(), CompareOp::Equal, expected)])
        .and_then([TxnOp::put(key.clone(), value, Some(PutOptions::new().with_lease(lease)))])
        .or_else([TxnOp::get(key, None)]);
    match link.call(|client| commit(client, transaction.clone())).await {
        Ok(answer) if answer.succeeded() => {
            let revision = answer.header().map_or(0, etcd_client::ResponseHeader::revision);
            Event::Claimed { lease, revision, sent }
        }
        Ok(answer) => {
            let holder = answer.op_responses().first().map_or(Holder::Missing, holder);
            Event::Refused { lease, holder }
        }
        Err(error) if is_missing(&error) => Event::LeaseMissing { lease },
        Err(error) => Event::Failed { lease, error: error.into() },
    }
}

/// Looks at many keys in one transaction, so that thousands of registrations need only a few requests.
///
/// It requests the values too. etcd 3.7 answers a request for keys only from its index, which does not know
/// the lease. The key would look like one without a lease, which belongs to someone else.
pub(super) async fn look(link: &Link, keys: Vec<Vec<u8>>) -> Option<Looks> {
    let gets: Vec<TxnOp> = keys.into_iter().map(|key| TxnOp::get(key, None)).collect();
    let answer = link.call(|client| commit(client, Txn::new().and_then(gets.clone()))).await;
    match answer {
        Ok(answer) => {
            let revision = answer.header().map_or(0, etcd_client::ResponseHeader::revision);
            Some((answer.op_responses().iter().map(holder).collect(), revision))
        }
        Err(_) => None,
    }
}

async fn commit(mut client: Client, transaction: Txn) -> Result<TxnResponse, etcd_client::Error> {
    client.txn(transaction).await
}

pub(super) async fn revoke(link: &Link, lease: i64) -> Event {
    match link.call(|client| async move { client.lease_client().revoke(lease).await }).await {
        Ok(_) => Event::Revoked { lease },
        Err(error) if is_missing(&error) => Event::Revoked { lease },
        Err(_) => Event::NotRevoked { lease },
    }
}

/// A keepalive stream, with the connection that it is on.
pub(super) struct Stream {
    pub(super) keeper: LeaseKeeper,
    pub(super) answers: LeaseKeepAliveStream,
    pub(super) connection: Connection,
    pub(super) link_serial: u64,
}

/// The result of opening a stream.
pub(super) enum Opened {
    Stream(Box<Stream>),
    /// The first lease does not exist; the connection is fine.
    Missing,
    Failed,
}

/// Opens a stream, with a time limit: etcd-client waits for the first renewal's answer without one.
pub(super) async fn open(link: &Link, lease: i64, timeout: Duration) -> Opened {
    let deadline = tokio::time::Instant::now() + timeout;
    let Ok((connection, link_serial)) = link.connect_until(deadline).await else { return Opened::Failed };
    let login = link.login().map(|login| (login, login.serial()));
    let mut client = connection.client.lease_client();
    match tokio::time::timeout_at(deadline, client.keep_alive(lease)).await {
        Ok(Ok((keeper, answers))) => {
            Opened::Stream(Box::new(Stream { keeper, answers, connection, link_serial }))
        }
        Ok(Err(etcd_client::Error::LeaseKeepAliveError(said))) if said.contains("lease not found") => {
            Opened::Missing
        }
        Ok(Err(error)) if is_refusal(&error) => {
            if let Some((login, serial)) = login {
                login.refuse(serial);
            }
            link.close();
            Opened::Failed
        }
        Ok(Err(_)) | Err(_) => {
            link.give_up(&connection, link_serial);
            Opened::Failed
        }
    }
}

fn holder(response: &TxnOpResponse) -> Holder {
    match response {
        TxnOpResponse::Get(answer) => answer.kvs().first().map_or(Holder::Missing, |kv| Holder::Lease {
            lease: kv.lease(),
            mod_revision: kv.mod_revision(),
        }),
        _ => Holder::Missing,
    }
}

fn is_missing(error: &CallError) -> bool {
    let CallError::Answered(etcd_client::Error::GRpcStatus(status), _) = error else { return false };
    status.message().contains("requested lease not found")
}

/// The TTL that etcd granted, capped at etcd's own maximum.
///
/// A server that sends more must not cause a time that no clock can represent.
pub(super) fn seconds(ttl: i64) -> Duration {
    const LONGEST: u64 = 9_000_000_000;
    Duration::from_secs(u64::try_from(ttl).unwrap_or(0).min(LONGEST))
}
