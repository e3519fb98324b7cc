//! Checks that each transition is reported to listeners exactly once, and in order.

use super::super::event::Effect;
use super::super::report::{Phase, Report, Standing};
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};

/// What a listener knows so far.
#[derive(Debug, Default)]
pub(super) struct Account {
    phase: Phase,
    /// The reason reported for the current absence.
    reason: Option<ErrorKind>,
}

impl Account {
    /// Compares the notices in `effects` with what the step did.
    pub(super) fn check(&mut self, now: Instant, before: &Report, effects: &[Effect], after: &Report) {
        let reported: Vec<&Standing> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Notify(standing) => Some(standing),
                _ => None,
            })
            .collect();
        assert!(reported.len() < 2, "{reported:?}: more than one in a step");
        for standing in reported {
            self.take(standing);
        }
        assert_eq!(self.phase, after.phase_at(now), "a transition was not reported");
        if is_absent(self.phase) && after.last_error != before.last_error {
            let reason = after.last_error.as_ref().map(Error::kind);
            assert_eq!(self.reason, reason, "the reason for the absence was not reported");
        }
    }

    /// Checks a time at which nothing is due: a registration can also be lost by time alone.
    pub(super) fn check_time(&self, now: Instant, report: &Report) {
        assert_eq!(self.phase, report.phase_at(now), "a transition by time was not reported");
    }

    fn take(&mut self, standing: &Standing) {
        assert_eq!(standing.previous, self.phase, "a transition was left out or reported twice");
        let reason = standing.error.as_ref().map(Error::kind);
        let repeated = standing.phase == self.phase && (reason.is_none() || reason == self.reason);
        assert!(!repeated, "{standing:?} was reported before");
        assert!(is_absent(standing.phase) || reason.is_none(), "{standing:?} with a reason to be absent");
        *self = Self { phase: standing.phase, reason };
    }
}

const fn is_absent(phase: Phase) -> bool {
    matches!(phase, Phase::Registering | Phase::Lost)
}
