//! Parses and validates etcd endpoints.

use std::fmt;

use crate::error::{Error, Result};
use crate::secret::FILTERED;

/// etcd's client port.
const DEFAULT_PORT: u16 = 2379;
const ACCEPTED: &str = "accepted: http://host:port, https://host:port, host:port or unix:///path";
/// The longest path of a Unix socket: `sun_path` has 108 bytes including the final NUL.
const MAX_PATH: usize = 107;

/// The address at which an etcd member serves clients.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    tls: bool,
    target: Target,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Target {
    Host { name: String, port: u16 },
    Socket(String),
}

impl Endpoint {
    /// Parses `http://host:port`, `https://host:port`, `host:port` (where `tls` decides) or a Unix socket.
    ///
    /// A Unix socket is `unix:///path`, or `unixs:///path` with TLS.
    ///
    /// ```
    /// use etcd_discovery_core::endpoint::Endpoint;
    ///
    /// assert_eq!(Endpoint::parse("10.0.0.1", false)?.to_string(), "http://10.0.0.1:2379");
    /// assert_eq!(Endpoint::parse("https://[::1]:4001/", false)?.to_string(), "https://[::1]:4001");
    /// assert_eq!(Endpoint::parse("unix:///run/etcd.sock", false)?.to_string(), "unix:///run/etcd.sock");
    /// assert!(Endpoint::parse("etcd://10.0.0.1", false).is_err());
    /// # Ok::<(), etcd_discovery_core::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// A configuration error that quotes the text, except for what may be a password.
    pub fn parse(text: &str, tls: bool) -> Result<Self> {
        let text = text.trim();
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        if let "unix" | "unixs" = scheme {
            return Self::parse_socket(text, scheme == "unixs");
        }
        let (tls, authority) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some(_) => return Err(refuse(text, "has an unknown scheme")),
            None => (tls, text),
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains('@') {
            return Err(credentials());
        }
        let problem = match split_port(authority) {
            _ if text.is_empty() => "is empty: remove it, or the extra comma in the list",
            _ if text.contains(',') => "contains a comma: give several endpoints as a list, one element each",
            _ if authority.contains(['/', '?', '#']) => {
                "has a path: etcd has none, so remove what follows host and port"
            }
            _ if authority.parse::<std::net::Ipv6Addr>().is_ok() => {
                "is an IPv6 address without brackets: write [address]:port"
            }
            None => "has an invalid port",
            Some((host, _)) if !is_host(host) => "has no valid host",
            Some((name, port)) => {
                return Ok(Self { tls, target: Target::Host { name: name.to_owned(), port } });
            }
        };
        Err(refuse(text, problem))
    }

    /// Parses a Unix socket as etcd does: everything after the scheme is the path, with or without `//`.
    fn parse_socket(text: &str, tls: bool) -> Result<Self> {
        let path = text.split_once(':').map_or("", |(_, rest)| rest);
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains('\0') {
            return Err(refuse(text, "has no socket path"));
        }
        // `unix:///a@b` is a path, but `unix://root:password@/a` contains credentials.
        if !path.starts_with('/') && path.contains('@') {
            return Err(credentials());
        }
        if path.len() > MAX_PATH {
            return Err(refuse(text, &format!("has a path longer than {MAX_PATH} bytes")));
        }
        Ok(Self { tls, target: Target::Socket(path.to_owned()) })
    }

    /// An endpoint found in DNS; `None` if the record is invalid.
    #[must_use]
    pub(crate) fn discovered(name: &str, port: u16, tls: bool) -> Option<Self> {
        let name = name.to_owned();
        (is_host(&name) && port > 0).then_some(Self { tls, target: Target::Host { name, port } })
    }

    /// Whether the connection uses TLS.
    #[must_use]
    pub const fn tls(&self) -> bool {
        self.tls
    }

    /// The host name or address, without brackets; `localhost` for a Unix socket.
    #[must_use]
    pub fn host(&self) -> &str {
        match &self.target {
            Target::Host { name, .. } => name.trim_start_matches('[').trim_end_matches(']'),
            Target::Socket(_) => "localhost",
        }
    }

    /// Whether the endpoint is on this host.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host() == "localhost" || self.address().is_some_and(|address| address.is_loopback())
    }

    /// Whether it is a wildcard address such as 0.0.0.0, which no client can connect to.
    #[must_use]
    pub fn is_unspecified(&self) -> bool {
        self.address().is_some_and(|address| address.is_unspecified())
    }

    fn address(&self) -> Option<std::net::IpAddr> {
        self.host().parse().ok()
    }

    /// The port; 0 for a Unix socket.
    #[must_use]
    pub const fn port(&self) -> u16 {
        match &self.target {
            Target::Host { port, .. } => *port,
            Target::Socket(_) => 0,
        }
    }

    /// The path of a Unix socket; `None` for a host.
    #[must_use]
    pub fn socket_path(&self) -> Option<&str> {
        match &self.target {
            Target::Host { .. } => None,
            Target::Socket(path) => Some(path),
        }
    }

    /// The URI that requests are sent to.
    #[must_use]
    pub fn uri(&self) -> String {
        match &self.target {
            Target::Host { .. } => self.to_string(),
            Target::Socket(_) if self.tls => "https://localhost".to_owned(),
            Target::Socket(_) => "http://localhost".to_owned(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secure = if self.tls { "s" } else { "" };
        match &self.target {
            Target::Host { name, port } => write!(f, "http{secure}://{name}:{port}"),
            Target::Socket(path) => write!(f, "unix{secure}://{path}"),
        }
    }
}

/// The error for an endpoint that contains a password, which it does not repeat.
fn credentials() -> Error {
    Error::configuration("endpoints", "an endpoint contains credentials; set user and password instead")
}

fn refuse(text: &str, problem: &str) -> Error {
    let shown: String = shown(text.trim()).chars().take(100).collect();
    Error::configuration("endpoints", format!("{shown:?} {problem}; {ACCEPTED}"))
}

/// Hides what may be a password: text before an `@`, in a query, or instead of the port (promise 10).
fn shown(text: &str) -> String {
    let (scheme, rest) = text.find("://").map_or(("", text), |at| text.split_at(at + 3));
    let authority = rest.split('/').next().unwrap_or_default();
    let after_brackets = authority.rfind(']').map_or(0, |at| at + 1);
    if scheme.contains(|c: char| !c.is_ascii_alphabetic() && c != ':' && c != '/') {
        return FILTERED.to_owned();
    }
    if rest.contains(['@', '?', '#', '=']) {
        return format!("{scheme}{FILTERED}");
    }
    match authority[after_brackets..].split_once(':') {
        Some((host, port)) if !port.chars().all(|c| c.is_ascii_digit()) => {
            format!("{scheme}{}{host}:{FILTERED}", &authority[..after_brackets])
        }
        _ => text.to_owned(),
    }
}

fn split_port(authority: &str) -> Option<(&str, u16)> {
    let after_brackets = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[after_brackets..].rfind(':') {
        None => Some((authority, DEFAULT_PORT)),
        Some(colon) => {
            let (host, port) = authority.split_at(after_brackets + colon);
            let digits = &port[1..];
            let port = digits.parse().ok().filter(|port| *port > 0 && !digits.starts_with('+'))?;
            Some((host, port))
        }
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !host.is_empty() && host.len() <= 253 && host.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_error_for_a_malformed_endpoint_lists_the_accepted_forms() {
        for text in ["", "http://", "ftp://a", "a:b", "a:0", "a:70000", "a b", "http://[::1", "http://a:1/b"]
        {
            let message = Endpoint::parse(text, false).map(|e| e.to_string()).unwrap_err().to_string();
            assert!(message.starts_with("endpoints: ") && message.ends_with(ACCEPTED), "{text}: {message}");
        }
    }

    #[test]
    fn the_error_names_the_mistake() {
        for (text, mistake) in [
            ("http://a:1/v3", "has a path"),
            ("a:1/v3/", "has a path"),
            ("https://a?x=1", "has a path"),
            ("http://a:1,", "contains a comma"),
            ("a:1,b:1", "contains a comma"),
            ("  ", "is empty"),
            ("ftp://a", "has an unknown scheme"),
            ("::1", "IPv6 address without brackets"),
            ("a:etcd", "has an invalid port"),
            ("a b", "has no valid host"),
            ("unix://", "has no socket path"),
        ] {
            let message = Endpoint::parse(text, false).unwrap_err().to_string();
            assert!(message.contains(mistake), "{text}: {message}");
        }
        let message =
            Endpoint::parse(&format!("unix:///{}", "x".repeat(200)), false).unwrap_err().to_string();
        assert!(message.contains("longer than 107"), "{message}");
    }

    #[test]
    fn the_error_does_not_repeat_a_query() {
        let error = Endpoint::parse("http://a:1?password=hunter2", false).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_unix_socket_is_given_by_its_path() {
        for (text, path, tls) in [
            ("unix:///run/etcd.sock", "/run/etcd.sock", false),
            ("unix:/run/etcd.sock", "/run/etcd.sock", false),
            ("unix://localhost:2379", "localhost:2379", false),
            ("unixs:///run/etcd.sock", "/run/etcd.sock", true),
        ] {
            let endpoint = Endpoint::parse(text, !tls).unwrap();
            assert_eq!((endpoint.socket_path(), endpoint.tls()), (Some(path), tls), "{text}");
            assert!(endpoint.is_local());
        }
    }

    #[test]
    fn credentials_in_an_endpoint_are_refused_and_not_repeated() {
        let error = Endpoint::parse("http://root:hunter2@a:1", false).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn the_error_does_not_repeat_a_possible_password_wherever_it_is() {
        for text in [
            "http://h:1/?password=hunter2",
            "http://h:1?hunter2",
            "http://h:1#hunter2",
            "root:hunter2",
            "http://root:hunter2",
            "[::1]:hunter2",
            "root:hunter2@h:1",
            "http://root:hun/hunter2@h:1",
            "etcd://root:hunter2@h:1",
            "unix://root:hunter2@/run/etcd.sock",
            "unixs:root:hunter2@etcd.sock",
            "user=root&password=hunter2://h",
        ] {
            let error = Endpoint::parse(text, false).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_input_panics_and_an_accepted_endpoint_parses_to_itself(text in "\\PC{0,40}", tls in any::<bool>()) {
            if let Ok(endpoint) = Endpoint::parse(&text, tls) {
                prop_assert_eq!(Endpoint::parse(&endpoint.to_string(), !tls), Ok(endpoint));
            }
        }
    }
}
