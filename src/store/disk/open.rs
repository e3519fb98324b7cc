//! Files beside which others may have put something: opened with suspicion, made for one owner, and locked.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags, Uid, fchown, fcntl_lock};
use rustix::process::geteuid;

use crate::sockets::{self, Registered};

/// The copy holds values of etcd, and so whatever secrets those are.
const ONLY_THE_OWNER: u32 = 0o600;
/// Else a pipe at the path would make an open wait forever, and a link would lead elsewhere.
#[allow(clippy::cast_possible_wrap)] // the two are bits far below the sign
const SUSPICIOUS: i32 = OFlags::NONBLOCK.union(OFlags::NOFOLLOW).bits() as i32;
const NO_PLAIN_FILE: &str = "it is no plain file; delete it";

pub(super) fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

pub(super) fn folder_owner(path: &Path) -> Option<u32> {
    fs::metadata(folder(path)).ok().map(|about| about.uid())
}

/// Opens what must be a plain file.
pub(super) fn open(path: &Path, how: &mut OpenOptions) -> io::Result<File> {
    let file = how.custom_flags(SUSPICIOUS).open(path).map_err(|error| plain(path, error))?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other(NO_PLAIN_FILE)) }
}

/// A record lock of the process on a file beside: the copy itself is another file after each write. A
/// forked child does not inherit it, and the death of its holder frees it.
pub(super) fn lock(path: &Path) -> io::Result<Option<Watched>> {
    let file = open_lock(path).map(Watched::new).map_err(|error| {
        let shown = path.display();
        io::Error::new(error.kind(), format!("its lock, {shown}: {error}"))
    })?;
    match fcntl_lock(&file.file, FlockOperation::NonBlockingLockExclusive) {
        // Someone may have replaced it meanwhile, and hold the new one.
        Ok(()) if !is_at(&file.file, path)? => Ok(None),
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    let existing = || open(path, OpenOptions::new().write(true));
    match existing() {
        // Another user's, who ran the application once: the folder, and so the lock, is the application's.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            fs::remove_file(path).map_err(|_| error)?;
            create(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => match create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => existing(),
            created => created,
        },
        opened => opened,
    }
}

/// Makes a file that was not there. What root makes belongs to the folder's owner, or a task that root runs
/// once would leave the application a copy that it can neither read nor lock.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(ONLY_THE_OWNER).open(path)?;
    if geteuid().is_root() {
        let owner = folder_owner(path).map(Uid::from_raw);
        let _ = fchown(&file, owner, None);
    }
    Ok(file)
}

/// The error of an open; a link, a pipe without a reader or a folder has one that tells nobody what it is.
fn plain(path: &Path, error: io::Error) -> io::Error {
    match fs::symlink_metadata(path) {
        Ok(about) if !about.is_file() => io::Error::other(NO_PLAIN_FILE),
        _ => error,
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let (open, named) = (file.metadata()?, fs::symlink_metadata(path)?);
    Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
}

/// A file that a child, forked meanwhile, closes: its thread that would do so is not there.
pub(super) struct Watched {
    // Declared before the file: it leaves the table before its descriptor is closed.
    _registered: Registered,
    pub(super) file: File,
}

impl Watched {
    pub(super) fn new(file: File) -> Self {
        Self { _registered: sockets::register(&file), file }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_holds_a_lock_that_was_replaced_does_not_write() {
        let path = std::env::temp_dir().join(format!("etcd-lock-{:016x}", fastrand::u64(..)));
        let held = lock(&path).unwrap().unwrap();
        assert!(is_at(&held.file, &path).unwrap());
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        assert!(!is_at(&held.file, &path).unwrap());
        fs::remove_file(&path).unwrap();
    }
}
