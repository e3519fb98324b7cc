//! The real driver against an etcd inside the test: etcd's own gRPC services over a wire of memory, on a clock
//! that jumps to whatever is due next. For what a real etcd will not do on demand; the same on each run,
//! and an hour of quiet costs milliseconds.

mod content;
pub(crate) mod etcd;
pub(crate) mod follower;
mod large;
mod liveness;
mod proxied;
mod refusals;
mod services;
mod several;
mod strange_words;
mod suspension;
mod wire;
