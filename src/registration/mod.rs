//! Announces instances: a key under a lease of our own, kept alive for as long as the process wants it.
//!
//! [`Machine`] decides for one registration and does nothing; [`Keepalive`] does the same for the one
//! stream over which all registrations of a client renew their leases. The driver beside them carries out
//! what they decide. So expiry, partition, revocation and rivals are played to them in tests, without a
//! server and without waiting.

mod driver;
mod event;
mod keepalive;
mod lease;
mod machine;
#[cfg(test)]
mod model;
mod report;
mod requests;
mod roster;
mod workload;

pub use driver::{Driver, Surroundings};
pub use event::{Effect, Event, Holder};
pub use keepalive::Keepalive;
pub use machine::{Machine, Rules};
pub use report::{Phase, Report, Standing};
pub use roster::{Command, Handle, KeyForm, Roster, Spec};
