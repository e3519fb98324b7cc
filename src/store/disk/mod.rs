//! The last known good copy, on disk: what a process serves that starts while etcd is away.
//!
//! `format` is the copy as bytes and back, without any file; `due` says whether one is worth a write; `file`
//! is the file, written atomically and by one process of the host at a time; `open` is how files are opened.

mod due;
mod file;
mod format;
mod open;

pub use due::{Candidate, Verdict};
pub use file::{Outcome, Place, milliseconds};
pub use format::{DiskCopy, Head, Refusal};
