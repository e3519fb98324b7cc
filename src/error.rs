//! The error type of this crate, whose messages are written for the person who has to act.
//!
//! The kinds are the error classes of the Ruby API, so that the binding converts them one to one. No secret gets into
//! a message: credentials are [`Secret`](crate::config::Secret)s, which cannot be formatted.

use std::fmt;

/// The kind of an error. Each has a Ruby class of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A setting is missing or wrong.
    Configuration,
    /// etcd could not be reached, or the connection broke.
    Connection,
    /// TLS failed: one side does not accept the other's certificate, key or protocol version.
    Tls,
    /// etcd did not answer in time.
    Timeout,
    /// etcd does not accept the user, the password or the token.
    Authentication,
    /// The user may not read or write this key or range.
    Permission,
    /// etcd refuses the request and would refuse it again: it is too large, the key is empty, …
    InvalidRequest,
    /// etcd has no space left for writes, or is overloaded.
    ResourceExhausted,
    /// etcd's members disagree about its data.
    Corrupt,
    /// The key is outside every watched range.
    UnwatchedKey,
    /// No snapshot has been loaded yet, and this process has waited for one before.
    NotReady,
    /// A value does not have the requested type.
    Parse,
    /// The requested revision is older than the history that etcd keeps.
    Compacted,
    /// The client was stopped.
    Closed,
    /// The copy on disk cannot be read or written.
    Cache,
    /// A bug in this library.
    Internal,
}

impl ErrorKind {
    const ALL: [Self; 16] = [
        Self::Configuration,
        Self::Connection,
        Self::Tls,
        Self::Timeout,
        Self::Authentication,
        Self::Permission,
        Self::InvalidRequest,
        Self::ResourceExhausted,
        Self::Corrupt,
        Self::UnwatchedKey,
        Self::NotReady,
        Self::Parse,
        Self::Compacted,
        Self::Closed,
        Self::Cache,
        Self::Internal,
    ];

    /// The kind as a number, for other processes of this host with the same version.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The kind with this [`code`](Self::code).
    #[must_use]
    pub fn of_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// An error: its kind, a message, and the endpoint if it concerns one.
///
/// ```
/// use etcd_discovery_core::error::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Connection, "connection refused").at("http://127.0.0.1:2379");
/// assert_eq!(error.to_string(), "http://127.0.0.1:2379: connection refused");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    endpoint: Option<String>,
    revision: Option<i64>,
}

impl Error {
    /// An error of `kind`; `message` says what happened and, where it helps, what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), endpoint: None, revision: None }
    }

    /// A configuration error that names the `setting` and what is wrong with it.
    pub fn configuration(setting: &str, problem: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Configuration, format!("{setting}: {problem}"))
    }

    /// Adds the endpoint, and puts it in front of the message.
    ///
    /// An error that already has one stays the same.
    #[must_use]
    pub fn at(self, endpoint: impl Into<String>) -> Self {
        if self.endpoint.is_some() {
            return self;
        }
        let endpoint = endpoint.into();
        Self { message: format!("{endpoint}: {}", self.message), endpoint: Some(endpoint), ..self }
    }

    /// Adds the endpoint without changing the message, which already names it.
    #[must_use]
    pub fn about(self, endpoint: impl Into<String>) -> Self {
        Self { endpoint: Some(endpoint.into()), ..self }
    }

    /// Puts the failed `operation` in front of the message: "put \"/a\"", "list /a/".
    #[must_use]
    pub fn during(self, operation: impl fmt::Display) -> Self {
        Self { message: format!("{operation}: {}", self.message), ..self }
    }

    /// Adds the revision that the error concerns.
    #[must_use]
    pub fn of_revision(self, revision: i64) -> Self {
        Self { revision: Some(revision), ..self }
    }

    /// The kind of this error.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The endpoint that the error concerns, if any.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The revision that the error concerns, if any.
    #[must_use]
    pub const fn revision(&self) -> Option<i64> {
        self.revision
    }

    /// Whether a retry is unlikely to help until a person changes something.
    #[must_use]
    pub const fn is_denial(&self) -> bool {
        matches!(self.kind, ErrorKind::Authentication | ErrorKind::Permission)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
