//! The end of a registration: revokes its own leases and nothing else.
//!
//! Revoking a lease deletes the key only if the key is still under it. A successor of the same instance
//! stays.

use super::super::event::Effect;
use super::{Machine, State};
use crate::clock::Instant;

impl Machine {
    pub(super) fn withdraw(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.is_over() {
            return;
        }
        let until = self.lease.as_ref().map_or(now + self.rules.timeout, |lease| lease.deadline);
        if let Some(lease) = self.lease.take() {
            effects.push(Effect::Forget { lease: lease.id });
            self.former.doubt(lease.id);
        }
        self.revoke_doubtful(effects);
        if let State::Granting { lease } = self.state {
            // Revoked once it is granted: a revocation sent now could overtake the grant.
            self.former.doubt(lease);
        }
        self.state = State::Withdrawing { until, again: None };
        self.end_when_all_is_revoked();
    }

    pub(super) fn revoke_doubtful(&self, effects: &mut Vec<Effect>) {
        effects.extend(self.former.doubtful().iter().map(|lease| Effect::Revoke { lease: *lease }));
    }

    fn end_when_all_is_revoked(&mut self) {
        if matches!(self.state, State::Withdrawing { .. }) && self.former.doubtful().is_empty() {
            self.report.withdrawn = true;
            self.state = State::Deregistered;
        }
    }

    pub(super) fn revoked(&mut self, lease: i64) {
        self.former.revoked(lease);
        self.end_when_all_is_revoked();
    }

    pub(super) fn not_revoked(&mut self, now: Instant, lease: i64) {
        if let State::Withdrawing { until, .. } = self.state
            && self.former.doubtful().contains(&lease)
        {
            let wait = self.backoff.failed(now, self.random.f64());
            self.state = State::Withdrawing { until, again: Some(now + wait) };
        }
    }
}
