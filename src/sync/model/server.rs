//! The server's side: what it writes and what it sends to the watches.

use std::collections::{BTreeMap, VecDeque};

use super::KEYS;
use super::queues::{Queues, Standing};
use super::world::World;
use crate::error::{Error, ErrorKind};
use crate::range::{KeyRange, Ranges};
use crate::store::{Change, Key};
use crate::sync::event::{Fault, Response, Trust};

/// The server chooses the ids.
pub(super) const FIRST_WATCH: i64 = 5;

#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) id: i64,
    pub(super) range: KeyRange,
    pub(super) start: i64,
    /// The next revision to send.
    pub(super) next: i64,
    /// The watch's standing, at a server with queues.
    pub(super) standing: Standing,
}

#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) watchers: Vec<Watcher>,
    /// Messages to send, at a server with queues.
    pub(super) queues: Queues,
    /// Messages sent and not delivered yet.
    pub(super) queue: VecDeque<Response>,
    pub(super) delivered: Vec<Response>,
}

impl World {
    pub(super) fn write(&mut self, keys: &[(usize, Option<u8>)]) {
        if !self.commit(keys) {
            return;
        }
        if self.has_queues() {
            return self.notify();
        }
        let (etcd, Some(stream)) = (&self.etcd, &mut self.stream) else { return };
        for watcher in &mut stream.watchers {
            if watcher.next == etcd.revision() {
                watcher.next += 1;
                let changes = etcd.events(&watcher.range, etcd.revision());
                if !changes.is_empty() {
                    let (header, watch_id) = (etcd.header(), watcher.id);
                    stream.queue.push_back(Response { header, watch_id, changes, ..Response::default() });
                }
            }
        }
    }

    /// Commits the keys; returns whether anything changed.
    pub(super) fn commit(&mut self, keys: &[(usize, Option<u8>)]) -> bool {
        // As in etcd: a transaction touches a key once, and deleting a missing key changes nothing.
        let everything = Ranges::merge([KeyRange::prefix(b"")]);
        let content = self.etcd.content(&everything, self.etcd.revision());
        let mut transaction: BTreeMap<Key, Option<u8>> = BTreeMap::new();
        for (index, value) in keys {
            let key: Key = KEYS[*index].into();
            if value.is_some() || content.contains_key(&key) {
                transaction.insert(key, *value);
            }
        }
        if transaction.is_empty() {
            return false;
        }
        self.etcd.write(transaction.into_iter().collect(), &self.ranges, self.now);
        true
    }

    pub(super) fn watch(&mut self, range: KeyRange, from: i64) {
        let header = self.etcd.header();
        let queues = self.has_queues();
        let wider = !self.ranges.as_slice().contains(&range);
        let stream = self.stream.get_or_insert_default();
        let id = i64::try_from(stream.watchers.len()).unwrap() * 3 + FIRST_WATCH;
        if wider && self.bounding_range_refused {
            let denied = Fault::Denied(Error::new(ErrorKind::Permission, "permission denied"));
            let refusal = Response {
                header,
                watch_id: -1,
                created: true,
                canceled: Some(denied),
                ..Response::default()
            };
            if queues {
                stream.queues.answer(refusal);
            } else {
                stream.queue.push_back(refusal);
            }
            return;
        }
        if queues {
            return self.enqueue_watch(id, range, from);
        }
        let start = if from == 0 { header.revision + 1 } else { from };
        let standing = Standing::default();
        stream.watchers.push(Watcher { id, range, start, next: start, standing });
        stream.queue.push_back(Response { header, watch_id: id, created: true, ..Response::default() });
    }

    pub(super) fn catch_up(&mut self, fragment: usize) {
        if self.has_queues() {
            self.retry_victims();
            return self.resync(fragment);
        }
        let (etcd, Some(stream)) = (&self.etcd, &mut self.stream) else { return };
        for watcher in stream.watchers.iter_mut().filter(|watcher| watcher.next <= etcd.revision()) {
            let (header, watch_id) = (etcd.header(), watcher.id);
            if watcher.next < etcd.compacted {
                let canceled = Some(Fault::RevisionGone);
                watcher.next = i64::MAX;
                let gone = Response { header, watch_id, canceled, ..Response::default() };
                stream.queue.push_back(gone);
                continue;
            }
            let mut events = etcd.events(&watcher.range, watcher.next);
            events.retain(|change| etcd.keeps(change));
            watcher.next = etcd.revision() + 1;
            let parts: Vec<&[Change]> = events.chunks(fragment).collect();
            for (number, part) in parts.iter().enumerate() {
                let (changes, fragment) = (part.to_vec(), number + 1 < parts.len());
                stream.queue.push_back(Response {
                    header,
                    watch_id,
                    fragment,
                    changes,
                    ..Response::default()
                });
            }
        }
    }

    /// Reports the server's progress, on request (−1) or unasked.
    ///
    /// A server with the fault ignores what is queued and whether the watches have caught up.
    pub(super) fn announce(&mut self, watch_id: i64) {
        if self.mute {
            return;
        }
        if self.has_queues() {
            return self.announce_in_queue(watch_id);
        }
        let (etcd, Some(stream)) = (&self.etcd, &mut self.stream) else { return };
        let answer = Response { header: etcd.header(), watch_id, ..Response::default() };
        let all_created = stream.queue.iter().all(|response| !response.created);
        if self.trust == Trust::Repeated {
            if all_created {
                stream.queue.push_front(answer);
            }
            return;
        }
        let synced =
            |watcher: &Watcher| watcher.next == etcd.revision() + 1 && watcher.start <= etcd.revision() + 1;
        if stream.watchers.iter().all(synced) {
            stream.queue.push_back(answer);
        }
    }

    pub(super) fn repeat(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        if let Some(response) = stream.delivered.last().cloned() {
            stream.queue.push_front(response);
        }
    }
}
