//! A simulated etcd: the reference content behind etcd's own gRPC services. Correct by default.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use etcd_client::proto::{PbEvent, PbKeyValue, PbResponseHeader, PbWatchResponse};
use tokio::sync::mpsc;
use tonic::Status;

use super::super::model::etcd::Etcd;
use super::wire::{Line, Wire};
use crate::clock::{self, Instant};
use crate::range::{KeyRange, Ranges};
use crate::store::{Change, Entry, Key};

/// The messages to one stream of the watch service.
pub(super) type Outgoing = mpsc::UnboundedSender<Result<PbWatchResponse, Status>>;

/// How the server answers a progress request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// With its revision, after the stream has received everything before it. This is correct.
    Correct,
    /// With its revision at once, like old servers.
    Hasty,
    /// Not at all, like `etcd grpc-proxy`.
    Silent,
    /// With this revision, whatever its own is.
    Old(i64),
}

/// The server's faults.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // Independent faults.
pub(super) struct Conduct {
    pub(super) version: &'static str,
    pub(super) progress: Progress,
    /// Creates and cancels every watch in one message, with this reason.
    pub(super) refuse_watches: Option<&'static str>,
    /// Refuses watches of other ranges than these prefixes, which are all that the user may read.
    pub(super) allowed: Option<&'static [&'static [u8]]>,
    /// Every read fails with this.
    pub(super) refuse_reads: Option<Status>,
    /// Delays the answer to a read, whose content is from when the read arrived.
    pub(super) delay: Duration,
    /// The time that a read takes for each key that follows in its range, and for each key that it sends.
    ///
    /// The server works on one read after another, also on those that no one waits for any more.
    pub(super) work: (Duration, Duration),
    /// Watches receive no events.
    pub(super) mute: bool,
    /// A page of more keys than this, or a watch message without fragments, exceeds the message size.
    pub(super) most_at_once: usize,
    /// A watch that asked for fragments receives nothing: the server never finishes making them.
    pub(super) fragments_take_forever: bool,
    /// Every page contains an extra key outside the requested range.
    pub(super) foreign_keys: bool,
    /// Compacts everything before each page of a listing except the first.
    pub(super) compact_between_pages: bool,
}

impl Default for Conduct {
    fn default() -> Self {
        Self {
            version: "3.5.21",
            progress: Progress::Correct,
            refuse_watches: None,
            allowed: None,
            refuse_reads: None,
            delay: Duration::ZERO,
            work: (Duration::ZERO, Duration::ZERO),
            mute: false,
            most_at_once: usize::MAX,
            fragments_take_forever: false,
            foreign_keys: false,
            compact_between_pages: false,
        }
    }
}

/// The requests received so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) connections: usize,
    pub(crate) reads: usize,
    /// The first key and the revision of each page with values.
    pub(crate) pages: Vec<(String, i64)>,
    /// The requested start revisions of watches.
    pub(crate) watches: Vec<i64>,
    pub(crate) progress: usize,
}

#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) id: i64,
    pub(super) range: KeyRange,
    pub(super) next: i64,
    pub(super) fragments: bool,
    pub(super) stream: Outgoing,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) content: Etcd,
    pub(super) conduct: Conduct,
    pub(super) asked: Asked,
    pub(super) watchers: Vec<Watcher>,
    pub(super) wire: Wire,
    /// When the server will be done with the reads that it has.
    pub(super) busy_until: Instant,
}

/// One server, shared by its services and the test.
#[derive(Debug, Clone)]
pub(crate) struct Simulated(Arc<Mutex<State>>);

impl Simulated {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            content: Etcd::new(Instant::now()),
            conduct: Conduct::default(),
            asked: Asked::default(),
            watchers: Vec::new(),
            wire: Wire::default(),
            busy_until: Instant::now(),
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Changes the server's faults from now on.
    pub(super) fn conduct(&self, change: impl FnOnce(&mut Conduct)) {
        change(&mut self.lock().conduct);
    }

    pub(crate) fn asked(&self) -> Asked {
        self.lock().asked.clone()
    }

    pub(super) fn revision(&self) -> i64 {
        self.lock().content.revision()
    }

    /// Commits one transaction: each key gets its value, or is deleted.
    pub(super) fn write(&self, keys: &[(&[u8], Option<u8>)]) {
        let mut state = self.lock();
        let everything = Ranges::merge([KeyRange::prefix(b"")]);
        let transaction = keys.iter().map(|(key, value)| (Key::from(*key), *value)).collect();
        state.content.write(transaction, &everything, Instant::now());
        state.tell_watchers();
    }

    pub(crate) fn put(&self, key: &[u8], value: u8) {
        self.write(&[(key, Some(value))]);
    }

    /// Sends `response` unchanged to every watch, under the watch's id.
    pub(super) fn say(&self, response: &PbWatchResponse) {
        for watcher in &self.lock().watchers {
            let _ = watcher.stream.send(Ok(PbWatchResponse { watch_id: watcher.id, ..response.clone() }));
        }
    }

    /// Cancels every watch with `reason`.
    pub(super) fn cancel(&self, reason: &str, compact_revision: i64) {
        let (header, cancel_reason) = (Some(self.header()), reason.to_owned());
        let canceled = PbWatchResponse { header, canceled: true, ..PbWatchResponse::default() };
        self.say(&PbWatchResponse { cancel_reason, compact_revision, ..canceled });
        self.lock().watchers.clear();
    }

    /// Waits for the delay that every read has, and until the server is done with the reads so far.
    pub(super) async fn delay(&self) {
        let delay = self.lock().conduct.delay;
        let done = self.lock().busy_until;
        tokio::time::sleep(delay).await;
        clock::sleep_until(Some(done)).await;
    }

    pub(super) fn line(&self, line: &Line) {
        self.lock().wire.set(line);
    }

    pub(super) fn header(&self) -> PbResponseHeader {
        self.lock().header()
    }
}

impl State {
    /// Adds the work for a read of `sent` keys out of `following`.
    pub(super) fn work(&mut self, following: i64, sent: usize) {
        let (per_following, per_sent) = self.conduct.work;
        let (following, sent) = (u32::try_from(following).unwrap(), u32::try_from(sent).unwrap());
        self.busy_until = self.busy_until.max(Instant::now()) + per_following * following + per_sent * sent;
    }

    pub(super) fn header(&self) -> PbResponseHeader {
        let header = self.content.header();
        PbResponseHeader {
            cluster_id: header.cluster_id,
            member_id: 1,
            revision: header.revision,
            raft_term: header.raft_term,
        }
    }

    /// Sends every watch its outstanding events.
    pub(super) fn tell_watchers(&mut self) {
        if self.conduct.mute {
            return;
        }
        let (header, revision) = (Some(self.header()), self.content.revision());
        self.watchers.retain(|watcher| !watcher.stream.is_closed());
        for watcher in &mut self.watchers {
            let blank = PbWatchResponse { header, watch_id: watcher.id, ..PbWatchResponse::default() };
            if watcher.next < self.content.compacted {
                let compact_revision = self.content.compacted;
                watcher.next = i64::MAX;
                let _ =
                    watcher.stream.send(Ok(PbWatchResponse { canceled: true, compact_revision, ..blank }));
                continue;
            }
            if watcher.fragments && self.conduct.fragments_take_forever {
                continue;
            }
            let mut events: Vec<PbEvent> =
                self.content.events(&watcher.range, watcher.next).iter().map(event).collect();
            watcher.next = watcher.next.max(revision + 1);
            if events.len() > self.conduct.most_at_once && !watcher.fragments {
                events[0].kv.as_mut().unwrap().key = vec![0; 65 << 20];
            }
            if !events.is_empty() {
                let _ = watcher.stream.send(Ok(PbWatchResponse { events, ..blank }));
            }
        }
    }
}

pub(super) fn key_value(entry: &Entry) -> PbKeyValue {
    let (key, value) = (entry.key().to_vec(), entry.value().to_vec());
    PbKeyValue {
        key,
        value,
        mod_revision: entry.mod_revision(),
        lease: entry.lease(),
        ..PbKeyValue::default()
    }
}

fn event(change: &Change) -> PbEvent {
    match &change.entry {
        Some(entry) => PbEvent { r#type: 0, kv: Some(key_value(entry)), prev_kv: None },
        None => deletion(&change.key, change.mod_revision),
    }
}

pub(super) fn deletion(key: &[u8], mod_revision: i64) -> PbEvent {
    let kv = PbKeyValue { key: key.to_vec(), mod_revision, ..PbKeyValue::default() };
    PbEvent { r#type: 1, kv: Some(kv), prev_kv: None }
}

/// The event that puts `value`.
pub(super) fn put_event(key: &[u8], value: u8, mod_revision: i64) -> PbEvent {
    let entry = Entry::new(key.to_vec(), &[value], mod_revision, 0);
    PbEvent { r#type: 0, kv: Some(key_value(&entry)), prev_kv: None }
}
