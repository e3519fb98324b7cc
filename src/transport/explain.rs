//! Turns errors of etcd and of the connection into messages that say what to do.

use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::secret::filtered;

/// The message for a member without a leader.
///
/// Every request asks for this error (require-leader): a member cut off from the majority would otherwise keep
/// old watches open and silent.
pub const NO_LEADER: &str = "the member has no leader: it is cut off from the majority of its cluster, or an \
                             election is in progress; trying other members";

/// Whether `message` is etcd's error for an invalid token, which a new login replaces.
///
/// The token has expired, or (JSON web tokens) it was issued before the last change of permissions.
pub(super) fn is_invalid_token(message: &str) -> bool {
    message.contains("invalid auth token") || message.contains("revision of auth store is old")
}

/// Whether a new login can fix the error `message`: an invalid token, or no token.
///
/// The latter is what a client without a token gets once authentication is switched on.
#[must_use]
pub fn needs_login(message: &str) -> bool {
    is_invalid_token(message) || message.contains("user name is empty")
}

/// Whether `error` means that the token was refused or is missing, so that another login helps.
#[must_use]
pub fn is_refusal(error: &etcd_client::Error) -> bool {
    matches!(error, etcd_client::Error::GRpcStatus(status) if needs_login(status.message()))
}

/// Whether the error comes from etcd itself rather than from the connection.
pub(super) fn was_answered(error: &etcd_client::Error) -> bool {
    use std::error::Error as _;
    matches!(error, etcd_client::Error::GRpcStatus(status) if status.source().is_none())
}

/// The error for something that did not happen within `timeout`.
pub(super) fn timed_out(what: &str, timeout: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("{what} within {} s", timeout.as_secs_f64()))
}

/// Joins an error and its causes into one message, without causes that are already in it.
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
    // tonic's outermost error says only "transport error"; its causes say what happened.
    let is_generic = texts.len() > 1 && texts[0] == "transport error";
    filtered(&texts[usize::from(is_generic)..].join(": "))
}
