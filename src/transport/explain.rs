//! What an error of etcd or of the connection means to the person who has to act.

use super::refusal::explain_status;
use crate::error::{Error, ErrorKind};
use crate::secret::filtered;

/// What a member says that is cut off from the majority of its cluster. It is asked to say so (require-leader):
/// it would go on serving old watches otherwise, without a word.
pub const NO_LEADER: &str = "the member has no leader: it is cut off from the majority of its cluster, or a \
                             leader is being elected; trying others";

/// Whether `said` is etcd's word for a token that it takes no longer: expired, or (JSON web tokens) issued
/// before the rights were changed last. A new one is to be had.
pub(super) fn is_void_token(said: &str) -> bool {
    said.contains("invalid auth token") || said.contains("revision of auth store is old")
}

/// Whether `said` is etcd's word for a token that is void, or for none, as after authentication was switched on:
/// another login helps.
#[must_use]
pub fn wants_login(said: &str) -> bool {
    is_void_token(said) || said.contains("user name is empty")
}

/// Whether `error` says that the token is not taken, or that there is none: another login helps.
#[must_use]
pub fn is_refusal(error: &etcd_client::Error) -> bool {
    matches!(error, etcd_client::Error::GRpcStatus(status) if wants_login(status.message()))
}

/// Whether etcd itself said it, and not the connection.
pub(super) fn was_answered(error: &etcd_client::Error) -> bool {
    use std::error::Error as _;
    matches!(error, etcd_client::Error::GRpcStatus(status) if status.source().is_none())
}

/// Says `error`, met at `endpoint`, in this crate's words.
#[must_use]
pub fn explain(error: &etcd_client::Error, endpoint: &str) -> Error {
    match error {
        etcd_client::Error::GRpcStatus(status) => explain_status(status),
        other => Error::new(ErrorKind::Connection, chain(other)),
    }
    .at(endpoint)
}

/// An error with all that caused it, without what only repeats the cause.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if texts.last().is_some_and(|last| !last.contains(&text)) {
            texts.push(text);
        }
        cause = error.source();
    }
    // tonic's word for "the cause is elsewhere".
    let hollow = texts.len() > 1 && texts[0] == "transport error";
    filtered(&texts[usize::from(hollow)..].join(": "))
}
