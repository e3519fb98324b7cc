//! What happens to a client, said once by the part that knows it, at the moment when it happens.
//!
//! The state machines of `sync` and `registration` report their own transitions. Nothing above them compares states to
//! find out what changed, so no event is merged with another, reordered or missed.

mod payload;

use std::fmt::Debug;
use std::time::Duration;

use crate::error::Error;

pub use payload::Field;

/// The local copy right after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocalCopy {
    /// Its revision; 0 before the first snapshot.
    pub revision: i64,
    /// How many keys it holds.
    pub keys: usize,
}

/// The member that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The endpoint as configured.
    pub endpoint: String,
    /// Its version of etcd; empty if it does not tell.
    pub version: String,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The first watch of this process is open.
    Connected {
        /// Who is watched.
        member: Member,
        /// The copy.
        copy: LocalCopy,
        /// The process is a forked child that began with its parent's copy.
        inherited: bool,
        /// How long it took if an attempt failed before; else zero.
        after: Duration,
    },
    /// A watch is open again.
    Reconnected {
        /// Who is watched.
        member: Member,
        /// The copy.
        copy: LocalCopy,
        /// Connections made since the last notice of this kind, or of the first connection.
        connections: u64,
        /// How long there was no watch.
        after: Duration,
    },
    /// The watch is lost, or the first attempt to connect failed. Once until a watch is open.
    Disconnected {
        /// The member that was connected last.
        endpoint: Option<String>,
        /// The copy.
        copy: LocalCopy,
        /// Why.
        error: Error,
        /// The next attempt comes within this time.
        retry_within: Duration,
    },
    /// etcd refuses the user, the password or a range. Once until a watch is open.
    Denied {
        /// The copy.
        copy: LocalCopy,
        /// Why.
        error: Error,
    },
    /// All watched keys were listed again.
    Relisted {
        /// The copy.
        copy: LocalCopy,
    },
    /// The history is another one: the revision may be lower than before.
    Reset {
        /// The copy.
        copy: LocalCopy,
    },
    /// An audit found a difference between the copy and etcd.
    Diverged {
        /// The copy.
        copy: LocalCopy,
        /// Where.
        error: Error,
    },
    /// etcd has not confirmed the copy for `max_staleness`.
    Stale {
        /// Since the last confirmation; without one, since the start.
        age: Duration,
        /// The limit.
        max_staleness: Duration,
        /// What the client is doing, in one word.
        state: &'static str,
        /// The copy.
        copy: LocalCopy,
        /// The last thing that went wrong.
        error: Option<Error>,
    },
    /// etcd has confirmed the copy again.
    Fresh {
        /// Since the confirmation.
        age: Duration,
        /// How long the copy was stale.
        after: Duration,
        /// The copy.
        copy: LocalCopy,
    },
    /// A registration changed its state, or etcd does not take it (once for each kind of reason).
    Registration {
        /// Its key in etcd.
        key: Vec<u8>,
        /// What is announced.
        address: Vec<u8>,
        /// The state, in one word.
        state: &'static str,
        /// The state before.
        previous: &'static str,
        /// The lease, while there is one.
        lease: Option<i64>,
        /// Why it is not registered.
        error: Option<Error>,
    },
    /// A typed read met a value that is not of its type. Once for each change of the key.
    InvalidValue {
        /// The key.
        key: Vec<u8>,
        /// The revision of the value.
        revision: i64,
        /// What is wrong with it.
        problem: String,
    },
    /// This process does something else for its host than before (`host_copy`).
    HostRole {
        /// What it does, in one word.
        role: &'static str,
        /// What it did; `None` at first.
        previous: Option<&'static str>,
        /// The process that follows etcd for this one.
        leader: u32,
        /// The copy.
        copy: LocalCopy,
    },
    /// The copy on disk, or the copy of the host, cannot be used.
    CacheFailed {
        /// Why.
        error: Error,
    },
    /// Something happened to the instances of a service.
    Service {
        /// Which object of the application it concerns: one service may have several, with different options.
        origin: u64,
        /// The service's name.
        service: Vec<u8>,
        /// What happened, in one word.
        kind: String,
        /// What happened, in a sentence.
        message: Vec<u8>,
    },
}

/// Takes notices. It must never block: drivers call it on the session's thread.
pub trait Sink: Debug + Send + Sync {
    /// Takes one.
    fn notify(&self, notice: Notice);
}
