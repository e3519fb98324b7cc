//! The validated settings of one client.

use std::path::PathBuf;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::layers::Layers;
use crate::range::Ranges;
pub use crate::secret::Secret;

/// The name and password of an etcd user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The user's password.
    pub password: Secret,
}

/// The files and names of a TLS connection.
///
/// The files are read again at each connection, so that certificates can be rotated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    /// The certificates (PEM) of the authorities that may sign the server's certificate.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate and chain (PEM). It requires `key_file`.
    pub cert_file: Option<PathBuf>,
    /// The client's private key (PEM). It requires `cert_file`.
    pub key_file: Option<PathBuf>,
    /// The name to expect in the server's certificate instead of the endpoint's host.
    pub server_name: Option<String>,
}

/// Timeouts and intervals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// The timeout for a connection with its TLS handshake and first answer. A login may take longer.
    pub connect_timeout: Duration,
    /// The timeout for a request, and for each answer expected on a stream.
    pub request_timeout: Duration,
    /// The interval between HTTP/2 pings. Below 5 s etcd answers with GOAWAY (`too_many_pings`).
    pub keepalive_interval: Duration,
    /// The timeout for the answer to an HTTP/2 ping.
    pub keepalive_timeout: Duration,
    /// The interval between two confirmations that the local copy is still etcd's content.
    pub progress_interval: Duration,
    /// The age of the last confirmation above which the copy counts as stale.
    pub max_staleness: Duration,
    /// The longest delay between two attempts to connect.
    pub backoff_cap: Duration,
    /// The interval between two comparisons of the local copy with etcd; 0 for none.
    pub audit_interval: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(3),
            keepalive_interval: Duration::from_secs(10),
            keepalive_timeout: Duration::from_secs(3),
            progress_interval: Duration::from_secs(3),
            max_staleness: Duration::from_secs(10),
            backoff_cap: Duration::from_secs(3),
            audit_interval: Duration::from_secs(300),
        }
    }
}

/// The SRV records that name the members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// The domain with the SRV records.
    pub domain: String,
    /// A name that distinguishes several clusters in one domain.
    pub service: Option<String>,
    /// Whether to use members without TLS too.
    pub insecure: bool,
}

impl Discovery {
    /// Validates the `domain` and the `service` name, if given.
    ///
    /// # Errors
    /// A configuration error that names the setting.
    pub fn new(domain: &str, service: Option<String>, insecure: bool) -> Result<Self> {
        let is_name = |text: &str| {
            let label = |label: &str| {
                let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
                (1..64).contains(&label.len()) && label.chars().all(allowed)
            };
            text.len() <= 200 && text.split('.').all(label)
        };
        let domain = domain.trim().trim_end_matches('.');
        if !is_name(domain) {
            return Err(Error::configuration(
                "discovery_srv",
                "not a domain; accepted: a name like example.com",
            ));
        }
        if service.as_deref().is_some_and(|service| service.contains('.') || !is_name(service)) {
            let problem = "not a DNS label; accepted: letters, digits, '-' and '_', at most 63 characters";
            return Err(Error::configuration("discovery_srv_name", problem));
        }
        Ok(Self { domain: domain.to_owned(), service, insecure })
    }

    /// The name of the SRV record for members with or without TLS, as in etcdctl.
    #[must_use]
    pub fn srv_record(&self, tls: bool) -> String {
        let secure = if tls { "-ssl" } else { "" };
        let service = self.service.as_ref().map_or_else(String::new, |service| format!("-{service}"));
        format!("_etcd-client{secure}{service}._tcp.{}", self.domain)
    }
}

/// Where the processes of a fleet are called, and what this host is called there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// The prefix of all its keys; ends in a slash.
    pub prefix: Vec<u8>,
    /// The name of this host.
    pub host: Vec<u8>,
}

/// The settings of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The configured members; empty if DNS names them.
    pub endpoints: Vec<Endpoint>,
    /// The SRV records that name the members, if used instead of `endpoints`.
    pub discovery: Option<Discovery>,
    /// The keys to watch; none for a client that only writes and registers.
    pub ranges: Ranges,
    /// The prefixes in which names are looked up. `ranges` must contain them.
    pub layers: Layers,
    /// The etcd user, if any.
    pub credentials: Option<Credentials>,
    /// The TLS files.
    pub tls: TlsFiles,
    /// Timeouts and intervals.
    pub timing: Timing,
    /// The maximum number of keys in one page of a listing.
    pub page_size: i64,
    /// Whether to run without etcd. The client then keeps in memory what is written to it.
    pub offline: bool,
    /// Whether to ask the cluster for its members and use them in addition to `endpoints`.
    pub member_sync: bool,
    /// The path of the copy on disk, if any.
    pub cache_path: Option<PathBuf>,
    /// Where the processes of this host agree on one that follows etcd for all, if they do.
    pub host_copy: Option<HostCopy>,
    /// The fleet whose roll calls this client answers, if any.
    pub fleet: Option<Fleet>,
}

/// Where the processes of a host that share a copy meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostCopy {
    /// In this folder.
    At(PathBuf),
    /// In a folder of each user's own in this one. A worker may change its user after its master read the settings.
    OfEachUserIn(PathBuf),
}

impl HostCopy {
    /// The folder of this user.
    #[must_use]
    pub fn folder(&self, user: u32) -> PathBuf {
        match self {
            Self::At(folder) => folder.clone(),
            Self::OfEachUserIn(folder) => folder.join(format!("etcd_discovery-{user}")),
        }
    }
}

/// The maximum number of keys in one page of a listing.
///
/// Few enough for one answer. No fewer, because each page costs etcd a walk over all keys that follow.
pub const PAGE_SIZE: i64 = 20_000;

impl Settings {
    /// Settings with defaults for everything except the endpoints and the keys.
    ///
    /// # Errors
    /// A configuration error when there are no endpoints.
    pub fn new(endpoints: Vec<Endpoint>, ranges: Ranges) -> Result<Self> {
        if endpoints.is_empty() {
            return Err(Error::configuration("endpoints", "none given; give at least one etcd member"));
        }
        Ok(Self::of(endpoints, None, ranges))
    }

    /// The same for members that DNS names.
    #[must_use]
    pub fn discovering(discovery: Discovery, ranges: Ranges) -> Self {
        Self::of(Vec::new(), Some(discovery), ranges)
    }

    /// Describes where etcd is, for messages.
    #[must_use]
    pub fn location(&self) -> String {
        match &self.discovery {
            Some(discovery) => format!("the SRV records of {}", discovery.domain),
            None => self.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        }
    }

    fn of(endpoints: Vec<Endpoint>, discovery: Option<Discovery>, ranges: Ranges) -> Self {
        Self {
            endpoints,
            discovery,
            ranges,
            layers: Layers::default(),
            credentials: None,
            tls: TlsFiles::default(),
            timing: Timing::default(),
            page_size: PAGE_SIZE,
            offline: false,
            member_sync: false,
            cache_path: None,
            host_copy: None,
            fleet: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_domain_is_refused_and_the_record_names_are_those_of_etcdctl() {
        for domain in ["", "a b", "a..b", "http://example.com", "example.com:2379"] {
            assert!(Discovery::new(domain, None, true).is_err(), "{domain}");
        }
        assert!(Discovery::new("example.com", Some("a.b".into()), true).is_err());
        let discovery = Discovery::new("example.com.", Some("blue".into()), true).unwrap();
        assert_eq!(discovery.srv_record(true), "_etcd-client-ssl-blue._tcp.example.com");
        let discovery = Discovery { service: None, ..discovery };
        assert_eq!(discovery.srv_record(false), "_etcd-client._tcp.example.com");
    }
}
