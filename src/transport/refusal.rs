//! Explains etcd's error answers: who has to act, what to do, and whether the connection is still good.
//!
//! The codes and texts are those of etcd's `rpctypes`. Any other answer counts as a broken member, which is safe: the
//! next request goes to another one.

use std::error::Error as _;

use tonic::{Code, Status};

use super::explain::{NO_LEADER, chain, is_invalid_token};
use crate::error::{Error, ErrorKind};
use crate::secret::filtered;

/// Converts `status` into an error with its kind and, where possible, advice.
fn explain_status(status: &Status) -> Error {
    if let Some(cause) = status.source() {
        return Error::new(ErrorKind::Connection, chain(cause));
    }
    let (raw, said) = (status.message(), filtered(status.message()));
    let with = |kind: ErrorKind, advice: &str| Error::new(kind, format!("{said}; {advice}"));
    if let Some(advice) = authentication(status.code(), raw) {
        return with(ErrorKind::Authentication, advice);
    }
    match status.code() {
        Code::PermissionDenied => with(ErrorKind::Permission, "grant the user's role access to this range"),
        _ if is_too_large(raw) => with(
            ErrorKind::InvalidRequest,
            "the message exceeds the limit of etcd (--max-request-bytes, by default 1.5 MiB) or of a proxy before it",
        ),
        _ if raw.contains("too many operations in txn request") => with(
            ErrorKind::InvalidRequest,
            "a transaction may have --max-txn-ops operations (128 by default); make it smaller, or raise that limit",
        ),
        Code::ResourceExhausted if raw.contains("database space exceeded") => with(
            ErrorKind::ResourceExhausted,
            "NOSPACE: etcd's space quota is used up, so it refuses writes; compact and defragment it \
             (etcdctl compact, etcdctl defrag) or raise --quota-backend-bytes, then run etcdctl alarm disarm",
        ),
        Code::ResourceExhausted => with(ErrorKind::ResourceExhausted, "try again later"),
        Code::DataLoss => with(
            ErrorKind::Corrupt,
            "CORRUPT: etcd's members disagree about its data, so it refuses writes; find the member that \
             differs (etcdctl endpoint hashkv --cluster), replace it, then run etcdctl alarm disarm",
        ),
        Code::Unavailable if raw.contains("no leader") => Error::new(ErrorKind::Connection, NO_LEADER),
        Code::Unavailable if raw.contains("request timed out") => with(
            ErrorKind::Timeout,
            "the member got no answer from the majority of its cluster; the request may still have taken effect",
        ),
        Code::DeadlineExceeded => Error::new(ErrorKind::Timeout, said),
        code if is_request_error(code, raw) => Error::new(ErrorKind::InvalidRequest, said),
        code => Error::new(ErrorKind::Connection, format!("{said} ({code:?})")),
    }
}

/// Converts `error`, which occurred at `endpoint`, into an [`Error`].
#[must_use]
pub fn explain(error: &etcd_client::Error, endpoint: &str) -> Error {
    match error {
        etcd_client::Error::GRpcStatus(status) => explain_status(status),
        other => Error::new(ErrorKind::Connection, chain(other)),
    }
    .at(endpoint)
}

/// Whether `error` shows that the connection, or the member behind it, is broken.
///
/// An error answer from a healthy member does not: a new connection would cost a login and bring the same answer.
pub(super) fn is_broken(error: &etcd_client::Error) -> bool {
    let etcd_client::Error::GRpcStatus(status) = error else { return true };
    if status.source().is_some() {
        return true;
    }
    let (code, said) = (status.code(), status.message());
    match code {
        // The cluster elected a new leader, which this member follows.
        Code::Unavailable => !said.contains("leader changed"),
        Code::DeadlineExceeded
        | Code::DataLoss
        | Code::ResourceExhausted
        | Code::PermissionDenied
        | Code::Unauthenticated => false,
        code => authentication(code, said).is_none() && !is_request_error(code, said),
    }
}

/// Advice for a user, password or token that etcd does not accept.
fn authentication(code: Code, said: &str) -> Option<&'static str> {
    match code {
        Code::InvalidArgument if said.contains("authentication failed") => Some("check user and password"),
        Code::InvalidArgument | Code::FailedPrecondition if said.contains("user name") => {
            Some("etcd requires a user; set user and password")
        }
        Code::Unauthenticated => Some("requesting a new token"),
        _ if is_invalid_token(said) => Some("requesting a new token"),
        _ => None,
    }
}

/// Whether a message exceeds the limit of etcd, grpc-go (in etcd and its grpc-proxy) or this client.
fn is_too_large(said: &str) -> bool {
    ["request is too large", "message larger than max", "message length too large", "more than 4GB of data"]
        .iter()
        .any(|words| said.contains(words))
}

/// Whether any member would refuse the same request again.
fn is_request_error(code: Code, said: &str) -> bool {
    match code {
        Code::InvalidArgument | Code::NotFound | Code::AlreadyExists | Code::OutOfRange => true,
        // These texts are about the member's state, not about the request.
        Code::FailedPrecondition => {
            !["not leader", "not capable", "not supported for learner", "cluster ID mismatch"]
                .iter()
                .any(|words| said.contains(words))
        }
        _ => is_too_large(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(code: Code, said: &str) -> (ErrorKind, bool, String) {
        let status = Status::new(code, said);
        let error = explain_status(&status);
        (error.kind(), is_broken(&etcd_client::Error::GRpcStatus(status)), error.to_string())
    }

    #[test]
    fn a_refused_write_is_a_request_error_and_keeps_the_connection() {
        for (code, said) in [
            (Code::InvalidArgument, "etcdserver: key is not provided"),
            (Code::InvalidArgument, "etcdserver: request is too large"),
            (Code::InvalidArgument, "etcdserver: too many operations in txn request"),
            (Code::InvalidArgument, "etcdserver: duplicate key given in txn request"),
            (Code::InvalidArgument, "etcdserver: something new"),
            (Code::ResourceExhausted, "grpc: received message larger than max (3000023 vs. 2097152)"),
            (Code::ResourceExhausted, "grpc: trying to send message larger than max (3000023 vs. 2097152)"),
            (
                Code::OutOfRange,
                "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes",
            ),
            (Code::ResourceExhausted, "Cannot return body with more than 4GB of data but got 5 bytes"),
            (Code::OutOfRange, "etcdserver: too large lease TTL"),
            (Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted"),
            (Code::NotFound, "etcdserver: requested lease not found"),
            (Code::FailedPrecondition, "etcdserver: lease already exists"),
        ] {
            let (kind, broken, text) = seen(code, said);
            assert_eq!((kind, broken), (ErrorKind::InvalidRequest, false), "{said}");
            assert!(text.contains(said), "{text}");
        }
    }

    #[test]
    fn a_cluster_that_refuses_writes_is_reported_with_its_alarm_and_how_to_end_it() {
        let (kind, broken, text) = seen(Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded");
        assert_eq!((kind, broken), (ErrorKind::ResourceExhausted, false));
        assert!(text.contains("NOSPACE") && text.contains("etcdctl alarm disarm"), "{text}");
        let (kind, broken, text) = seen(Code::DataLoss, "etcdserver: corrupt cluster");
        assert_eq!((kind, broken), (ErrorKind::Corrupt, false));
        assert!(text.contains("CORRUPT") && text.contains("etcdctl alarm disarm"), "{text}");
        let (kind, broken, text) = seen(Code::ResourceExhausted, "etcdserver: too many requests");
        assert_eq!((kind, broken), (ErrorKind::ResourceExhausted, false));
        assert!(text.ends_with("try again later"), "{text}");
    }

    #[test]
    fn a_refused_user_keeps_its_error_kind_and_the_connection() {
        for (code, said, kind) in [
            (
                Code::InvalidArgument,
                "etcdserver: authentication failed, invalid user ID or password",
                ErrorKind::Authentication,
            ),
            (Code::InvalidArgument, "etcdserver: user name is empty", ErrorKind::Authentication),
            (Code::FailedPrecondition, "etcdserver: user name not found", ErrorKind::Authentication),
            (Code::InvalidArgument, "etcdserver: revision of auth store is old", ErrorKind::Authentication),
            (Code::Unauthenticated, "etcdserver: invalid auth token", ErrorKind::Authentication),
            (Code::PermissionDenied, "etcdserver: permission denied", ErrorKind::Permission),
        ] {
            assert_eq!(seen(code, said).0, kind, "{said}");
            assert!(!seen(code, said).1, "{said}");
        }
    }

    #[test]
    fn an_unhealthy_member_and_an_unknown_error_break_the_connection() {
        for (code, said, kind) in [
            (Code::Unavailable, "etcdserver: no leader", ErrorKind::Connection),
            (Code::Unavailable, "etcdserver: request timed out", ErrorKind::Timeout),
            (Code::Unavailable, "etcdserver: server stopped", ErrorKind::Connection),
            (Code::Unavailable, "etcdserver: rpc not supported for learner", ErrorKind::Connection),
            (Code::FailedPrecondition, "etcdserver: rpc not supported for learner", ErrorKind::Connection),
            (Code::FailedPrecondition, "etcdserver: not leader", ErrorKind::Connection),
            (Code::Unimplemented, "unknown service etcdserverpb.KV", ErrorKind::Connection),
            (Code::Unknown, "anything", ErrorKind::Connection),
            (Code::Internal, "anything", ErrorKind::Connection),
            (Code::Cancelled, "etcdserver: request canceled", ErrorKind::Connection),
        ] {
            assert_eq!((seen(code, said).0, seen(code, said).1), (kind, true), "{said}");
        }
        assert!(!seen(Code::Unavailable, "etcdserver: leader changed").1);
    }

    #[test]
    fn a_password_repeated_by_a_server_is_filtered_out() {
        let _password = crate::secret::Secret::new("echoed-w0rd");
        for code in (0..17).map(Code::from) {
            let mut status = Status::new(code, "login of root:echoed-w0rd failed");
            assert!(!explain_status(&status).to_string().contains("echoed"), "{code:?}");
            status.set_source(std::sync::Arc::new(std::io::Error::other("root:echoed-w0rd")));
            assert!(!explain_status(&status).to_string().contains("echoed"), "{code:?}");
        }
    }

    #[test]
    fn a_transport_failure_breaks_the_connection_whatever_its_code() {
        let mut status = Status::resource_exhausted("h2 protocol error");
        status.set_source(std::sync::Arc::new(std::io::Error::other("ENHANCE_YOUR_CALM")));
        assert_eq!(explain_status(&status).kind(), ErrorKind::Connection);
        assert!(is_broken(&etcd_client::Error::GRpcStatus(status)));
    }
}
