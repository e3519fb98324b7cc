//! Whether a client follows etcd by itself, or shares one copy with the other processes of its host.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client::Client;
use super::following::Following;
use super::hosting::{Hosting, take_part};
use super::runtime::Session;
use super::supervise::until_dropped;
use crate::error::Error;
use crate::host::Role;
use crate::notice::Notice;
use crate::store::Followed;

impl Client {
    /// Starts what keeps the copy. Returns this process's part in following etcd once per host, if it takes part.
    pub(super) fn keep_copy(
        &self,
        session: &Session,
        following: Following,
        wanted: watch::Receiver<bool>,
    ) -> Option<Hosting> {
        if self.settings.ranges.is_empty() {
            // Without a watch there is no connection to ask through, and perhaps no permission to ask.
            if let Some(members) = following.members() {
                session.spawn(until_dropped(wanted, members));
            }
            return None;
        }
        if let Some(folder) = &self.settings.host_copy {
            let alone = following.clone();
            let begin = Arc::new(move || JoinSet::from_iter([alone.clone().run()]));
            match take_part(&self.settings, folder, &following.sinks, &self.host_memory, wanted, begin) {
                Ok((hosting, task)) => {
                    session.spawn(task);
                    return Some(hosting);
                }
                Err(error) => {
                    self.host_memory.forget();
                    following.sinks.notices.notify(Notice::CacheFailed { error: error.clone() });
                    self.host_problem.store(Some(Arc::new(error)));
                }
            }
        }
        session.spawn(following.run());
        None
    }

    /// What this process does for its host, and which process leads; `None` if each follows etcd by itself.
    #[must_use]
    pub fn host_role(&self) -> Option<(Role, Option<u32>)> {
        let attached = self.attached.get()?;
        let role = attached.hosting.as_ref()?.role();
        let leader = match role {
            Role::Leader => Some(std::process::id()),
            _ => self.publication.load().followed().map(Followed::leader),
        };
        Some((role, leader))
    }

    /// Why this process cannot take part in following etcd once per host; `None` if it can, or does not want to.
    #[must_use]
    pub fn host_problem(&self) -> Option<Arc<Error>> {
        self.host_problem.load_full()
    }
}
