//! The core of the Ruby gem `etcd_discovery`: a live local copy of etcd ranges.
//!
//! It survives faults of etcd and `fork`, and knows nothing about Ruby. Each floor imports only from those below it:
//!
//! * [`session`]: the background thread and the clients of one process
//! * [`registration`] (register a key and keep it alive) and [`sync`] (list, watch, recover)
//! * [`transport`]: connections to etcd
//! * [`store`]: snapshots and their publication
//! * the ground: all other modules

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod backoff;
pub mod clock;
pub mod config;
pub mod defect;
pub mod duration;
pub mod endpoint;
pub mod epoch;
pub mod error;
pub mod host;
pub mod layers;
pub mod notice;
pub mod range;
pub mod registration;
pub mod releasable;
pub mod secret;
pub mod session;
pub mod sockets;
pub mod store;
pub mod sync;
pub mod transport;
