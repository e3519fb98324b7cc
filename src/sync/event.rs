//! The messages between the machine and the driver. etcd's own types do not get past `wire`.

use std::time::Duration;

use crate::error::Error;
use crate::notice::Notice;
use crate::range::KeyRange;
use crate::store::{Change, Changed, Entry, Snapshot};

/// The server's state, as every answer of etcd carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// The cluster that answered.
    pub cluster_id: u64,
    /// The store's revision when it answered.
    ///
    /// In a watch response this is *not* the revision up to which events are complete. Seen: 3501 in every
    /// response of a catch-up whose last event was 1001.
    pub revision: i64,
    /// The raft term. It never decreases within one history.
    pub raft_term: u64,
}

/// How far progress answers of this server can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// All events up to the answer's revision were delivered before it (etcd ≥ 3.4.25, ≥ 3.5.8).
    Exact,
    /// An answer may overtake events (etcd issue 15220). Only several answers together prove something.
    Repeated,
}

/// The server at the other end of a new connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The endpoint as configured.
    pub endpoint: String,
    /// Its version, such as `3.5.21`; empty if the server does not say.
    pub version: String,
    /// How far its progress answers can be trusted.
    pub trust: Trust,
}

/// A request for one page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The first key.
    pub start: Vec<u8>,
    /// etcd's `range_end`.
    pub end: Vec<u8>,
    /// The maximum number of keys; 0 for all.
    pub limit: i64,
    /// The revision to read at; `None` for the current one.
    pub revision: Option<i64>,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The answer's header.
    pub header: Header,
    /// The entries, in key order.
    pub entries: Vec<Entry>,
    /// Whether the range has more keys after these.
    pub more: bool,
    /// How many keys the range has, including these.
    pub count: i64,
    /// How long the bytes took to arrive, without the time that the server needed before it sent them.
    pub transfer: Duration,
}

/// One message of the watch stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// The message's header.
    pub header: Header,
    /// The watch that the message is for; −1 for all watches of the stream.
    pub watch_id: i64,
    /// The watch has been created, or refused if `canceled` is set too.
    pub created: bool,
    /// The watch has ended, for this reason.
    pub canceled: Option<Fault>,
    /// More fragments of this response follow.
    pub fragment: bool,
    /// The changes, in revision order.
    pub changes: Vec<Change>,
}

/// The result of comparing one watched range with a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// Whether an existing key has changed after the revision.
    pub newer: bool,
    /// The number of keys.
    pub count: i64,
}

/// The content of all watched ranges compared, read at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The answer's header.
    pub header: Header,
    /// One result for each range, in their order.
    pub found: Vec<Found>,
}

/// Why an operation or the stream failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The requested revision does not exist: compacted, or from a history that the server does not have.
    RevisionGone,
    /// The token is no longer accepted. Another login gets a new one.
    TokenExpired(Error),
    /// etcd refuses, and keeps refusing until a person changes something.
    Denied(Error),
    /// The answer exceeds the maximum message size. Smaller parts may work.
    TooLarge(Error),
    /// Any other failure. Another attempt may succeed, perhaps at another member.
    Lost(Error),
}

impl Fault {
    /// Adds what was being done (`doing`) to the fault's error.
    #[must_use]
    pub fn during(self, doing: &str) -> Self {
        match self {
            Self::RevisionGone => self,
            Self::TokenExpired(error) => Self::TokenExpired(error.during(doing)),
            Self::Denied(error) => Self::Denied(error.during(doing)),
            Self::TooLarge(error) => Self::TooLarge(error.during(doing)),
            Self::Lost(error) => Self::Lost(error.during(doing)),
        }
    }
}

/// An input of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Start, or start again after a stop.
    Start,
    /// Stop.
    Stop,
    /// [`Effect::Connect`] succeeded: authenticated and ready for requests.
    Connected(Peer),
    /// [`Effect::List`] succeeded.
    Listed(Page),
    /// [`Effect::Verify`] succeeded.
    Verified(Header),
    /// [`Effect::Compare`] succeeded.
    Compared(Comparison),
    /// A message arrived on the watch stream.
    Responded(Response),
    /// A page for [`Effect::Audit`]; `None` if it could not be read.
    Audited(Option<Page>),
    /// The current operation, or the stream, failed.
    Failed(Fault),
    /// The deadline has passed, but bytes are still arriving: a large message is under way.
    Flowing,
    /// The time given by [`super::Machine::deadline`] has come.
    Tick,
}

/// A snapshot for the readers.
#[derive(Debug, Clone)]
pub struct Update {
    /// The content.
    pub snapshot: Snapshot,
    /// The keys that differ from the previous snapshot.
    pub changed: Changed,
    /// The snapshot is from another history; its revision may be lower than before (promise 2).
    pub reset: bool,
}

/// A command for the driver. At most one `Connect`, `List`, `Verify` or `Compare` is under way.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Connect to an endpoint.
    Connect {
        /// Use another endpoint than the last one, and avoid the last one for a while.
        rotate: bool,
        /// Log in again first: the token of the last connection is useless.
        renew: bool,
    },
    /// Drop the connections and the current operation. None of their events may arrive afterwards.
    Disconnect,
    /// Drop only the watch stream.
    CloseStream,
    /// Read a page, linearizable.
    List(PageRequest),
    /// Read only the header, linearizable.
    ///
    /// With `at`, the read fails with [`Fault::RevisionGone`] if that revision is compacted. An old server
    /// lets a watch start there, but it can lose a deletion exactly at a compacted revision.
    Verify {
        /// The revision that must be readable.
        at: Option<i64>,
    },
    /// Compare all watched ranges with their content at revision `since`, linearizable.
    Compare {
        /// The revision of the snapshot.
        since: i64,
        /// Compare with what etcd had at this revision instead of what it has now.
        at: Option<i64>,
    },
    /// Create a watch on the stream. Opens a stream if there is none.
    Watch {
        /// What to watch.
        range: KeyRange,
        /// The first revision to receive, which is known already; 0 for future events only.
        from: i64,
        /// Request fragments for large messages.
        ///
        /// For fragments, etcd takes a time that grows with the square of the number of events: 40,000
        /// deletions in one transaction take longer than any timeout.
        fragments: bool,
    },
    /// Read a page for an audit: keys and revisions only, from the connected member. May run beside other
    /// operations.
    Audit(PageRequest),
    /// Request progress on the stream.
    RequestProgress,
    /// Publish this to the readers.
    Publish(Update),
    /// The published content is still right at this later revision.
    Confirm(i64),
    /// Notify the listeners. This is the last effect of a step, so that they find the matching snapshot.
    Notify(Notice),
}
