//! Carries out what the machine decides: the lock, the sockets and the page.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use etcd_discovery_shelf::{Control, Error as ShelfError, Shelf, Snapshot, handover, now};
use tokio::io::Interest;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::engine::Engine;
use super::event::{Effect, Event, Page, Role};
use super::folder::Folder;
use super::identity::Identity;
use super::leading::{Leading, MESSAGE, WELCOME};
use super::lock::Lock;
use super::machine::{Machine, Rules};
use super::remembered::Remembered;
use super::standing::Standing;
use crate::clock::{self, Instant};
use crate::sockets::{self, Registered};
use crate::store::confirmed_at;

/// How often the leader shows life, and the others look.
const LOOK: Duration = Duration::from_millis(500);
/// How long to accept no one after that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The phase in the page: whether the leader can publish. Above it lies the engine's state.
const WORKING: u32 = 1;
const FAILED: u32 = 2;
const HEALTH_BITS: u32 = 2;

/// The state of the leader's engine, as its page shows it.
#[must_use]
pub fn state_of(control: &Control) -> u32 {
    control.phase() >> HEALTH_BITS
}

/// Shows others how this leader is.
fn show(engine: &impl Engine, control: &Control, health: u32) {
    // First: those whom the phase wakes find the text that belongs to it.
    control.set_text(&engine.problem());
    control.set_phase(health | engine.state() << HEALTH_BITS);
}

fn works(control: &Control) -> bool {
    control.phase() & ((1 << HEALTH_BITS) - 1) == WORKING
}

/// Whether this process may have one more descriptor.
fn can_open(control: &Control) -> bool {
    control.bell().try_clone().is_ok()
}

/// One process's part in the election.
pub struct Driver<E> {
    machine: Machine,
    engine: E,
    identity: Identity,
    folder: Folder,
    lock: Lock,
    /// The largest size of a segment.
    capacity: usize,
    shelf: Option<Arc<Shelf>>,
    /// The same, or what the parent of a forked child knew.
    remembered: Arc<Remembered>,
    /// To the leader.
    link: Option<Link>,
    leading: Option<Leading>,
    /// Whether the page's content was in a segment that had not come when it was last looked at.
    missing: bool,
    inbox: VecDeque<Event>,
    role: watch::Sender<Role>,
}

/// The connection to the leader.
struct Link {
    // Declared before the stream: it leaves the table before its descriptor is closed.
    _registered: Registered,
    stream: UnixStream,
}

enum Wakeup {
    Wanted(bool),
    Dropped,
    Deadline,
    Look,
    Received(io::Result<(Vec<u8>, Vec<OwnedFd>)>),
    Connected(io::Result<UnixStream>),
    Ready(Standing),
}

impl<E: Engine> Driver<E> {
    /// A driver that has not begun. It shows the process's role in `role`.
    #[must_use]
    pub fn new(
        engine: E,
        identity: Identity,
        folder: Folder,
        capacity: usize,
        rules: Rules,
        role: watch::Sender<Role>,
    ) -> Self {
        Self {
            machine: Machine::new(rules),
            engine,
            identity,
            lock: Lock::new(&folder.lock),
            folder,
            capacity,
            shelf: None,
            remembered: Arc::default(),
            link: None,
            leading: None,
            missing: false,
            inbox: VecDeque::new(),
            role,
        }
    }

    /// Begins with what this process follows already: a forked child inherits the shared memory of its parent.
    #[must_use]
    pub fn knowing(mut self, followed: Option<Arc<Shelf>>) -> Self {
        // A child that has become another user must not lead where processes of its parent's user do.
        self.shelf = followed.filter(|shelf| shelf.control().is_for(self.identity.number()));
        self
    }

    /// Keeps what it knows in `remembered`, and goes on with what is there if a leader sends the same.
    #[must_use]
    pub fn remembering(mut self, remembered: Arc<Remembered>) -> Self {
        self.remembered = remembered;
        self
    }

    /// Runs while `wanted` is true, until its sender is dropped.
    pub async fn run(mut self, mut wanted: watch::Receiver<bool>) {
        wanted.mark_changed();
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let event = match self.next(&mut wanted, &mut looks).await {
                Wakeup::Wanted(true) => Some(Event::Start),
                Wakeup::Wanted(false) => Some(Event::Stop),
                Wakeup::Dropped => {
                    self.handle(Event::Stop).await;
                    return;
                }
                Wakeup::Deadline => Some(Event::Tick),
                Wakeup::Look => self.look(),
                Wakeup::Received(received) => Some(self.received(received)),
                Wakeup::Connected(stream) => {
                    if let (Ok(stream), Some(leading)) = (stream, &self.leading) {
                        leading.welcome(stream);
                    }
                    None
                }
                Wakeup::Ready(content) => Some(Event::EngineReady(content)),
            };
            if let Some(event) = event {
                self.handle(event).await;
            }
        }
    }

    async fn next(&mut self, wanted: &mut watch::Receiver<bool>, looks: &mut Interval) -> Wakeup {
        let Self { machine, engine, link, leading, .. } = self;
        tokio::select! {
            changed = wanted.changed() => match changed {
                Ok(()) => Wakeup::Wanted(*wanted.borrow_and_update()),
                Err(_) => Wakeup::Dropped,
            },
            received = receive(link.as_ref().map(|link| &link.stream)) => Wakeup::Received(received),
            stream = accept(leading.as_ref().map(|leading| &leading.listener)) => Wakeup::Connected(stream),
            content = engine.ready() => Wakeup::Ready(content),
            () = clock::sleep_until(machine.deadline()) => Wakeup::Deadline,
            _ = looks.tick() => Wakeup::Look,
        }
    }

    async fn handle(&mut self, event: Event) {
        self.inbox.push_back(event);
        while let Some(event) = self.inbox.pop_front() {
            for effect in self.machine.step(Instant::now(), self.engine.shown(), event) {
                if let Some(answer) = self.execute(effect).await {
                    self.inbox.push_back(answer);
                }
            }
            // The page is looked at as soon as there is one.
            if event == Event::Attached {
                let looked = self.look();
                self.inbox.extend(looked);
            }
        }
        let role = self.machine.role();
        if self.role.send_replace(role) != role {
            self.engine.became(role);
        }
    }

    async fn execute(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            // Where the folder is of no use, every process helps itself.
            Effect::TryLock => match self.folder.ensure().and_then(|()| self.lock.try_get()) {
                Ok(true) => return Some(Event::LockGot),
                Ok(false) | Err(_) => return Some(Event::LockBusy),
            },
            Effect::Attach => match UnixStream::connect(&self.folder.socket).await {
                Ok(stream) => self.link = Some(Link { _registered: sockets::register(&stream), stream }),
                Err(_) => return Some(Event::Lost),
            },
            Effect::Detach => self.link = None,
            Effect::Lead => return Some(self.lead()),
            Effect::Resign => self.resign(),
            Effect::RunEngine => {
                let taken_over =
                    self.leading.as_ref().and_then(|leading| leading.writer.snapshot().ok().flatten());
                self.engine.run(taken_over);
            }
            Effect::Follow => {
                if let Some(shared) = &self.shelf {
                    self.engine.follow(shared);
                }
            }
            Effect::Publish => {
                let leading = self.leading.as_mut()?;
                let published = self.engine.publish(&mut leading.writer);
                let health = if published.is_ok() { WORKING } else { FAILED };
                show(&self.engine, leading.writer.shelf().control(), health);
                return Some(if published.is_ok() { Event::Published } else { Event::PublishFailed });
            }
            Effect::DeclareFailure => {
                if let Some(shared) = &self.shelf {
                    shared.control().set_phase(FAILED);
                }
            }
            Effect::Rest => self.engine.rest(),
        }
        None
    }

    // ---- leading ----

    fn lead(&mut self) -> Event {
        self.link = None;
        let began = match self.begin() {
            // What the former leader left cannot be read. No one reads it any further, and all connect again.
            Err(ShelfError::Damaged | ShelfError::UnknownSegment(_) | ShelfError::Unsorted) => {
                self.shelf = None;
                self.begin()
            }
            began => began,
        };
        let Ok(leading) = began else { return Event::PublishFailed };
        let published = leading.writer.snapshot().ok().flatten();
        let published = published.map(|snapshot| standing(leading.writer.shelf(), &snapshot));
        show(&self.engine, leading.writer.shelf().control(), WORKING);
        self.leading = Some(leading);
        Event::Leading(published)
    }

    fn begin(&mut self) -> etcd_discovery_shelf::Result<Leading> {
        let shared = match &self.shelf {
            Some(known) => Arc::clone(known),
            None => Shelf::create(self.identity.number())?,
        };
        self.remembered.put(&shared);
        self.shelf = Some(Arc::clone(&shared));
        Leading::begin(&shared, &self.folder, self.capacity)
    }

    fn resign(&mut self) {
        // The socket's file stays: by now it may be a successor's, who replaces it in any case.
        self.leading = None;
        self.lock.release();
    }

    // ---- reading ----

    fn look(&mut self) -> Option<Event> {
        if let Some(leading) = &mut self.leading {
            let control = leading.writer.shelf().control();
            control.beat();
            if works(control) || leading.lacks_descriptors {
                // The others can connect to etcd where this process cannot.
                leading.lacks_descriptors = !self.engine.is_following() && !can_open(control);
                let health = if leading.lacks_descriptors { FAILED } else { WORKING };
                show(&self.engine, control, health);
            }
            // It can only fail in a forked child, which has no driver. What fails in there is tried again.
            let _ = leading.writer.maintain();
            leading.look_after();
            if self.lock.is_current() && leading.is_reachable() {
                return None;
            }
            // Someone has removed the lock's file, and others may lead by now, or the socket's, and no one finds here.
            self.inbox.push_back(Event::Stop);
            return Some(Event::Start);
        }
        let shared = self.shelf.as_ref().filter(|_| self.link.is_some())?;
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
        let age = now().saturating_sub(control.beat_at());
        Some(Event::Looked(Page { age, working: works(control), content }))
    }

    fn received(&mut self, received: io::Result<(Vec<u8>, Vec<OwnedFd>)>) -> Event {
        match received {
            Ok((message, files)) if !message.is_empty() => {
                self.take_in(&message, files).unwrap_or(Event::Refused)
            }
            _ => {
                self.link = None;
                Event::Lost
            }
        }
    }

    fn take_in(&mut self, message: &[u8], files: Vec<OwnedFd>) -> etcd_discovery_shelf::Result<Event> {
        let refused = Err(ShelfError::Refused("the leader speaks another language"));
        let mut files = files.into_iter();
        if message == WELCOME {
            let (Some(page), Some(bell), Some(segment)) = (files.next(), files.next(), files.next()) else {
                return refused;
            };
            let known = [self.shelf.take(), self.remembered.get()];
            let shared = match known.into_iter().flatten().find(|known| known.is_in(&page)) {
                // The same as before: readers go on without noticing anything.
                Some(known) => known,
                None => Shelf::attach([page, bell], self.identity.number())?,
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

fn standing(shelf: &Shelf, snapshot: &Snapshot) -> Standing {
    let at = snapshot.at();
    Standing { cluster_id: at.cluster_id, revision: at.revision, confirmed_at: confirmed_at(shelf) }
}

async fn receive(link: Option<&UnixStream>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let Some(link) = link else { return std::future::pending().await };
    let read = || {
        let mut message = [0; MESSAGE];
        let (len, files) = handover::receive(link, &mut message)?;
        Ok((message.get(..len).unwrap_or_default().to_vec(), files))
    };
    link.async_io(Interest::READABLE, read).await
}

async fn accept(listener: Option<&UnixListener>) -> io::Result<UnixStream> {
    let Some(listener) = listener else { return std::future::pending().await };
    match listener.accept().await {
        Ok((stream, _)) => Ok(stream),
        Err(error) => {
            // Without descriptors, for example, it would fail again at once.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            Err(error)
        }
    }
}
