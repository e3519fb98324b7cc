//! Resolves names that need no name server: those in `/etc/hosts`, and `localhost`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The hosts file that glibc uses too.
///
/// It is read at each connection, because an orchestrator may rewrite it.
pub(super) const FILE: &str = "/etc/hosts";

/// The addresses of `host` in `file`, in order.
///
/// For `localhost` without an entry these are the loopback addresses (RFC 6761).
///
/// Malformed lines are skipped, as in glibc. The file may have any encoding.
pub(super) fn addresses(file: &[u8], host: &str) -> Vec<IpAddr> {
    let host = host.trim_end_matches('.');
    let mut found = Vec::new();
    for line in String::from_utf8_lossy(file).lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let address = words.next().and_then(|word| word.parse().ok());
        if let Some(address) = address
            && !found.contains(&address)
            && words.any(|name| name.trim_end_matches('.').eq_ignore_ascii_case(host))
        {
            found.push(address);
        }
    }
    if found.is_empty() && is_localhost(host) {
        found = vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
    }
    found
}

fn is_localhost(host: &str) -> bool {
    host.rsplit('.').next().is_some_and(|label| label.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"\xff\xfe nonsense etcd1\n\
        127.0.0.1\tlocalhost # etcd1\n\
        10.0.0.999 etcd1\n\
        10.0.0.1   etcd1.internal  ETCD1 # etcd2\r\n\
        fd00::1 etcd1\n\
        10.0.0.1 etcd1\n\
        10.0.0.2 etcd10\n";

    fn of(host: &str) -> Vec<String> {
        addresses(FILE, host).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_name_gets_all_its_addresses_and_malformed_lines_are_skipped() {
        assert_eq!(of("etcd1"), ["10.0.0.1", "fd00::1"]);
        assert_eq!(of("Etcd1.Internal."), ["10.0.0.1"]);
        assert!(of("etcd2").is_empty());
    }

    #[test]
    fn localhost_needs_no_entry_and_uses_one_if_there_is_one() {
        assert_eq!(of("localhost"), ["127.0.0.1"]);
        assert_eq!(of("etcd.localhost"), ["::1", "127.0.0.1"]);
        assert_eq!(addresses(b"", "LOCALHOST").len(), 2);
        assert!(addresses(b"", "notlocalhost").is_empty());
    }
}
