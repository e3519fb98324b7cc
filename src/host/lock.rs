//! The lock that decides who leads.
//!
//! A record lock (`fcntl`) belongs to a process: a forked child does not inherit it, as it would one of `flock`, and
//! the kernel releases it when the process dies, however that happens. It is also released when the process closes *any*
//! descriptor of the file. So this is the only place that opens it, and the descriptor is kept.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, fcntl_lock};

/// The lock file of one identity. A process must have one `Lock` at most for a path.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    file: Option<File>,
}

impl Lock {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None }
    }

    /// Whether this process holds the lock now. Does not wait.
    pub(super) fn try_get(&mut self) -> io::Result<bool> {
        if !self.is_current() {
            self.file = None;
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .mode(0o600)
                .open(&self.path)?;
            self.file = Some(file);
        }
        let Some(file) = &self.file else { return Ok(false) };
        match fcntl_lock(file, FlockOperation::NonBlockingLockExclusive) {
            // Perhaps someone has removed the file in between, and others lock a new one.
            Ok(()) => Ok(self.is_current()),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the file at the path is still the one that this process has open. Programs that tidy temporary folders
    /// remove it, and then it decides nothing any more.
    pub(super) fn is_current(&self) -> bool {
        let place = |found: &fs::Metadata| (found.dev(), found.ino());
        let open = self.file.as_ref().and_then(|file| file.metadata().ok());
        let there = fs::symlink_metadata(&self.path).ok();
        open.zip(there).is_some_and(|(open, there)| place(&open) == place(&there))
    }

    pub(super) fn release(&self) {
        if let Some(file) = &self.file {
            // It cannot fail for a file that is open.
            let _ = fcntl_lock(file, FlockOperation::NonBlockingUnlock);
        }
    }
}
