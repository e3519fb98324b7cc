//! Chooses the endpoint: keeps one that works, and avoids a failed one for a while.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::addresses::Addresses;
use crate::clock::Instant;
use crate::endpoint::Endpoint;

/// How long a failed endpoint is skipped while others remain to try.
const COOL_DOWN: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
struct Member {
    endpoint: Endpoint,
    failed_at: Option<Instant>,
    /// From the settings rather than from the cluster's member list: never removed.
    configured: bool,
}

#[derive(Debug, Clone)]
struct Ring {
    members: Vec<Member>,
    current: usize,
}

/// The endpoints of one client, shared by its connections and inherited by forked children.
///
/// A child keeps what the parent learned about them. Nothing here locks: a child could inherit a held lock.
#[derive(Debug)]
pub struct Endpoints(ArcSwap<Ring>, Arc<Addresses>);

impl Endpoints {
    /// Starts at an endpoint chosen by `random` (0.0 to 1.0), so that a fleet spreads over the members.
    #[must_use]
    pub fn new(endpoints: &[Endpoint], random: f64) -> Self {
        let member =
            |endpoint: &Endpoint| Member { endpoint: endpoint.clone(), failed_at: None, configured: true };
        let members: Vec<Member> = endpoints.iter().map(member).collect();
        let current = index(random, members.len());
        Self(ArcSwap::from_pointee(Ring { members, current }), Arc::default())
    }

    /// The addresses of these endpoints that failed recently.
    pub(super) const fn addresses(&self) -> &Arc<Addresses> {
        &self.1
    }

    /// Moves a forked child to a working endpoint, chosen by `random` (0.0 to 1.0).
    ///
    /// The workers of one master then spread over the members, and none starts with a dead one.
    pub fn spread(&self, random: f64) {
        self.change(|ring| {
            let working = |at: &usize| ring.members[*at].failed_at.is_none();
            let working: Vec<usize> = (0..ring.members.len()).filter(working).collect();
            ring.current = working.get(index(random, working.len())).copied().unwrap_or(ring.current);
        });
    }

    /// The endpoint to use at `now`.
    pub fn pick(&self, now: Instant) -> Option<Endpoint> {
        let mut picked = None;
        self.change(|ring| {
            let count = ring.members.len();
            let usable = (0..count)
                .map(|step| (ring.current + step) % count)
                .find(|at| ring.members[*at].failed_at.is_none_or(|failed| now >= failed + COOL_DOWN));
            // When all failed recently: the one whose failure is oldest.
            let oldest_failure = (0..count).min_by_key(|at| ring.members[*at].failed_at);
            picked = usable.or(oldest_failure);
            ring.current = picked.unwrap_or(ring.current);
        });
        let ring = self.0.load();
        picked.and_then(|at| ring.members.get(at)).map(|member| member.endpoint.clone())
    }

    /// The number of endpoints.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.load().members.len()
    }

    /// Replaces the members learned from the cluster with `members`. Endpoints from the settings stay.
    pub fn learn(&self, members: &[Endpoint]) {
        self.change(|ring| {
            let current = ring.members.get(ring.current).map(|member| member.endpoint.clone());
            ring.members.retain(|member| member.configured || members.contains(&member.endpoint));
            for endpoint in members {
                if ring.members.iter().all(|member| member.endpoint != *endpoint) {
                    let endpoint = endpoint.clone();
                    ring.members.push(Member { endpoint, failed_at: None, configured: false });
                }
            }
            let position = ring.members.iter().position(|member| Some(&member.endpoint) == current.as_ref());
            ring.current = position.unwrap_or(0);
        });
    }

    /// Records that `endpoint` failed: it is skipped for a while.
    pub fn failed(&self, endpoint: &Endpoint, now: Instant) {
        self.mark(endpoint, Some(now));
    }

    /// Records that `endpoint` works.
    pub fn succeeded(&self, endpoint: &Endpoint) {
        self.mark(endpoint, None);
    }

    fn mark(&self, endpoint: &Endpoint, failed_at: Option<Instant>) {
        self.change(|ring| {
            if let Some(member) = ring.members.iter_mut().find(|member| member.endpoint == *endpoint) {
                member.failed_at = failed_at;
            }
        });
    }

    fn change(&self, mut change: impl FnMut(&mut Ring)) {
        self.0.rcu(|ring| {
            let mut ring = Ring::clone(ring);
            change(&mut ring);
            Arc::new(ring)
        });
    }
}

/// Maps `random` (0.0 to 1.0) to an index below `count`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn index(random: f64, count: usize) -> usize {
    (random.clamp(0.0, 1.0) * count as f64) as usize % count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints() -> (Endpoints, Vec<Endpoint>) {
        let list: Vec<_> = ["a", "b", "c"].iter().map(|host| Endpoint::parse(host, false).unwrap()).collect();
        (Endpoints::new(&list, 0.0), list)
    }

    #[test]
    fn learned_members_are_replaced_and_configured_ones_stay() {
        let (endpoints, list) = endpoints();
        let (now, other) = (Instant::now(), Endpoint::parse("d", false).unwrap());
        endpoints.learn(&[list[1].clone(), other.clone()]);
        assert_eq!((endpoints.count(), endpoints.pick(now).as_ref()), (4, Some(&list[0])));
        for endpoint in &list {
            endpoints.failed(endpoint, now);
        }
        assert_eq!(endpoints.pick(now), Some(other));
        endpoints.learn(&[]);
        assert_eq!(endpoints.count(), 3);
        assert!(endpoints.pick(now).is_some_and(|endpoint| list.contains(&endpoint)));
    }

    #[test]
    fn a_forked_child_starts_at_a_random_working_member_never_at_a_dead_one() {
        let (endpoints, list) = endpoints();
        let (now, learned) = (Instant::now(), Endpoint::parse("d", false).unwrap());
        endpoints.learn(std::slice::from_ref(&learned));
        for dead in &list[..2] {
            endpoints.failed(dead, now);
        }
        let long_after = now + COOL_DOWN * 100;
        let starts: Vec<_> = [0.0, 0.3, 0.6, 0.99]
            .into_iter()
            .filter_map(|random| {
                endpoints.spread(random);
                endpoints.pick(long_after)
            })
            .collect();
        assert_eq!(starts, [list[2].clone(), list[2].clone(), learned.clone(), learned]);
    }

    #[test]
    fn a_working_endpoint_is_kept() {
        let (endpoints, list) = endpoints();
        let now = Instant::now();
        assert_eq!(endpoints.pick(now).as_ref(), Some(&list[0]));
        assert_eq!(endpoints.pick(now).as_ref(), Some(&list[0]));
    }

    #[test]
    fn a_failed_endpoint_is_skipped_until_its_cool_down_ends() {
        let (endpoints, list) = endpoints();
        let now = Instant::now();
        endpoints.failed(&list[0], now);
        assert_eq!(endpoints.pick(now).as_ref(), Some(&list[1]));
        endpoints.failed(&list[1], now);
        assert_eq!(endpoints.pick(now).as_ref(), Some(&list[2]));
        assert_eq!(endpoints.pick(now + COOL_DOWN).as_ref(), Some(&list[2]), "no need to go back");
    }

    #[test]
    fn when_all_failed_recently_the_oldest_failure_is_tried() {
        let (endpoints, list) = endpoints();
        let now = Instant::now();
        for (endpoint, age) in list.iter().zip([1, 3, 2]) {
            endpoints.failed(endpoint, now.checked_sub(Duration::from_millis(age)).unwrap());
        }
        assert_eq!(endpoints.pick(now).as_ref(), Some(&list[1]));
    }
}
