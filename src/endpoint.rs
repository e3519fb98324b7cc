//! An etcd endpoint as people write it.

use std::fmt;

use crate::error::{Error, Result};
use crate::secret::FILTERED;

/// etcd's client port.
const DEFAULT_PORT: u16 = 2379;
const ACCEPTED: &str = "accepted: http://host:port, https://host:port, host:port or unix:///path";
/// What fits into the address of a socket, with the NUL at its end.
const LONGEST_PATH: usize = 107;

/// Where an etcd member answers clients.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    tls: bool,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Host { name: String, port: u16 },
    Socket(String),
}

impl Endpoint {
    /// Reads `http://host:port`, `https://host:port` or `host:port`; without a scheme, `tls` decides. A socket of this
    /// host is `unix:///path`, with TLS `unixs:///path`.
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
    /// A configuration error that quotes what was given, except where it holds credentials or a query.
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
            _ if text.is_empty() => "is empty: remove it, or the comma beside it from the list",
            _ if text.contains(',') => "holds a comma: give several endpoints as a list, one element each",
            _ if authority.contains(['/', '?', '#']) => {
                "has a path: etcd answers at a host and port, so remove what follows them"
            }
            _ if authority.parse::<std::net::Ipv6Addr>().is_ok() => {
                "is an IPv6 address without brackets: write [address]:port"
            }
            None => "has a wrong port",
            Some((host, _)) if !is_host(host) => "has no valid host",
            Some((name, port)) => {
                return Ok(Self { tls, place: Place::Host { name: name.to_owned(), port } });
            }
        };
        Err(refuse(text, problem))
    }

    /// As etcd reads it: what follows the scheme, with or without slashes, is the path.
    fn parse_socket(text: &str, tls: bool) -> Result<Self> {
        let path = text.split_once(':').map_or("", |(_, rest)| rest);
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains('\0') {
            return Err(refuse(text, "has no path of a socket"));
        }
        // `unix:///a@b` is a path; `unix://root:password@/a` is not meant as one.
        if !path.starts_with('/') && path.contains('@') {
            return Err(credentials());
        }
        if path.len() > LONGEST_PATH {
            return Err(refuse(text, &format!("has a path longer than {LONGEST_PATH} bytes")));
        }
        Ok(Self { tls, place: Place::Socket(path.to_owned()) })
    }

    /// An endpoint that DNS names.
    #[must_use]
    pub(crate) fn discovered(name: &str, port: u16, tls: bool) -> Option<Self> {
        let name = name.to_owned();
        (is_host(&name) && port > 0).then_some(Self { tls, place: Place::Host { name, port } })
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub const fn tls(&self) -> bool {
        self.tls
    }

    /// The host name or address, without brackets; `localhost` for a socket of this host.
    #[must_use]
    pub fn host(&self) -> &str {
        match &self.place {
            Place::Host { name, .. } => name.trim_start_matches('[').trim_end_matches(']'),
            Place::Socket(_) => "localhost",
        }
    }

    /// Whether it is on the host that asks.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host() == "localhost" || self.address().is_some_and(|address| address.is_loopback())
    }

    /// Whether it is where a server listens on all its addresses, and nowhere to connect to.
    #[must_use]
    pub fn is_unspecified(&self) -> bool {
        self.address().is_some_and(|address| address.is_unspecified())
    }

    fn address(&self) -> Option<std::net::IpAddr> {
        self.host().parse().ok()
    }

    /// The port; 0 for a socket of this host.
    #[must_use]
    pub const fn port(&self) -> u16 {
        match &self.place {
            Place::Host { port, .. } => *port,
            Place::Socket(_) => 0,
        }
    }

    /// The path, if it is a socket of this host.
    #[must_use]
    pub fn socket_path(&self) -> Option<&str> {
        match &self.place {
            Place::Host { .. } => None,
            Place::Socket(path) => Some(path),
        }
    }

    /// What a request is addressed to.
    #[must_use]
    pub fn uri(&self) -> String {
        match &self.place {
            Place::Host { .. } => self.to_string(),
            Place::Socket(_) if self.tls => "https://localhost".to_owned(),
            Place::Socket(_) => "http://localhost".to_owned(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secure = if self.tls { "s" } else { "" };
        match &self.place {
            Place::Host { name, port } => write!(f, "http{secure}://{name}:{port}"),
            Place::Socket(path) => write!(f, "unix{secure}://{path}"),
        }
    }
}

/// The text holds a password: it is not repeated.
fn credentials() -> Error {
    Error::configuration("endpoints", "an endpoint holds credentials; give them as user and password")
}

fn refuse(text: &str, problem: &str) -> Error {
    let shown: String = shown(text.trim()).chars().take(100).collect();
    Error::configuration("endpoints", format!("{shown:?} {problem}; {ACCEPTED}"))
}

/// `text` without what may be a password: in front of an `@`, in a query, or in place of the port (promise 10).
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
    fn a_malformed_endpoint_is_named_with_what_is_accepted() {
        for text in ["", "http://", "ftp://a", "a:b", "a:0", "a:70000", "a b", "http://[::1", "http://a:1/b"]
        {
            let message = Endpoint::parse(text, false).map(|e| e.to_string()).unwrap_err().to_string();
            assert!(message.starts_with("endpoints: ") && message.ends_with(ACCEPTED), "{text}: {message}");
        }
    }

    #[test]
    fn the_message_names_the_mistake() {
        for (text, mistake) in [
            ("http://a:1/v3", "has a path"),
            ("a:1/v3/", "has a path"),
            ("https://a?x=1", "has a path"),
            ("http://a:1,", "holds a comma"),
            ("a:1,b:1", "holds a comma"),
            ("  ", "is empty"),
            ("ftp://a", "has an unknown scheme"),
            ("::1", "IPv6 address without brackets"),
            ("a:etcd", "has a wrong port"),
            ("a b", "has no valid host"),
            ("unix://", "has no path of a socket"),
        ] {
            let message = Endpoint::parse(text, false).unwrap_err().to_string();
            assert!(message.contains(mistake), "{text}: {message}");
        }
        let message =
            Endpoint::parse(&format!("unix:///{}", "x".repeat(200)), false).unwrap_err().to_string();
        assert!(message.contains("longer than 107"), "{message}");
    }

    #[test]
    fn what_a_query_holds_is_not_repeated() {
        let error = Endpoint::parse("http://a:1?password=hunter2", false).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_socket_of_this_host_is_given_by_its_path() {
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
    fn what_may_be_a_password_is_not_repeated_wherever_it_stands() {
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
        fn no_text_panics_and_what_is_accepted_reads_the_same_again(text in "\\PC{0,40}", tls in any::<bool>()) {
            if let Ok(endpoint) = Endpoint::parse(&text, tls) {
                prop_assert_eq!(Endpoint::parse(&endpoint.to_string(), !tls), Ok(endpoint));
            }
        }
    }
}
