//! What a registration does when the time has come: renew, look, try again, give up.

use std::time::{Duration, Instant};

use super::super::event::Effect;
use super::{Machine, State};

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
        let (id, patience) = (lease.id, self.rules.patience.min(lease.ttl / 3));
        if now >= lease.deadline {
            self.lease = None;
            self.former.doubt(id);
            effects.push(Effect::Forget { lease: id });
            let what =
                if lives { "no renewal was answered in time" } else { "the application shows no life" };
            return self.lost(now, what, effects);
        }
        if lives && lease.renew_at.is_some_and(|at| now >= at) {
            lease.renew_at = None;
            effects.push(Effect::Renew { lease: id, patience });
        }
        if looks && lease.check_at.is_some_and(|at| now >= at) {
            lease.check_at = None;
            effects.push(Effect::Check { lease: id });
        }
    }

    /// A third, a little less for each its own: many leases granted at once are not renewed at once.
    pub(super) fn third(&mut self, ttl: Duration) -> Duration {
        (ttl / 3).mul_f64(self.random.f64().mul_add(-0.1, 1.0))
    }

    pub(super) fn touched(&mut self, now: Instant) {
        self.live_until = self.rules.liveness.map(|counts| now + counts);
    }
}
