//! The words between the machine and the driver. None of etcd's own types: those end in `wire`.

use crate::error::Error;
use crate::notice::Notice;
use crate::range::KeyRange;
use crate::store::{Change, Changed, Entry, Snapshot};

/// What every answer of etcd says about the server's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// Which cluster answered.
    pub cluster_id: u64,
    /// The store's revision when it answered. In a watch response this is *not* how far events are
    /// complete (seen: 3501 in every response of a catch-up whose last event was 1001).
    pub revision: i64,
    /// The raft term; it never goes back in one history.
    pub raft_term: u64,
}

/// How far a progress answer of this server can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Every event up to its revision has been delivered before it (etcd ≥ 3.4.25, ≥ 3.5.8).
    Exact,
    /// It may overtake events (etcd issue 15220). What several answers say together is believed.
    Repeated,
}

/// The server at the other end of a new connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The endpoint as configured.
    pub endpoint: String,
    /// Its version, such as `3.5.21`; empty when it would not tell.
    pub version: String,
    /// What its progress answers are worth.
    pub trust: Trust,
}

/// One page of a listing to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// First key.
    pub start: Vec<u8>,
    /// etcd's `range_end`.
    pub end: Vec<u8>,
    /// Keys at most; 0 for all.
    pub limit: i64,
    /// The revision to read at; `None` for the present one.
    pub revision: Option<i64>,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Of the answer.
    pub header: Header,
    /// In key order.
    pub entries: Vec<Entry>,
    /// Whether the range has more keys than these.
    pub more: bool,
    /// How many keys the range has, these included.
    pub count: i64,
}

/// One message of the watch stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// Of the message.
    pub header: Header,
    /// Which watch it is for; −1 for all of the stream.
    pub watch_id: i64,
    /// The watch has been created (or refused, when `canceled` as well).
    pub created: bool,
    /// The watch is over, for this reason.
    pub canceled: Option<Fault>,
    /// More fragments of this same response follow.
    pub fragment: bool,
    /// In revision order.
    pub changes: Vec<Change>,
}

/// What etcd holds in one watched range, against a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// Whether a key that is there has changed after the revision.
    pub newer: bool,
    /// The number of keys.
    pub count: i64,
}

/// What etcd holds in all watched ranges: read at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Of the answer.
    pub header: Header,
    /// One for each range, in their order.
    pub found: Vec<Found>,
}

/// Why an operation or the stream failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The revision asked for is not there: compacted, or of a history that the server does not have.
    RevisionGone,
    /// The token is no longer accepted; another login brings a new one.
    TokenExpired(Error),
    /// etcd refuses, and will go on refusing until somebody changes something.
    Denied(Error),
    /// What etcd sent is larger than a message may be. In smaller parts it may do.
    TooLarge(Error),
    /// Anything that another attempt, perhaps elsewhere, may heal.
    Lost(Error),
}

impl Fault {
    /// The same fault, met while `doing` something.
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

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Begin, or begin again after a stop.
    Start,
    /// End.
    Stop,
    /// [`Effect::Connect`] succeeded: authenticated, ready for requests.
    Connected(Peer),
    /// [`Effect::List`] succeeded.
    Listed(Page),
    /// [`Effect::Verify`] succeeded.
    Verified(Header),
    /// [`Effect::Compare`] succeeded.
    Compared(Comparison),
    /// The watch stream said something.
    Responded(Response),
    /// A page for [`Effect::Audit`], or `None` when it could not be had.
    Audited(Option<Page>),
    /// The operation under way, or the stream, failed.
    Failed(Fault),
    /// Time is up, but bytes are arriving: a large message is under way.
    Flowing,
    /// The time asked for by [`super::Machine::deadline`] has come.
    Tick,
}

/// A snapshot for the readers.
#[derive(Debug, Clone)]
pub struct Update {
    /// The content.
    pub snapshot: Snapshot,
    /// Which keys differ from the one before.
    pub changed: Changed,
    /// The history is another one; the revision may be lower than before (promise 2).
    pub reset: bool,
}

/// What the driver shall do. At most one of `Connect`, `List`, `Verify` and `Compare` is under way.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Connect to an endpoint; to another one than the last when `rotate`.
    Connect {
        /// Leave the last endpoint alone for a while.
        rotate: bool,
        /// Log in again first: the token of the last connection is of no use.
        renew: bool,
    },
    /// Drop the connections and whatever is under way: no event of theirs may arrive any more.
    Disconnect,
    /// Drop the watch stream alone.
    CloseStream,
    /// Read a page, linearizable.
    List(PageRequest),
    /// Read nothing, linearizable, for the header; at a revision that must still be readable, if given.
    /// Fails with [`Fault::RevisionGone`] when it is compacted: a delete exactly at a compacted revision
    /// can be lost by old servers although they let a watch start there.
    Verify {
        /// The revision that must be readable.
        at: Option<i64>,
    },
    /// Compare all watched ranges with what they were at this revision, linearizable.
    Compare {
        /// The revision of the snapshot.
        since: i64,
        /// Compare with what etcd had at this revision, and not with what it has.
        at: Option<i64>,
    },
    /// Create a watch on the stream, or on a new one when there is none.
    Watch {
        /// What to watch.
        range: KeyRange,
        /// The first revision to be told of, which is known already; 0 for what happens from now on.
        from: i64,
        /// Have large messages sent in parts. etcd takes a time for that which grows with the square of the number of
        /// events: 40,000 deletions in one transaction take longer than anybody waits.
        fragments: bool,
    },
    /// Read a page once more, keys and revisions alone and as one member has them; beside whatever else is under
    /// way.
    Audit(PageRequest),
    /// Ask the stream how far it has come.
    RequestProgress,
    /// Show this to the readers.
    Publish(Update),
    /// The content shown is still right at this later revision.
    Confirm(i64),
    /// Tell the listeners. The last effects of a step: listeners find the snapshot that goes with it.
    Notify(Notice),
}
