//! Where a process meets those that share its copy. It depends on the process's user, who may change while it runs.

use std::io;
use std::sync::Arc;

use etcd_discovery_shelf::{FORMAT, Shelf};

use super::folder::Folder;
use super::identity::{Identity, Surroundings};
use super::lock::Lock;
use crate::config::{HostCopy, Settings};

/// The folder and the lock of one process.
pub struct Meeting {
    settings: Arc<Settings>,
    host_copy: HostCopy,
    /// The fingerprint of this process, and the user that it was computed for.
    known: Option<(u32, Identity)>,
    place: Option<Place>,
}

struct Place {
    folder: Folder,
    lock: Lock,
}

impl Meeting {
    /// Nothing is looked at before the first attempt to get the lock.
    #[must_use]
    pub const fn new(settings: Arc<Settings>, host_copy: HostCopy) -> Self {
        Self { settings, host_copy, known: None, place: None }
    }

    /// Whether this process holds the lock now. Does not wait.
    ///
    /// # Errors
    /// If the folder or the lock's file cannot be used. A later attempt may succeed.
    pub(super) fn try_lock(&mut self) -> io::Result<bool> {
        let (user, identity) = self.present();
        if let Some(place) = &self.place {
            place.folder.ensure()?;
        } else {
            let folder = Folder::open(&self.host_copy.folder(user), identity)?;
            self.place = Some(Place { lock: Lock::new(&folder.lock), folder });
        }
        let Some(place) = &mut self.place else { return Ok(false) };
        place.lock.try_get().map_err(|error| {
            io::Error::new(error.kind(), format!("cannot lock {}: {error}", place.folder.lock.display()))
        })
    }

    /// The user and the fingerprint of this process now. Forgets the place where it met others as another user.
    fn present(&mut self) -> (u32, Identity) {
        if self.has_other_user() {
            (self.known, self.place) = (None, None);
        }
        *self.known.get_or_insert_with(|| {
            let here = Surroundings::here(FORMAT);
            (here.user, Identity::of(&self.settings, &here))
        })
    }

    fn has_other_user(&self) -> bool {
        self.known.is_some_and(|(user, _)| user != rustix::process::geteuid().as_raw())
    }

    /// Whether this process still holds the lock that decides, as the user that it met others as.
    ///
    /// Programs that tidy temporary folders remove the lock's file, and then others may lead. A process that changed its
    /// user refuses all others, and they refuse it.
    pub(super) fn leads(&self) -> bool {
        !self.has_other_user() && self.place.as_ref().is_some_and(|place| place.lock.is_held())
    }

    /// Whether this process still has the user that it met others as.
    pub(super) fn belongs(&self) -> bool {
        !self.has_other_user()
    }

    /// Lets others have the lock.
    pub(super) fn release(&mut self) {
        if let Some(place) = &mut self.place {
            place.lock.release();
        }
    }

    /// Whether `known` is the shelf of the processes that this one meets.
    ///
    /// A child may have changed its user or its network since the fork. The shelf that it inherited then belongs to other
    /// processes, one of which writes there.
    pub(super) fn is_for(&self, known: &Shelf) -> bool {
        self.known.is_some_and(|(_, identity)| known.control().is_for(identity.number()))
    }

    /// The number that shared memory carries; `None` before the first attempt to get the lock.
    pub(super) fn number(&self) -> Option<u128> {
        self.known.map(|(_, identity)| identity.number())
    }

    pub(super) fn folder(&self) -> Option<&Folder> {
        self.place.as_ref().map(|place| &place.folder)
    }
}
