//! The copy on disk, which a process serves when it starts while etcd is away.
//!
//! * `format` encodes the copy to bytes and decodes it.
//! * `write_policy` decides whether to write it.
//! * `file` reads and writes the file, atomically and one process of the host at a time.
//! * `open` opens, creates and locks files safely.

mod file;
mod format;
mod open;
mod write_policy;

pub use file::{CacheFile, Outcome, milliseconds};
pub use format::{DiskCopy, Header, Refusal, Source};
pub use write_policy::{Candidate, Verdict};
