//! An in-memory network for tests: hosts that exist on this thread only.

use std::cell::RefCell;
use std::collections::HashMap;

use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

use crate::endpoint::Endpoint;

/// The buffer size of each direction of a connection, in bytes.
const BUFFER: usize = 64 << 10;

/// The connections waiting for a host to accept them.
pub(crate) type Incoming = mpsc::UnboundedReceiver<DuplexStream>;

pub(super) type Host = mpsc::UnboundedSender<DuplexStream>;

thread_local! {
    static HOSTS: RefCell<HashMap<String, Host>> = RefCell::default();
}

/// Accepts connections to `host` on this thread from now on.
///
/// Dropping the receiver makes the host refuse them.
pub(crate) fn listen(host: &str) -> Incoming {
    let (sender, incoming) = mpsc::unbounded_channel();
    HOSTS.with_borrow_mut(|hosts| hosts.insert(host.to_owned(), sender));
    incoming
}

/// The simulated host that `endpoint` names, if this thread has it.
pub(super) fn host(endpoint: &Endpoint) -> Option<Host> {
    HOSTS.with_borrow(|hosts| hosts.get(endpoint.host()).cloned())
}

/// Opens a connection to `host`.
pub(super) fn connect(host: &Host) -> std::io::Result<DuplexStream> {
    let (ours, theirs) = duplex(BUFFER);
    host.send(theirs).map_err(|_| std::io::ErrorKind::ConnectionRefused)?;
    Ok(ours)
}
