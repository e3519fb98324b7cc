//! Translates etcd's own types into the machine's. They go no further than this file.

use std::time::Duration;

use etcd_client::proto::{PbEvent, PbKeyValue, PbResponseHeader};
use etcd_client::{TxnOp, TxnOpResponse};

use super::event::{Comparison, Fault, Found, Header, Page, PageRequest, Response, Trust};
use crate::defect;
use crate::error::{Error, ErrorKind};
use crate::range::KeyRange;
use crate::secret::filtered;
use crate::store::{Change, Entry, Key};
use crate::transport::Version;

/// etcd's number for a deletion. etcd-client's own accessor panics on unknown numbers (promise 9).
const DELETE: i32 = 1;

pub(super) fn header(header: Option<&PbResponseHeader>) -> Header {
    header.map_or_else(Header::default, |header| Header {
        cluster_id: header.cluster_id,
        revision: header.revision,
        raft_term: header.raft_term,
    })
}

pub(super) fn page_options(request: &PageRequest) -> etcd_client::GetOptions {
    let options = etcd_client::GetOptions::new().with_range(request.end.clone()).with_limit(request.limit);
    match request.revision {
        Some(revision) => options.with_revision(revision),
        None => options,
    }
}

/// Options for a page with keys and revisions only, from whichever member answers.
pub(super) fn audit_options(request: &PageRequest) -> etcd_client::GetOptions {
    page_options(request).with_keys_only().with_serializable()
}

pub(super) fn page(response: etcd_client::GetResponse, transfer: Duration) -> Page {
    let response = response.0;
    Page {
        header: header(response.header.as_ref()),
        more: response.more,
        count: response.count,
        entries: response.kvs.into_iter().map(entry).collect(),
        transfer,
    }
}

fn entry(kv: PbKeyValue) -> Entry {
    Entry::new(kv.key, &kv.value, kv.mod_revision, kv.lease)
}

pub(crate) fn response(response: etcd_client::WatchResponse) -> Response {
    let response = response.0;
    response.events.iter().filter_map(|event| event.kv.as_ref()).for_each(|kv| defect::strike(&kv.key));
    Response {
        header: header(response.header.as_ref()),
        watch_id: response.watch_id,
        created: response.created,
        canceled: response.canceled.then(|| cancellation(response.compact_revision, &response.cancel_reason)),
        fragment: response.fragment,
        changes: response.events.into_iter().filter_map(change).collect(),
    }
}

/// Asks for one key of `range` changed after `since`, and for the number of all keys, as of `at`.
pub(super) fn changed_since(range: &KeyRange, since: i64, at: Option<i64>) -> TxnOp {
    let options = etcd_client::GetOptions::new()
        .with_range(range.range_end())
        .with_min_mod_revision(since.saturating_add(1))
        .with_limit(1)
        .with_keys_only();
    let options = match at {
        Some(revision) => options.with_revision(revision),
        None => options,
    };
    TxnOp::get(range.start(), Some(options))
}

pub(super) fn comparison(response: &etcd_client::TxnResponse) -> Comparison {
    let found = |answer| match answer {
        TxnOpResponse::Get(range) => Found { newer: !range.kvs().is_empty(), count: range.count() },
        _ => Found::default(),
    };
    let found = response.op_responses().into_iter().map(found).collect();
    Comparison { header: header(response.0.header.as_ref()), found }
}

fn change(event: PbEvent) -> Option<Change> {
    let kv = event.kv?;
    let (key, mod_revision) = (Key::from(kv.key.as_slice()), kv.mod_revision);
    Some(Change { key, mod_revision, entry: (event.r#type != DELETE).then(|| entry(kv)) })
}

/// Why a watch ended. With a compact revision, the requested events are compacted.
fn cancellation(compact_revision: i64, reason: &str) -> Fault {
    if compact_revision == 0 { fault_of_cancellation(reason) } else { Fault::RevisionGone }
}

/// What a canceled watch's reason means. On a stream, etcd reports refusals only as text.
fn fault_of_cancellation(reason: &str) -> Fault {
    let said = |text: &str| reason.contains(text);
    let reason = &*filtered(reason);
    if crate::transport::needs_login(reason) {
        Fault::TokenExpired(Error::new(ErrorKind::Authentication, reason))
    } else if said("permission denied") {
        Fault::Denied(Error::new(ErrorKind::Permission, format!("{reason}; grant the user to read it")))
    } else if said("compacted") {
        Fault::RevisionGone
    } else if said("no leader") {
        Fault::Lost(Error::new(ErrorKind::Connection, crate::transport::NO_LEADER))
    } else {
        Fault::Lost(Error::new(ErrorKind::Connection, format!("etcd canceled the watch: {reason:?}")))
    }
}

/// What a failed call means.
pub(super) fn fault(error: &etcd_client::Error, endpoint: &str) -> Fault {
    let text = match error {
        etcd_client::Error::GRpcStatus(status) => status.message(),
        _ => "",
    };
    if text.contains("required revision has been compacted") || text.contains("required revision is a future")
    {
        return Fault::RevisionGone;
    }
    if text.contains("message length too large") || text.contains("received message larger than max") {
        let numbers = text.rsplit("too large: ").next().unwrap_or(text);
        let message = format!("one message is too large ({numbers}); retrying with smaller parts");
        return Fault::TooLarge(Error::new(ErrorKind::Connection, message).at(endpoint));
    }
    let error = crate::transport::explain(error, endpoint);
    match error.kind() {
        ErrorKind::Authentication if crate::transport::needs_login(text) => Fault::TokenExpired(error),
        ErrorKind::Authentication | ErrorKind::Permission => Fault::Denied(error),
        _ => Fault::Lost(error),
    }
}

/// How far to trust progress answers of this server version. Servers that hide their version are exact.
pub(crate) fn trust(version: &Version) -> Trust {
    let version = match version {
        Version::Known(version) => version,
        Version::Refused => return Trust::Exact,
        Version::Unknown => return Trust::Repeated,
    };
    let mut numbers = version.split(['.', '-', '+']).map(|part| part.parse::<u32>().unwrap_or(0));
    let mut number = || numbers.next().unwrap_or(0);
    match (number(), number(), number()) {
        (3, 4, patch) if patch >= 25 => Trust::Exact,
        (3, 5, patch) if patch >= 8 => Trust::Exact,
        (3, minor, _) if minor >= 6 => Trust::Exact,
        (major, ..) if major >= 4 => Trust::Exact,
        _ => Trust::Repeated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_without_the_progress_fault_are_trusted() {
        for exact in ["3.4.25", "3.5.8", "3.5.21", "3.6.0", "3.7.0-rc.0", "4.0.0"] {
            assert_eq!(trust(&Version::Known(exact.into())), Trust::Exact, "{exact}");
        }
        for weak in ["3.4.23", "3.4.24", "3.5.7", "3.5.0", "3.3.27", "", "new"] {
            assert_eq!(trust(&Version::Known(weak.into())), Trust::Repeated, "{weak}");
        }
        assert_eq!(trust(&Version::Unknown), Trust::Repeated);
        assert_eq!(trust(&Version::Refused), Trust::Exact);
    }

    #[test]
    fn an_event_of_an_unknown_type_is_a_put_and_does_not_panic() {
        let kv = PbKeyValue { key: b"a".to_vec(), mod_revision: 5, ..PbKeyValue::default() };
        let event = PbEvent { r#type: 42, kv: Some(kv), prev_kv: None };
        assert!(change(event).is_some_and(|change| change.entry.is_some()));
    }

    #[test]
    fn an_expired_token_and_a_wrong_password_are_told_apart() {
        let refused = |status| fault(&etcd_client::Error::GRpcStatus(status), "one");
        let void = [
            tonic::Status::unauthenticated("etcdserver: invalid auth token"),
            tonic::Status::invalid_argument("etcdserver: revision of auth store is old"),
        ];
        for status in void {
            let Fault::TokenExpired(error) = refused(status) else { panic!() };
            assert!(error.to_string().contains("requesting a new token"), "{error}");
        }
        let wrong = "etcdserver: authentication failed, invalid user ID or password";
        assert!(matches!(refused(tonic::Status::invalid_argument(wrong)), Fault::Denied(_)));
    }

    #[test]
    fn a_refusal_inside_the_stream_and_a_lost_connection_are_told_apart() {
        assert!(matches!(fault_of_cancellation("etcdserver: permission denied"), Fault::Denied(_)));
        assert!(matches!(fault_of_cancellation("etcdserver: invalid auth token"), Fault::TokenExpired(_)));
        let Fault::Lost(error) = fault_of_cancellation("etcdserver: no leader") else { panic!() };
        assert!(error.to_string().contains("has no leader"), "{error}");
    }
}
