//! Asks the name servers listed in `/etc/resolv.conf`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::stream::iter;
use hickory_resolver::Resolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::dns::Sockets;
use super::explain::chain;
use super::race::race;

/// The resolver configuration that glibc uses too.
///
/// It is read at each connection, because DHCP may rewrite it.
pub(super) const FILE: &str = "/etc/resolv.conf";
/// How long to wait before asking the next name server too.
///
/// glibc waits 5 s, which is longer than a connection may take.
const PAUSE: Duration = Duration::from_millis(300);
/// How many name servers are asked, as in glibc.
const MAX_SERVERS: usize = 3;
const PORT: u16 = 53;

/// The configured name servers, in order.
pub(super) struct NameServers {
    /// One resolver per server, so that a dead server does not delay another's search list.
    resolvers: Vec<Resolver<Sockets>>,
    addresses: Vec<SocketAddr>,
}

impl NameServers {
    /// Parses `file`. Like glibc, it skips malformed lines, and uses this host if no server is listed.
    pub(super) fn read(file: &[u8]) -> Result<Self, NetError> {
        let (parsed, _) = resolv_conf::Config::parse_with_errors(file);
        let named = parsed.get_nameservers_or_local();
        let addresses = named.iter().take(MAX_SERVERS).map(|ip| SocketAddr::new(IpAddr::from(ip), PORT));
        let mut search: Vec<String> = parsed.get_last_search_or_domain().cloned().collect();
        if search.is_empty() {
            search.extend(parsed.get_system_domain());
        }
        let mut options = ResolverOpts::default();
        options.ndots = parsed.ndots as usize;
        options.timeout = Duration::from_secs(u64::from(parsed.timeout.max(1)));
        options.attempts = parsed.attempts.max(1) as usize;
        options.edns0 = parsed.edns0;
        Self::new(addresses.collect(), &search, options)
    }

    pub(super) fn new(
        addresses: Vec<SocketAddr>,
        search: &[String],
        mut options: ResolverOpts,
    ) -> Result<Self, NetError> {
        options.use_hosts_file = ResolveHosts::Never;
        let search: Vec<Name> =
            search.iter().filter_map(|domain| Name::from_str_relaxed(domain).ok()).collect();
        let resolver = |address: &SocketAddr| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = address.port();
                connection
            });
            let server = NameServerConfig::new(address.ip(), true, connections.to_vec());
            let config = ResolverConfig::from_parts(None, search.clone(), vec![server]);
            Resolver::builder_with_config(config, Sockets::default()).with_options(options.clone()).build()
        };
        let resolvers = addresses.iter().map(resolver).collect::<Result<_, _>>()?;
        Ok(Self { resolvers, addresses })
    }

    /// Looks up the records of `kind` for `name`; an empty list if there is no such name.
    ///
    /// The first server's answer wins if it comes in time: a later server may be a public one that does not know the
    /// names of this network.
    pub(super) async fn ask(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, String> {
        let asked = race(iter(&self.resolvers), PAUSE, |resolver| async move {
            match resolver.lookup(name, kind).await {
                Ok(answer) => Ok(answer.answers().iter().map(|record| record.data.clone()).collect()),
                Err(NetError::Dns(DnsError::NoRecordsFound(none))) if is_final(none.response_code) => {
                    Ok(Vec::new())
                }
                Err(error) => Err(chain(&error)),
            }
        });
        asked.await.unwrap_or_else(|| Err("there is no name server to ask".to_owned()))
    }
}

impl std::fmt::Display for NameServers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let addresses: Vec<String> = self.addresses.iter().map(|address| address.ip().to_string()).collect();
        write!(f, "name server {}", addresses.join(", "))
    }
}

/// Whether the server says that there is no record, rather than that it cannot tell.
fn is_final(code: ResponseCode) -> bool {
    matches!(code, ResponseCode::NXDomain | ResponseCode::NoError)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(file: &[u8]) -> Vec<String> {
        NameServers::read(file).unwrap().addresses.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn malformed_lines_are_skipped() {
        let file = b"nameserver 10.0.0.300\nnonsense \xff\nsearch foo..bar\noptions timeout:0 ndots:x\n\
            nameserver 10.0.0.1\nnameserver fd00::1\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n";
        assert_eq!(servers(file), ["10.0.0.1:53", "[fd00::1]:53", "10.0.0.3:53"]);
    }

    #[test]
    fn without_a_name_server_this_host_is_used() {
        for file in ["", "search internal\n"] {
            assert_eq!(servers(file.as_bytes()).first().map(String::as_str), Some("127.0.0.1:53"));
        }
    }
}
