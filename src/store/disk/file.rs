//! Reads and writes the file.
//!
//! Reading trusts nothing; writing is atomic, one process of the host at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{Access, access};
use rustix::process::geteuid;

use super::format::{DiskCopy, Header, Source};
use super::open::{TrackedFile, create, folder, folder_owner, lock, open};
use super::write_policy::{Candidate, Verdict};
use crate::error::{Error, ErrorKind, Result};
use crate::range::Ranges;

const WRITABLE_BY_OTHERS: u32 = 0o022;
const SPECIAL: &str = "is a device, a pipe or a socket; give the path of a file";

/// The file that holds the copy of one client.
#[derive(Debug, Clone)]
pub struct CacheFile(PathBuf);

/// The outcome of [`CacheFile::save`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The verdict after a look at the file on disk. `Write` was carried out.
    Checked(Verdict),
    /// Another process is writing.
    Busy,
}

impl CacheFile {
    /// The file at `path`, made absolute because a daemon changes its working directory.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
    }

    /// Checks that a copy could be written, before there is one.
    ///
    /// A failure must not stop the application from booting: the folder may not exist while an image is built.
    ///
    /// # Errors
    /// What is wrong with the path.
    pub fn check(&self) -> Result<()> {
        let folder = self.folder();
        let refuse = |problem: &str| {
            let consequence = "running without a copy on disk until this is fixed";
            Err(self.error(problem, &consequence))
        };
        match fs::metadata(folder) {
            Err(error) => return refuse(&format!("its folder: {error}")),
            Ok(about) if !about.is_dir() || self.0.file_name().is_none() => {
                return refuse("is not in a folder");
            }
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

    /// The path with `suffix` appended.
    fn with_suffix(&self, suffix: &str) -> PathBuf {
        let mut name = self.0.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    // ---- reading ----

    /// Loads the `watched` part of the copy; `None` when there is no file.
    ///
    /// # Errors
    /// Why the file cannot be used.
    pub fn load(&self, watched: &Ranges) -> Result<Option<DiskCopy>> {
        let bytes = match self.read() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.error("cannot read it", &error)),
        };
        let copy = DiskCopy::decode(&bytes, watched);
        copy.map(Some).map_err(|refusal| self.error("not used", &format!("the file {refusal}")))
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let mut file = self.open()?;
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(Header::size() as u64).read_to_end(&mut bytes)?;
        // A foreign or extended file may have any size, so allocate only what a matching header announces.
        if let Ok(size) = Header::file_size(&bytes)
            && size == file.metadata()?.size()
        {
            let rest = size.saturating_sub(bytes.len() as u64);
            bytes.try_reserve_exact(usize::try_from(rest).unwrap_or(usize::MAX)).map_err(io::Error::other)?;
            file.take(rest).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }

    /// Opens the file if no other user can have written it, because the application will trust its content.
    fn open(&self) -> io::Result<File> {
        let file = open(&self.0, OpenOptions::new().read(true))?;
        let about = file.metadata()?;
        if !self.trusts(about.uid()) || about.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(io::Error::other(
                "it belongs to another user, or another user may write it; delete it",
            ));
        }
        Ok(file)
    }

    fn trusts(&self, owner: u32) -> bool {
        let own = geteuid();
        owner == 0 || owner == own.as_raw() || own.is_root() && folder_owner(&self.0) == Some(owner)
    }

    // ---- writing ----

    /// Writes the copy if the verdict on `candidate` is to write and no other process is writing.
    ///
    /// # Errors
    /// The system's error. The previous file then stays intact.
    pub fn save(&self, source: Source, candidate: &Candidate) -> Result<Outcome> {
        self.try_save(source, candidate)
            .map_err(|error| self.error("cannot write it; a previous copy stays as it is", &error))
    }

    fn try_save(&self, source: Source, candidate: &Candidate) -> io::Result<Outcome> {
        let Some(_lock) = lock(&self.with_suffix(".lock"))? else { return Ok(Outcome::Busy) };
        let verdict = candidate.verdict(self.header_on_disk(), milliseconds(SystemTime::now()));
        if verdict == Verdict::Write {
            // If root runs the application, a rename would replace `/dev/null` for the whole machine.
            if is_special(&self.0) {
                return Err(io::Error::other(SPECIAL));
            }
            self.remove_leftovers()?;
            self.replace(source)?;
        }
        Ok(Outcome::Checked(verdict))
    }

    /// The header of the file on disk. A file that cannot or must not be read counts as missing.
    fn header_on_disk(&self) -> Option<Header> {
        let mut bytes = Vec::with_capacity(Header::size());
        self.open().ok()?.take(Header::size() as u64).read_to_end(&mut bytes).ok()?;
        Header::read(&bytes).ok()
    }

    fn replace(&self, source: Source) -> io::Result<()> {
        let suffix = format!(".{}.{:016x}.tmp", std::process::id(), fastrand::u64(..));
        let temporary = self.with_suffix(&suffix);
        let written = Self::write(&temporary, source).and_then(|()| fs::rename(&temporary, &self.0));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        // The new name is only on disk once the folder is synced too.
        written.and_then(|()| File::open(self.folder())?.sync_all())
    }

    fn write(path: &Path, source: Source) -> io::Result<()> {
        let file = TrackedFile::new(create(path)?);
        let mut out = BufWriter::with_capacity(1 << 18, &file.file);
        source.encode(&mut out)?;
        out.flush()?;
        file.file.sync_all()
    }

    /// Removes temporary files of processes killed while writing. The lock excludes a living writer.
    fn remove_leftovers(&self) -> io::Result<()> {
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

/// Whether `path` is a device, a pipe or a socket.
///
/// A link counts as a file: it is replaced, not followed.
fn is_special(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| {
        let kind = about.file_type();
        !kind.is_file() && !kind.is_symlink() && !kind.is_dir()
    })
}

/// Converts `time` to milliseconds since 1970, as in a header.
#[must_use]
pub fn milliseconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range::KeyRange;
    use std::os::unix::fs::PermissionsExt;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("etcd-disk-{:016x}", fastrand::u64(..)));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn cache_file(&self) -> CacheFile {
            CacheFile::new(&self.0.join("copy"))
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

    fn save(file: &CacheFile, revision: i64) -> Result<Outcome> {
        let header = Header { cluster_id: 7, raft_term: 1, revision, confirmed_ms: revision * 100_000 };
        let source = Source { header, ranges: watched(), batches: &mut |_| Ok(Vec::new()) };
        file.save(source, &Candidate { header, changed_at: revision, replace: false })
    }

    fn revision_on_disk(file: &CacheFile) -> Option<i64> {
        file.load(&watched()).unwrap().map(|copy| copy.header.revision)
    }

    #[test]
    fn a_write_replaces_the_whole_file_and_removes_leftovers() {
        let folder = Folder::new();
        let file = folder.cache_file();
        assert_eq!(revision_on_disk(&file), None);
        fs::write(folder.0.join("copy.123.abc.tmp"), "of a process that was killed").unwrap();
        for revision in [5, 6] {
            assert_eq!(save(&file, revision), Ok(Outcome::Checked(Verdict::Write)));
            assert_eq!(revision_on_disk(&file), Some(revision));
        }
        assert_eq!(save(&file, 6), Ok(Outcome::Checked(Verdict::UpToDate)));
        assert_eq!(folder.names(), ["copy", "copy.lock"]);
        let mode = fs::metadata(folder.0.join("copy")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_other_users_can_write_is_refused_and_then_replaced() {
        let folder = Folder::new();
        let file = folder.cache_file();
        save(&file, 5).unwrap();
        fs::set_permissions(&file.0, fs::Permissions::from_mode(0o666)).unwrap();
        let error = file.load(&watched()).unwrap_err();
        assert!(error.kind() == ErrorKind::Cache && error.to_string().contains("another user"), "{error}");
        assert_eq!(save(&file, 5), Ok(Outcome::Checked(Verdict::Write)));
        assert_eq!(revision_on_disk(&file), Some(5));
    }

    #[test]
    fn a_path_that_cannot_be_a_file_is_reported_before_the_first_write() {
        let folder = Folder::new();
        assert_eq!(folder.cache_file().check(), Ok(()));
        for wrong in [folder.0.clone(), folder.0.join("none/copy"), "/dev/null/copy".into(), "/".into()] {
            let error = CacheFile::new(&wrong).check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Cache, "{error}");
            assert!(error.to_string().contains(&*wrong.to_string_lossy()), "{error}");
        }
    }

    #[test]
    fn a_device_a_pipe_or_a_socket_is_never_replaced() {
        let folder = Folder::new();
        let file = folder.cache_file();
        let _socket = std::os::unix::net::UnixListener::bind(&file.0).unwrap();
        for error in [file.check().unwrap_err(), save(&file, 5).unwrap_err()] {
            assert!(error.to_string().contains("is a device, a pipe or a socket"), "{error}");
        }
        assert!(is_special(&file.0));
        assert!(CacheFile::new(Path::new("/dev/null")).check().is_err());
    }

    #[test]
    fn a_file_of_an_absurd_size_is_refused_without_reading_it_and_then_replaced() {
        let folder = Folder::new();
        let file = folder.cache_file();
        save(&file, 5).unwrap();
        OpenOptions::new().write(true).open(&file.0).unwrap().set_len(300 << 30).unwrap();
        assert!(file.load(&watched()).unwrap_err().to_string().contains("damaged"));
        fs::write(&file.0, "of another program").unwrap();
        OpenOptions::new().write(true).open(&file.0).unwrap().set_len(300 << 30).unwrap();
        assert!(file.load(&watched()).unwrap_err().to_string().contains("was not written by"));
        assert_eq!(save(&file, 6), Ok(Outcome::Checked(Verdict::Write)));
        assert_eq!(revision_on_disk(&file), Some(6));
    }

    #[test]
    fn a_link_pipe_or_folder_at_the_path_or_its_lock_is_reported_and_never_followed() {
        for name in ["copy", "copy.lock"] {
            let folder = Folder::new();
            let (file, path, target) = (folder.cache_file(), folder.0.join(name), folder.0.join("target"));
            let names_the_path = |error: &Error| {
                let message = error.to_string();
                message.contains("not a regular file") && message.contains(&*path.to_string_lossy())
            };
            let attempt = || match name {
                "copy" => file.load(&watched()).map(drop),
                _ => save(&file, 5).map(drop),
            };
            rustix::fs::mkfifoat(rustix::fs::CWD, &path, 0o600.into()).unwrap();
            assert!(names_the_path(&attempt().unwrap_err()));
            fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink(&target, &path).unwrap();
            assert!(names_the_path(&attempt().unwrap_err()));
            assert!(!target.exists());
            fs::write(&target, "another program's").unwrap();
            assert!(names_the_path(&attempt().unwrap_err()));
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
            assert!(names_the_path(&attempt().unwrap_err()));
            fs::remove_dir(&path).unwrap();
            assert_eq!(save(&file, 5), Ok(Outcome::Checked(Verdict::Write)));
            assert_eq!(fs::read(&target).unwrap(), b"another program's");
        }
    }

    #[test]
    fn a_pipe_at_the_path_does_not_block() {
        let folder = Folder::new();
        let file = folder.cache_file();
        rustix::fs::mkfifoat(rustix::fs::CWD, &file.0, 0o600.into()).unwrap();
        assert!(file.load(&watched()).unwrap_err().to_string().contains("not a regular file"));
    }
}
