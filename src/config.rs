//! The settings of one client, already checked.

use std::path::PathBuf;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::error::{Error, Result};
use crate::range::Ranges;
pub use crate::secret::Secret;

/// A user of etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The user's password.
    pub password: Secret,
}

/// Files of a TLS connection. They are read at each connection, so that certificates can be rotated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    /// Certificates (PEM) of the authorities that may sign the server's.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate and chain (PEM), together with its key.
    pub cert_file: Option<PathBuf>,
    /// The client's private key (PEM).
    pub key_file: Option<PathBuf>,
    /// The name to expect in the server's certificate in place of the endpoint's host.
    pub server_name: Option<String>,
}

/// How long things may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// For a connection with its TLS handshake and first answer. A login may take longer.
    pub connect_timeout: Duration,
    /// For one request, and for each answer that a stream owes.
    pub request_timeout: Duration,
    /// Between HTTP/2 pings. Under 5 s etcd answers with GOAWAY (`too_many_pings`).
    pub keepalive_interval: Duration,
    /// For the answer to an HTTP/2 ping.
    pub keepalive_timeout: Duration,
    /// Between two proofs that the local copy is still etcd's content.
    pub progress_interval: Duration,
    /// How old the last proof may be before whoever observes the client is to call it stale.
    pub max_staleness: Duration,
    /// Longest delay between two attempts to connect.
    pub backoff_cap: Duration,
    /// Between two comparisons of the local copy with etcd; 0 for none.
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

/// Where DNS names the members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// The domain with the SRV records.
    pub domain: String,
    /// What tells several clusters of one domain apart.
    pub service: Option<String>,
    /// Whether members without TLS count too.
    pub insecure: bool,
}

impl Discovery {
    /// Checks `domain`, and a name for the `service` if any.
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
            return Err(Error::configuration("discovery_srv_name", "cannot be a part of a name in DNS"));
        }
        Ok(Self { domain: domain.to_owned(), service, insecure })
    }

    /// The name of the record of the members with TLS, or without, as etcdctl and etcd have it.
    #[must_use]
    pub fn record(&self, tls: bool) -> String {
        let secure = if tls { "-ssl" } else { "" };
        let service = self.service.as_ref().map_or_else(String::new, |service| format!("-{service}"));
        format!("_etcd-client{secure}{service}._tcp.{}", self.domain)
    }
}

/// The settings of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The members to talk to; empty if DNS names them.
    pub endpoints: Vec<Endpoint>,
    /// Where DNS names the members instead.
    pub discovery: Option<Discovery>,
    /// The keys to hold; none for a client that only writes and announces.
    pub ranges: Ranges,
    /// Who to be.
    pub credentials: Option<Credentials>,
    /// How to trust and be trusted.
    pub tls: TlsFiles,
    /// How long things may take.
    pub timing: Timing,
    /// Keys in one page of a listing.
    pub page_size: i64,
    /// Whether there is no etcd: the client itself holds what is written to it.
    pub offline: bool,
    /// Whether to ask the cluster for its members, and use them beside `endpoints`.
    pub member_sync: bool,
    /// Where to keep a copy on disk, if anywhere.
    pub cache_path: Option<PathBuf>,
}

/// Keys in one page of a listing: small enough for one answer, large enough for few round trips.
pub const PAGE_SIZE: i64 = 5_000;

impl Settings {
    /// Settings with defaults for everything but the cluster and the keys.
    ///
    /// # Errors
    /// A configuration error when there is no endpoint.
    pub fn new(endpoints: Vec<Endpoint>, ranges: Ranges) -> Result<Self> {
        if endpoints.is_empty() {
            return Err(Error::configuration("endpoints", "none given; name at least one etcd member"));
        }
        Ok(Self::of(endpoints, None, ranges))
    }

    /// The same where DNS names the members.
    #[must_use]
    pub fn discovering(discovery: Discovery, ranges: Ranges) -> Self {
        Self::of(Vec::new(), Some(discovery), ranges)
    }

    /// Where etcd is, for messages.
    #[must_use]
    pub fn place(&self) -> String {
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
            credentials: None,
            tls: TlsFiles::default(),
            timing: Timing::default(),
            page_size: PAGE_SIZE,
            offline: false,
            member_sync: false,
            cache_path: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_domain_is_refused_and_the_names_of_the_records_are_those_of_etcdctl() {
        for domain in ["", "a b", "a..b", "http://example.com", "example.com:2379"] {
            assert!(Discovery::new(domain, None, true).is_err(), "{domain}");
        }
        assert!(Discovery::new("example.com", Some("a.b".into()), true).is_err());
        let discovery = Discovery::new("example.com.", Some("blue".into()), true).unwrap();
        assert_eq!(discovery.record(true), "_etcd-client-ssl-blue._tcp.example.com");
        assert_eq!(Discovery { service: None, ..discovery }.record(false), "_etcd-client._tcp.example.com");
    }
}
