//! Checks that each transition is reported to listeners exactly once, and in order.
//!
//! The reference uses the phases, the publications and the time. It does not know how the machine remembers
//! what it has reported.

use std::time::Duration;

use crate::clock::Instant;
use crate::notice::{LocalCopy, Notice};
use crate::store::Snapshot;
use crate::sync::event::{Effect, Event};
use crate::sync::report::{Phase, Report};

pub(super) const MAX_STALENESS: Duration = Duration::from_secs(5);

/// What a listener knows so far.
#[derive(Debug)]
pub(super) struct Account {
    started: Instant,
    met: bool,
    following: bool,
    loss: Loss,
    stale: bool,
    /// The number of connections when a watch was last reported.
    connections: u64,
}

/// The loss reported since the last watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    None,
    Disconnected,
    Denied,
}

/// The state before a step that decides what the step has to report.
#[derive(Debug)]
pub(super) struct Before {
    phase: Phase,
    divergences: u64,
    held: bool,
    connects: bool,
}

impl Before {
    pub(super) fn new(report: &Report, event: &Event, held: bool) -> Self {
        let connects = matches!(event, Event::Connected(_)) && report.phase == Phase::Connecting;
        Self { phase: report.phase, divergences: report.divergences, held, connects }
    }
}

impl Account {
    pub(super) const fn new(started: Instant) -> Self {
        let (met, following, stale) = (false, false, false);
        Self { started, met, following, loss: Loss::None, stale, connections: 0 }
    }

    /// Compares the notices in `effects` with what the step did.
    pub(super) fn check(
        &mut self,
        now: Instant,
        before: &Before,
        effects: &[Effect],
        report: &Report,
        shown: Option<&Snapshot>,
    ) {
        let reported: Vec<&Notice> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Notify(notice) => Some(notice),
                _ => None,
            })
            .collect();
        let names: Vec<&str> = reported.iter().map(|notice| name(notice)).collect();
        assert_eq!(names, self.expected(now, before, effects, report), "{before:?} {report:?}");
        let now_held = shown.map_or_else(LocalCopy::default, |snapshot| LocalCopy {
            revision: snapshot.revision(),
            keys: snapshot.len(),
        });
        assert!(
            reported.iter().all(|notice| copy(notice) == now_held),
            "{reported:?} is not of {now_held:?}"
        );
    }

    fn expected(
        &mut self,
        now: Instant,
        before: &Before,
        effects: &[Effect],
        report: &Report,
    ) -> Vec<&'static str> {
        let mut expected = Vec::new();
        if report.divergences > before.divergences {
            expected.push("diverged");
        }
        let listed = effects.iter().find_map(|effect| match effect {
            Effect::Publish(update) if before.phase == Phase::Listing && before.held => Some(update.reset),
            _ => None,
        });
        expected.extend(listed.filter(|reset| *reset).map(|_| "reset"));
        expected.extend(listed.map(|_| "relisted"));
        self.connections += u64::from(before.connects);
        if report.phase != before.phase {
            expected.extend(self.contact(report.phase));
        }
        let age = now.saturating_duration_since(report.confirmed_at.unwrap_or(self.started));
        if (age >= MAX_STALENESS) != self.stale {
            self.stale = !self.stale;
            expected.push(if self.stale { "stale" } else { "fresh" });
        }
        expected
    }

    fn contact(&mut self, phase: Phase) -> Option<&'static str> {
        match phase {
            Phase::Watching => {
                let (news, met) = (!self.following || self.connections > 0, self.met);
                *self = Self {
                    met: true,
                    following: true,
                    ..Self { stale: self.stale, ..Self::new(self.started) }
                };
                news.then_some(if met { "reconnected" } else { "connected" })
            }
            Phase::Denied => {
                self.following = false;
                let before = std::mem::replace(&mut self.loss, Loss::Denied);
                (before != Loss::Denied).then_some("denied")
            }
            // The very first attempt is no loss, and an attempt after a loss is not reported again.
            Phase::Connecting if !self.following => None,
            Phase::Backoff | Phase::Connecting => {
                self.following = false;
                let first = self.loss == Loss::None;
                self.loss = if first { Loss::Disconnected } else { self.loss };
                first.then_some("disconnected")
            }
            _ => None,
        }
    }
}

fn name(notice: &Notice) -> &'static str {
    match notice {
        Notice::Connected { .. } => "connected",
        Notice::Reconnected { .. } => "reconnected",
        Notice::Disconnected { .. } => "disconnected",
        Notice::Denied { .. } => "denied",
        Notice::Relisted { .. } => "relisted",
        Notice::Reset { .. } => "reset",
        Notice::Diverged { .. } => "diverged",
        Notice::Stale { .. } => "stale",
        Notice::Fresh { .. } => "fresh",
        other => panic!("{other:?} is not of the sync"),
    }
}

fn copy(notice: &Notice) -> LocalCopy {
    match notice {
        Notice::Connected { copy, .. }
        | Notice::Reconnected { copy, .. }
        | Notice::Disconnected { copy, .. }
        | Notice::Denied { copy, .. }
        | Notice::Relisted { copy }
        | Notice::Reset { copy }
        | Notice::Diverged { copy, .. }
        | Notice::Stale { copy, .. }
        | Notice::Fresh { copy, .. } => *copy,
        other => panic!("{other:?} is not of the sync"),
    }
}
