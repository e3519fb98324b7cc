//! What one process needs to follow etcd by itself.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::cache_writer::{CacheWriter, Disk, keep};
use super::follow::follow;
use super::supervise::supervise;
use crate::config::Settings;
use crate::sync::Sinks;
use crate::transport::{Endpoints, Link, follow_members};

/// Follows etcd for one client in one process: the driver, the copy on disk and the list of members.
#[derive(Clone)]
pub(super) struct Following {
    pub(super) settings: Arc<Settings>,
    pub(super) endpoints: Arc<Endpoints>,
    pub(super) link: Arc<Link>,
    pub(super) sinks: Sinks,
    pub(super) wanted: watch::Receiver<bool>,
    pub(super) disk: Option<Arc<Disk>>,
}

/// Closes the connection for requests when nothing follows etcd here any more, however that ends: the election of the host
/// ends it in the middle. A later request opens another one.
struct Closing(Arc<Link>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Following {
    /// Runs until the client is dropped.
    pub(super) async fn run(self) {
        let mut helpers = JoinSet::new();
        if let Some(members) = self.members() {
            helpers.spawn(members);
        }
        let Self { settings, endpoints, link, sinks, wanted, disk } = self;
        let _closing = Closing(Arc::clone(&link));
        let writer = disk.map(|disk| CacheWriter::new(disk, settings.ranges.clone(), sinks.clone()));
        let cached = keep(writer, &mut helpers).await;
        follow(settings, endpoints, link, sinks, wanted, cached).await;
    }

    /// Keeps the list of members, if that is wanted. If DNS names them, the list adds nothing.
    pub(super) fn members(&self) -> Option<impl Future<Output = ()> + Send + use<>> {
        let (settings, link, endpoints) =
            (Arc::clone(&self.settings), Arc::clone(&self.link), Arc::clone(&self.endpoints));
        let wanted = self.wanted.clone();
        (settings.member_sync && settings.discovery.is_none()).then(|| {
            let cap = settings.timing.backoff_cap;
            let start = move |_| {
                let seeds = settings.endpoints.clone();
                follow_members(Arc::clone(&link), Arc::clone(&endpoints), seeds, wanted.clone())
            };
            supervise(cap, |_| (), start)
        })
    }
}
