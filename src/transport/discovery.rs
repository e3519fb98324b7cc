//! Finds etcd members in the SRV records of a domain, as etcdctl does.
//!
//! Each new connection asks DNS again, so that moved members are found. While no name server answers, the members
//! already known stay in use.

use std::time::Duration;

use super::endpoints::Endpoints;
use super::resolve::HostResolver;
use crate::clock::Instant;
use crate::config::{Discovery, Settings};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};

/// How long to wait for a name server when members are already known.
const RENEWAL: Duration = Duration::from_millis(500);

/// Chooses the endpoint to connect to, after asking DNS where `discovery_srv` is set.
///
/// # Errors
/// When members come from DNS and it has never named any.
pub async fn choose(settings: &Settings, endpoints: &Endpoints) -> Result<Endpoint> {
    if let Some(discovery) = &settings.discovery {
        let limit = settings.timing.connect_timeout.mul_f64(0.75);
        let known = endpoints.count() > 0;
        let limit = if known { limit.min(RENEWAL) } else { limit };
        let found = match HostResolver::from_system_files() {
            Ok(resolver) => find(&resolver, discovery, limit).await,
            Err(reason) => Err(reason),
        };
        match found {
            Ok(found) => endpoints.learn(&found),
            Err(_) if known => {}
            Err(reason) => return Err(Error::new(ErrorKind::Connection, reason)),
        }
    }
    endpoints.pick(Instant::now()).ok_or_else(|| Error::configuration("endpoints", "none given"))
}

async fn find(
    resolver: &HostResolver,
    discovery: &Discovery,
    limit: Duration,
) -> std::result::Result<Vec<Endpoint>, String> {
    let (secure, plain) = (discovery.srv_record(true), discovery.srv_record(false));
    let (over_tls, over_tcp) = tokio::join!(resolver.services(limit, &secure), async {
        if discovery.insecure { resolver.services(limit, &plain).await } else { Ok(Vec::new()) }
    });
    let mut found = Vec::new();
    for (services, tls) in [(&over_tls, true), (&over_tcp, false)] {
        let services = services.as_deref().unwrap_or_default();
        found.extend(services.iter().filter_map(|(host, port)| Endpoint::discovered(host, *port, tls)));
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let reason = match (over_tls, over_tcp) {
        (Err(reason), _) | (_, Err(reason)) => reason,
        _ if discovery.insecure => format!("there is no SRV record {secure} or {plain}"),
        _ => format!("there is no SRV record {secure}, and insecure_discovery is false"),
    };
    Err(format!("DNS names no etcd member: {reason}; check discovery_srv (ETCDCTL_DISCOVERY_SRV)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::fake_dns::{
        Answer, NO_SUCH_NAME, SERVER_FAILURE, SRV, name_servers, serve, service,
    };

    const LIMIT: Duration = Duration::from_secs(5);

    /// What discovery finds when the TLS record points to `secure` and the plain record to `plain`.
    async fn found(
        discovery: Discovery,
        secure: Option<&'static str>,
        plain: Option<&'static str>,
    ) -> String {
        let server = serve(move |name, kind| {
            let target = match name.split_once("._tcp.etcd.test") {
                Some(("_etcd-client-ssl" | "_etcd-client-ssl-blue", "")) => secure,
                Some(("_etcd-client" | "_etcd-client-blue", "")) => plain,
                _ => None,
            };
            match target {
                Some("broken") => Answer::Refusal(SERVER_FAILURE),
                Some(target) if kind == SRV => Answer::Records(vec![service(0, 2379, target)]),
                _ => Answer::Refusal(NO_SUCH_NAME),
            }
        })
        .await;
        let resolver = HostResolver::new(b"", name_servers(&[server], &[]));
        match find(&resolver, &discovery, LIMIT).await {
            Ok(endpoints) => endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Err(reason) => reason,
        }
    }

    fn discovery(insecure: bool, service: Option<&str>) -> Discovery {
        Discovery { domain: "etcd.test".into(), service: service.map(Into::into), insecure }
    }

    #[tokio::test]
    async fn members_without_tls_are_used_only_if_insecure_discovery_allows_it() {
        let both = (Some("a.etcd.test"), Some("b.etcd.test"));
        assert_eq!(
            found(discovery(true, None), both.0, both.1).await,
            "https://a.etcd.test:2379 http://b.etcd.test:2379"
        );
        assert_eq!(found(discovery(false, None), both.0, both.1).await, "https://a.etcd.test:2379");
        assert_eq!(found(discovery(true, Some("blue")), None, both.1).await, "http://b.etcd.test:2379");
        let refused = found(discovery(false, None), None, both.1).await;
        assert!(refused.contains("insecure_discovery is false"), "{refused}");
    }

    #[tokio::test]
    async fn the_error_tells_a_missing_record_from_a_broken_name_server() {
        let none = found(discovery(true, None), None, None).await;
        assert!(
            none.contains("no SRV record _etcd-client-ssl._tcp.etcd.test or _etcd-client._tcp"),
            "{none}"
        );
        let broken = found(discovery(true, None), Some("broken"), Some("broken")).await;
        assert!(
            broken.contains("_etcd-client-ssl._tcp.etcd.test.: ") && broken.contains("127.0.0.1"),
            "{broken}"
        );
        assert_eq!(
            found(discovery(true, None), Some("broken"), Some("b.etcd.test")).await,
            "http://b.etcd.test:2379"
        );
    }
}
