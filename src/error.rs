//! What can go wrong, in the words that reach the person who has to act on it.
//!
//! The kinds are the error classes of the Ruby API, so that the binding translates and never guesses.
//! No secret may enter a message: credentials are [`Secret`](crate::config::Secret)s, which cannot be
//! formatted.

use std::fmt;

/// The classes of errors, each with a Ruby class of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A setting is missing or wrong.
    Configuration,
    /// etcd could not be reached, or broke off.
    Connection,
    /// No secure connection: a certificate, a key or a protocol of TLS that one side does not take.
    Tls,
    /// etcd did not answer in time.
    Timeout,
    /// etcd does not accept the user, the password or the token.
    Authentication,
    /// The user may not read or write this.
    Permission,
    /// etcd refuses the request itself, and would refuse it again: too large, an empty key, …
    InvalidRequest,
    /// etcd has no space left for writes, or more to do than it takes on.
    ResourceExhausted,
    /// etcd's members disagree about its data.
    Corrupt,
    /// The key is outside every watched range.
    UnwatchedKey,
    /// No snapshot has been loaded yet.
    NotReady,
    /// A value is not of the form that was asked for.
    Parse,
    /// The client was stopped.
    Closed,
    /// The copy on disk cannot be read or written.
    Cache,
    /// A defect of this library, contained.
    Internal,
}

/// An error with what is needed to act on it.
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
}

impl Error {
    /// An error of `kind`; `message` says what happened and, where it helps, what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), endpoint: None }
    }

    /// A wrong setting: which, and what is wrong with it.
    pub fn configuration(setting: &str, problem: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Configuration, format!("{setting}: {problem}"))
    }

    /// The same error, said of an endpoint: its text begins with it. An error that has one keeps it.
    #[must_use]
    pub fn at(self, endpoint: impl Into<String>) -> Self {
        if self.endpoint.is_some() {
            return self;
        }
        let endpoint = endpoint.into();
        Self { message: format!("{endpoint}: {}", self.message), endpoint: Some(endpoint), ..self }
    }

    /// The same error, with the endpoint that its text names already.
    #[must_use]
    pub fn about(self, endpoint: impl Into<String>) -> Self {
        Self { endpoint: Some(endpoint.into()), ..self }
    }

    /// The same error, met while `doing` something: "put \"/a\"", "list /a/".
    #[must_use]
    pub fn during(self, doing: impl fmt::Display) -> Self {
        Self { message: format!("{doing}: {}", self.message), ..self }
    }

    /// Which class of error this is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The endpoint that the error is about, if it is about one.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// Whether asking again without a change by a person is unlikely to help.
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
