//! Carries out what the machine decides: the lock, the sockets and the page.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use etcd_discovery_shelf::{Control, Error as ShelfError, Shelf, Snapshot};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::engine::Engine;
use super::event::{Effect, Event, Role};
use super::leading::Leading;
use super::link::{Link, accept, receive};
use super::machine::{Machine, Rules};
use super::meeting::Meeting;
use super::remembered::Remembered;
use super::standing::Standing;
use super::trouble::Troubles;
use crate::clock::{self, Instant};
use crate::store::confirmed_at;

mod reading;

/// How often the leader shows life, and the others look.
const LOOK: Duration = Duration::from_millis(500);
/// The phase in the page: whether the leader can publish. Above it lies the engine's state.
const WORKING: u32 = 1;
const FAILED: u32 = 2;
const HEALTH_BITS: u32 = 2;

/// The state of the leader's engine, as its page shows it.
#[must_use]
pub fn state_of(control: &Control) -> u32 {
    control.phase() >> HEALTH_BITS
}

/// Writes to the page whether this leader can publish, and how its engine is.
fn show(engine: &impl Engine, control: &Control, health: u32) {
    // First: the phase wakes followers, which then read the text that belongs to it.
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
    meeting: Meeting,
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
    troubles: Troubles,
    inbox: VecDeque<Event>,
    role: watch::Sender<Role>,
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
        meeting: Meeting,
        capacity: usize,
        rules: Rules,
        role: watch::Sender<Role>,
    ) -> Self {
        Self {
            machine: Machine::new(rules),
            engine,
            meeting,
            capacity,
            shelf: None,
            remembered: Arc::default(),
            link: None,
            leading: None,
            missing: false,
            troubles: Troubles::default(),
            inbox: VecDeque::new(),
            role,
        }
    }

    /// Begins with what this process follows already: a forked child inherits the shared memory of its parent.
    #[must_use]
    pub fn knowing(mut self, followed: Option<Arc<Shelf>>) -> Self {
        self.shelf = followed;
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
            match event {
                Some(event) => self.handle(event).await,
                None => self.tell(),
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
            received = receive(link.as_ref()) => Wakeup::Received(received),
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
        self.tell();
    }

    /// Says what this process is by now, and what keeps it from more.
    fn tell(&mut self) {
        let role = self.machine.role();
        // First: a thread that sees the new role finds the reason that belongs to it.
        if self.troubles.update(role) {
            self.engine.in_trouble(role, self.troubles.said());
        }
        if self.role.send_replace(role) != role {
            self.engine.became(role);
        }
    }

    async fn execute(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::TryLock => return Some(self.try_lock()),
            Effect::Attach => return self.attach().await,
            Effect::Detach => self.link = None,
            Effect::Lead => return Some(self.lead()),
            Effect::Resign => self.resign(),
            Effect::RunEngine => {
                let taken_over =
                    self.leading.as_ref().and_then(|leading| leading.writer.snapshot().ok().flatten());
                if self.shelf.is_none() {
                    // Of the parent. A leader sends its present segment again.
                    self.remembered.let_go();
                }
                self.engine.run(taken_over);
            }
            Effect::Follow => {
                if let Some(shared) = &self.shelf {
                    self.engine.follow(shared);
                }
            }
            Effect::Publish => return self.publish(),
            Effect::DeclareFailure => {
                if let Some(shared) = &self.shelf {
                    shared.control().set_phase(FAILED);
                }
            }
            Effect::Rest => self.engine.rest(),
        }
        None
    }

    // ---- meeting others ----

    fn try_lock(&mut self) -> Event {
        let got = self.meeting.try_lock();
        // A child that has become another user must not lead where processes of its parent's user do.
        self.shelf.take_if(|known| !self.meeting.is_for(known));
        self.troubles.set_own(got.as_ref().err().map(ToString::to_string));
        match got {
            Ok(true) => Event::LockGot,
            Ok(false) => Event::LockBusy,
            // Where the folder is of no use, every process helps itself.
            Err(_) => Event::LockFailed,
        }
    }

    async fn attach(&mut self) -> Option<Event> {
        let socket = &self.meeting.folder()?.socket;
        match Link::to(socket).await {
            Ok(link) => {
                let silent = format!(
                    "{}, which leads, does not answer: is it stopped, or out of descriptors (ulimit -n)?",
                    link.leader
                );
                self.troubles.set_leaders(Some(silent));
                self.link = Some(link);
                None
            }
            Err(error) => {
                let message =
                    format!("the process that leads is not reached at {}: {error}", socket.display());
                self.troubles.set_leaders(Some(message));
                Some(Event::Lost)
            }
        }
    }

    /// Makes the machine stop, and start again with the returned event.
    fn restart(&mut self) -> Event {
        self.inbox.push_back(Event::Stop);
        Event::Start
    }

    // ---- leading ----

    fn publish(&mut self) -> Option<Event> {
        // Or two would publish.
        if self.leading.is_some() && !self.meeting.leads() {
            return Some(self.restart());
        }
        let leading = self.leading.as_mut()?;
        let published = self.engine.publish(&mut leading.writer);
        let health = if published.is_ok() { WORKING } else { FAILED };
        show(&self.engine, leading.writer.shelf().control(), health);
        Some(self.published(published.map(|()| Event::Published)))
    }

    fn published(&mut self, published: etcd_discovery_shelf::Result<Event>) -> Event {
        self.troubles.set_own(published.as_ref().err().map(ToString::to_string));
        published.unwrap_or(Event::PublishFailed)
    }

    fn lead(&mut self) -> Event {
        self.link = None;
        let began = match self.begin() {
            // The former leader's content cannot be read. This process begins without it, and all connect again.
            Err(ShelfError::Damaged | ShelfError::UnknownSegment(_) | ShelfError::Unsorted) => {
                self.shelf = None;
                self.begin()
            }
            began => began,
        };
        let leading = match began {
            Ok(leading) => leading,
            Err(error) => return self.published(Err(error)),
        };
        let published = leading.writer.snapshot().ok().flatten();
        let published = published.map(|snapshot| standing(leading.writer.shelf(), &snapshot));
        show(&self.engine, leading.writer.shelf().control(), WORKING);
        self.leading = Some(leading);
        Event::Leading(published)
    }

    fn begin(&mut self) -> etcd_discovery_shelf::Result<Leading> {
        let (Some(number), Some(folder)) = (self.meeting.number(), self.meeting.folder()) else {
            return Err(ShelfError::Refused("this process has not met others yet"));
        };
        let shared = match &self.shelf {
            Some(known) => Arc::clone(known),
            None => Shelf::create(number)?,
        };
        self.remembered.put(&shared);
        self.shelf = Some(Arc::clone(&shared));
        Leading::begin(&shared, folder, self.capacity)
    }

    fn resign(&mut self) {
        // The socket's file stays: by now it may be a successor's, who replaces it in any case.
        self.leading = None;
        self.meeting.release();
    }

    /// Looks at the page; as the leader, also shows life there.
    fn look(&mut self) -> Option<Event> {
        if let Some(leading) = &mut self.leading {
            let control = leading.writer.shelf().control();
            control.beat();
            if works(control) || leading.lacks_descriptors {
                // The others can connect to etcd where this process cannot.
                leading.lacks_descriptors = !self.engine.is_following() && !can_open(control);
                let health = if leading.lacks_descriptors { FAILED } else { WORKING };
                show(&self.engine, control, health);
                let message = || "no descriptor is left to connect to etcd again (ulimit -n)".into();
                self.troubles.set_own(leading.lacks_descriptors.then(message));
            }
            // It can only fail in a forked child, which has no driver. What fails in there is tried again.
            let _ = leading.writer.maintain();
            leading.look_after();
            // Without the lock others may lead by now. Without the socket's file no one finds here.
            let goes_on = self.meeting.leads() && leading.is_reachable();
            return if goes_on { None } else { Some(self.restart()) };
        }
        self.look_at_leader()
    }
}

fn standing(shelf: &Shelf, snapshot: &Snapshot) -> Standing {
    let at = snapshot.at();
    Standing { cluster_id: at.cluster_id, revision: at.revision, confirmed_at: confirmed_at(shelf) }
}
