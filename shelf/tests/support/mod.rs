//! Forked processes, and the oracle that knows the content of every revision.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;

use etcd_discovery_shelf::{At, Audience, Change, Put, Snapshot, Writer};

// ---- processes ----

/// A forked child; killed when this is dropped.
pub struct Child(libc::pid_t);

impl Child {
    /// Forks. The child runs `body` and exits: with status 0 if it returns, 101 if it panics.
    pub fn fork(body: impl FnOnce()) -> Self {
        // SAFETY: the C library's own locks are consistent in the child, as is its allocator. The child uses nothing
        // else that another thread of the test could hold, and leaves without running the test's clean-up.
        match unsafe { libc::fork() } {
            0 => {
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
                // SAFETY: ends the process.
                unsafe { libc::_exit(if outcome.is_ok() { 0 } else { 101 }) }
            }
            pid => {
                assert!(pid > 0, "{}", io::Error::last_os_error());
                Self(pid)
            }
        }
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: sends a signal to a child that was not waited for yet.
        assert_eq!(unsafe { libc::kill(self.0, signal) }, 0);
    }

    /// Waits for its end. Returns its exit status, or the negative number of the signal that killed it.
    pub fn wait(self) -> i32 {
        let mut status = 0;
        // SAFETY: waits for our own child; the status outlives the call.
        assert_eq!(unsafe { libc::waitpid(self.0, &raw mut status, 0) }, self.0);
        std::mem::forget(self);
        if libc::WIFSIGNALED(status) { -libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) }
    }

    pub fn kill(self) -> i32 {
        self.signal(libc::SIGKILL);
        self.wait()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(libc::SIGKILL);
        // SAFETY: waits for our own child; no status is wanted.
        unsafe { libc::waitpid(self.0, std::ptr::null_mut(), 0) };
    }
}

/// No other process gets the segments.
pub struct Alone;

impl Audience for Alone {
    fn opened(&mut self, _: BorrowedFd<'_>) -> Box<dyn Send> {
        Box::new(())
    }

    fn announce(&mut self, _: u32, _: BorrowedFd<'_>) {}
}

// ---- the oracle ----

/// How many keys there may be.
const KEYS: u32 = 400;

/// What the transaction of `revision` does: the same in every process.
pub fn transaction(revision: i64) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let mut random = fastrand::Rng::with_seed(revision.cast_unsigned());
    let count = if random.u8(..) == 0 { 300 } else { random.usize(1..5) };
    let mut changes: Vec<_> = (0..count)
        .map(|_| {
            let key = format!("/key/{}", random.u32(0..KEYS)).into_bytes();
            let value = (random.u8(0..4) > 0).then(|| {
                let mut value = revision.to_be_bytes().to_vec();
                value.resize(8 + random.usize(0..200), random.u8(..));
                value
            });
            (key, value)
        })
        .collect();
    changes.push((b"/revision".to_vec(), Some(revision.to_be_bytes().to_vec())));
    changes
}

#[derive(Clone, Default)]
pub struct Oracle {
    pub revision: i64,
    content: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Oracle {
    pub fn advance_to(&mut self, revision: i64) {
        assert!(revision >= self.revision, "read revision {revision} after {}", self.revision);
        while self.revision < revision {
            self.revision += 1;
            for (key, value) in transaction(self.revision) {
                match value {
                    Some(value) => self.content.insert(key, value),
                    None => self.content.remove(&key),
                };
            }
        }
    }

    /// Fails unless `snapshot` is exactly the content of its revision, which is not before the last one.
    pub fn check(&mut self, snapshot: &Snapshot) {
        self.advance_to(snapshot.at().revision);
        let read: BTreeMap<Vec<u8>, Vec<u8>> = snapshot
            .iter()
            .map(|entry| entry.map(|entry| (entry.key().to_vec(), entry.value().to_vec())).unwrap())
            .collect();
        assert!(read == self.content, "wrong content at revision {}", self.revision);
        assert_eq!(snapshot.len(), read.len());
    }
}

pub fn publish_next(writer: &mut Writer, revision: i64) {
    let transaction = transaction(revision);
    let changes: Vec<Change<'_>> = transaction
        .iter()
        .map(|(key, value)| Change {
            key,
            put: value.as_deref().map(|value| Put { value, mod_revision: revision, lease: 0 }),
        })
        .collect();
    writer.publish(&changes, At { revision, cluster_id: 1, raft_term: 1 }).unwrap();
}
