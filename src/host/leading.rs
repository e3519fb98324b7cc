//! The leader's side: the writer, and the sockets of those who read.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use etcd_discovery_shelf::{Audience, Error, Result, Shelf, Writer, handover};
use rustix::process::{Resource, getrlimit};
use tokio::net::UnixListener;

use super::folder::{Folder, place_of};
use crate::sockets;

/// A message is a word that says what it is; the rest are descriptors.
pub(super) const MESSAGE: usize = 8;
/// The control page, its bell and the present segment.
pub(super) const WELCOME: [u8; MESSAGE] = *b"welcome\0";
/// No more descriptors for followers.
pub(super) const FULL: [u8; MESSAGE] = *b"full\0\0\0\0";
/// One more segment, in which the next root is.
const SEGMENT: [u8; MESSAGE] = *b"segment\0";

/// What a leader has, from taking over to resigning.
pub(super) struct Leading {
    pub(super) writer: Writer,
    // Declared before the listener: it leaves the table before its descriptor is closed.
    _registered: sockets::Registered,
    pub(super) listener: UnixListener,
    socket: PathBuf,
    /// The file that the listener was bound to.
    bound: Option<(u64, u64)>,
    /// Whether this process could not connect to etcd at the last look, because it had no descriptor left.
    pub(super) lacks_descriptors: bool,
    followers: Followers,
}

impl Leading {
    /// Takes over `shelf`, and listens. Only the holder of the lock may call this.
    pub(super) fn begin(shelf: &Arc<Shelf>, folder: &Folder, capacity: usize) -> Result<Self> {
        let followers = Followers::default();
        let audience = Box::new(followers.clone());
        let writer = Writer::open(Arc::clone(shelf), capacity, audience)?;
        // The former leader's socket. If it cannot be removed, binding fails and says why.
        let _ = std::fs::remove_file(&folder.socket);
        let refused = |source| Error::System { what: "listen on the socket for the other processes", source };
        let listener = UnixListener::bind(&folder.socket).map_err(refused)?;
        let (socket, bound) = (folder.socket.clone(), place_of(&folder.socket));
        let registered = sockets::register(&listener);
        Ok(Self {
            writer,
            _registered: registered,
            listener,
            socket,
            bound,
            lacks_descriptors: false,
            followers,
        })
    }

    /// Whether others still find the socket. Programs that tidy temporary folders remove its file.
    pub(super) fn is_reachable(&self) -> bool {
        self.bound.is_some() && self.bound == place_of(&self.socket)
    }

    /// Makes the process that has connected a follower, if it has the same user and there are descriptors left.
    pub(super) fn welcome(&self, stream: tokio::net::UnixStream) {
        let user = rustix::process::geteuid().as_raw();
        // The process id is 0 here if it is in another container.
        let is_same_user = stream.peer_cred().is_ok_and(|peer| peer.uid() == user);
        let Ok(stream) = stream.into_std() else { return };
        if is_same_user && handover::queue_little(&stream).is_ok() {
            if is_needed_here(&stream) {
                // Or the application of this process could open no file, and this gem no connection to etcd.
                let _ = handover::send(&stream, &FULL, &[]);
                return;
            }
            let (_, segment) = self.writer.segment();
            let [page, bell] = self.writer.shelf().control().files();
            let files = [page, bell, segment];
            if handover::send(&stream, &WELCOME, &files).is_ok() {
                self.followers.add(stream);
            }
        }
    }

    /// Closes the connections of followers that are gone.
    pub(super) fn look_after(&self) {
        self.followers.keep(|stream| {
            let mut byte = [0];
            // Followers send nothing: all that can be read is the end.
            matches!(handover::receive(stream, &mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
        });
    }
}

/// Whether `socket` is one of the last quarter of descriptors that this process may have. The kernel gives the lowest
/// number that is free.
fn is_needed_here(socket: &impl AsRawFd) -> bool {
    let limit = getrlimit(Resource::Nofile).current;
    let number = u64::try_from(socket.as_raw_fd()).unwrap_or(0);
    limit.is_some_and(|limit| number >= limit - limit / 4)
}

#[derive(Debug)]
struct Follower {
    _registered: sockets::Registered,
    stream: UnixStream,
}

/// The connections to the followers. On the session's thread only; the lock is for the compiler.
#[derive(Debug, Clone, Default)]
struct Followers(Arc<Mutex<Vec<Follower>>>);

impl Followers {
    fn add(&self, stream: UnixStream) {
        let follower = Follower { _registered: sockets::register(&stream), stream };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(follower);
    }

    fn keep(&self, mut is_there: impl FnMut(&UnixStream) -> bool) {
        let mut followers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|follower| is_there(&follower.stream));
    }
}

impl Audience for Followers {
    fn opened(&mut self, file: BorrowedFd<'_>) -> Box<dyn Send> {
        Box::new(sockets::register(&file))
    }

    fn announce(&mut self, _: u32, file: BorrowedFd<'_>) {
        // A follower that cannot be reached finds its connection closed, and connects again.
        self.keep(|stream| handover::send(stream.as_fd(), &SEGMENT, &[file]).is_ok());
    }
}
