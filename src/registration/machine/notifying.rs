//! Decides which transitions are reported. Each is reported once, where it happens.
//!
//! A refusal is reported once for each kind of reason, because the endpoint in its text changes with every
//! attempt.

use super::super::event::Effect;
use super::super::report::{Phase, Report, Standing};
use super::Machine;
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};

/// What was reported about the registration.
#[derive(Debug)]
pub(super) struct Reported {
    phase: Phase,
    /// The kind of the reason reported since the last registration.
    reason: Option<ErrorKind>,
    /// The last error since then.
    error: Option<Error>,
}

impl Reported {
    /// `before` is what an earlier machine reported.
    pub(super) const fn new(before: &Report) -> Self {
        Self { phase: before.phase, reason: None, error: None }
    }

    /// When the proof of the key's presence runs out. Then the registration is lost without any event.
    pub(super) fn deadline(&self, report: &Report) -> Option<Instant> {
        report.proven_until.filter(|_| self.phase == Phase::Registered)
    }
}

impl Machine {
    pub(super) fn note(&mut self, error: Error) {
        self.reported.error = Some(error.clone());
        self.report.last_error = Some(error);
    }

    /// Runs at the end of each step, when the report is complete.
    pub(super) fn report_standing(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let phase = self.report.phase_at(now);
        let previous = std::mem::replace(&mut self.reported.phase, phase);
        if !matches!(phase, Phase::Registering | Phase::Lost) {
            self.reported.error = None;
        }
        let reason = self.reported.error.as_ref().map(Error::kind);
        if phase != previous || (reason.is_some() && reason != self.reported.reason) {
            self.reported.reason = reason;
            let (lease, error) = (self.report.lease, self.reported.error.clone());
            effects.push(Effect::Notify(Standing { phase, previous, lease, error }));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::event::Event;
    use super::super::Rules;
    use super::*;

    #[test]
    fn a_refusal_is_reported_once_for_each_kind_of_reason_however_often_it_is_tried() {
        let timeout = Duration::from_secs(3);
        let rules = Rules { timeout, backoff_cap: timeout, liveness: None, seed: 1 };
        let (mut machine, mut now) = (Machine::new(rules, &Report::default()), Instant::now());
        let mut effects = machine.step(now, Event::Start);
        let mut reported = Vec::new();
        let reasons = [
            (ErrorKind::Connection, "a: refused"),
            (ErrorKind::Connection, "b: refused"),
            (ErrorKind::Permission, "no"),
            (ErrorKind::Permission, "no"),
            (ErrorKind::Connection, "a: refused"),
        ];
        for (kind, text) in reasons {
            let grant = effects.iter().find_map(|effect| match effect {
                Effect::Grant { lease } => Some(*lease),
                _ => None,
            });
            let failed = Event::Failed { lease: grant.unwrap(), error: Error::new(kind, text) };
            for effect in machine.step(now, failed) {
                if let Effect::Notify(Standing { phase: Phase::Registering, error: Some(error), .. }) = effect
                {
                    reported.push(error.to_string());
                }
            }
            now = machine.deadline().unwrap();
            effects = machine.step(now, Event::Tick);
        }
        assert_eq!(reported, ["a: refused", "no", "a: refused"]);
    }
}
