//! Names to addresses, in Rust.
//!
//! Not by `getaddrinfo`: in another thread at the moment of a fork it leaves glibc's locks held in the child forever.
//! Asked again at each connection, so that a moved member is found.

use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use hickory_resolver::proto::rr::{RData, RecordType};
use tokio::sync::mpsc::UnboundedSender;

use super::hosts;
use super::name_servers::{self, NameServers};

/// How long the addresses of one family wait for those of the other (RFC 8305, "Resolution Delay").
const OTHER_FAMILY: Duration = Duration::from_millis(50);

/// What this host knows of names.
pub(super) struct Names {
    hosts: Vec<u8>,
    servers: NameServers,
}

impl Names {
    /// By the files of the system; one that is missing is empty.
    pub(super) fn of_the_system() -> Result<Self, String> {
        let read = |file| std::fs::read(file).unwrap_or_default();
        let servers = NameServers::read(&read(name_servers::FILE)).map_err(|error| error.to_string())?;
        Ok(Self { hosts: read(hosts::FILE), servers })
    }

    #[cfg(test)]
    pub(super) fn new(hosts: &[u8], servers: NameServers) -> Self {
        Self { hosts: hosts.to_vec(), servers }
    }

    /// As [`Self::look_up`], but gives up after `limit`.
    pub(super) async fn look_up_within(
        &self,
        limit: Duration,
        host: &str,
        found: UnboundedSender<Vec<IpAddr>>,
    ) -> Result<(), String> {
        let answer = tokio::time::timeout(limit, self.look_up(host, found)).await;
        answer.unwrap_or_else(|_| Err(self.unresolved(&silent(limit))))
    }

    fn unresolved(&self, reason: &str) -> String {
        format!("cannot resolve the host name: {reason} ({})", self.servers)
    }

    /// The addresses of `host`, sent to `found` as they become known: all at once, or one family after the other.
    ///
    /// # Errors
    /// When it has no address, with the reason. One family alone may fail, or never answer.
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

    /// Where the service `name` is, in the order of preference: host names with ports.
    ///
    /// # Errors
    /// When no name server answers within `limit`.
    pub(super) async fn services(&self, limit: Duration, name: &str) -> Result<Vec<(String, u16)>, String> {
        // With a dot at the end: the search list is not for services, as with etcdctl.
        let name = format!("{name}.");
        let records = tokio::time::timeout(limit, self.servers.ask(&name, RecordType::SRV)).await;
        let records = records
            .unwrap_or_else(|_| Err(silent(limit)))
            .map_err(|reason| format!("{name}: {reason} ({})", self.servers))?;
        let mut services: Vec<_> = records
            .into_iter()
            .filter_map(|record| match record {
                // A root as target says that the service is not there (RFC 2782).
                RData::SRV(service) if !service.target.is_root() => Some(service),
                _ => None,
            })
            .collect();
        fastrand::shuffle(&mut services);
        services.sort_by_key(|service| service.priority);
        let place = |host: String, port| (host.trim_end_matches('.').to_owned(), port);
        Ok(services.iter().map(|service| place(service.target.to_ascii(), service.port)).collect())
    }

    /// Asks for both families at once. A name server that fails for one of them does no harm to the other.
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
        let _ = tokio::time::timeout(OTHER_FAMILY, other).await;
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

fn silent(limit: Duration) -> String {
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

/// By turns, so that a family without a route costs one attempt and not one for each of its addresses.
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

    /// The addresses of `host` in the order in which they come, and how the search ended.
    async fn find(names: &Names, host: &str) -> (Vec<String>, Result<(), String>) {
        let (found, mut answers) = unbounded_channel();
        let end = names.look_up_within(LIMIT, host, found).await;
        let mut all = Vec::new();
        while let Some(batch) = answers.recv().await {
            all.extend(batch.iter().map(ToString::to_string));
        }
        (all, end)
    }

    /// The first addresses of `host`, which come while others may be missing.
    async fn first(names: &Names, host: &str) -> Vec<String> {
        let (found, mut answers) = unbounded_channel();
        let searching = names.look_up_within(LIMIT, host, found);
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
    async fn both_families_are_found_and_tried_by_turns() {
        let server = serve(|_, kind| addresses(kind, &BOTH)).await;
        let names = Names::new(b"", name_servers(&[server], &[]));
        let (found, end) = find(&names, "etcd.test").await;
        assert_eq!(found, ["fd00::1", "10.0.0.1", "10.0.0.2", "10.0.0.3"]);
        assert_eq!(end, Ok(()));
    }

    #[tokio::test]
    async fn a_name_in_the_hosts_file_needs_no_name_server() {
        let server = serve(|_, _| panic!("asked")).await;
        let names = Names::new(b"10.9.9.9 etcd1.internal etcd1", name_servers(&[server], &["a.test"]));
        for host in ["etcd1.internal", "etcd1"] {
            assert_eq!(find(&names, host).await, (vec!["10.9.9.9".to_owned()], Ok(())));
        }
        assert_eq!(find(&names, "etcd.localhost").await.0, ["::1", "127.0.0.1"]);
    }

    #[tokio::test]
    async fn a_family_that_fails_or_never_comes_does_no_harm_to_the_other() {
        for bad in [A, AAAA] {
            for broken in [true, false] {
                let server = serve(move |_, kind| match kind {
                    kind if kind != bad => addresses(kind, &BOTH),
                    _ if broken => Answer::Refusal(SERVER_FAILURE),
                    _ => Answer::Silence,
                })
                .await;
                let names = Names::new(b"", name_servers(&[server], &[]));
                let good: &[&str] = if bad == A { &BOTH[3..] } else { &BOTH[..3] };
                assert_eq!(first(&names, "etcd.test").await, good, "bad: {bad}, broken: {broken}");
            }
        }
    }

    #[tokio::test]
    async fn a_name_server_that_is_down_or_broken_leaves_the_question_to_the_next() {
        let silent = serve(|_, _| Answer::Silence).await;
        let broken = serve(|_, _| Answer::Refusal(SERVER_FAILURE)).await;
        // Nobody listens there any more.
        let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let good = serve(|_, kind| addresses(kind, &["10.0.0.1"])).await;
        let names = Names::new(b"", name_servers(&[silent, broken, closed, good], &[]));
        let begun = crate::clock::Instant::now();
        assert_eq!(find(&names, "etcd.test").await, (vec!["10.0.0.1".to_owned()], Ok(())));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn the_first_name_server_counts_although_a_later_one_knows_no_such_name() {
        let inner = serve(|_, kind| addresses(kind, &["10.0.0.1"])).await;
        let public = serve(|_, _| Answer::Refusal(NO_SUCH_NAME)).await;
        let names = Names::new(b"", name_servers(&[inner, public], &[]));
        assert_eq!(find(&names, "etcd.test").await.0, ["10.0.0.1"]);
    }

    #[tokio::test]
    async fn a_search_domain_that_is_malformed_is_passed_over_and_the_others_are_used() {
        let server = serve(|name, kind| match name {
            "etcd.good.test" => addresses(kind, &["10.0.0.1"]),
            _ => Answer::Refusal(NO_SUCH_NAME),
        })
        .await;
        let names = Names::new(b"", name_servers(&[server], &["foo..bar", "good.test"]));
        assert_eq!(find(&names, "etcd").await.0, ["10.0.0.1"]);
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_called_so_with_the_server_that_says_it() {
        let server = serve(|_, _| Answer::Refusal(NO_SUCH_NAME)).await;
        let names = Names::new(b"", name_servers(&[server], &[]));
        let said = "cannot resolve the host name: there is no such name (name server 127.0.0.1)";
        assert_eq!(find(&names, "etcd.test").await, (Vec::new(), Err(said.to_owned())));
    }

    #[tokio::test]
    async fn services_are_found_in_the_order_of_their_priority() {
        let server = serve(|name, kind| match (name, kind) {
            ("_etcd-client._tcp.etcd.test", SRV) => Answer::Records(vec![
                service(20, 4001, "b.etcd.test"),
                service(10, 2379, "a.etcd.test"),
                service(0, 1, "."),
            ]),
            _ => Answer::Refusal(NO_SUCH_NAME),
        })
        .await;
        let names = Names::new(b"", name_servers(&[server], &["etcd.test"]));
        let place = |host: &str, port| (host.to_owned(), port);
        assert_eq!(
            names.services(LIMIT, "_etcd-client._tcp.etcd.test").await,
            Ok(vec![place("a.etcd.test", 2379), place("b.etcd.test", 4001)])
        );
        assert_eq!(names.services(LIMIT, "_etcd-client-ssl._tcp.etcd.test").await, Ok(Vec::new()));
    }
}
