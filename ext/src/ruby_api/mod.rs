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
mod subscription_index;
mod typed_text;
mod waker;

use magnus::{Error, Ruby, TypedData};

/// Defines the classes and their methods.
pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    waker::init(ruby)?;
    subscription_index::init(ruby)?;
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
    entry_points::init(ruby)?;
    look_up_classes(ruby);
    Ok(())
}

/// Looks up each class once, on the one thread that loads the library.
///
/// magnus looks a class up at its first use, and holds a lock meanwhile. Ruby may switch threads in the middle, when a
/// debugger or a profiler traces calls. The other thread would wait for the lock with the GVL, and both forever.
fn look_up_classes(ruby: &Ruby) {
    waker::Waker::class(ruby);
    subscription_index::SubscriptionIndex::class(ruby);
    client::Client::class(ruby);
    snapshot::Snapshot::class(ruby);
    registration::Registration::class(ruby);
}
