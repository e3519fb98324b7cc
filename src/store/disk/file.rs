//! The file: read with suspicion, written atomically, by one process of the host at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{Access, access};
use rustix::process::geteuid;

use super::due::{Candidate, Verdict};
use super::format::{DiskCopy, Head};
use super::open::{Watched, create, folder, folder_owner, lock, open};
use crate::error::{Error, ErrorKind, Result};
use crate::range::Ranges;

const WRITABLE_BY_OTHERS: u32 = 0o022;
const SPECIAL: &str = "is a device, a pipe or a socket; give the path of a file";

/// Where the copy of one client is.
#[derive(Debug, Clone)]
pub struct Place(PathBuf);

/// What came of [`Place::save`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was written, or not, as the file on disk told.
    Looked(Verdict),
    /// Another process is writing.
    Busy,
}

impl Place {
    /// A relative path is made absolute: a daemon changes its folder.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
    }

    /// Looks for what would keep a copy from being written, before there is anything to write. The copy is a help:
    /// an image that is built has no folder for it, and must boot all the same.
    ///
    /// # Errors
    /// What is wrong with the path.
    pub fn check(&self) -> Result<()> {
        let folder = self.folder();
        let refuse = |problem: &str| {
            let going_on = "going on without a copy, until that is mended";
            Err(self.error(problem, &going_on))
        };
        match fs::metadata(folder) {
            Err(error) => return refuse(&format!("its folder: {error}")),
            Ok(about) if !about.is_dir() || self.0.file_name().is_none() => return refuse("is in no folder"),
            Ok(_) if self.0.is_dir() => return refuse("is a folder; give the path of a file"),
            Ok(_) => {}
        }
        if is_special(&self.0) {
            return refuse(SPECIAL);
        }
        match access(folder, Access::WRITE_OK | Access::EXEC_OK) {
            Err(error) => refuse(&format!("its folder cannot be written to ({error})")),
            Ok(()) => Ok(()),
        }
    }

    fn folder(&self) -> &Path {
        folder(&self.0)
    }

    /// The path with `suffix` behind its name.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.0.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    // ---- reading ----

    /// The copy, as far as it is `watched`; `None` when there is no file.
    ///
    /// # Errors
    /// Why the file cannot be served.
    pub fn load(&self, watched: &Ranges) -> Result<Option<DiskCopy>> {
        let bytes = match self.read() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.error("cannot read it", &error)),
        };
        let copy = DiskCopy::decode(&bytes, watched);
        copy.map(Some).map_err(|refusal| self.error("going on without it", &format!("the file {refusal}")))
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let mut file = self.open()?;
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(Head::size() as u64).read_to_end(&mut bytes)?;
        // A file that is none of ours, or that was made longer since, may be of any size.
        if let Ok(size) = Head::file_size(&bytes)
            && size == file.metadata()?.size()
        {
            let rest = size.saturating_sub(bytes.len() as u64);
            bytes.try_reserve_exact(usize::try_from(rest).unwrap_or(usize::MAX)).map_err(io::Error::other)?;
            file.take(rest).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }

    /// Opens the file if nobody else can have put it there: what is in it, the application believes.
    fn open(&self) -> io::Result<File> {
        let file = open(&self.0, OpenOptions::new().read(true))?;
        let about = file.metadata()?;
        if !self.trusts(about.uid()) || about.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(io::Error::other("it is, or may be written by, another user's; delete it"));
        }
        Ok(file)
    }

    fn trusts(&self, owner: u32) -> bool {
        let own = geteuid();
        owner == 0 || owner == own.as_raw() || own.is_root() && folder_owner(&self.0) == Some(owner)
    }

    // ---- writing ----

    /// Writes `copy`, if the `candidate` that it makes is worth it and nobody else is writing.
    ///
    /// # Errors
    /// What the system says; the file on disk is the one before then, whole.
    pub fn save(&self, copy: &DiskCopy, candidate: &Candidate) -> Result<Outcome> {
        self.try_save(copy, candidate).map_err(|error| {
            let kept = "cannot write it; the copy before, if there is one, stays";
            self.error(kept, &error)
        })
    }

    fn try_save(&self, copy: &DiskCopy, candidate: &Candidate) -> io::Result<Outcome> {
        let Some(_lock) = lock(&self.beside(".lock"))? else { return Ok(Outcome::Busy) };
        let verdict = candidate.verdict(self.head_on_disk(), milliseconds(SystemTime::now()));
        if verdict == Verdict::Write {
            // A rename would replace `/dev/null` for the whole machine, where root runs the application.
            if is_special(&self.0) {
                return Err(io::Error::other(SPECIAL));
            }
            self.sweep()?;
            self.replace(copy)?;
        }
        Ok(Outcome::Looked(verdict))
    }

    /// What nobody can read, or should, is worth no more than nothing.
    fn head_on_disk(&self) -> Option<Head> {
        let mut bytes = Vec::with_capacity(Head::size());
        self.open().ok()?.take(Head::size() as u64).read_to_end(&mut bytes).ok()?;
        Head::read(&bytes).ok()
    }

    fn replace(&self, copy: &DiskCopy) -> io::Result<()> {
        let suffix = format!(".{}.{:016x}.tmp", std::process::id(), fastrand::u64(..));
        let temporary = self.beside(&suffix);
        let written = Self::write(&temporary, copy).and_then(|()| fs::rename(&temporary, &self.0));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        // The name, too, is only on disk once the folder is.
        written.and_then(|()| File::open(self.folder())?.sync_all())
    }

    fn write(path: &Path, copy: &DiskCopy) -> io::Result<()> {
        let file = Watched::new(create(path)?);
        let mut out = BufWriter::with_capacity(1 << 18, &file.file);
        copy.encode(&mut out)?;
        out.flush()?;
        file.file.sync_all()
    }

    /// Removes what a process left that was killed while writing. Under the lock nobody else is.
    fn sweep(&self) -> io::Result<()> {
        let name = self.0.file_name().unwrap_or_default().as_encoded_bytes();
        for entry in fs::read_dir(self.folder())? {
            let entry = entry?;
            let found = entry.file_name();
            let rest = found.as_encoded_bytes().strip_prefix(name);
            if rest.is_some_and(|rest| rest.starts_with(b".") && rest.ends_with(b".tmp")) {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    fn error(&self, what: &str, problem: &dyn std::fmt::Display) -> Error {
        let shown = self.0.display();
        Error::new(ErrorKind::Cache, format!("the copy on disk, {shown}: {what}: {problem}"))
    }
}

/// Whether a device, a pipe or a socket is there. A link counts as a file: it is replaced, not followed.
fn is_special(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| {
        let kind = about.file_type();
        !kind.is_file() && !kind.is_symlink() && !kind.is_dir()
    })
}

/// The time in the form of a head.
#[must_use]
pub fn milliseconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range::KeyRange;
    use crate::store::Snapshot;
    use std::os::unix::fs::PermissionsExt;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("etcd-disk-{:016x}", fastrand::u64(..)));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn place(&self) -> Place {
            Place::new(&self.0.join("copy"))
        }

        fn names(&self) -> Vec<String> {
            let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn watched() -> Ranges {
        Ranges::merge([KeyRange::prefix(b"/a/")])
    }

    fn save(place: &Place, revision: i64) -> Result<Outcome> {
        let head = Head { cluster_id: 7, raft_term: 1, revision, confirmed_ms: revision * 100_000 };
        let snapshot = Snapshot::default().staged(revision, 7);
        let copy = DiskCopy { head, ranges: watched(), snapshot };
        place.save(&copy, &Candidate { head, changed_at: revision, replace: false })
    }

    fn revision_on_disk(place: &Place) -> Option<i64> {
        place.load(&watched()).unwrap().map(|copy| copy.head.revision)
    }

    #[test]
    fn a_write_replaces_the_file_as_a_whole_and_leaves_nothing_else_behind() {
        let folder = Folder::new();
        let place = folder.place();
        assert_eq!(revision_on_disk(&place), None);
        fs::write(folder.0.join("copy.123.abc.tmp"), "of a process that was killed").unwrap();
        for revision in [5, 6] {
            assert_eq!(save(&place, revision), Ok(Outcome::Looked(Verdict::Write)));
            assert_eq!(revision_on_disk(&place), Some(revision));
        }
        assert_eq!(save(&place, 6), Ok(Outcome::Looked(Verdict::UpToDate)));
        assert_eq!(folder.names(), ["copy", "copy.lock"]);
        let mode = fs::metadata(folder.0.join("copy")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_others_can_write_is_refused_and_then_replaced() {
        let folder = Folder::new();
        let place = folder.place();
        save(&place, 5).unwrap();
        fs::set_permissions(&place.0, fs::Permissions::from_mode(0o666)).unwrap();
        let error = place.load(&watched()).unwrap_err();
        assert!(error.kind() == ErrorKind::Cache && error.to_string().contains("another user"), "{error}");
        assert_eq!(save(&place, 5), Ok(Outcome::Looked(Verdict::Write)));
        assert_eq!(revision_on_disk(&place), Some(5));
    }

    #[test]
    fn a_path_that_cannot_be_a_file_is_told_before_there_is_anything_to_write() {
        let folder = Folder::new();
        assert_eq!(folder.place().check(), Ok(()));
        for wrong in [folder.0.clone(), folder.0.join("none/copy"), "/dev/null/copy".into(), "/".into()] {
            let error = Place::new(&wrong).check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Cache, "{error}");
            assert!(error.to_string().contains(&*wrong.to_string_lossy()), "{error}");
        }
    }

    #[test]
    fn a_device_a_pipe_or_a_socket_is_never_replaced() {
        let folder = Folder::new();
        let place = folder.place();
        let _socket = std::os::unix::net::UnixListener::bind(&place.0).unwrap();
        for error in [place.check().unwrap_err(), save(&place, 5).unwrap_err()] {
            assert!(error.to_string().contains("is a device, a pipe or a socket"), "{error}");
        }
        assert!(is_special(&place.0));
        assert!(Place::new(Path::new("/dev/null")).check().is_err());
    }

    #[test]
    fn a_file_of_an_absurd_size_is_refused_without_reading_it_and_then_replaced() {
        let folder = Folder::new();
        let place = folder.place();
        save(&place, 5).unwrap();
        OpenOptions::new().write(true).open(&place.0).unwrap().set_len(300 << 30).unwrap();
        assert!(place.load(&watched()).unwrap_err().to_string().contains("damaged"));
        fs::write(&place.0, "of another program").unwrap();
        OpenOptions::new().write(true).open(&place.0).unwrap().set_len(300 << 30).unwrap();
        assert!(place.load(&watched()).unwrap_err().to_string().contains("no copy made by"));
        assert_eq!(save(&place, 6), Ok(Outcome::Looked(Verdict::Write)));
        assert_eq!(revision_on_disk(&place), Some(6));
    }

    #[test]
    fn what_is_no_plain_file_at_the_path_or_at_its_lock_is_told_and_never_followed() {
        for name in ["copy", "copy.lock"] {
            let folder = Folder::new();
            let (place, path, target) = (folder.place(), folder.0.join(name), folder.0.join("target"));
            let told = |error: &Error| {
                let told = error.to_string();
                told.contains("no plain file") && told.contains(&*path.to_string_lossy())
            };
            let attempt = || match name {
                "copy" => place.load(&watched()).map(drop),
                _ => save(&place, 5).map(drop),
            };
            rustix::fs::mkfifoat(rustix::fs::CWD, &path, 0o600.into()).unwrap();
            assert!(told(&attempt().unwrap_err()));
            fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink(&target, &path).unwrap();
            assert!(told(&attempt().unwrap_err()));
            assert!(!target.exists());
            fs::write(&target, "of somebody else").unwrap();
            assert!(told(&attempt().unwrap_err()));
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
            assert!(told(&attempt().unwrap_err()));
            fs::remove_dir(&path).unwrap();
            assert_eq!(save(&place, 5), Ok(Outcome::Looked(Verdict::Write)));
            assert_eq!(fs::read(&target).unwrap(), b"of somebody else");
        }
    }

    #[test]
    fn a_pipe_at_the_path_holds_nobody_up() {
        let folder = Folder::new();
        let place = folder.place();
        rustix::fs::mkfifoat(rustix::fs::CWD, &place.0, 0o600.into()).unwrap();
        assert!(place.load(&watched()).unwrap_err().to_string().contains("no plain file"));
    }
}
