//! Answers roll calls: reports which revision the readers of this process see.
//!
//! A call is a key `<prefix>calls/<id>` under a lease of the caller, with the wanted revision as its value. An answer is
//! a key `<prefix>answers/<id>/<host>-<pid>` under the same lease, so that both disappear together, whatever becomes of
//! the caller. Nothing is written while no one asks.
//!
//! A call whose id ends in `/events` asks for the latest events too. A member of a version without them answers as to
//! any other call.
//!
//! A process answers on its native thread. It does not wait for the GVL, nor for a block of the application.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::answer::text;
use super::notices::Feed;
use super::txn::commit;
use crate::backoff::{self, Backoff};
use crate::clock::{self, Instant};
use crate::config::Fleet;
use crate::error::ErrorKind;
use crate::range::KeyRange;
use crate::store::transaction::{Compare, Condition, Operation, Transaction};
use crate::store::{Key, Snapshot};
use crate::sync::Sinks;
use crate::transport::Link;

/// How often an answer is sent if etcd refuses it. A caller waits only for seconds.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);
/// How the id of a call ends that asks for events.
const EVENTS: &[u8] = b"/events";

/// The member that answers.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) fleet: Fleet,
    pub(super) link: Arc<Link>,
    pub(super) sinks: Sinks,
    pub(super) notices: Arc<Feed>,
    pub(super) max_staleness: Duration,
}

impl Member {
    fn text(&self, answer: &Answer) -> String {
        // Read from the beginning, and without a cursor: no other reader misses anything.
        let events = answer.call.ends_with(EVENTS).then(|| self.notices.read(0));
        text(answer.seen, &self.sinks.report.load(), self.max_staleness, events.as_ref())
    }
}

/// An answer to send.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    call: Key,
    lease: i64,
    seen: i64,
    reached: bool,
}

/// The calls that are open, and whether the last answer to each said that its revision was reached.
struct Calls {
    range: KeyRange,
    answered: BTreeMap<(Key, i64), bool>,
}

impl Calls {
    fn new(fleet: &Fleet) -> Self {
        let prefix = [fleet.prefix.as_slice(), b"calls/"].concat();
        Self { range: KeyRange::prefix(&prefix), answered: BTreeMap::new() }
    }

    /// What to answer, given what readers see now.
    ///
    /// A process that is behind says so at once, and again when it has caught up: so a caller that gives up knows how
    /// far behind it is.
    fn due(&mut self, shown: &Snapshot) -> Vec<Answer> {
        let (seen, mut open, mut due) = (shown.revision(), BTreeMap::new(), Vec::new());
        for entry in shown.range(&self.range) {
            // Without a lease no answer would ever disappear.
            let lease = entry.lease();
            let Some(wanted) = wanted(entry.value()).filter(|_| lease != 0) else { continue };
            let (call, reached) = (Key::from(entry.key()), seen >= wanted);
            let id = (Key::clone(&call), entry.mod_revision());
            if self.answered.get(&id).is_none_or(|before| reached && !before) {
                due.push(Answer { call, lease, seen, reached });
            }
            open.insert(id, reached);
        }
        self.answered = open;
        due
    }
}

fn wanted(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

/// Answers every call of the fleet for `member`, until it is dropped.
pub(super) async fn answer(member: Member) {
    let (mut calls, mut sending) = (Calls::new(&member.fleet), JoinSet::new());
    loop {
        // Not kept while this waits: a forked child could never free it.
        let due = calls.due(member.sinks.publication.load().snapshot());
        for answer in due {
            let transaction = transaction(&member.fleet, &answer, member.text(&answer));
            let link = Arc::clone(&member.link);
            sending.spawn(async move { send(&link, &transaction).await });
        }
        while sending.try_join_next().is_some() {}
        member.sinks.advanced.notified().await;
    }
}

fn transaction(fleet: &Fleet, answer: &Answer, text: String) -> Transaction {
    let id = answer.call.get(fleet.prefix.len() + b"calls/".len()..).unwrap_or_default();
    let who = format!("-{}", std::process::id());
    let key = [&fleet.prefix, b"answers/".as_slice(), id, b"/", &fleet.host, who.as_bytes()].concat();
    // An answer that says "behind", and is sent again, must not come after the one that says "reached".
    let first = Compare { key: key.clone(), condition: Condition::Revision(0) };
    Transaction {
        compares: if answer.reached { Vec::new() } else { vec![first] },
        operations: vec![Operation::Put(key, text.into_bytes(), answer.lease)],
    }
}

/// Sends an answer. It is not repeated if the lease is gone, because then the call is over.
async fn send(link: &Link, transaction: &Transaction) {
    let mut pauses = Backoff::new(PAUSE, LONGEST_PAUSE, LONGEST_PAUSE);
    let mut random = fastrand::Rng::with_seed(backoff::seed());
    for _ in 0..ATTEMPTS {
        match commit(link, transaction).await {
            Err(error) if matches!(error.kind(), ErrorKind::Connection | ErrorKind::Timeout) => {}
            _ => return,
        }
        let now = Instant::now();
        clock::sleep_until(Some(now + pauses.failed(now, random.f64()))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Entry;

    fn calls() -> Calls {
        Calls::new(&Fleet { prefix: b"/f/".to_vec(), host: b"web-1".to_vec() })
    }

    fn shown(revision: i64, entries: Vec<Entry>) -> Snapshot {
        let mut staged = Snapshot::default();
        staged.stage(entries);
        staged.staged(revision, 1)
    }

    fn call(wanted: &str, lease: i64) -> Entry {
        Entry::new(b"/f/calls/7".to_vec(), wanted.as_bytes(), 5, lease)
    }

    fn said(calls: &mut Calls, revision: i64, wanted: &str) -> Vec<(i64, bool)> {
        let due = calls.due(&shown(revision, vec![call(wanted, 7)]));
        due.into_iter().map(|answer| (answer.seen, answer.reached)).collect()
    }

    #[test]
    fn a_call_is_answered_once_when_readers_see_its_revision() {
        let mut calls = calls();
        assert_eq!(said(&mut calls, 5, "4"), [(5, true)]);
        assert_eq!(said(&mut calls, 6, "4"), []);
    }

    #[test]
    fn a_process_that_is_behind_says_so_once_and_answers_again_when_it_has_caught_up() {
        let mut calls = calls();
        assert_eq!(said(&mut calls, 5, "8"), [(5, false)]);
        assert_eq!(said(&mut calls, 7, "8"), []);
        assert_eq!(said(&mut calls, 8, "8"), [(8, true)]);
        assert_eq!(said(&mut calls, 9, "8"), []);
    }

    #[test]
    fn an_invalid_call_is_not_answered_and_a_finished_call_is_forgotten() {
        let mut calls = calls();
        assert_eq!(calls.due(&shown(5, vec![call("4", 0)])), []);
        assert_eq!(said(&mut calls, 5, "soon"), []);
        assert_eq!(said(&mut calls, 5, "4").len(), 1);
        assert_eq!(calls.due(&shown(6, vec![])), []);
        assert!(calls.answered.is_empty());
    }

    #[test]
    fn an_answer_is_under_the_lease_of_the_call() {
        let fleet = Fleet { prefix: b"/f/".to_vec(), host: b"web-1".to_vec() };
        let answer = Answer { call: Key::from(&b"/f/calls/7"[..]), lease: 7, seen: 5, reached: true };
        let key = format!("/f/answers/7/web-1-{}", std::process::id()).into_bytes();
        let sent = transaction(&fleet, &answer, "{}".into());
        assert!(sent == Transaction::of(Operation::Put(key.clone(), b"{}".to_vec(), 7)));
        let behind = transaction(&fleet, &Answer { reached: false, ..answer }, String::new());
        assert_eq!(behind.compares, [Compare { key, condition: Condition::Revision(0) }]);
    }
}
