//! The state machine of one registration. Pure: no I/O, no clock, no randomness of its own.
//!
//! ```text
//!   None ──start──▶ Granting ──▶ Registering ──▶ Alive ─┐ lease expired, revoked, not renewed
//!                      ▲              ▲  │         ▲  └──┼──▶ Backoff, or at once
//!                      │              │  └─ rival ─▼     │
//!                      │          Backoff ◀── Superseded │    Dormant: the application shows no life
//!                      └──────────────┴─────────────────┘
//!   any ──deregister──▶ Withdrawing ──▶ Deregistered
//! ```
//!
//! The owner of a key is the process that claimed it last. At its first contact with etcd, a registration
//! takes over the key that it finds: its predecessor is dead or about to leave. A later claim by someone else
//! wins: the older registration waits until that key disappears, then registers again.

use std::time::Duration;

use super::event::{Effect, Event, Holder};
use super::lease::{Former, Lease};
use super::report::{Phase, Report};
use crate::backoff::Backoff;
use crate::clock::Instant;
use crate::error::{Error, ErrorKind};

mod notifying;
mod time;
mod withdrawal;

use self::notifying::Reported;

const BACKOFF_BASE: Duration = Duration::from_millis(100);
const STABILITY: Duration = Duration::from_secs(60);
/// A registration that held for less is delayed: what removed it may do so again.
const CALM: Duration = Duration::from_secs(1);

/// The settings that the machine needs.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How long etcd may take to answer.
    pub timeout: Duration,
    /// The longest pause between two attempts.
    pub backoff_cap: Duration,
    /// How long one sign of life of the application counts; `None`: it need not show any.
    pub liveness: Option<Duration>,
    /// The seed of jitter and lease ids.
    pub seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    None,
    /// Waits for `Granted`.
    Granting {
        lease: i64,
    },
    /// Waits for `Claimed`.
    Registering,
    /// The key was put at this revision.
    Alive {
        revision: i64,
        since: Instant,
    },
    /// A successor holds the key. The own lease is kept, ready for when the successor goes.
    Superseded,
    Backoff {
        until: Instant,
    },
    /// The application shows no life, and the lease has expired.
    Dormant,
    /// Waits until leases are revoked or have expired.
    Withdrawing {
        until: Instant,
        again: Option<Instant>,
    },
    Deregistered,
}

/// Decides for one registration. The module's picture shows its states.
#[derive(Debug)]
pub struct Machine {
    rules: Rules,
    state: State,
    lease: Option<Lease>,
    /// Puts up to this revision may be taken over: the key at the first contact; `None` before that.
    takeover: Option<i64>,
    live_until: Option<Instant>,
    former: Former,
    backoff: Backoff,
    random: fastrand::Rng,
    report: Report,
    reported: Reported,
}

impl Machine {
    /// A machine that has not started.
    ///
    /// `before` is the report of a machine that ended unasked; this one continues with its lease.
    #[must_use]
    pub fn new(rules: Rules, before: &Report) -> Self {
        let mut random = fastrand::Rng::with_seed(rules.seed);
        random.u64(..);
        let mut former = Former::default();
        if let Some(lease) = before.lease {
            former.remember(lease);
            former.doubt(lease);
        }
        Self {
            state: State::None,
            lease: None,
            takeover: (before.puts > 0).then_some(0),
            live_until: None,
            former,
            backoff: Backoff::new(BACKOFF_BASE, rules.backoff_cap, STABILITY),
            random,
            report: Report { lease: None, proven_until: None, ..before.clone() },
            reported: Reported::new(before),
            rules,
        }
    }

    /// The machine's status.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// When the next [`Event::Tick`] is due; `None` while only another event can change something.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let of_state = match self.state {
            State::Backoff { until } => Some(until),
            State::Withdrawing { until, again } => Some(again.map_or(until, |again| again.min(until))),
            _ => None,
        };
        let of_lease = self.lease.as_ref().and_then(|lease| {
            let renewal = lease.renew_at.filter(|at| self.lives_at(*at));
            let check = lease.check_at.filter(|_| self.holds_or_waits());
            [renewal, check, Some(lease.deadline)].into_iter().flatten().min()
        });
        [of_state, of_lease, self.reported.deadline(&self.report)].into_iter().flatten().min()
    }

    /// Handles an event at `now`; returns what to do.
    pub fn step(&mut self, now: Instant, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Start if self.state == State::None => {
                self.touched(now);
                self.proceed(now, &mut effects);
            }
            Event::Start => {}
            Event::Deregister => self.withdraw(now, &mut effects),
            Event::Touched => {
                self.touched(now);
                if self.state == State::Dormant {
                    self.proceed(now, &mut effects);
                }
            }
            Event::Granted { lease, ttl, sent } => self.granted(now, lease, ttl, sent, &mut effects),
            Event::Claimed { lease, revision, sent } => {
                self.claimed(now, lease, revision, sent, &mut effects);
            }
            Event::Refused { lease, holder } => self.refused(now, lease, holder, &mut effects),
            Event::LeaseMissing { lease } => self.lease_missing(now, lease, &mut effects),
            Event::Renewed { lease, ttl, sent } => self.renewed(now, lease, ttl, sent),
            Event::Seen { holder, revision, sent } => self.seen(now, holder, revision, sent, &mut effects),
            Event::Unseen => self.check_again(now + self.rules.timeout / 2),
            Event::Failed { lease, error } => self.failed(now, lease, error, &mut effects),
            Event::Revoked { lease } => self.revoked(lease),
            Event::NotRevoked { lease } => self.not_revoked(now, lease),
            Event::Tick => self.ticked(now, &mut effects),
        }
        self.ticked(now, &mut effects);
        self.update_report();
        self.report_standing(now, &mut effects);
        effects
    }

    fn update_report(&mut self) {
        self.report.lease = self.lease.as_ref().map(|lease| lease.id);
        let alive = matches!(self.state, State::Alive { .. });
        self.report.proven_until = self.lease.as_ref().filter(|_| alive).map(Lease::proven_until);
        self.report.phase = match self.state {
            State::Alive { .. } => Phase::Registered,
            State::Withdrawing { .. } | State::Deregistered => Phase::Deregistered,
            _ if self.report.puts > 0 => Phase::Lost,
            _ => Phase::Registering,
        };
    }

    // ---- a lease and a key ----

    /// Continues with what exists: a lease to put the key under, or none yet.
    fn proceed(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.lease.is_some() {
            self.claim(0, effects);
        } else if self.lives_at(now) {
            let lease = self.random.i64(1..);
            self.former.remember(lease);
            self.state = State::Granting { lease };
            effects.push(Effect::Grant { lease });
        } else {
            self.state = State::Dormant;
        }
    }

    fn claim(&mut self, expected: i64, effects: &mut Vec<Effect>) {
        let Some(lease) = &self.lease else { return };
        effects.push(Effect::Claim { lease: lease.id, expected });
        self.state = State::Registering;
    }

    fn granted(&mut self, now: Instant, id: i64, ttl: Duration, sent: Instant, effects: &mut Vec<Effect>) {
        if self.state != (State::Granting { lease: id }) {
            // The answer came too late. No one waits for it, and nothing will be put under this lease.
            effects.push(Effect::Revoke { lease: id });
            return;
        }
        let renew_at = now + self.third(ttl);
        self.lease = Some(Lease::granted(id, ttl, sent, renew_at));
        self.proceed(now, effects);
    }

    fn claimed(&mut self, now: Instant, lease: i64, revision: i64, sent: Instant, effects: &mut Vec<Effect>) {
        // Counts even for a late answer: whatever comes after this put belongs to a successor.
        self.takeover.get_or_insert(0);
        if self.state != State::Registering || !self.is_current(lease) {
            return;
        }
        self.report.puts += 1;
        self.state = State::Alive { revision, since: now };
        self.backoff.succeeded(now);
        self.saw(now, sent);
        // Revoked only now: the key has just left these leases, so there is no gap.
        effects.extend(self.former.take_doubtful().into_iter().map(|lease| Effect::Revoke { lease }));
    }

    fn refused(&mut self, now: Instant, lease: i64, holder: Holder, effects: &mut Vec<Effect>) {
        // Counts even for a late answer: it is from the time of the first contact.
        let takeover = *self.takeover.get_or_insert(match holder {
            Holder::Missing => 0,
            Holder::Lease { mod_revision, .. } => mod_revision,
        });
        if self.state != State::Registering || !self.is_current(lease) {
            return;
        }
        match holder {
            Holder::Missing => self.claim(0, effects),
            Holder::Lease { lease, mod_revision }
                if mod_revision <= takeover || self.former.is_own(lease) =>
            {
                self.claim(mod_revision, effects);
            }
            Holder::Lease { lease, .. } => self.superseded(now, lease),
        }
    }

    fn superseded(&mut self, now: Instant, by: i64) {
        if self.state != State::Superseded {
            let owner = if by == 0 { "without a lease".to_owned() } else { format!("under lease {by:x}") };
            self.note(Error::new(
                ErrorKind::Connection,
                format!("another process owns the key, {owner}; waiting until it is gone"),
            ));
        }
        self.state = State::Superseded;
        self.check_again(now);
    }

    fn seen(
        &mut self,
        now: Instant,
        holder: Holder,
        revision: i64,
        sent: Instant,
        effects: &mut Vec<Effect>,
    ) {
        let of = match self.state {
            State::Alive { revision, .. } => revision,
            State::Superseded => 0,
            _ => return,
        };
        if revision < of {
            // The observation is from before the put.
            if self.lease.as_ref().is_some_and(|lease| lease.check_at.is_none()) {
                self.check_again(now);
            }
            return;
        }
        match holder {
            Holder::Lease { lease, .. } if self.is_current(lease) && of > 0 => self.saw(now, sent),
            Holder::Lease { lease, .. } if !self.former.is_own(lease) => self.superseded(now, lease),
            Holder::Lease { mod_revision, .. } => self.claim(mod_revision, effects),
            Holder::Missing if of == 0 => self.claim(0, effects),
            Holder::Missing => {
                self.lost(now, "the key was deleted; registering it again", effects);
            }
        }
    }

    fn saw(&mut self, now: Instant, sent: Instant) {
        if let Some(lease) = &mut self.lease {
            lease.saw_key(sent);
        }
        self.check_again(now);
    }

    fn check_again(&mut self, now: Instant) {
        let Some(ttl) = self.lease.as_ref().map(|lease| lease.ttl) else { return };
        let at = now + self.third(ttl);
        if let Some(lease) = &mut self.lease {
            lease.check_at = Some(at);
        }
    }

    // ---- losing and failing ----

    fn renewed(&mut self, now: Instant, lease: i64, ttl: Option<Duration>, sent: Instant) {
        let Some(held) = self.lease.as_ref().filter(|held| held.id == lease) else { return };
        let ttl = ttl.unwrap_or(held.ttl);
        let next = now + self.third(ttl);
        if let Some(held) = &mut self.lease {
            held.renewed(ttl, sent, next);
        }
        self.report.renewals += 1;
    }

    fn lease_missing(&mut self, now: Instant, lease: i64, effects: &mut Vec<Effect>) {
        if self.is_current(lease) && !self.is_over() {
            self.lease = None;
            self.lost(now, "etcd no longer knows the lease; requesting a new one", effects);
        }
    }

    fn lost(&mut self, now: Instant, what: &str, effects: &mut Vec<Effect>) {
        self.note(Error::new(ErrorKind::Connection, what));
        match self.state {
            State::Alive { since, .. } if now >= since + CALM => self.proceed(now, effects),
            State::Granting { .. } | State::Backoff { .. } | State::Dormant => {}
            _ => self.back_off(now),
        }
    }

    fn failed(&mut self, now: Instant, lease: i64, error: Error, effects: &mut Vec<Effect>) {
        match self.state {
            State::Granting { lease: awaited } if awaited == lease => self.former.doubt(lease),
            State::Registering if self.is_current(lease) => {}
            State::Withdrawing { .. } => return effects.push(Effect::Revoke { lease }),
            _ => return,
        }
        self.note(error);
        self.back_off(now);
    }

    fn back_off(&mut self, now: Instant) {
        let wait = self.backoff.failed(now, self.random.f64());
        self.state = State::Backoff { until: now + wait };
    }

    // ---- what is so ----

    fn lives_at(&self, at: Instant) -> bool {
        self.rules.liveness.is_none() || self.live_until.is_some_and(|until| at < until)
    }

    const fn holds_or_waits(&self) -> bool {
        matches!(self.state, State::Alive { .. } | State::Superseded)
    }

    const fn is_over(&self) -> bool {
        matches!(self.state, State::Withdrawing { .. } | State::Deregistered)
    }

    fn is_current(&self, lease: i64) -> bool {
        self.lease.as_ref().is_some_and(|held| held.id == lease)
    }
}
