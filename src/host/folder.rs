//! Where the processes of one user meet: a folder with the lock and the socket, which no one else can enter.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::identity::Identity;

/// The longest path of a Unix socket: `sun_path` has 108 bytes including the final NUL.
const LONGEST: usize = 107;

/// The paths of the processes that share one copy.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    /// The file whose lock decides who leads.
    pub(super) lock: PathBuf,
    /// Where the leader listens.
    pub(super) socket: PathBuf,
}

impl Folder {
    /// Creates `folder` if it is not there, for this user alone. `identity` gives the files their names.
    ///
    /// # Errors
    /// If it cannot be created, belongs to someone else or is open to others, or if its path is too long.
    pub(super) fn open(folder: &Path, identity: Identity) -> io::Result<Self> {
        ensure(folder)?;
        // Or two clients of one process could take two spellings for two locks, and both lead.
        let folder = &fs::canonicalize(folder)?;
        let path = |ending: &str| folder.join(format!("{identity}.{ending}"));
        let (lock, socket) = (path("lock"), path("sock"));
        if socket.as_os_str().len() > LONGEST {
            return Err(refused(folder, "has too long a path for a socket; set a shorter one"));
        }
        Ok(Self { path: folder.to_owned(), lock, socket })
    }

    /// Creates the folder again if it is gone: programs that tidy temporary folders remove empty ones.
    ///
    /// # Errors
    /// If it cannot be created, belongs to someone else or is open to others by now.
    pub(super) fn ensure(&self) -> io::Result<()> {
        ensure(&self.path)
    }
}

/// The device and the number of the file at `path`; `None` if there is none.
pub(super) fn place_of(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

fn ensure(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => created.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot make the folder {}: {error}", folder.display()))
        })?,
    }
    // Not followed: another user could have put a link to any place.
    let found = fs::symlink_metadata(folder)?;
    let user = rustix::process::geteuid().as_raw();
    if !found.is_dir() || found.uid() != user || found.mode() & 0o077 != 0 {
        let owner = found.uid();
        let why = format!(
            "is not a folder that only this user can enter (user {user}; it belongs to user {owner}); remove it, or set \
             another one"
        );
        return Err(refused(folder, &why));
    }
    Ok(())
}

fn refused(folder: &Path, why: &str) -> io::Error {
    io::Error::other(format!("{} {why}", folder.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::Settings;
    use crate::endpoint::Endpoint;
    use crate::host::Surroundings;
    use crate::range::Ranges;

    pub(super) fn identity() -> Identity {
        let endpoint = Endpoint::parse("http://one", false).unwrap();
        let settings = Settings::new(vec![endpoint], Ranges::default()).unwrap();
        Identity::of(&settings, &Surroundings { format: 1, user: 1, network: 1, time: 1, boot: "b".into() })
    }

    #[test]
    fn a_folder_that_others_can_enter_a_link_and_a_long_path_are_refused() {
        let base = std::env::temp_dir().join(format!("etcd_discovery_folder_{}", std::process::id()));
        fs::create_dir(&base).unwrap();
        let folder = base.join("own");
        assert!(Folder::open(&folder, identity()).is_ok() && Folder::open(&folder, identity()).is_ok());
        let roundabout = base.join("..").join(base.file_name().unwrap()).join("own");
        let lock = |folder: &Path| Folder::open(folder, identity()).unwrap().lock;
        assert_eq!(lock(&roundabout), lock(&folder));
        std::os::unix::fs::symlink(&folder, base.join("link")).unwrap();
        assert!(Folder::open(&base.join("link"), identity()).is_err());
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o770)).unwrap();
        assert!(Folder::open(&folder, identity()).is_err());
        assert!(Folder::open(&base.join("x".repeat(80)), identity()).is_err());
        fs::remove_dir_all(&base).unwrap();
    }
}
