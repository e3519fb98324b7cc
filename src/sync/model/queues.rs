//! Models how etcd 3.4.23 sends to the watches of a stream, when answers may overtake events.
//!
//! After `mvcc/watchable_store.go` and `v3rpc/watch.go`: one queue for events, another for answers, and a
//! coin between them; a watch that found the queue full, and a watch that has to catch up.

use std::collections::VecDeque;

use super::KEYS;
use super::server::Watcher;
use super::world::World;
use crate::range::KeyRange;
use crate::store::Change;
use crate::sync::event::{Fault, Response, Trust};
use crate::sync::streak::Limits;

/// Messages that the server queues for a stream; 128 in etcd.
const QUEUE: usize = 4;

/// Limits below what this server does, as the real ones are below what etcd does.
///
/// Here events wait all the time and there are many scripts, so a row needs 30 coins.
pub(super) const LIMITS: Limits = Limits { queue: 3, leap: 5, answers: 30 };

/// How far a member's revision jumps when it receives a snapshot.
const LEAP: u8 = 8;

/// Revisions in one message to a watch that catches up.
const AT_ONCE: usize = 3;

#[derive(Debug, Default)]
pub(super) enum Standing {
    /// Receives events as they happen.
    #[default]
    Synced,
    /// Has to catch up from its next revision on.
    Behind,
    /// The queue had no room for these.
    Victim(Vec<Response>),
}

#[derive(Debug, Default)]
pub(super) struct Queues {
    /// Each entry is one message, in its fragments.
    events: VecDeque<Vec<Response>>,
    answers: VecDeque<Response>,
    /// Watches whose creation was sent.
    announced: Vec<i64>,
    /// Messages taken from the queue before that.
    early: Vec<Vec<Response>>,
}

impl Queues {
    pub(super) fn answer(&mut self, answer: Response) {
        self.answers.push_back(answer);
    }

    /// Queues the message; returns whether there was room.
    fn offer(&mut self, message: &[Response]) -> bool {
        let room = self.events.len() < QUEUE;
        if room {
            self.events.push_back(message.to_vec());
        }
        room
    }

    /// The next message to send, if any.
    fn next(&mut self, coin: &mut fastrand::Rng) -> Option<Vec<Response>> {
        let from_events = match (self.events.is_empty(), self.answers.is_empty()) {
            (true, true) => return None,
            (events, answers) => answers || (!events && coin.bool()),
        };
        if from_events {
            let message = self.events.pop_front()?;
            if message.first().is_some_and(|first| self.announced.contains(&first.watch_id)) {
                return Some(message);
            }
            self.early.push(message);
            return Some(Vec::new());
        }
        let answer = self.answers.pop_front()?;
        let mut sent = vec![answer.clone()];
        if answer.created && answer.canceled.is_none() {
            self.announced.push(answer.watch_id);
            let of_it = |message: &Vec<Response>| message[0].watch_id == answer.watch_id;
            let (ready, early) = std::mem::take(&mut self.early).into_iter().partition(of_it);
            self.early = early;
            sent.extend(Vec::into_iter(ready).flatten());
        }
        Some(sent)
    }
}

impl World {
    /// Whether the server has several watches and answers that may overtake events.
    pub(super) fn has_queues(&self) -> bool {
        self.trust == Trust::Repeated && self.bounding_range_refused && self.ranges.as_slice().len() > 1
    }

    /// Queues the last transaction for the watches that are up to date, in random order as in etcd.
    pub(super) fn notify(&mut self) {
        let (etcd, Some(stream)) = (&self.etcd, &mut self.stream) else { return };
        self.coin.shuffle(&mut stream.watchers);
        for watcher in &mut stream.watchers {
            if !matches!(watcher.standing, Standing::Synced) || watcher.next > etcd.revision() {
                continue;
            }
            let changes = etcd.events(&watcher.range, etcd.revision());
            if changes.is_empty() {
                continue;
            }
            let header = etcd.header();
            let message = vec![Response { header, watch_id: watcher.id, changes, ..Response::default() }];
            if !stream.queues.offer(&message) {
                watcher.next = etcd.revision() + 1;
                watcher.standing = Standing::Victim(message);
            }
        }
    }

    pub(super) fn enqueue_watch(&mut self, id: i64, range: KeyRange, from: i64) {
        let (etcd, Some(stream)) = (&self.etcd, &mut self.stream) else { return };
        let next = if from == 0 { etcd.revision() + 1 } else { from };
        let standing = if next > etcd.revision() { Standing::Synced } else { Standing::Behind };
        stream.watchers.push(Watcher { id, range, start: next, next, standing });
        let header = etcd.header();
        stream.queues.answer(Response { header, watch_id: id, created: true, ..Response::default() });
    }

    /// What the server does every 10 ms.
    pub(super) fn retry_victims(&mut self) {
        let (etcd, Some(stream)) = (&self.etcd, &mut self.stream) else { return };
        for watcher in &mut stream.watchers {
            if let Standing::Victim(message) = &watcher.standing
                && stream.queues.offer(message)
            {
                let behind = watcher.next <= etcd.revision();
                watcher.standing = if behind { Standing::Behind } else { Standing::Synced };
            }
        }
    }

    /// What the server does every 100 ms, in fragments of this many events.
    pub(super) fn resync(&mut self, fragment: usize) {
        let (etcd, Some(stream)) = (&self.etcd, &mut self.stream) else { return };
        for watcher in &mut stream.watchers {
            if !matches!(watcher.standing, Standing::Behind) {
                continue;
            }
            let blank = Response { header: etcd.header(), watch_id: watcher.id, ..Response::default() };
            if watcher.next < etcd.compacted {
                let gone = Response { canceled: Some(Fault::RevisionGone), ..blank };
                if stream.queues.offer(&[gone]) {
                    (watcher.next, watcher.standing) = (i64::MAX, Standing::Synced);
                }
                continue;
            }
            let mut events = etcd.events(&watcher.range, watcher.next);
            events.retain(|change| etcd.keeps(change));
            let rest = etcd.revision() + 1;
            watcher.next = cut(&mut events).unwrap_or(rest);
            watcher.standing = if watcher.next == rest { Standing::Synced } else { Standing::Behind };
            let parts: Vec<&[Change]> = events.chunks(fragment).collect();
            let message: Vec<Response> = parts
                .iter()
                .zip(1..)
                .map(|(part, number)| {
                    let (changes, fragment) = (part.to_vec(), number < parts.len());
                    Response { fragment, changes, ..blank.clone() }
                })
                .collect();
            if !message.is_empty() && !stream.queues.offer(&message) {
                watcher.standing = Standing::Victim(message);
            }
        }
    }

    /// The member was behind and receives a snapshot from its leader. No watch receives what is new in it.
    pub(super) fn restore(&mut self) {
        for value in 0..LEAP {
            let key = usize::from(self.coin.u8(..)) % KEYS.len();
            self.commit(&[(key, Some(value))]);
        }
        let Some(stream) = &mut self.stream else { return };
        for watcher in &mut stream.watchers {
            if matches!(watcher.standing, Standing::Synced) && watcher.next < i64::MAX {
                watcher.standing = Standing::Behind;
            }
        }
    }

    /// Sends everything queued, unless the connection is stalled.
    pub(super) fn send(&mut self) {
        let (false, Some(stream)) = (self.stalled, &mut self.stream) else { return };
        while let Some(message) = stream.queues.next(&mut self.coin) {
            stream.queue.extend(message);
        }
    }

    /// A member reports a watch's progress unasked, through the queue of events.
    pub(super) fn announce_in_queue(&mut self, watch_id: i64) {
        let (etcd, Some(stream)) = (&self.etcd, &mut self.stream) else { return };
        let answer = Response { header: etcd.header(), watch_id, ..Response::default() };
        if watch_id == -1 {
            return stream.queues.answer(answer);
        }
        let synced =
            |watcher: &&Watcher| watcher.id == watch_id && matches!(watcher.standing, Standing::Synced);
        if stream.watchers.iter().any(|watcher| synced(&watcher)) {
            stream.queues.offer(&[answer]);
        }
    }
}

/// Keeps the first revisions in `events`; returns the next one if there are more.
fn cut(events: &mut Vec<Change>) -> Option<i64> {
    let mut revisions: Vec<i64> = events.iter().map(|change| change.mod_revision).collect();
    revisions.dedup();
    let next = *revisions.get(AT_ONCE)?;
    events.retain(|change| change.mod_revision < next);
    Some(next)
}
