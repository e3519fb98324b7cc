//! The lock that decides who leads.
//!
//! A record lock (`fcntl`) belongs to a process: a forked child does not inherit it, as it would one of `flock`, and
//! the kernel releases it when the process dies, however that happens. It is also released when the process closes *any*
//! descriptor of the file. So this is the only place of the gem that opens it, the descriptor is kept, and the leader makes
//! sure again and again that it still has the lock.

use std::collections::HashSet;
use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, fcntl_lock};

use super::folder::place_of;
use crate::epoch::ProcessCell;
use crate::sockets::{self, Registered};

/// A file's folder, by its device and number, and its name there. A folder may have several paths, through mounts.
type Place = (Option<(u64, u64)>, OsString);

/// The files that are open in this process.
static OPEN: ProcessCell<Mutex<HashSet<Place>>> = ProcessCell::new();

/// The right to open a file. A process has it once: a record lock does not exclude the process that holds
/// it, so that two clients with the same settings would both lead.
#[derive(Debug)]
struct Claim(Place);

impl Claim {
    fn on(path: &Path) -> Option<Self> {
        let place = (path.parent().and_then(place_of), path.file_name().unwrap_or_default().to_owned());
        with_open(|open| open.insert(place.clone())).then_some(Self(place))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        with_open(|open| open.remove(&self.0));
    }
}

fn with_open<T>(work: impl FnOnce(&mut HashSet<Place>) -> T) -> T {
    let made: Result<_, Infallible> = OPEN.get_or_make(|| Ok(Mutex::default()));
    let Ok(open) = made;
    work(&mut open.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The open file. A forked child closes its descriptor: it would have one more after each fork.
#[derive(Debug)]
struct Open {
    // Declared before the file: it leaves the table before its descriptor is closed.
    _registered: Registered,
    file: File,
}

/// The lock file of one identity.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    // Declared before the claim: closed before another client may open it.
    open: Option<Open>,
    claim: Option<Claim>,
}

impl Lock {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), open: None, claim: None }
    }

    /// Whether this client holds the lock now. Does not wait.
    pub(super) fn try_get(&mut self) -> io::Result<bool> {
        let got = self.attempt();
        // Or a client that follows, or was stopped, would keep another one of this process from leading.
        if !matches!(got, Ok(true)) {
            self.release();
        }
        got
    }

    fn attempt(&mut self) -> io::Result<bool> {
        if self.claim.is_none() {
            self.claim = Claim::on(&self.path);
        }
        if self.claim.is_none() {
            return Ok(false);
        }
        if !self.is_current() {
            self.open = None;
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .mode(0o600)
                .open(&self.path)?;
            self.open = Some(Open { _registered: sockets::register(&file), file });
        }
        let Some(open) = &self.open else { return Ok(false) };
        match fcntl_lock(&open.file, FlockOperation::NonBlockingLockExclusive) {
            // Perhaps someone has removed the file in between, and others lock a new one.
            Ok(()) => Ok(self.is_current()),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether this client still holds the lock, and the lock still decides.
    ///
    /// Gets it again if it was lost and is free: anything in this process may have read and closed the file, a checksum of
    /// a folder for example, and so have released it.
    pub(super) fn is_held(&self) -> bool {
        let Some(open) = &self.open else { return false };
        fcntl_lock(&open.file, FlockOperation::NonBlockingLockExclusive).is_ok() && self.is_current()
    }

    /// Whether the file at the path is still the one that this process has open. Programs that tidy temporary folders
    /// remove it, and then it decides nothing any more.
    fn is_current(&self) -> bool {
        let open = self.open.as_ref().and_then(|open| open.file.metadata().ok());
        let open = open.map(|found| (found.dev(), found.ino()));
        open.is_some() && open == place_of(&self.path)
    }

    /// Lets others have it, also in this process.
    pub(super) fn release(&mut self) {
        // In this order: another client's file must not be open when this one is closed.
        self.open = None;
        self.claim = None;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_client_that_does_not_hold_the_lock_keeps_no_other_one_of_its_process_from_it() {
        let path = std::env::temp_dir().join(format!("etcd_discovery_claim_{}", std::process::id()));
        let (mut one, mut other) = (Lock::new(&path), Lock::new(&path));
        fs::create_dir(&path).unwrap();
        assert!(one.try_get().is_err(), "a folder is no lock file");
        fs::remove_dir(&path).unwrap();
        assert!(other.try_get().unwrap());
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn of_two_clients_in_one_process_one_gets_the_lock_and_the_other_after_it() {
        let path = std::env::temp_dir().join(format!("etcd_discovery_lock_{}", std::process::id()));
        let (mut one, mut other) = (Lock::new(&path), Lock::new(&path));
        assert_eq!((one.try_get().unwrap(), other.try_get().unwrap()), (true, false));
        one.release();
        assert_eq!((other.try_get().unwrap(), one.try_get().unwrap()), (true, false));
        drop(other);
        assert!(one.try_get().unwrap());
        fs::remove_file(&path).unwrap();
    }
}
