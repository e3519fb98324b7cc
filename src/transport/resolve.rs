//! Resolves host names and SRV records, in Rust.
//!
//! `getaddrinfo` is not used: if another thread is in it during a fork, glibc's locks stay held in the child forever.
//! Each new connection resolves again, so that a moved member is found.

use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use hickory_resolver::proto::rr::{RData, RecordType};
use tokio::sync::mpsc::UnboundedSender;

use super::hosts;
use super::name_servers::{self, NameServers};

/// How long the addresses of one family wait for those of the other (RFC 8305, "Resolution Delay").
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// Resolves names through the hosts file and the name servers.
pub(super) struct HostResolver {
    hosts: Vec<u8>,
    servers: NameServers,
}

impl HostResolver {
    /// A resolver that uses the system's files. A missing file counts as empty.
    pub(super) fn from_system_files() -> Result<Self, String> {
        let read = |file| std::fs::read(file).unwrap_or_default();
        let servers = NameServers::read(&read(name_servers::FILE)).map_err(|error| error.to_string())?;
        Ok(Self { hosts: read(hosts::FILE), servers })
    }

    #[cfg(test)]
    pub(super) fn new(hosts: &[u8], servers: NameServers) -> Self {
        Self { hosts: hosts.to_vec(), servers }
    }

    /// Looks up `host` as [`Self::look_up`] does, and gives up after `limit`.
    pub(super) async fn look_up_within(
        &self,
        limit: Duration,
        host: &str,
        found: UnboundedSender<Vec<IpAddr>>,
    ) -> Result<(), String> {
        let answer = tokio::time::timeout(limit, self.look_up(host, found)).await;
        answer.unwrap_or_else(|_| Err(self.unresolved(&no_answer(limit))))
    }

    fn unresolved(&self, reason: &str) -> String {
        format!("cannot resolve the host name: {reason} ({})", self.servers)
    }

    /// Sends the addresses of `host` to `found` as they arrive: all at once, or one family after the other.
    ///
    /// # Errors
    /// The reason why it has no address. It is not an error if only one family fails or never answers.
    async fn look_up(&self, host: &str, found: UnboundedSender<Vec<IpAddr>>) -> Result<(), String> {
        if let Ok(address) = host.parse::<IpAddr>() {
            let _ = found.send(vec![address]);
            return Ok(());
        }
        let addresses = hosts::addresses(&self.hosts, host);
        if !addresses.is_empty() {
            let (six, four): (Vec<_>, Vec<_>) = addresses.into_iter().partition(IpAddr::is_ipv6);
            let _ = found.send(interleave(&six, &four));
            return Ok(());
        }
        self.ask_both(host, found).await.map_err(|reason| self.unresolved(&reason))
    }

    /// Looks up the SRV records of `name`: host names with ports, in order of preference.
    ///
    /// # Errors
    /// When no name server answers within `limit`.
    pub(super) async fn services(&self, limit: Duration, name: &str) -> Result<Vec<(String, u16)>, String> {
        // The final dot prevents the use of the search list, as in etcdctl.
        let name = format!("{name}.");
        let records = tokio::time::timeout(limit, self.servers.ask(&name, RecordType::SRV)).await;
        let records = records
            .unwrap_or_else(|_| Err(no_answer(limit)))
            .map_err(|reason| format!("{name}: {reason} ({})", self.servers))?;
        let mut services: Vec<_> = records
            .into_iter()
            .filter_map(|record| match record {
                // The root as target means that the service does not exist (RFC 2782).
                RData::SRV(service) if !service.target.is_root() => Some(service),
                _ => None,
            })
            .collect();
        fastrand::shuffle(&mut services);
        services.sort_by_key(|service| service.priority);
        let pair = |host: String, port| (host.trim_end_matches('.').to_owned(), port);
        Ok(services.iter().map(|service| pair(service.target.to_ascii(), service.port)).collect())
    }

    /// Asks for IPv6 and IPv4 at once. A failure of one family does not affect the other.
    async fn ask_both(&self, host: &str, found: UnboundedSender<Vec<IpAddr>>) -> Result<(), String> {
        let mut ask_six = pin!(self.ask(host, RecordType::AAAA));
        let mut ask_four = pin!(self.ask(host, RecordType::A));
        let (mut six, mut four) = (None, None);
        tokio::select! {
            answer = &mut ask_six => six = Some(answer),
            answer = &mut ask_four => four = Some(answer),
        }
        let other = async {
            if six.is_none() {
                six = Some(ask_six.as_mut().await);
            } else {
                four = Some(ask_four.as_mut().await);
            }
        };
        let _ = tokio::time::timeout(RESOLUTION_DELAY, other).await;
        let known = |answer: &Option<Result<Vec<IpAddr>, String>>| match answer {
            Some(Ok(addresses)) => addresses.clone(),
            _ => Vec::new(),
        };
        let _ = found.send(interleave(&known(&six), &known(&four)));
        let late = match (&six, &four) {
            (None, _) => six.insert(ask_six.await),
            (_, None) => four.insert(ask_four.await),
            _ => return outcome(six, four),
        };
        let _ = found.send(late.clone().unwrap_or_default());
        outcome(six, four)
    }

    async fn ask(&self, host: &str, kind: RecordType) -> Result<Vec<IpAddr>, String> {
        let records = self.servers.ask(host, kind).await?;
        Ok(records.iter().filter_map(RData::ip_addr).collect())
    }
}

fn no_answer(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs_f64())
}

fn outcome(
    six: Option<Result<Vec<IpAddr>, String>>,
    four: Option<Result<Vec<IpAddr>, String>>,
) -> Result<(), String> {
    let answers = [four, six].into_iter().flatten();
    let mut error = "there is no such name".to_owned();
    for answer in answers {
        match answer {
            Ok(addresses) if !addresses.is_empty() => return Ok(()),
            Ok(_) => {}
            Err(reason) => error = reason,
        }
    }
    Err(error)
}

/// Alternates between the families, so that a family without a route costs one attempt at a time.
fn interleave(six: &[IpAddr], four: &[IpAddr]) -> Vec<IpAddr> {
    let longest = six.len().max(four.len());
    (0..longest).flat_map(|at| [six.get(at).copied(), four.get(at).copied()]).flatten().collect()
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::transport::fake_dns::{
        A, AAAA, Answer, NO_SUCH_NAME, SERVER_FAILURE, SRV, addresses, name_servers, serve, service,
    };

    const LIMIT: Duration = Duration::from_secs(5);

    /// The addresses of `host` in the order of arrival, and the result of the lookup.
    async fn find(resolver: &HostResolver, host: &str) -> (Vec<String>, Result<(), String>) {
        let (found, mut answers) = unbounded_channel();
        let end = resolver.look_up_within(LIMIT, host, found).await;
        let mut all = Vec::new();
        while let Some(batch) = answers.recv().await {
            all.extend(batch.iter().map(ToString::to_string));
        }
        (all, end)
    }

    /// The first batch of addresses of `host`, before the lookup ends.
    async fn first(resolver: &HostResolver, host: &str) -> Vec<String> {
        let (found, mut answers) = unbounded_channel();
        let searching = resolver.look_up_within(LIMIT, host, found);
        let answered = async {
            loop {
                let batch = answers.recv().await.unwrap_or_default();
                if !batch.is_empty() {
                    return batch;
                }
            }
        };
        tokio::pin!(searching, answered);
        let batch = tokio::select! {
            batch = &mut answered => batch,
            _ = &mut searching => answered.await,
        };
        batch.iter().map(ToString::to_string).collect()
    }

    const BOTH: [&str; 4] = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1"];

    #[tokio::test]
    async fn both_families_are_found_and_alternate() {
        let server = serve(|_, kind| addresses(kind, &BOTH)).await;
        let resolver = HostResolver::new(b"", name_servers(&[server], &[]));
        let (found, end) = find(&resolver, "etcd.test").await;
        assert_eq!(found, ["fd00::1", "10.0.0.1", "10.0.0.2", "10.0.0.3"]);
        assert_eq!(end, Ok(()));
    }

    #[tokio::test]
    async fn a_name_in_the_hosts_file_needs_no_name_server() {
        let server = serve(|_, _| panic!("asked")).await;
        let resolver =
            HostResolver::new(b"10.9.9.9 etcd1.internal etcd1", name_servers(&[server], &["a.test"]));
        for host in ["etcd1.internal", "etcd1"] {
            assert_eq!(find(&resolver, host).await, (vec!["10.9.9.9".to_owned()], Ok(())));
        }
        assert_eq!(find(&resolver, "etcd.localhost").await.0, ["::1", "127.0.0.1"]);
    }

    #[tokio::test]
    async fn a_family_that_fails_or_never_answers_does_not_delay_the_other() {
        for bad in [A, AAAA] {
            for broken in [true, false] {
                let server = serve(move |_, kind| match kind {
                    kind if kind != bad => addresses(kind, &BOTH),
                    _ if broken => Answer::Refusal(SERVER_FAILURE),
                    _ => Answer::Silence,
                })
                .await;
                let resolver = HostResolver::new(b"", name_servers(&[server], &[]));
                let good: &[&str] = if bad == A { &BOTH[3..] } else { &BOTH[..3] };
                assert_eq!(first(&resolver, "etcd.test").await, good, "bad: {bad}, broken: {broken}");
            }
        }
    }

    #[tokio::test]
    async fn after_a_name_server_that_is_down_or_broken_the_next_one_is_asked() {
        let silent = serve(|_, _| Answer::Silence).await;
        let broken = serve(|_, _| Answer::Refusal(SERVER_FAILURE)).await;
        // The socket is dropped, so nothing listens on this port.
        let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let good = serve(|_, kind| addresses(kind, &["10.0.0.1"])).await;
        let resolver = HostResolver::new(b"", name_servers(&[silent, broken, closed, good], &[]));
        let started = crate::clock::Instant::now();
        assert_eq!(find(&resolver, "etcd.test").await, (vec!["10.0.0.1".to_owned()], Ok(())));
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn the_first_name_server_wins_over_a_later_one_that_does_not_know_the_name() {
        let inner = serve(|_, kind| addresses(kind, &["10.0.0.1"])).await;
        let public = serve(|_, _| Answer::Refusal(NO_SUCH_NAME)).await;
        let resolver = HostResolver::new(b"", name_servers(&[inner, public], &[]));
        assert_eq!(find(&resolver, "etcd.test").await.0, ["10.0.0.1"]);
    }

    #[tokio::test]
    async fn a_malformed_search_domain_is_skipped_and_the_others_are_used() {
        let server = serve(|name, kind| match name {
            "etcd.good.test" => addresses(kind, &["10.0.0.1"]),
            _ => Answer::Refusal(NO_SUCH_NAME),
        })
        .await;
        let resolver = HostResolver::new(b"", name_servers(&[server], &["foo..bar", "good.test"]));
        assert_eq!(find(&resolver, "etcd").await.0, ["10.0.0.1"]);
    }

    #[tokio::test]
    async fn the_error_for_an_unknown_name_names_the_server_that_was_asked() {
        let server = serve(|_, _| Answer::Refusal(NO_SUCH_NAME)).await;
        let resolver = HostResolver::new(b"", name_servers(&[server], &[]));
        let said = "cannot resolve the host name: there is no such name (name server 127.0.0.1)";
        assert_eq!(find(&resolver, "etcd.test").await, (Vec::new(), Err(said.to_owned())));
    }

    #[tokio::test]
    async fn srv_records_are_sorted_by_priority() {
        let server = serve(|name, kind| match (name, kind) {
            ("_etcd-client._tcp.etcd.test", SRV) => Answer::Records(vec![
                service(20, 4001, "b.etcd.test"),
                service(10, 2379, "a.etcd.test"),
                service(0, 1, "."),
            ]),
            _ => Answer::Refusal(NO_SUCH_NAME),
        })
        .await;
        let resolver = HostResolver::new(b"", name_servers(&[server], &["etcd.test"]));
        let pair = |host: &str, port| (host.to_owned(), port);
        assert_eq!(
            resolver.services(LIMIT, "_etcd-client._tcp.etcd.test").await,
            Ok(vec![pair("a.etcd.test", 2379), pair("b.etcd.test", 4001)])
        );
        assert_eq!(resolver.services(LIMIT, "_etcd-client-ssl._tcp.etcd.test").await, Ok(Vec::new()));
    }
}
