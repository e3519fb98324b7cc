//! An etcd endpoint as people write it.

use std::fmt;

use crate::error::{Error, Result};
use crate::secret::FILTERED;

/// etcd's client port.
const DEFAULT_PORT: u16 = 2379;
const ACCEPTED: &str = "accepted: http://host:port, https://host:port or host:port";

/// Where an etcd member answers clients.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    tls: bool,
    host: String,
    port: u16,
}

impl Endpoint {
    /// Reads `http://host:port`, `https://host:port` or `host:port`; without a scheme, `tls` decides.
    ///
    /// ```
    /// use etcd_discovery_core::endpoint::Endpoint;
    ///
    /// assert_eq!(Endpoint::parse("10.0.0.1", false)?.to_string(), "http://10.0.0.1:2379");
    /// assert_eq!(Endpoint::parse("https://[::1]:4001/", false)?.to_string(), "https://[::1]:4001");
    /// assert!(Endpoint::parse("etcd://10.0.0.1", false).is_err());
    /// # Ok::<(), etcd_discovery_core::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// A configuration error that quotes what was given, save where it holds credentials.
    pub fn parse(text: &str, tls: bool) -> Result<Self> {
        let (tls, rest) = match text.trim().split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some(_) => return Err(refuse(text, "has an unknown scheme")),
            None => (tls, text.trim()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('@') {
            // The text holds a password: do not repeat it.
            return Err(Error::configuration(
                "endpoints",
                "an endpoint holds credentials; give them as user and password",
            ));
        }
        let (host, port) = split_port(authority).ok_or_else(|| refuse(text, "has a wrong port"))?;
        if !is_host(host) {
            return Err(refuse(text, "has no valid host"));
        }
        Ok(Self { tls, host: host.to_owned(), port })
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub const fn tls(&self) -> bool {
        self.tls
    }

    /// The host name or address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
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

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
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
