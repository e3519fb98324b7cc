//! What a registration does at a deadline: renew, look, try again, give up.

use std::time::Duration;

use super::super::event::Effect;
use super::{Machine, State};
use crate::clock::Instant;

impl Machine {
    pub(super) fn ticked(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        match self.state {
            State::Backoff { until } if now >= until => self.proceed(now, effects),
            State::Withdrawing { until, .. } if now >= until => self.state = State::Deregistered,
            State::Withdrawing { until, again: Some(again) } if now >= again => {
                self.state = State::Withdrawing { until, again: None };
                self.revoke_doubtful(effects);
            }
            _ => {}
        }
        self.tend_lease(now, effects);
    }

    pub(super) fn tend_lease(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let looks = self.holds_or_waits();
        let lives = self.lease.as_ref().and_then(|lease| lease.renew_at).is_none_or(|at| self.lives_at(at));
        let Some(lease) = &mut self.lease else { return };
        let (id, timeout) = (lease.id, self.rules.timeout.min(lease.ttl / 3));
        if now >= lease.deadline {
            self.lease = None;
            self.former.doubt(id);
            effects.push(Effect::Forget { lease: id });
            let what = if lives {
                "no renewal was answered in time"
            } else {
                "the application shows no sign of life"
            };
            return self.lost(now, what, effects);
        }
        if lives && lease.renew_at.is_some_and(|at| now >= at) {
            lease.renew_at = None;
            effects.push(Effect::Renew { lease: id, timeout });
        }
        if looks && lease.check_at.is_some_and(|at| now >= at) {
            lease.check_at = None;
            effects.push(Effect::Check { lease: id });
        }
    }

    /// A third of the TTL minus jitter, so that leases granted together are not renewed together.
    pub(super) fn third(&mut self, ttl: Duration) -> Duration {
        (ttl / 3).mul_f64(self.random.f64().mul_add(-0.1, 1.0))
    }

    pub(super) fn touched(&mut self, now: Instant) {
        self.live_until = self.rules.liveness.map(|counts| now + counts);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::event::Event;
    use super::super::super::report::{Phase, Report};
    use super::super::{BACKOFF_BASE, Rules};
    use super::*;
    use crate::backoff::fleet;
    use crate::clock::{self, suspend};
    use crate::error::{Error, ErrorKind};

    const TTL: Duration = Duration::from_secs(10);

    const CAP: Duration = Duration::from_secs(1);

    /// A machine whose key is in etcd, under a fresh lease.
    fn registered() -> Machine {
        registered_by(1)
    }

    fn registered_by(seed: u64) -> Machine {
        let rules = Rules { timeout: CAP, backoff_cap: CAP, liveness: None, seed };
        let (mut machine, sent) = (Machine::new(rules, &Report::default()), Instant::now());
        let effects = machine.step(sent, Event::Start);
        let [Effect::Grant { lease }] = effects[..] else { panic!("{effects:?}") };
        machine.step(sent, Event::Granted { lease, ttl: TTL, sent });
        machine.step(sent, Event::Claimed { lease, revision: 1, sent });
        machine
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_expired_while_the_machine_slept_is_lost_at_once_and_another_is_requested() {
        let mut machine = registered();
        suspend(TTL / 2);
        assert_eq!(machine.report().phase_at(Instant::now()), Phase::Registered);
        suspend(TTL / 2);
        assert_eq!(machine.report().phase_at(Instant::now()), Phase::Lost, "before the machine steps");
        let woken = tokio::time::Instant::now();
        clock::sleep_until(machine.deadline()).await;
        let effects = machine.step(Instant::now(), Event::Tick);
        let [Effect::Forget { .. }, Effect::Grant { .. }, Effect::Notify(standing)] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert_eq!((standing.phase, standing.previous), (Phase::Lost, Phase::Registered));
        assert!(woken.elapsed().is_zero());
    }

    fn refused() -> Error {
        Error::new(ErrorKind::Connection, "on purpose")
    }

    #[test]
    fn a_fleet_whose_registrations_failed_at_the_same_moment_does_not_try_again_at_the_same_moment() {
        for (failures, ceiling) in [(1, BACKOFF_BASE), (9, CAP)] {
            fleet::assert_full_jitter(ceiling, |seed| {
                let rules = Rules { timeout: CAP, backoff_cap: CAP, liveness: None, seed };
                let (mut machine, now) = (Machine::new(rules, &Report::default()), Instant::now());
                let (mut effects, mut last) = (machine.step(now, Event::Start), Duration::MAX);
                for _ in 0..failures {
                    let [Effect::Grant { lease }] = effects[..] else { panic!("{effects:?}") };
                    machine.step(now, Event::Failed { lease, error: refused() });
                    let until = machine.deadline().unwrap();
                    last = until - now;
                    effects = machine.step(until, Event::Tick);
                }
                last
            });
        }
    }

    #[test]
    fn a_fleet_whose_revocations_failed_at_the_same_moment_does_not_revoke_again_at_the_same_moment() {
        for (failures, ceiling) in [(1, BACKOFF_BASE), (4, BACKOFF_BASE * 8)] {
            fleet::assert_full_jitter(ceiling, |seed| {
                let (mut machine, now) = (registered_by(seed), Instant::now());
                let (mut effects, mut last) = (machine.step(now, Event::Deregister), Duration::MAX);
                for _ in 0..failures {
                    let revoked = |effect: &Effect| match effect {
                        Effect::Revoke { lease } => Some(*lease),
                        _ => None,
                    };
                    let lease = effects.iter().find_map(revoked).unwrap();
                    machine.step(now, Event::NotRevoked { lease });
                    let until = machine.deadline().unwrap();
                    last = until - now;
                    effects = machine.step(until, Event::Tick);
                }
                last
            });
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_outlived_the_machines_sleep_is_renewed_at_once() {
        let mut machine = registered();
        suspend(TTL / 2);
        clock::sleep_until(machine.deadline()).await;
        let effects = machine.step(Instant::now(), Event::Tick);
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Renew { .. })), "{effects:?}");
    }
}
