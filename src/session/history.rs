//! The history of one key, from etcd's own store of past revisions.
//!
//! A watch that starts in the past receives every change since then, including deletions, which no read
//! shows. It does not say when it has caught up. For a key that exists, its current revision is the last
//! change. For a deleted key, a progress answer marks the end, if the server's progress answers can be
//! trusted.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::client::Client;
use super::past_watch::{Arrived, PastWatch};
use super::pending::Pending;
use super::reading::{Query, compacted, read};
use crate::error::{Error, ErrorKind, Result};
use crate::range::KeyRange;
use crate::store::{Change, Entry, EntryRef, Key};
use crate::sync::Trust;
use crate::transport::Link;

/// The pause between two progress requests.
const QUESTION: Duration = Duration::from_millis(100);
/// The silence after which a server is trusted whose answers may overtake events (etcd issue 15220).
///
/// Such a server looks for the events of a lagging watch ten times a second.
const SETTLED: Duration = Duration::from_millis(1_400);
/// How often the reading starts over when compaction overtakes it.
const ATTEMPTS: usize = 5;

impl Client {
    /// The last `limit` changes of `key`, oldest first, as far back as etcd has them.
    ///
    /// If the key existed at the oldest revision, the first item is its state there.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn history(&self, key: Vec<u8>, limit: usize) -> Result<Pending<Vec<Change>>> {
        if let Some(offline) = self.offline_backend()? {
            let all = offline.store().all();
            return Ok(Pending::done(Ok(all.get(&key).map(put).into_iter().take(limit).collect())));
        }
        let timeout = self.settings().timing.request_timeout;
        self.request(move |link| async move { Past { link: &link, key, limit, timeout }.changes().await })
    }
}

fn put(entry: EntryRef) -> Change {
    Change { key: Key::from(entry.key()), mod_revision: entry.mod_revision(), entry: Some(entry.to_entry()) }
}

struct Past<'a> {
    link: &'a Link,
    key: Vec<u8>,
    limit: usize,
    timeout: Duration,
}

/// How a watch of the past ended.
enum Followed {
    Complete,
    /// etcd has compacted the start; this is the oldest revision left.
    Compacted(i64),
}

impl Past<'_> {
    async fn changes(&self) -> Result<Vec<Change>> {
        let (now, present) = self.at(None).await?;
        let last = present.as_ref().map(Entry::mod_revision);
        let (mut changes, mut start) = (VecDeque::new(), 1);
        for _ in 0..ATTEMPTS {
            match self.follow(start, now, last, &mut changes).await? {
                Followed::Complete => return Ok(changes.into()),
                Followed::Compacted(oldest) => {
                    // The key's state at the oldest revision was written before it.
                    let Ok((_, entry)) = self.at(Some(oldest)).await else { continue };
                    changes = entry.as_ref().map(|entry| put(EntryRef::Own(entry))).into_iter().collect();
                    if oldest >= now || last.is_some_and(|last| last <= oldest) {
                        return Ok(changes.into());
                    }
                    start = oldest + 1;
                }
            }
        }
        Err(compacted(start, None))
    }

    async fn at(&self, revision: Option<i64>) -> Result<(i64, Option<Entry>)> {
        let mut reading = read(self.link, &[Query::all(KeyRange::key(&self.key))], revision).await?;
        Ok((reading.revision, reading.found.pop().and_then(|mut found| found.entries.pop())))
    }

    /// Adds the changes from `start` to `now`.
    ///
    /// `last` is the revision of the key's last change, if it exists.
    async fn follow(
        &self,
        start: i64,
        now: i64,
        last: Option<i64>,
        changes: &mut VecDeque<Change>,
    ) -> Result<Followed> {
        let mut stream = PastWatch::open(self.link, &self.key, start).await?;
        let mut silent_since = Instant::now();
        let silence = self.timeout + SETTLED;
        loop {
            let Ok(message) = timeout_at(Instant::now() + QUESTION, stream.next()).await else {
                if silent_since.elapsed() > silence {
                    return Err(self.unanswered(&stream));
                }
                // Sending it proves nothing; only the answer counts.
                let _ = timeout(QUESTION, stream.requests.request_progress()).await;
                continue;
            };
            let message = match message? {
                Arrived::Message(message) => message,
                Arrived::Compacted(oldest) => return Ok(Followed::Compacted(oldest)),
            };
            if message.created || !message.changes.is_empty() {
                silent_since = Instant::now();
            }
            let quiet = stream.trust == Trust::Exact || silent_since.elapsed() >= SETTLED;
            let caught_up = !message.created && message.changes.is_empty() && message.header.revision >= now;
            let newest = message.changes.iter().map(|change| change.mod_revision).max();
            self.add(message.changes, now, changes);
            if newest.is_some_and(|newest| newest >= last.unwrap_or(now)) || caught_up && quiet {
                return Ok(Followed::Complete);
            }
        }
    }

    fn add(&self, new: Vec<Change>, now: i64, changes: &mut VecDeque<Change>) {
        for change in new.into_iter().filter(|change| change.mod_revision <= now) {
            changes.push_back(change);
            if changes.len() > self.limit {
                changes.pop_front();
            }
        }
    }

    fn unanswered(&self, stream: &PastWatch) -> Error {
        let message = format!(
            "etcd has not sent the key's history within {} s; behind a proxy of etcd's it cannot say that a key that \
             is gone has no more of it",
            self.timeout.as_secs_f64()
        );
        Error::new(ErrorKind::Timeout, message).at(&*stream.endpoint)
    }
}
