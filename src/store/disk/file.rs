//! The file: read with suspicion, written atomically, by one process of the host at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{Access, FlockOperation, OFlags, access, fcntl_lock};
use rustix::process::geteuid;

use super::due::{Candidate, Verdict};
use super::format::{DiskCopy, Head};
use crate::error::{Error, ErrorKind, Result};
use crate::range::Ranges;
use crate::sockets::{self, Registered};

/// The copy holds values of etcd, and so whatever secrets those are.
const ONLY_THE_OWNER: u32 = 0o600;
const WRITABLE_BY_OTHERS: u32 = 0o022;

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
    /// Checks all that can be known before there is anything to write. A relative path is made absolute: a
    /// daemon changes its folder.
    ///
    /// # Errors
    /// A configuration error that says what is wrong with the path.
    pub fn new(path: &Path) -> Result<Self> {
        let refuse = |problem: &str| {
            let shown = path.display();
            Error::configuration("cache_path", format!("{shown}: {problem}; give the path of a file"))
        };
        let path = std::path::absolute(path).map_err(|error| refuse(&error.to_string()))?;
        let place = Self(path.clone());
        let folder = fs::metadata(place.folder()).map_err(|error| refuse(&format!("its folder: {error}")))?;
        if !folder.is_dir() || path.file_name().is_none() {
            return Err(refuse("is in no folder"));
        }
        if path.is_dir() {
            return Err(refuse("is a folder"));
        }
        access(place.folder(), Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| refuse(&format!("nothing can be written to its folder: {error}")))?;
        Ok(place)
    }

    fn folder(&self) -> &Path {
        self.0.parent().unwrap_or(Path::new("/"))
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
        let (mut file, size) = self.open()?;
        let mut bytes = Vec::new();
        // A file that is none of ours may be of any size.
        Read::by_ref(&mut file).take(Head::size() as u64).read_to_end(&mut bytes)?;
        if Head::read(&bytes).is_ok() {
            bytes.reserve_exact(usize::try_from(size).unwrap_or(0).saturating_sub(bytes.len()));
            file.take(size).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }

    /// Opens the file if nobody else can have put it there: what is in it, the application believes.
    fn open(&self) -> io::Result<(File, u64)> {
        // Else a pipe at the path would make this wait for ever.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&self.0)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::Error::other("it is no plain file"));
        }
        if ![0, geteuid().as_raw()].contains(&about.uid()) || about.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(io::Error::other("it is, or may be written by, another user's; delete it"));
        }
        Ok((file, about.size()))
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
        let Some(_lock) = self.lock()? else { return Ok(Outcome::Busy) };
        let verdict = candidate.verdict(self.head_on_disk(), milliseconds(SystemTime::now()));
        if verdict == Verdict::Write {
            self.sweep()?;
            self.replace(copy)?;
        }
        Ok(Outcome::Looked(verdict))
    }

    /// A record lock of the process on a file beside: the copy itself is another file after each write. A
    /// forked child does not inherit it, and the death of its holder frees it.
    fn lock(&self) -> io::Result<Option<Watched>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(ONLY_THE_OWNER)
            .open(self.beside(".lock"))
            .map(Watched::new)?;
        match fcntl_lock(&file.file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What nobody can read, or should, is worth no more than nothing.
    fn head_on_disk(&self) -> Option<Head> {
        let mut bytes = Vec::with_capacity(Head::size());
        self.open().ok()?.0.take(Head::size() as u64).read_to_end(&mut bytes).ok()?;
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
        let file = OpenOptions::new().write(true).create_new(true).mode(ONLY_THE_OWNER).open(path)?;
        let file = Watched::new(file);
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

/// The time in the form of a head.
#[must_use]
pub fn milliseconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A file that a child, forked meanwhile, closes: its thread that would do so is not there.
struct Watched {
    // Declared before the file: it leaves the table before its descriptor is closed.
    _registered: Registered,
    file: File,
}

impl Watched {
    fn new(file: File) -> Self {
        Self { _registered: sockets::register(&file), file }
    }
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
            Place::new(&self.0.join("copy")).unwrap()
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
        assert_eq!(mode & 0o777, ONLY_THE_OWNER);
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
    fn a_path_that_cannot_be_a_file_is_told_when_it_is_set() {
        let folder = Folder::new();
        for wrong in [folder.0.clone(), folder.0.join("none/copy"), "/dev/null/copy".into(), "/".into()] {
            let error = Place::new(&wrong).unwrap_err();
            let told = error.to_string();
            assert!(error.kind() == ErrorKind::Configuration && told.starts_with("cache_path: "), "{told}");
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
