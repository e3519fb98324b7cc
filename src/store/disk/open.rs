//! Opens, creates and locks files in a folder where another user may have put links, pipes or folders.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags, Uid, fchown, fcntl_lock};
use rustix::process::geteuid;

use crate::sockets::{self, Registered};

/// The mode of new files. The copy holds etcd's values, which may be secrets.
const OWNER_ONLY: u32 = 0o600;
/// Without these flags, opening a pipe could block forever and a link could lead to another file.
#[allow(clippy::cast_possible_wrap)] // the two are bits far below the sign
const SAFE_FLAGS: i32 = OFlags::NONBLOCK.union(OFlags::NOFOLLOW).bits() as i32;
const NOT_REGULAR: &str = "it is not a regular file; delete it";

pub(super) fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

pub(super) fn folder_owner(path: &Path) -> Option<u32> {
    fs::metadata(folder(path)).ok().map(|about| about.uid())
}

/// Opens a regular file, and refuses anything else.
pub(super) fn open(path: &Path, how: &mut OpenOptions) -> io::Result<File> {
    let file = how.custom_flags(SAFE_FLAGS).open(path).map_err(|error| explain(path, error))?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other(NOT_REGULAR)) }
}

/// Takes a record lock on the file at `path`; `None` if another process holds it.
///
/// The lock file is separate because each write replaces the copy with a new file. A forked child does not inherit
/// the lock, and it is released when its holder dies.
pub(super) fn lock(path: &Path) -> io::Result<Option<TrackedFile>> {
    let file = open_lock(path).map(TrackedFile::new).map_err(|error| {
        let shown = path.display();
        io::Error::new(error.kind(), format!("its lock, {shown}: {error}"))
    })?;
    match fcntl_lock(&file.file, FlockOperation::NonBlockingLockExclusive) {
        // Another process may have replaced the file meanwhile, and hold the lock on the new one.
        Ok(()) if !is_at(&file.file, path)? => Ok(None),
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    let existing = || open(path, OpenOptions::new().write(true));
    match existing() {
        // A lock file of another user who once ran the application. The folder is the application's, so replace it.
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

/// Creates a new file. If root creates it, it belongs to the folder's owner.
///
/// Otherwise one task run as root would leave the application a copy that it can neither read nor lock.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path)?;
    if geteuid().is_root() {
        let owner = folder_owner(path).map(Uid::from_raw);
        let _ = fchown(&file, owner, None);
    }
    Ok(file)
}

/// Explains a failed open. The system's error does not say that the path is a link, a pipe or a folder.
fn explain(path: &Path, error: io::Error) -> io::Error {
    match fs::symlink_metadata(path) {
        Ok(about) if !about.is_file() => io::Error::other(NOT_REGULAR),
        _ => error,
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let (open, named) = (file.metadata()?, fs::symlink_metadata(path)?);
    Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
}

/// An open file in the descriptor table, which a child forked meanwhile closes.
///
/// The thread that would close it does not exist in the child.
pub(super) struct TrackedFile {
    // Declared before the file: it leaves the table before its descriptor is closed.
    _registered: Registered,
    pub(super) file: File,
}

impl TrackedFile {
    pub(super) fn new(file: File) -> Self {
        Self { _registered: sockets::register(&file), file }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_on_a_replaced_file_is_detected() {
        let path = std::env::temp_dir().join(format!("etcd-lock-{:016x}", fastrand::u64(..)));
        let held = lock(&path).unwrap().unwrap();
        assert!(is_at(&held.file, &path).unwrap());
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        assert!(!is_at(&held.file, &path).unwrap());
        fs::remove_file(&path).unwrap();
    }
}
