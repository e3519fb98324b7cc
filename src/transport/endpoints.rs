//! Which endpoint to talk to: stay with one that works, leave one that failed alone for a while.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::addresses::Addresses;
use crate::clock::Instant;
use crate::endpoint::Endpoint;

/// How long a failed endpoint is passed over while another is left to try.
const COOL_DOWN: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
struct Member {
    endpoint: Endpoint,
    failed_at: Option<Instant>,
    /// Given by the settings, and not by the cluster: never dropped.
    configured: bool,
}

#[derive(Debug, Clone)]
struct Ring {
    members: Vec<Member>,
    current: usize,
}

/// The endpoints of one client, shared by its connections, and by the processes that are forked from this one: what
/// the parent learned of them holds in a child. So nothing here locks: a lock could be inherited locked.
#[derive(Debug)]
pub struct Endpoints(ArcSwap<Ring>, Arc<Addresses>);

impl Endpoints {
    /// Starts at a `random` one (0.0 to 1.0), so that a fleet spreads over the members.
    #[must_use]
    pub fn new(endpoints: &[Endpoint], random: f64) -> Self {
        let member =
            |endpoint: &Endpoint| Member { endpoint: endpoint.clone(), failed_at: None, configured: true };
        let members: Vec<Member> = endpoints.iter().map(member).collect();
        let current = place(random, members.len());
        Self(ArcSwap::from_pointee(Ring { members, current }), Arc::default())
    }

    /// What is known of the addresses that their names have.
    pub(super) const fn addresses(&self) -> &Arc<Addresses> {
        &self.1
    }

    /// Starts a forked child at a `random` one (0.0 to 1.0) of those that have not failed since they last worked, so
    /// that the workers of one master spread over the members, and none begins with a dead one.
    pub fn spread(&self, random: f64) {
        self.change(|ring| {
            let working = |at: &usize| ring.members[*at].failed_at.is_none();
            let working: Vec<usize> = (0..ring.members.len()).filter(working).collect();
            ring.current = working.get(place(random, working.len())).copied().unwrap_or(ring.current);
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
            // All have failed lately: the one that has rested longest.
            let rested = (0..count).min_by_key(|at| ring.members[*at].failed_at);
            picked = usable.or(rested);
            ring.current = picked.unwrap_or(ring.current);
        });
        let ring = self.0.load();
        picked.and_then(|at| ring.members.get(at)).map(|member| member.endpoint.clone())
    }

    /// How many there are to try.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.load().members.len()
    }

    /// The cluster says that these are its members: they stand beside those of the settings.
    pub fn learn(&self, told: &[Endpoint]) {
        self.change(|ring| {
            let current = ring.members.get(ring.current).map(|member| member.endpoint.clone());
            ring.members.retain(|member| member.configured || told.contains(&member.endpoint));
            for endpoint in told {
                if ring.members.iter().all(|member| member.endpoint != *endpoint) {
                    let endpoint = endpoint.clone();
                    ring.members.push(Member { endpoint, failed_at: None, configured: false });
                }
            }
            let place = ring.members.iter().position(|member| Some(&member.endpoint) == current.as_ref());
            ring.current = place.unwrap_or(0);
        });
    }

    /// Passes `endpoint` over for a while.
    pub fn failed(&self, endpoint: &Endpoint, now: Instant) {
        self.mark(endpoint, Some(now));
    }

    /// `endpoint` works.
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

/// A `random` place (0.0 to 1.0) among `count`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn place(random: f64, count: usize) -> usize {
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
    fn members_come_and_go_and_the_configured_ones_stay() {
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
    fn a_forked_child_starts_at_any_member_that_works_and_never_at_a_dead_one() {
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
    fn a_failed_endpoint_is_left_until_it_has_cooled_down() {
        let (endpoints, list) = endpoints();
        let now = Instant::now();
        endpoints.failed(&list[0], now);
        assert_eq!(endpoints.pick(now).as_ref(), Some(&list[1]));
        endpoints.failed(&list[1], now);
        assert_eq!(endpoints.pick(now).as_ref(), Some(&list[2]));
        assert_eq!(endpoints.pick(now + COOL_DOWN).as_ref(), Some(&list[2]), "no need to go back");
    }

    #[test]
    fn when_all_have_failed_the_one_that_rested_longest_is_tried() {
        let (endpoints, list) = endpoints();
        let now = Instant::now();
        for (endpoint, age) in list.iter().zip([1, 3, 2]) {
            endpoints.failed(endpoint, now.checked_sub(Duration::from_millis(age)).unwrap());
        }
        assert_eq!(endpoints.pick(now).as_ref(), Some(&list[1]));
    }
}
