//! The side of a driver that reads: what comes over the connection to the leader, and what the page shows.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use etcd_discovery_shelf::{Error as ShelfError, Result, Shelf, now};

use super::super::engine::Engine;
use super::super::event::{Event, Page};
use super::super::leading::{FULL, WELCOME};
use super::{Driver, standing, works};

/// The reason for a doubt mentions a beat that is older.
const QUIET: Duration = Duration::from_secs(1);

impl<E: Engine> Driver<E> {
    /// Looks at the page of the leader that this process is attached to.
    pub(super) fn look_at_leader(&mut self) -> Option<Event> {
        let shared = self.shelf.as_ref().filter(|_| self.link.is_some())?;
        if !self.meeting.belongs() {
            return Some(self.restart());
        }
        self.engine.look();
        let control = shared.control();
        // Also lets go of former segments, where no one reads.
        let content = match shared.snapshot() {
            Ok(snapshot) => snapshot.map(|snapshot| standing(shared, &snapshot)),
            Err(ShelfError::UnknownSegment(_)) => None,
            Err(_) => return Some(Event::Refused),
        };
        let is_missing = content.is_none() && control.root() != 0;
        if std::mem::replace(&mut self.missing, is_missing) && is_missing {
            // The segment should have come long ago. Someone else leads by now, and this connection leads to a dead
            // leader: a process that was forked from it holds it open.
            self.link = None;
            return Some(Event::Lost);
        }
        let (age, working) = (now().saturating_sub(control.beat_at()), works(control));
        self.troubles.set_leaders(Some(doubt(control.writer(), working, age)));
        Some(Event::Looked(Page { age, working, content }))
    }

    pub(super) fn received(&mut self, received: io::Result<(Vec<u8>, Vec<OwnedFd>)>) -> Event {
        match received {
            Ok((message, files)) if !message.is_empty() => {
                self.take_in(&message, files).unwrap_or_else(|error| {
                    self.troubles.set_own(Some(error.to_string()));
                    Event::Refused
                })
            }
            _ => {
                self.link = None;
                Event::Lost
            }
        }
    }

    fn take_in(&mut self, message: &[u8], files: Vec<OwnedFd>) -> Result<Event> {
        let refused = Err(ShelfError::Refused("the leader speaks another language"));
        let mut files = files.into_iter();
        if message == FULL {
            let leader = self.link.as_ref().map_or("the process", |link| &link.leader);
            let message = format!("{leader}, which leads, needs its last descriptors for itself (ulimit -n)");
            self.troubles.set_leaders(Some(message));
            return Ok(Event::Refused);
        }
        if message == WELCOME {
            let Some(number) = self.meeting.number() else { return refused };
            let (Some(page), Some(bell), Some(segment)) = (files.next(), files.next(), files.next()) else {
                return refused;
            };
            let known = [self.shelf.take(), self.remembered.get()];
            let shared = match known.into_iter().flatten().find(|known| known.is_in(&page)) {
                // The same as before: readers go on without noticing anything.
                Some(known) => known,
                None => Shelf::attach([page, bell], number)?,
            };
            shared.add_segment(&segment)?;
            self.remembered.put(&shared);
            self.shelf = Some(shared);
            self.missing = false;
            return Ok(Event::Attached);
        }
        let (Some(shared), Some(segment)) = (&self.shelf, files.next()) else { return refused };
        shared.add_segment(&segment)?;
        Ok(Event::Tick)
    }
}

/// Why a process that has looked at the page of `leader` does not rely on it.
fn doubt(leader: u32, working: bool, age: Duration) -> String {
    let why = if !working {
        "cannot publish, or cannot connect to etcd; its status.host_copy_error says why"
    } else if age > QUIET {
        "shows no sign of life: is it stopped?"
    } else {
        "is behind what this process has read"
    };
    format!("process {leader}, which leads, {why}")
}
