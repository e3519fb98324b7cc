//! The real driver against an etcd inside the test: etcd's own gRPC services over an in-memory network.
//!
//! The clock jumps to the next due time, so an hour without changes takes milliseconds, and each run is the
//! same. These tests show what a real etcd does not do on demand.

mod boots;
mod content;
pub(crate) mod etcd;
pub(crate) mod follower;
mod forked;
mod large;
mod liveness;
mod proxied;
mod refusals;
mod services;
mod several;
mod strange_words;
mod suspension;
mod wire;
