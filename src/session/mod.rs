//! One process's part: its thread, its clients, and what a fork does to them.

mod announced;
mod announcement;
mod answer;
#[cfg(target_os = "linux")]
mod bell;
mod cache_writer;
mod client;
mod descriptors;
mod follow;
mod following;
mod fork;
mod gate;
mod history;
#[cfg(target_os = "linux")]
mod hosting;
#[cfg(not(target_os = "linux"))]
#[path = "hosting_elsewhere.rs"]
mod hosting;
#[cfg(target_os = "linux")]
mod leader_report;
mod leases;
mod notices;
mod offline;
mod past_watch;
mod pending;
mod reading;
mod registrar;
mod requests;
mod roll_call;
mod runtime;
mod sharing;
mod supervise;
mod txn;

pub use client::Client;
pub use fork::{in_child, in_parent, prepare};
pub use notices::{Batch, CAPACITY, Feed};
pub use offline::Offline;
pub use pending::Pending;
pub use reading::{Found, Query, Reading};
pub use registrar::Registration;
pub use runtime::{Session, on_thread_start};
