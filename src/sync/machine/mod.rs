//! The state machine. Pure: no I/O, no clock, no randomness of its own.
//!
//! ```text
//!   Stopped ──start──▶ Connecting ──▶ Listing ──▶ Opening ──▶ Watching
//!                          ▲  └─ holds a snapshot ─▶ Verifying ──┘  │
//!                          │                            │ history   │ lost
//!                          │                            ▼ reset     ▼
//!                       Backoff / Denied ◀───────── any failure ────┘
//! ```
//!
//! If etcd compacts faster than the client lists, the watch is opened before the listing.
//!
//! The published snapshot is served in all states. Each file of this folder holds one part:
//!
//! * `loading`: the way to a snapshot.
//! * `watch_first`: the same where the history does not last as long as a listing.
//! * `opening`: the way to an open watch.
//! * `following`: the events of an open watch.
//! * `failing`: failures and timeouts.
//! * `resuming`: the way back to a revision at which a watch failed.
//! * `waiting`: how long changes of one watch wait for another.
//! * `cached`: the use of a disk copy.
//! * `auditing`: checks of the published content.
//! * `comparing`: the proof of freshness where no progress answer can be trusted.
//! * `notifying`: which transitions are reported.

mod auditing;
mod cached;
mod comparing;
mod failing;
mod following;
mod history;
mod loading;
mod notifying;
mod opening;
mod resuming;
mod waiting;
mod watch_first;

use std::time::Duration;

pub use self::cached::Cached;
use self::cached::Held;
use self::failing::{DENIED_BASE, DENIED_CAP};
use self::notifying::Contact;
use self::resuming::Resume;
use self::waiting::Waiting;
use super::audit::Audit;
use super::event::{Effect, Event, Peer, Trust};
use super::freshness::Freshness;
use super::fuzzy::Fuzzy;
use super::listing::Listing;
use super::pages::PageSize;
use super::report::{Phase, Report};
use super::staleness::Staleness;
use super::streak::Limits;
use super::stream::Stream;
use crate::backoff::Backoff;
use crate::clock::Instant;
use crate::error::Error;
use crate::notice::Notice;
use crate::range::Ranges;
use crate::store::Snapshot;

const BACKOFF_BASE: Duration = Duration::from_millis(100);
const STABILITY: Duration = Duration::from_secs(120);

/// The settings that the machine needs.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The ranges to watch.
    pub ranges: Ranges,
    /// Keys in one page of a listing.
    pub page_size: i64,
    /// The time between two proofs of freshness.
    pub progress_interval: Duration,
    /// How long an answer on the stream may take.
    pub timeout: Duration,
    /// The longest pause between two attempts.
    pub backoff_cap: Duration,
    /// How long one confirmation keeps the data fresh.
    pub max_staleness: Duration,
    /// The time between two audits; 0 for none.
    pub audit_interval: Duration,
    /// The limits built into etcd.
    pub limits: Limits,
    /// The seed of the jitter.
    pub seed: u64,
}

#[derive(Debug)]
enum State {
    Stopped,
    /// Waits for `Connected`.
    Connecting,
    /// Waits for pages. Starts over if its revision is compacted.
    Listing {
        listing: Listing,
        /// When the first page was requested.
        sent: Instant,
        /// When the current page was requested.
        page_sent: Instant,
        /// The watches that were opened before the listing.
        stream: Option<Stream>,
    },
    /// Waits for a linearizable header.
    ///
    /// A server that lost its data folder answers with a lower revision; a watch resumed there would stay
    /// silent forever.
    Verifying {
        sent: Instant,
    },
    /// Waits for watches to be created, until `deadline`.
    Opening {
        stream: Stream,
        deadline: Instant,
    },
    Watching {
        stream: Stream,
        freshness: Freshness,
        /// The pages read beside the watches, until they are exact.
        fuzzy: Option<Box<Fuzzy>>,
    },
    /// Waits for the time of the next attempt.
    Backoff {
        until: Instant,
    },
    /// Waits after a refusal, for longer.
    Denied {
        until: Instant,
        /// Whether a new token may help.
        renew: bool,
    },
}

/// Decides what one client does.
#[doc = include_str!("transitions.md")]
#[derive(Debug)]
pub struct Machine {
    rules: Rules,
    state: State,
    /// The time of the current step.
    now: Option<Instant>,
    /// The last published snapshot; `None` before the first listing.
    snapshot: Option<Snapshot>,
    /// A listing whose connection was lost, and when its first page was requested.
    unfinished: Option<(Listing, Instant)>,
    /// The disk copy, until etcd has confirmed something.
    cached: Option<Held>,
    audit: Audit,
    trust: Trust,
    /// The current stream answers no progress request.
    mute: bool,
    /// The revision shown when the last progress request was sent. Events may overtake its answer.
    asked_at: i64,
    /// The revision that the current comparison is about; `None` for the latest.
    compared_at: Option<i64>,
    /// This user may not watch the bounding range of all ranges, so each range is watched alone.
    bounding_range_denied: bool,
    /// A refusal has been answered with a new token since the last success.
    reauthenticated: bool,
    /// The watch that failed last.
    resume: Resume,
    waiting: Waiting,
    pages: PageSize,
    /// Listings in a row after which no watch stayed open.
    restarts: u32,
    /// Since when the last watch has been open.
    opened_at: Option<Instant>,
    connections: u64,
    backoff: Backoff,
    /// The pauses after refusals.
    refusals: Backoff,
    random: fastrand::Rng,
    report: Report,
    contact: Contact,
    staleness: Staleness,
    /// The events that this step reports.
    notices: Vec<Notice>,
}

impl Machine {
    /// A machine that continues from `snapshot`, if there is one, with the report `known` about it.
    ///
    /// A forked child starts with its parent's snapshot, and the parent's report on it is still true there.
    #[must_use]
    pub fn new(rules: Rules, snapshot: Option<Snapshot>, known: &Report) -> Self {
        let backoff = Backoff::new(BACKOFF_BASE, rules.backoff_cap, STABILITY);
        Self {
            state: State::Stopped,
            now: None,
            contact: Contact::new(snapshot.is_some()),
            snapshot,
            unfinished: None,
            cached: None,
            audit: Audit::new(rules.audit_interval, rules.page_size),
            trust: Trust::Repeated,
            mute: false,
            asked_at: 0,
            compared_at: None,
            bounding_range_denied: false,
            reauthenticated: false,
            resume: Resume::default(),
            waiting: Waiting::default(),
            pages: PageSize::new(rules.page_size),
            restarts: 0,
            opened_at: None,
            connections: 0,
            backoff,
            refusals: Backoff::new(DENIED_BASE, DENIED_CAP, STABILITY),
            random: fastrand::Rng::with_seed(rules.seed),
            report: known.inherited(),
            staleness: Staleness::new(rules.max_staleness),
            notices: Vec::new(),
            rules,
        }
    }

    /// The machine's status.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// Continues after a machine of this process that ended with a panic; reports `error` at `now`.
    ///
    /// Counters continue from `before`: a counter that falls would mean that the process restarted.
    pub fn remember(&mut self, now: Instant, before: &Report, error: Error) {
        self.now = Some(now);
        let Report { reconnects, relists, resets, audits, divergences, .. } = *before;
        self.report = Report { reconnects, relists, resets, audits, divergences, ..self.report.clone() };
        self.connections = reconnects + 1;
        self.note(error.clone());
        self.report_restart(now, error);
    }

    fn note(&mut self, error: Error) {
        self.report.last_error = Some(error);
        self.report.last_error_at = self.now;
    }

    /// When the next [`Event::Tick`] is due; `None` while only another event can change something.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let staleness = self.staleness.deadline(self.report.confirmed_at);
        [self.state_deadline(), self.wait_for_etcd_ends(), self.audit_deadline(), staleness]
            .into_iter()
            .flatten()
            .min()
    }

    fn state_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Stopped | State::Connecting | State::Listing { .. } | State::Verifying { .. } => None,
            State::Opening { deadline, .. } => Some(*deadline),
            State::Watching { freshness, .. } => {
                let wait_ends = self.wait_ends();
                Some(wait_ends.map_or(freshness.deadline(), |end| end.min(freshness.deadline())))
            }
            State::Backoff { until } | State::Denied { until, .. } => Some(*until),
        }
    }

    /// Handles an event at `now`; returns what to do.
    pub fn step(&mut self, now: Instant, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.now = Some(now);
        match event {
            Event::Start => self.start(now, &mut effects),
            Event::Stop => self.stop(&mut effects),
            Event::Connected(peer) => self.connected(now, peer, &mut effects),
            Event::Listed(page) => self.listed(now, page, &mut effects),
            Event::Verified(header) => self.verified(now, header, &mut effects),
            Event::Compared(comparison) => self.compared(now, comparison, &mut effects),
            Event::Responded(response) => self.responded(now, response, &mut effects),
            Event::Audited(page) => self.audited(now, page, &mut effects),
            Event::Failed(fault) => self.failed(now, fault, &mut effects),
            Event::Flowing => self.flowing(now),
            Event::Tick => self.ticked(now, &mut effects),
        }
        self.look_at_what_waits(now);
        self.report.phase = self.phase();
        self.report_staleness(now);
        effects.extend(self.notices.drain(..).map(Effect::Notify));
        effects
    }

    const fn phase(&self) -> Phase {
        match &self.state {
            State::Stopped => Phase::Stopped,
            State::Connecting => Phase::Connecting,
            State::Listing { .. } | State::Watching { fuzzy: Some(_), .. } => Phase::Listing,
            State::Verifying { .. } => Phase::Verifying,
            State::Opening { .. } => Phase::Opening,
            State::Watching { .. } => Phase::Watching,
            State::Backoff { .. } => Phase::Backoff,
            State::Denied { .. } => Phase::Denied,
        }
    }

    fn start(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if matches!(self.state, State::Stopped) {
            self.give_etcd_a_moment(now);
            self.contact.begin(now);
            self.staleness.begin(now);
            self.connect(false, false, effects);
        }
    }

    fn stop(&mut self, effects: &mut Vec<Effect>) {
        self.state = State::Stopped;
        self.unfinished = None;
        self.contact.end();
        self.staleness.end();
        self.report.peer = None;
        effects.push(Effect::Disconnect);
    }

    fn connect(&mut self, rotate: bool, renew: bool, effects: &mut Vec<Effect>) {
        self.state = State::Connecting;
        effects.push(Effect::Connect { rotate, renew });
    }

    fn connected(&mut self, now: Instant, peer: Peer, effects: &mut Vec<Effect>) {
        if !matches!(self.state, State::Connecting) {
            return;
        }
        self.trust = peer.trust;
        self.mute = false;
        self.contact.connected_to(&peer.endpoint);
        self.report.peer = Some(peer);
        self.connections += 1;
        self.report.reconnects = self.connections - 1;
        // After failures that another watch from there would only repeat, list.
        let resumable = |at: &i64| !self.resume.is_hopeless(*at) && !self.has_restarted_often();
        if let Some(at) = self.at_hand().map(Snapshot::revision).filter(resumable) {
            effects.push(Effect::Verify { at: Some(at) });
            self.state = State::Verifying { sent: now };
            self.asked_at = at;
        } else {
            self.list(now, effects);
        }
    }

    const fn stream(&mut self) -> Option<&mut Stream> {
        match &mut self.state {
            State::Opening { stream, .. } | State::Watching { stream, .. } => Some(stream),
            State::Listing { stream, .. } => stream.as_mut(),
            _ => None,
        }
    }

    /// Confirms the snapshot as of `asked`: it holds everything that etcd had then.
    fn confirm(&mut self, asked: Instant) {
        self.report.confirmed_at = self.report.confirmed_at.max(Some(asked));
        self.report.from_cache = false;
        self.cached = None;
    }

    fn revision(&self) -> i64 {
        self.snapshot.as_ref().map_or(0, Snapshot::revision)
    }
}
