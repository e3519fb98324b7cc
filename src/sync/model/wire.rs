//! The connection between the machine and its etcd, and the passing of time.

use std::time::Duration;

use super::world::{Operation, World};
use crate::error::{Error, ErrorKind};
use crate::range::KeyRange;
use crate::sync::event::{Comparison, Event, Fault, Found, Peer, Trust};

/// How long events stay undelivered at a server whose progress answers overtake them.
const LONGEST_OVERTAKING: Duration = Duration::from_millis(250);

/// How often a server with queues retries what it could not queue.
const TENDED_EVERY: Duration = Duration::from_millis(10);

impl World {
    pub(super) fn deliver(&mut self) {
        self.send();
        if let Some(request) = self.audit.take() {
            let page = self.etcd.page(&request);
            return self.tell(Event::Audited(page));
        }
        if let Some(operation) = self.operation.take() {
            let event = self.answer_at_last(&operation);
            return self.tell(event);
        }
        let Some(response) = self.stream.as_mut().and_then(|stream| stream.queue.pop_front()) else { return };
        if let Some(stream) = &mut self.stream
            && !response.changes.is_empty()
            && !response.fragment
        {
            stream.delivered.push(response.clone());
        }
        self.tell(Event::Responded(response));
    }

    pub(super) fn answer_at_last(&mut self, operation: &Operation) -> Event {
        if !matches!(operation, Operation::Answered(_)) {
            self.strike();
        }
        self.answer(operation)
    }

    fn answer(&self, operation: &Operation) -> Event {
        let gone = || Event::Failed(Fault::RevisionGone);
        match operation {
            Operation::Answered(event) => event.clone(),
            Operation::Connect => {
                Event::Connected(Peer { endpoint: String::new(), version: String::new(), trust: self.trust })
            }
            Operation::List(request) => self.etcd.page(request).map_or_else(gone, Event::Listed),
            Operation::Verify(Some(at)) if *at < self.etcd.compacted || *at > self.etcd.revision() => gone(),
            Operation::Verify(_) => Event::Verified(self.etcd.header()),
            Operation::Compare(_, Some(at)) if *at < self.etcd.compacted || *at > self.etcd.revision() => {
                gone()
            }
            Operation::Compare(since, at) => {
                let content = self.etcd.content(&self.ranges, at.unwrap_or_else(|| self.etcd.revision()));
                let found = |range: &KeyRange| {
                    let inside = || content.values().filter(|entry| range.contains(entry.key()));
                    let newer = inside().any(|entry| entry.mod_revision() > *since);
                    Found { newer, count: i64::try_from(inside().count()).unwrap() }
                };
                let found = self.ranges.as_slice().iter().map(found).collect();
                Event::Compared(Comparison { header: self.etcd.header(), found })
            }
        }
    }

    /// Retries blocked watches, sends to those that catch up every tenth time, and delivers what was sent.
    fn tend(&mut self) {
        self.tended = (self.now, self.tended.1.wrapping_add(1));
        self.retry_victims();
        if self.tended.1.is_multiple_of(10) {
            self.resync(usize::MAX);
        }
        self.deliver_queued();
    }

    pub(super) fn deliver_all(&mut self) {
        self.catch_up(usize::MAX);
        self.deliver_queued();
        self.catch_up(usize::MAX);
        self.deliver_queued();
    }

    pub(super) fn deliver_queued(&mut self) {
        for _ in 0..1_000 {
            self.send();
            let waiting = self.stream.as_ref().is_some_and(|stream| !stream.queue.is_empty());
            if self.operation.is_none() && self.audit.is_none() && !waiting {
                break;
            }
            self.deliver();
        }
        self.emptied_at = self.now;
    }

    pub(super) fn cut(&mut self) {
        let under_way = self.operation.take().is_some() || self.stream.take().is_some();
        self.stream = None;
        if under_way {
            self.tell(Event::Failed(Fault::Lost(Error::new(ErrorKind::Connection, "cut"))));
        }
    }

    pub(super) fn refuse(&mut self, how: u8) {
        let error = Error::new(ErrorKind::Authentication, "refused");
        let under_way = self.operation.take().is_some() || self.stream.take().is_some();
        self.stream = None;
        if under_way {
            let fault = if how == 0 { Fault::TokenExpired(error) } else { Fault::Denied(error) };
            self.tell(Event::Failed(fault));
        }
    }

    /// Lets time pass in the steps that the machine asks for.
    ///
    /// A server whose answers overtake events delivers those events in these steps too. A watch that catches
    /// up waits as long as it takes; meanwhile the server answers as if nothing were missing.
    pub(super) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            let tended = self.tended.0 + TENDED_EVERY;
            let tick = self.machine.deadline().unwrap_or(end);
            let delivery = self.emptied_at + LONGEST_OVERTAKING;
            let next = match self.trust {
                Trust::Repeated if self.has_queues() => tick.min(tended),
                Trust::Repeated => tick.min(delivery),
                Trust::Exact => tick,
            };
            self.now = next.clamp(self.now, end);
            if self.has_queues() && self.now >= tended {
                self.tend();
            }
            if self.trust == Trust::Repeated && !self.has_queues() && self.now >= delivery {
                self.deliver_queued();
            }
            if self.machine.deadline().is_some_and(|at| at <= self.now) {
                self.tell(Event::Tick);
                assert!(
                    self.machine.deadline().is_none_or(|at| at > self.now),
                    "a tick that changes nothing would spin: {:?}",
                    self.machine,
                );
            }
        }
    }
}
