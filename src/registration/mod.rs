//! Announces instances: a key under its own lease, kept alive for as long as the process wants it.
//!
//! [`Machine`] decides for one registration and does no I/O. [`Keepalive`] does the same for the one stream
//! over which all registrations of a client renew their leases. The driver beside them carries out what they
//! decide. So tests can play expiry, partition, revocation and rivals to them, without a server and without
//! waiting.

mod driver;
mod event;
mod keepalive;
mod lease;
mod machine;
#[cfg(test)]
mod model;
mod registry;
mod report;
mod requests;
mod workload;

pub use driver::{Context, Driver};
pub use event::{Effect, Event, Holder};
pub use keepalive::Keepalive;
pub use machine::{Machine, Rules};
pub use registry::{Command, Handle, KeyForm, Registry, Spec};
pub use report::{Phase, Report, Standing};
