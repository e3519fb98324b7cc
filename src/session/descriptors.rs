//! The descriptors that a runtime keeps for itself: its epoll, a copy of it, and its eventfd.
//!
//! A forked child inherits them, so a chain of forks would collect more and more. tokio does not expose
//! their numbers. Comparing the open descriptors before and after would mistake another thread's for ours.
//!
//! The kernel does say which epoll watches which file. An epoll that watches a socket known only to this
//! runtime belongs to this runtime. Before the first task starts, the other file it watches is its eventfd.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::MetadataExt;

use tokio::net::UnixDatagram;
use tokio::runtime::Runtime;

use crate::sockets::{self, Registered};

/// A file that an epoll watches.
#[derive(Debug, PartialEq, Eq)]
struct Watched {
    number: RawFd,
    inode: u64,
}

/// Enters the descriptors of `runtime` in the table. Call it before the first task runs.
///
/// Finds none if the kernel does not expose them; a child then keeps them open, unused.
///
/// # Errors
/// An error if the system has no more descriptors.
pub(super) fn register(runtime: &Runtime) -> io::Result<Vec<Registered>> {
    Ok(own(runtime)?.iter().map(sockets::register).collect())
}

fn own(runtime: &Runtime) -> io::Result<Vec<RawFd>> {
    let _context = runtime.enter();
    let marker = UnixDatagram::unbound()?;
    let _registered = sockets::register(&marker);
    let number = marker.as_raw_fd();
    let Ok(file) = fs::metadata(format!("/proc/self/fd/{number}")) else { return Ok(Vec::new()) };
    let mark = Watched { number, inode: file.ino() };
    let mut own = Vec::new();
    for (epoll, watched) in epolls().filter(|(_, watched)| watched.contains(&mark)) {
        own.push(epoll);
        own.extend(watched.iter().map(|file| file.number).filter(|number| is(*number, "[eventfd]")));
    }
    own.sort_unstable();
    own.dedup();
    Ok(own)
}

/// Every epoll of this process with the files it watches.
///
/// Skips those that another thread closes meanwhile.
fn epolls() -> impl Iterator<Item = (RawFd, Vec<Watched>)> {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|number| is(*number, "[eventpoll]")).filter_map(|number: RawFd| {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).ok()?;
        Some((number, info.lines().filter_map(parse).collect()))
    })
}

fn is(number: RawFd, kind: &str) -> bool {
    let link = fs::read_link(format!("/proc/self/fd/{number}"));
    link.is_ok_and(|target| target.to_str() == Some(&format!("anon_inode:{kind}")))
}

/// `tfd:  8 events: 8000201d data: 7f09fc009780  pos:0 ino:11bee7 sdev:9`
fn parse(line: &str) -> Option<Watched> {
    let mut words = line.strip_prefix("tfd:")?.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let inode = words.find_map(|word| word.strip_prefix("ino:"))?;
    Some(Watched { number, inode: u64::from_str_radix(inode, 16).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::runtime::Builder;

    #[test]
    fn the_runtimes_epoll_its_copy_and_its_eventfd_are_found_and_none_of_another_runtime() {
        let build = || Builder::new_current_thread().enable_io().build().unwrap();
        let (one, other) = (build(), build());
        let (found, others) = (own(&one).unwrap(), own(&other).unwrap());
        for numbers in [&found, &others] {
            let count = |kind| numbers.iter().filter(|number| is(**number, kind)).count();
            assert_eq!((count("[eventpoll]"), count("[eventfd]"), numbers.len()), (2, 1, 3));
        }
        assert!(!found.iter().any(|number| others.contains(number)));
    }

    #[test]
    fn the_files_that_an_epoll_watches_are_parsed_from_proc() {
        let line = "tfd:        8 events: 8000201d data:     7f09fc009780  pos:0 ino:11bee7 sdev:9";
        assert_eq!(parse(line), Some(Watched { number: 8, inode: 0x0011_bee7 }));
        assert_eq!(parse("flags:\t02000002"), None);
    }
}
