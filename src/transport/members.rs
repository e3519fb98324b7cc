//! Adds the cluster's own member list to the configured endpoints.
//!
//! Off by default: the URLs that a member advertises often work only inside the cluster (a name that only its network
//! knows, `localhost`), while the configured endpoints were checked by someone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::endpoints::Endpoints;
use super::link::Link;
use crate::backoff::{self, Backoff};
use crate::clock::Instant;
use crate::endpoint::Endpoint;

/// The average time between two requests.
///
/// Members change rarely, and a dead member is skipped at once anyway.
const INTERVAL: Duration = Duration::from_secs(60);
const BACKOFF_BASE: Duration = Duration::from_secs(1);
const BACKOFF_CAP: Duration = Duration::from_secs(10);

/// Requests the member list while the client is `wanted`, and adds the usable members to `endpoints`.
pub async fn follow_members(
    link: Arc<Link>,
    endpoints: Arc<Endpoints>,
    seeds: Vec<Endpoint>,
    mut wanted: watch::Receiver<bool>,
) {
    let mut pauses = Pauses::new(backoff::seed());
    while wanted.wait_for(|wanted| *wanted).await.is_ok() {
        let answer = link.call(|mut client| async move { client.member_list().await }).await;
        if let Ok(list) = &answer {
            // A learner serves only its own copy, which may be behind.
            let urls = list.members().iter().filter(|member| !member.is_learner());
            let urls = urls.flat_map(|member| member.client_urls().iter().map(String::as_str));
            endpoints.learn(&usable(urls, &seeds));
        }
        tokio::time::sleep(pauses.after(Instant::now(), answer.is_ok())).await;
    }
}

/// The pauses between two requests.
///
/// They have full jitter, because a fleet that starts at one moment must not stay in step.
struct Pauses {
    backoff: Backoff,
    random: fastrand::Rng,
}

impl Pauses {
    fn new(seed: u64) -> Self {
        let backoff = Backoff::new(BACKOFF_BASE, BACKOFF_CAP, INTERVAL);
        Self { backoff, random: fastrand::Rng::with_seed(seed) }
    }

    fn after(&mut self, now: Instant, answered: bool) -> Duration {
        let random = self.random.f64();
        if answered {
            self.backoff.succeeded(now);
            return (INTERVAL * 2).mul_f64(random);
        }
        self.backoff.failed(now, random)
    }
}

/// Keeps the advertised `urls` that are like the configured `seeds`.
///
/// A URL must use TLS or not as one of the seeds does, and may be on this host only if one of them is.
fn usable<'a>(urls: impl Iterator<Item = &'a str>, seeds: &[Endpoint]) -> Vec<Endpoint> {
    let local = seeds.iter().any(Endpoint::is_local);
    urls.filter(|url| url.contains("://"))
        .filter_map(|url| Endpoint::parse(url, false).ok())
        .filter(|endpoint| seeds.iter().any(|seed| seed.tls() == endpoint.tls()))
        .filter(|endpoint| !endpoint.is_unspecified() && (local || !endpoint.is_local()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backoff::fleet;

    #[test]
    fn a_fleet_that_starts_at_one_moment_asks_for_the_members_at_different_ones_ever_after() {
        let now = Instant::now();
        fleet::assert_full_jitter(INTERVAL * 2, |seed| Pauses::new(seed).after(now, true));
    }

    #[test]
    fn a_fleet_that_gets_no_answer_asks_again_at_different_moments_and_ever_later() {
        let now = Instant::now();
        for (failures, ceiling) in [(1, BACKOFF_BASE), (9, BACKOFF_CAP)] {
            fleet::assert_full_jitter(ceiling, |seed| {
                let mut pauses = Pauses::new(seed);
                pauses.after(now, true);
                (0..failures).map(|_| pauses.after(now, false)).last().unwrap()
            });
        }
    }

    fn from(urls: &[&str], seeds: &[&str]) -> Vec<String> {
        let seeds: Vec<_> = seeds.iter().map(|seed| Endpoint::parse(seed, false).unwrap()).collect();
        usable(urls.iter().copied(), &seeds).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_urls_like_the_configured_endpoints_are_used() {
        let urls = [
            "https://10.0.0.2:2379",
            "http://10.0.0.3:2379",
            "https://localhost:2379",
            "https://127.0.0.1:2379",
            "https://[::1]:2379",
            "https://0.0.0.0:2379",
            "unix:///run/etcd.sock",
            "",
            "nonsense",
        ];
        assert_eq!(from(&urls, &["https://10.0.0.1:2379"]), ["https://10.0.0.2:2379"]);
    }

    #[test]
    fn members_on_this_host_are_used_if_a_configured_one_is_on_it() {
        assert_eq!(from(&["http://127.0.0.1:4"], &["http://localhost:2"]), ["http://127.0.0.1:4"]);
    }
}
