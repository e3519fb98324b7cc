//! A process of the model, with what the kernel and its readers know of it.

use std::collections::VecDeque;

use super::{Event, Instant, Machine, Rules, Standing};

/// Where readers of a process look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Own,
    Page(usize),
}

#[expect(clippy::struct_excessive_bools, reason = "each says another thing about it")]
pub(super) struct Process {
    pub(super) machine: Machine,
    pub(super) alive: bool,
    pub(super) frozen: bool,
    pub(super) inbox: VecDeque<Event>,
    pub(super) source: Source,
    pub(super) own: Option<Standing>,
    pub(super) engine: bool,
    /// Whom it is connected to, and whether the other side has answered.
    pub(super) leader: Option<(usize, bool)>,
    /// The page that it knows.
    pub(super) page: Option<usize>,
    pub(super) listening: bool,
    /// What its readers saw last, and of which of all clusters.
    pub(super) saw: Option<(u64, i64)>,
    pub(super) due: Instant,
    /// Since when it runs without having been stopped, also together with the host.
    pub(super) awake_since: Instant,
}

#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) content: Option<Standing>,
    pub(super) working: bool,
    pub(super) beat: Instant,
}

impl Process {
    /// A process that was not started yet.
    pub(super) fn new(seed: u64, now: Instant) -> Self {
        Self {
            machine: Machine::new(Rules::new(seed)),
            alive: false,
            frozen: false,
            inbox: VecDeque::new(),
            source: Source::Own,
            own: None,
            engine: false,
            leader: None,
            page: None,
            listening: false,
            saw: None,
            due: now,
            awake_since: now,
        }
    }
}
