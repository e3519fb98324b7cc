//! Keeps one client's snapshot equal to etcd: list, watch, recover.
//!
//! [`Machine`] decides everything and does no I/O. It takes an [`Event`] and the time, and returns
//! [`Effect`]s. The driver beside it carries out the effects and reports the results; it decides nothing. So
//! a test can put the machine through every hazard without a server and without waiting.

mod audit;
mod claims;
mod contents;
mod cursor;
mod driver;
mod event;
mod freshness;
mod fuzzy;
mod listing;
mod machine;
#[cfg(test)]
mod model;
mod operations;
mod pages;
mod report;
#[cfg(test)]
pub(crate) mod sim;
mod staleness;
mod streak;
mod stream;
mod wire;

pub use contents::Contents;
pub use driver::{Driver, Sinks};
pub use event::{
    Comparison, Effect, Event, Fault, Found, Header, Page, PageRequest, Peer, Response, Trust, Update,
};
pub use machine::{Cached, Machine, Rules};
pub use report::{Phase, Report};
pub use staleness::{Staleness, Turn};
pub use streak::Limits;
pub(crate) use wire::{response, trust};
