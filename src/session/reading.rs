//! Reads from etcd itself, now or at a past revision. All keys come from one revision; none has to be
//! watched.

use std::collections::VecDeque;

use etcd_client::{GetOptions, Txn, TxnOp, TxnOpResponse, TxnResponse};

use super::client::Client;
use super::past_watch::oldest_revision;
use super::pending::Pending;
use crate::error::{Error, ErrorKind, Result};
use crate::range::KeyRange;
use crate::store::{Entry, EntryRef, Snapshot};
use crate::transport::{CallError, Link, MAX_MESSAGE};

/// Ranges in one request: below the lowest `--max-txn-ops` in use.
const BATCH: usize = 100;
/// Keys of one range in one request.
const PAGE: i64 = 1_000;
/// How often a read of the present starts over when compaction overtakes it.
const ATTEMPTS: usize = 3;

/// What to read.
#[derive(Debug, Clone)]
pub struct Query {
    /// The keys to read.
    pub range: KeyRange,
    /// Only the first keys, at most a thousand. `None`: all.
    pub limit: Option<i64>,
    /// Leaves the values empty.
    pub keys_only: bool,
}

impl Query {
    /// All of `range`, with values.
    #[must_use]
    pub const fn all(range: KeyRange) -> Self {
        Self { range, limit: None, keys_only: false }
    }
}

/// The result of one query.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The number of keys in the range, regardless of the limit.
    pub count: i64,
    /// The entries, in key order.
    pub entries: Vec<Entry>,
}

/// The answers to several queries, all at one revision.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The revision of the answers.
    pub revision: i64,
    cluster_id: u64,
    /// One result for each query.
    pub found: Vec<Found>,
}

/// The part of a query that was not sent yet.
#[derive(Debug, Clone)]
struct Ask {
    query: usize,
    start: Vec<u8>,
}

impl Client {
    /// Reads `queries` at one revision: `at`, or the current one.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn read(&self, queries: Vec<Query>, at: Option<i64>) -> Result<Pending<Reading>> {
        if let Some(offline) = self.offline_backend()? {
            return Ok(Pending::done(read_offline(&offline.store().all(), &queries, at)));
        }
        self.request(move |link| async move { read(&link, &queries, at).await })
    }

    /// Reads all watched keys as they were at `revision`.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn read_watched(&self, revision: i64) -> Result<Pending<Snapshot>> {
        let queries: Vec<Query> =
            self.settings().ranges.as_slice().iter().map(|range| Query::all(range.clone())).collect();
        if let Some(offline) = self.offline_backend()? {
            let read = read_offline(&offline.store().all(), &queries, Some(revision));
            return Ok(Pending::done(read.map(Reading::into_snapshot)));
        }
        self.request(
            move |link| async move { Ok(read(&link, &queries, Some(revision)).await?.into_snapshot()) },
        )
    }
}

impl Reading {
    fn into_snapshot(self) -> Snapshot {
        let mut staged = Snapshot::default();
        for found in self.found {
            staged.stage(found.entries);
        }
        staged.staged(self.revision, self.cluster_id)
    }
}

pub(super) async fn read(link: &Link, queries: &[Query], at: Option<i64>) -> Result<Reading> {
    for _ in 1..ATTEMPTS {
        match read_once(link, queries, at).await {
            Err(error) if error.kind() == ErrorKind::Compacted && at.is_none() => {}
            result => return result,
        }
    }
    read_once(link, queries, at).await
}

async fn read_once(link: &Link, queries: &[Query], at: Option<i64>) -> Result<Reading> {
    let mut reading = Reading { found: vec![Found::default(); queries.len()], ..Reading::default() };
    let begin = |(query, asked): (usize, &Query)| Ask { query, start: asked.range.start().to_vec() };
    let mut open: VecDeque<Ask> = queries.iter().enumerate().map(begin).collect();
    let (mut at, mut batch, mut page) = (at, BATCH, PAGE);
    while !open.is_empty() {
        let asks: Vec<Ask> = open.iter().take(batch).cloned().collect();
        let gets: Vec<TxnOp> = asks.iter().map(|ask| get(ask, &queries[ask.query], page, at)).collect();
        let answered = link.download(|client| {
            let txn = Txn::new().and_then(gets.clone());
            async move { client.kv_client().max_decoding_message_size(MAX_MESSAGE).txn(txn).await }
        });
        match answered.await {
            Ok(response) => {
                open.drain(..asks.len());
                reading.take(&mut at, &response, &asks, queries, &mut open);
            }
            // A single value always fits: etcd accepted it in one message.
            Err(error) if is_too_large(&error) && (batch, page) != (1, 1) => {
                page = if batch == 1 { (page / 8).max(1) } else { page };
                batch = 1;
            }
            Err(error) => return Err(explained(link, error, &queries[asks[0].query].range, at).await),
        }
    }
    Ok(reading)
}

impl Reading {
    fn take(
        &mut self,
        at: &mut Option<i64>,
        response: &TxnResponse,
        asks: &[Ask],
        queries: &[Query],
        open: &mut VecDeque<Ask>,
    ) {
        if let Some(header) = &response.0.header {
            self.revision = *at.get_or_insert(header.revision);
            self.cluster_id = header.cluster_id;
        }
        for (ask, answer) in asks.iter().zip(response.op_responses()) {
            let TxnOpResponse::Get(answer) = answer else { continue };
            let (found, answer) = (&mut self.found[ask.query], answer.0);
            found.count = found.count.max(answer.count);
            let entry =
                |kv: etcd_client::proto::PbKeyValue| Entry::new(kv.key, &kv.value, kv.mod_revision, kv.lease);
            found.entries.extend(answer.kvs.into_iter().map(entry));
            let last = found.entries.last().filter(|_| answer.more && queries[ask.query].limit.is_none());
            if let Some(last) = last {
                let start = [last.key(), &[0]].concat();
                open.push_back(Ask { query: ask.query, start });
            }
        }
    }
}

fn get(ask: &Ask, query: &Query, page: i64, at: Option<i64>) -> TxnOp {
    let limit = query.limit.map_or(page, |limit| limit.min(page));
    let options = GetOptions::new().with_range(query.range.range_end()).with_limit(limit);
    let options = if query.keys_only { options.with_keys_only() } else { options };
    let options = at.map_or(options.clone(), |revision| options.with_revision(revision));
    TxnOp::get(ask.start.clone(), Some(options))
}

fn said(error: &CallError) -> &str {
    match error {
        CallError::Answered(etcd_client::Error::GRpcStatus(status), _) => status.message(),
        _ => "",
    }
}

fn is_too_large(error: &CallError) -> bool {
    let said = said(error);
    said.contains("message length too large") || said.contains("received message larger than max")
}

async fn explained(link: &Link, error: CallError, range: &KeyRange, at: Option<i64>) -> Error {
    if said(&error).contains("required revision has been compacted") {
        return compacted(at.unwrap_or_default(), oldest_revision(link, range.start()).await);
    }
    error.into()
}

/// The error for a `revision` that etcd has compacted.
pub(super) fn compacted(revision: i64, oldest: Option<i64>) -> Error {
    let gone = format!("revision {revision} is gone: etcd has compacted its history");
    match oldest {
        Some(oldest) => {
            let message = format!("{gone}; the oldest revision available is {oldest}");
            Error::new(ErrorKind::Compacted, message).of_revision(oldest)
        }
        None => Error::new(ErrorKind::Compacted, gone),
    }
}

/// Reads from an in-memory store, which has no past revisions.
fn read_offline(now: &Snapshot, queries: &[Query], at: Option<i64>) -> Result<Reading> {
    let revision = now.revision();
    match at {
        Some(at) if at > revision => {
            let message = format!("revision {at} is in the future; the current one is {revision}");
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        Some(at) if at < revision => {
            let message = format!(
                "revision {at} is gone: a client without etcd keeps only the current revision, {revision}"
            );
            return Err(Error::new(ErrorKind::Compacted, message).of_revision(revision));
        }
        _ => {}
    }
    let found = queries.iter().map(|query| {
        let entries: Vec<Entry> = now.range(&query.range).map(EntryRef::to_entry).collect();
        let limit = query.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        Found {
            count: i64::try_from(entries.len()).unwrap_or(i64::MAX),
            entries: entries.into_iter().take(limit).collect(),
        }
    });
    Ok(Reading { revision, cluster_id: now.cluster_id(), found: found.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let entry = |key: &str| Entry::new(key.as_bytes().to_vec(), b"x", 5, 0);
        let mut staged = Snapshot::default();
        staged.stage(["/a/1", "/a/2", "/b/1"].map(entry).to_vec());
        staged.staged(9, 1)
    }

    #[test]
    fn an_in_memory_store_answers_for_the_current_revision_only() {
        let all = [Query::all(KeyRange::prefix(b"/a/")), Query::all(KeyRange::prefix(b"/z/"))];
        let reading = read_offline(&snapshot(), &all, Some(9)).unwrap();
        let counts: Vec<_> = reading.found.iter().map(|found| (found.count, found.entries.len())).collect();
        assert_eq!((reading.revision, counts), (9, vec![(2, 2), (0, 0)]));
        let past = read_offline(&snapshot(), &all, Some(8)).unwrap_err();
        assert_eq!((past.kind(), past.revision()), (ErrorKind::Compacted, Some(9)));
        assert_eq!(read_offline(&snapshot(), &all, Some(10)).unwrap_err().kind(), ErrorKind::InvalidRequest);
    }

    #[test]
    fn a_limit_cuts_the_keys_and_not_their_count() {
        let one = Query { limit: Some(1), ..Query::all(KeyRange::prefix(b"/a/")) };
        let found = &read_offline(&snapshot(), &[one], None).unwrap().found[0];
        assert_eq!((found.count, found.entries.len()), (2, 1));
    }
}
