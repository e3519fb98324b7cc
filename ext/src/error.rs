//! Turns errors of the core and panics into Ruby exceptions.

use std::panic::{AssertUnwindSafe, catch_unwind};

use etcd_discovery_core::error::{Error as CoreError, ErrorKind};
use etcd_discovery_core::range::{Ranges, quoted};
use magnus::{Error, ExceptionClass, RModule, Ruby, kwargs, prelude::*};

/// How many ranges an error names at most.
const SHOWN_RANGES: usize = 10;

const fn class_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Configuration => "ConfigurationError",
        ErrorKind::Connection => "ConnectionError",
        ErrorKind::Tls => "TLSError",
        ErrorKind::Timeout => "TimeoutError",
        ErrorKind::Authentication => "AuthenticationError",
        ErrorKind::Permission => "PermissionError",
        ErrorKind::InvalidRequest => "InvalidRequestError",
        ErrorKind::ResourceExhausted => "ResourceExhaustedError",
        ErrorKind::Corrupt => "CorruptError",
        ErrorKind::UnwatchedKey => "UnwatchedKeyError",
        ErrorKind::NotReady => "NotReadyError",
        ErrorKind::Parse => "ParseError",
        ErrorKind::Compacted => "CompactedError",
        ErrorKind::Closed => "ClosedError",
        ErrorKind::Cache => "CacheError",
        ErrorKind::Internal => "InternalError",
    }
}

/// The exception for `error`, with its endpoint.
pub(crate) fn raised(ruby: &Ruby, error: &CoreError) -> Error {
    exception(
        ruby,
        error.kind(),
        &error.to_string(),
        &About { endpoint: error.endpoint(), revision: error.revision(), ..About::default() },
    )
}

/// The exception for `error` in a request about `key`.
pub(crate) fn raised_about(ruby: &Ruby, error: &CoreError, key: &[u8]) -> Error {
    let about = About { endpoint: error.endpoint(), key: Some(key), revision: error.revision() };
    exception(ruby, error.kind(), &error.to_string(), &about)
}

/// The exception for a `key` outside every watched range.
pub(crate) fn unwatched(ruby: &Ruby, key: &[u8], ranges: &Ranges) -> Error {
    let shown = quoted(key);
    let message = if ranges.is_empty() {
        format!(
            "{shown} cannot be read: this client watches nothing, and only writes and announces; name the \
             key, or a prefix of it, in `watch`"
        )
    } else {
        format!(
            "{shown} is outside every watched range ({}); add it, or a prefix of it, to `watch`",
            listed(ranges)
        )
    };
    exception(ruby, ErrorKind::UnwatchedKey, &message, &About { key: Some(key), ..About::default() })
}

/// The ranges as an error shows them, so that a typing error in one of them is found.
fn listed(ranges: &Ranges) -> String {
    let mut shown: Vec<String> =
        ranges.as_slice().iter().take(SHOWN_RANGES).map(ToString::to_string).collect();
    if let more @ 1.. = ranges.as_slice().len().saturating_sub(SHOWN_RANGES) {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}

/// The exception for a `key` whose value at `revision` has the wrong type.
///
/// It does not contain the value, which may be a secret.
pub(crate) fn unparsable(ruby: &Ruby, key: &[u8], revision: i64, problem: &str) -> Error {
    let shown = quoted(key);
    let message = format!(
        "the value of {shown} at revision {revision} {problem}, and no earlier one was read that is; \
         put a good one, or give a default"
    );
    let about = About { key: Some(key), revision: Some(revision), ..About::default() };
    exception(ruby, ErrorKind::Parse, &message, &about)
}

/// What an exception carries besides its message, for programs.
#[derive(Default)]
struct About<'a> {
    endpoint: Option<&'a str>,
    key: Option<&'a [u8]>,
    revision: Option<i64>,
}

fn exception(ruby: &Ruby, kind: ErrorKind, message: &str, about: &About) -> Error {
    let build = || -> Result<Error, Error> {
        let module: RModule = ruby.class_object().const_get("EtcdDiscovery")?;
        let class: ExceptionClass = module.const_get(class_name(kind))?;
        let key = about.key.map(|key| crate::value::string(ruby, key));
        let details = kwargs!(ruby, "endpoint" => about.endpoint, "key" => key, "revision" => about.revision);
        let exception: magnus::Exception = class.funcall("new", (message, details))?;
        Ok(exception.into())
    };
    build().unwrap_or_else(|error| error)
}

/// Runs `body`, and turns a panic in it into an `InternalError` (promise 9).
pub(crate) fn guarded<T>(ruby: &Ruby, body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        let error = CoreError::new(
            ErrorKind::Internal,
            "internal error in etcd_discovery (a Rust panic was caught); please report it",
        );
        Err(raised(ruby, &error))
    })
}
