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
        // The parent's, in a forked child.
        self.host_problem.store(None);
        if let Some(host_copy) = &self.settings.host_copy {
            let alone = following.clone();
            let begin = Arc::new(move || JoinSet::from_iter([alone.clone().run()]));
            let (sinks, memory, problem) = (&following.sinks, &self.host_memory, &self.host_problem);
            match take_part(&self.settings, host_copy, sinks, memory, problem, wanted, begin) {
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

    /// Why this process follows etcd by itself, or leads and cannot publish; `None` if it shares its host's copy, or was not
    /// asked to.
    #[must_use]
    pub fn host_problem(&self) -> Option<Arc<Error>> {
        self.host_problem.load_full()
    }
}
