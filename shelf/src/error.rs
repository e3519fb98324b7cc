//! What can go wrong.

use std::io;

/// An error of the shared memory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused something, for example memory.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The content does not fit into a segment.
    #[error("the content does not fit into {capacity} bytes of shared memory")]
    Full {
        /// The largest size of a segment.
        capacity: usize,
    },
    /// A descriptor does not lead to a shelf, or to another version or another owner's.
    #[error("refused the shared memory: {0}")]
    Refused(&'static str),
    /// The bytes in shared memory contradict each other.
    #[error("the shared memory is damaged")]
    Damaged,
    /// The root lies in a segment that this process has not received.
    #[error("the shared memory goes on in segment {0}, which this process does not have yet")]
    UnknownSegment(u32),
    /// Keys to build from do not ascend.
    #[error("the keys do not ascend")]
    Unsorted,
    /// A writer was used in a forked child. It belongs to the parent.
    #[error("this process was forked from the writer and must not write")]
    Forked,
}

/// The result of a fallible operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) trait Context<T> {
    /// Says what was tried.
    fn trying_to(self, what: &'static str) -> Result<T>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn trying_to(self, what: &'static str) -> Result<T> {
        self.map_err(|error| Error::System { what, source: error.into() })
    }
}
