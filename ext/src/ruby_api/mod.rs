//! What Ruby sees: one file for each class, and for each topic of a large one.
//!
//! `EtcdDiscovery::Client` is the object in [`client`]; its methods are in the files that begin with `client_`. The
//! reads, which the module, clients and snapshots have in common, are in [`entry_points`].

mod client;
mod client_events;
mod client_leases;
mod client_memory;
mod client_methods;
mod client_past_reads;
mod client_pins;
mod client_services;
mod client_transactions;
#[cfg(feature = "defects")]
mod defect;
mod entry_points;
mod registration;
mod snapshot;
mod snapshot_changes;
mod target_index;
mod typed_text;
mod waker;

use magnus::{Error, Ruby};

/// Defines the classes and their methods.
pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    waker::init(ruby)?;
    target_index::init(ruby)?;
    typed_text::init(ruby)?;
    client_methods::init(ruby)?;
    client_transactions::init(ruby)?;
    client_leases::init(ruby)?;
    client_past_reads::init(ruby)?;
    client_services::init(ruby)?;
    client_events::init(ruby)?;
    client_memory::init(ruby)?;
    snapshot::init(ruby)?;
    snapshot_changes::init(ruby)?;
    registration::init(ruby)?;
    #[cfg(feature = "defects")]
    defect::init(ruby)?;
    entry_points::init(ruby)
}
