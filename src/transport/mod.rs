//! Connections to etcd: which endpoint, how to reach it, how to trust it, and what a failure means.
//!
//! etcd-client's own balancer picks at random and goes on sending to dead members, and its `connect` can
//! hang. So the channels are made here, one endpoint each, and the endpoint is picked here.

mod addresses;
mod careful;
mod certificate;
mod dial;
mod discovery;
mod dns;
mod endpoints;
mod explain;
#[cfg(test)]
mod fake_dns;
mod first_contact;
mod flow;
mod handshake;
mod hosts;
mod link;
mod login;
mod login_state;
mod members;
mod name_servers;
mod pem;
mod race;
mod reach;
mod refusal;
mod resolve;
#[cfg(test)]
pub(crate) mod simulated;
mod tls;
mod token;
mod tracked;
mod trust;
mod witness;

pub use dial::{Connection, dial};
pub use discovery::choose;
pub use endpoints::Endpoints;
pub use explain::{NO_LEADER, explain, is_refusal, wants_login};
pub use flow::FlowReader;
pub use link::{CallError, Link};
pub use login::Login;
pub use members::follow_members;
pub use tls::{check_files, check_pair};
