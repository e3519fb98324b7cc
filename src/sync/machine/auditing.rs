//! Audits run only while the watches are open, and never block them.

use super::super::audit::Finding;
use super::super::event::{Effect, Page};
use super::{Machine, State};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};

impl Machine {
    pub(super) fn audit_deadline(&self) -> Option<Instant> {
        matches!(self.state, State::Watching { fuzzy: None, .. }).then(|| self.audit.deadline())?
    }

    pub(super) fn audit_when_due(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if let Some(shown) = &self.snapshot
            && self.audit_deadline().is_some_and(|at| now >= at)
        {
            effects.push(Effect::Audit(self.audit.due(&self.rules.ranges, shown)));
        }
    }

    pub(super) fn audited(&mut self, now: Instant, page: Option<Page>, effects: &mut Vec<Effect>) {
        if !matches!(self.state, State::Watching { .. }) {
            return;
        }
        let Some(finding) = self.audit.answered(now, page, self.random.f64()) else { return };
        self.report.audits += 1;
        if let Finding::Differs(revision, key) = finding {
            self.report.divergences += 1;
            let message = format!(
                "an audit found the local copy of revision {revision} to differ from etcd, first at {:?}; \
                 reading everything again",
                String::from_utf8_lossy(&key),
            );
            let error = Error::new(ErrorKind::Internal, message);
            self.note(error.clone());
            self.report_divergence(error);
            self.relist(now, effects);
        }
    }
}
