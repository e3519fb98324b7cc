//! The requests under way: a limited number at once, the rest in a queue.
//!
//! After a partition, thousands of registrations may want new leases at the same moment. etcd receives them
//! as fast as it answers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::event::Event;
use super::requests::{self, Looks, Opened};
use crate::clock::Instant;
use crate::transport::Link;

const AT_ONCE: usize = 64;
/// etcd allows 128 operations in a transaction.
const LOOKS_PER_REQUEST: usize = 100;
/// How long a look may wait for others to share its request.
const LOOKS_WAIT: Duration = Duration::from_millis(20);

/// One request of the registration `id`.
pub(super) enum Request {
    Grant { id: u64, lease: i64, ttl: i64 },
    Claim { id: u64, key: Vec<u8>, value: Vec<u8>, lease: i64, expected: i64 },
    Revoke { id: u64, lease: i64 },
}

pub(super) enum Outcome {
    Answered(u64, Event),
    /// The result of a look at the keys of these registrations, sent at this time.
    Looked(Vec<u64>, Instant, Option<Looks>),
    /// The result of opening the stream with this serial.
    Opened(u64, Opened),
}

pub(super) struct Workload {
    link: Arc<Link>,
    queue: VecDeque<Request>,
    looks: Vec<(u64, Vec<u8>)>,
    looks_due: Option<Instant>,
    running: JoinSet<Outcome>,
}

impl Workload {
    pub(super) fn new(link: Arc<Link>) -> Self {
        let (queue, running) = (VecDeque::new(), JoinSet::new());
        Self { link, queue, looks: Vec::new(), looks_due: None, running }
    }

    pub(super) fn submit(&mut self, request: Request) {
        self.queue.push_back(request);
        self.launch();
    }

    pub(super) fn look(&mut self, id: u64, key: Vec<u8>, now: Instant) {
        self.looks.push((id, key));
        self.looks_due.get_or_insert(now + LOOKS_WAIT);
    }

    /// Opens a keepalive stream ahead of the queue, because every lease waits for it.
    pub(super) fn open(&mut self, serial: u64, lease: i64, timeout: Duration) {
        let link = Arc::clone(&self.link);
        self.running
            .spawn(async move { Outcome::Opened(serial, requests::open(&link, lease, timeout).await) });
    }

    /// When [`Self::flush`] is due.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.looks_due
    }

    /// Sends the looks that have waited.
    pub(super) fn flush(&mut self, now: Instant) {
        let due = self.looks_due.is_some_and(|due| now >= due) || self.looks.len() >= LOOKS_PER_REQUEST;
        if !due {
            return;
        }
        self.looks_due = None;
        while !self.looks.is_empty() {
            let rest = self.looks.split_off(self.looks.len().min(LOOKS_PER_REQUEST));
            let (ids, keys) = std::mem::replace(&mut self.looks, rest).into_iter().unzip();
            let link = Arc::clone(&self.link);
            self.running.spawn(async move {
                let sent = Instant::now();
                Outcome::Looked(ids, sent, requests::look(&link, keys).await)
            });
        }
    }

    /// The result of the next finished request. Safe to cancel and call again.
    pub(super) async fn next(&mut self) -> Outcome {
        match self.running.join_next().await {
            Some(Ok(outcome)) => {
                self.launch();
                outcome
            }
            // A panic here ends the driver too, which is then restarted.
            Some(Err(ended)) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            Some(Err(_)) | None => std::future::pending().await,
        }
    }

    fn launch(&mut self) {
        while self.running.len() < AT_ONCE
            && let Some(request) = self.queue.pop_front()
        {
            let link = Arc::clone(&self.link);
            self.running.spawn(async move { carry_out(&link, request).await });
        }
    }
}

async fn carry_out(link: &Link, request: Request) -> Outcome {
    match request {
        Request::Grant { id, lease, ttl } => Outcome::Answered(id, requests::grant(link, lease, ttl).await),
        Request::Claim { id, key, value, lease, expected } => {
            Outcome::Answered(id, requests::claim(link, key, value, lease, expected).await)
        }
        Request::Revoke { id, lease } => Outcome::Answered(id, requests::revoke(link, lease).await),
    }
}
