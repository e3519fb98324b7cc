//! The core of the Ruby gem `etcd_discovery`: a live local copy of etcd ranges that survives faults and
//! `fork`. It knows etcd and fork, and knows nothing of Ruby.
//!
//! Floors, each importing only from those below it: [`session`] (one process's thread and clients),
//! [`registration`] (announce, keep alive) and [`sync`] (list, watch, recover), [`transport`] (connections),
//! [`store`] (snapshots and their publication), and the ground.

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
pub mod notice;
pub mod range;
pub mod registration;
pub mod secret;
pub mod session;
pub mod sockets;
pub mod store;
pub mod sync;
pub mod transport;
