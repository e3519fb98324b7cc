//! One process's part: its thread, its clients, and what a fork does to them.

mod client;
mod descriptors;
mod fork;
mod gate;
mod pending;
mod registrar;
mod runtime;

pub use client::Client;
pub use fork::{in_child, in_parent, prepare};
pub use pending::Pending;
pub use registrar::Registration;
pub use runtime::{Session, on_thread_start};
