//! A network inside the test: hosts of this thread that answer over memory.

use std::cell::RefCell;
use std::collections::HashMap;

use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

use crate::endpoint::Endpoint;

/// Bytes that one direction of a connection holds.
const BUFFER: usize = 64 << 10;

/// The connections that a host is to accept.
pub(crate) type Incoming = mpsc::UnboundedReceiver<DuplexStream>;

pub(super) type Host = mpsc::UnboundedSender<DuplexStream>;

thread_local! {
    static HOSTS: RefCell<HashMap<String, Host>> = RefCell::default();
}

/// Takes what connects to `host` on this thread from now on. The host refuses once the receiver is dropped.
pub(crate) fn listen(host: &str) -> Incoming {
    let (sender, incoming) = mpsc::unbounded_channel();
    HOSTS.with_borrow_mut(|hosts| hosts.insert(host.to_owned(), sender));
    incoming
}

/// The host that `endpoint` names, if this thread has it.
pub(super) fn host(endpoint: &Endpoint) -> Option<Host> {
    HOSTS.with_borrow(|hosts| hosts.get(endpoint.host()).cloned())
}

/// Connects to `host`.
pub(super) fn connect(host: &Host) -> std::io::Result<DuplexStream> {
    let (ours, theirs) = duplex(BUFFER);
    host.send(theirs).map_err(|_| std::io::ErrorKind::ConnectionRefused)?;
    Ok(ours)
}
