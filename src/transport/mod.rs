//! Connections to etcd: choosing an endpoint, connecting, TLS, logging in, and explaining failures.
//!
//! etcd-client's own balancer picks at random and keeps sending to dead members, and its `connect` can hang. So this
//! room picks the endpoint itself and makes one channel per endpoint.

mod addresses;
mod certificate;
mod connect;
mod connect_error;
mod dial;
mod discovery;
mod dns;
mod endpoints;
mod explain;
#[cfg(test)]
mod fake_dns;
mod flow;
mod handshake;
mod handshake_details;
mod hosts;
mod link;
mod login;
mod login_state;
mod members;
mod name_servers;
mod pem;
mod proxy_aware_channel;
mod race;
mod recorded_stream;
mod refusal;
mod resolve;
#[cfg(test)]
pub(crate) mod simulated;
mod tls;
mod token;
mod tracked;
mod trust;
mod version;

pub use dial::{Connection, dial};
pub use discovery::choose;
pub use endpoints::Endpoints;
pub use explain::{NO_LEADER, is_refusal, needs_login};
pub use flow::FlowReader;
pub use link::{CallError, Link};
pub use login::Login;
pub use members::follow_members;
pub use refusal::explain;
pub use tls::{check_files, check_pair};
pub use version::Version;

/// The largest message that is accepted, in bytes.
///
/// tonic's default of 4 MiB is less than etcd sends in one message. Content above this limit is requested in parts.
pub const MAX_MESSAGE: usize = 64 << 20;
