//! Real processes that are killed at random moments. The oracle knows the content of every revision.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use etcd_discovery_shelf::{At, Audience, Error, Shelf, Writer, handover, now};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use support::{Alone, Child, Oracle, publish_next};

const CAPACITY: usize = 1 << 26;
const KILLS: usize = 200;

/// Sends each segment to the test's process.
struct ToParent(UnixStream);

impl Audience for ToParent {
    fn opened(&mut self, _: BorrowedFd<'_>) -> Box<dyn Send> {
        Box::new(())
    }

    fn announce(&mut self, segment: u32, file: BorrowedFd<'_>) {
        handover::send(&self.0, &segment.to_ne_bytes(), &[file]).unwrap();
    }
}

/// Takes in all segments that have arrived.
fn receive(shelf: &Shelf, socket: &UnixStream) {
    let mut number = [0; 4];
    loop {
        match handover::receive(socket, &mut number) {
            Ok((0, _)) => return,
            Ok((_, files)) => files.iter().for_each(|file| shelf.add_segment(file).unwrap()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => panic!("{error}"),
        }
    }
}

fn revision_of(shelf: &Shelf) -> i64 {
    shelf.snapshot().unwrap().map_or(0, |snapshot| snapshot.at().revision)
}

/// Takes over and publishes as fast as it can, until it is killed.
fn write_until_killed(shelf: &Arc<Shelf>, socket: UnixStream) {
    let mut writer = Writer::open(Arc::clone(shelf), CAPACITY, Box::new(ToParent(socket))).unwrap();
    for revision in revision_of(shelf) + 1.. {
        publish_next(&mut writer, revision);
        shelf.control().confirm(now());
        if fastrand::u8(..) < 8 {
            writer.start_compaction().unwrap();
        }
    }
}

/// Reads what there is, again and again, until it is killed.
fn read_until_killed(shelf: &Shelf, mut oracle: Oracle) {
    loop {
        match shelf.snapshot() {
            Ok(Some(snapshot)) => oracle.check(&snapshot),
            // A segment that this process does not get.
            Ok(None) | Err(Error::UnknownSegment(_)) => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn no_kill_of_the_writer_or_of_a_reader_leaves_a_torn_wrong_or_older_content() {
    let shelf = Shelf::create(1).unwrap();
    let mut oracle = Oracle::default();
    let (mut torn_off, mut lagging, mut in_segments) = (0, 0, Vec::new());
    for round in 0..KILLS {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        // Half of all kills come at any moment, also during the take-over, and half after it.
        let after = if round % 2 == 0 { 0 } else { shelf.control().root() };
        let writer = Child::fork(|| write_until_killed(&shelf, theirs.try_clone().unwrap()));
        drop(theirs);
        let reader = Child::fork(|| read_until_killed(&shelf, oracle.clone()));
        let mut until = now() + Duration::from_micros(fastrand::u64(0..40_000));
        while now() < until {
            receive(&shelf, &ours);
            match shelf.snapshot() {
                Ok(Some(snapshot)) => oracle.check(&snapshot),
                Ok(None) => {}
                Err(Error::UnknownSegment(_)) => lagging += 1,
                Err(error) => panic!("{error}"),
            }
            if shelf.control().root() >> 40 == after >> 40 {
                until = now() + Duration::from_micros(fastrand::u64(0..40_000));
            }
        }
        let order = fastrand::bool();
        let (first, second) = if order { (writer, reader) } else { (reader, writer) };
        assert_eq!([first.kill(), second.kill()], [-libc::SIGKILL; 2], "a process ended by itself");
        receive(&shelf, &ours);
        if let Some(snapshot) = shelf.snapshot().unwrap() {
            oracle.check(&snapshot);
            torn_off += usize::from(shelf.control().generation() < snapshot.generation());
            in_segments.push(shelf.control().root() >> 40);
        }
        assert!(shelf.pinned_segments() == 0, "nobody holds a snapshot");
    }
    in_segments.dedup();
    assert!(
        oracle.revision > i64::try_from(KILLS).unwrap(),
        "only {} revisions: hardly any load",
        oracle.revision
    );
    assert!(in_segments.len() > KILLS / 3, "{} take-overs", in_segments.len());
    println!(
        "{KILLS} kills, {} revisions, {} segments ended in, {torn_off} kills between root and generation, \
         {lagging} reads before the segment had come",
        oracle.revision,
        in_segments.len()
    );
}

#[test]
fn a_forked_child_reads_on_from_what_it_inherited_whatever_becomes_of_the_writer() {
    let shelf = Shelf::create(1).unwrap();
    let mut writer = Writer::open(Arc::clone(&shelf), CAPACITY, Box::new(Alone)).unwrap();
    for revision in 1..=500 {
        publish_next(&mut writer, revision);
    }
    let snapshot = shelf.snapshot().unwrap().unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let child = Child::fork(|| {
        // Sees what the parent publishes after the fork, where the segment is one that it has.
        handover::receive(&theirs, &mut [0]).unwrap();
        let mut oracle = Oracle::default();
        oracle.check(&snapshot);
        oracle.check(&shelf.snapshot().unwrap().unwrap());
        assert_eq!(oracle.revision, 501);
        handover::send(&theirs, b"1", &[]).unwrap();
        // Later the parent goes on in a segment that this process does not have.
        handover::receive(&theirs, &mut [0]).unwrap();
        Oracle::default().check(&snapshot);
        assert!(matches!(shelf.snapshot(), Err(Error::UnknownSegment(_))));
    });
    publish_next(&mut writer, 501);
    handover::send(&ours, b"1", &[]).unwrap();
    handover::receive(&ours, &mut [0]).unwrap();
    writer.start_compaction().unwrap();
    writer.finish_compaction().unwrap();
    publish_next(&mut writer, 502);
    drop((writer, snapshot));
    assert_eq!(revision_of(&shelf), 502);
    handover::send(&ours, b"1", &[]).unwrap();
    assert_eq!(child.wait(), 0);
}

#[test]
fn a_child_of_the_writer_cannot_write_and_does_no_harm_when_it_drops_the_writer() {
    let shelf = Shelf::create(1).unwrap();
    let mut writer = Writer::open(Arc::clone(&shelf), CAPACITY, Box::new(Alone)).unwrap();
    publish_next(&mut writer, 1);
    // Alive in the child, where the writer's mapping is none.
    let child = Child::fork(|| {
        // SAFETY: takes the child's own copy, which the child does not use otherwise.
        let mut inherited = unsafe { std::ptr::read(&raw const writer) };
        assert!(matches!(inherited.publish(&[], At::default()), Err(Error::Forked)));
        assert!(matches!(inherited.start_compaction(), Err(Error::Forked)));
        assert!(matches!(inherited.finish_compaction(), Err(Error::Forked)));
        Oracle::default().check(&inherited.snapshot().unwrap().unwrap());
        let before = shelf.snapshot().unwrap().unwrap();
        drop(inherited);
        let mut oracle = Oracle::default();
        oracle.check(&before);
        oracle.check(&shelf.snapshot().unwrap().unwrap());
    });
    assert_eq!(child.wait(), 0);
    publish_next(&mut writer, 2);
    assert_eq!(revision_of(&shelf), 2);
}

/// A stopped writer is no obstacle to those who read, nor to a successor once it is dead.
#[test]
fn a_stopped_writer_holds_up_no_reader() {
    let shelf = Shelf::create(1).unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let mut oracle = Oracle::default();
    let writer = Child::fork(|| write_until_killed(&shelf, theirs.try_clone().unwrap()));
    for _ in 0..20 {
        thread::sleep(Duration::from_micros(fastrand::u64(0..10_000)));
        writer.signal(libc::SIGSTOP);
        receive(&shelf, &ours);
        let snapshot = shelf.snapshot().unwrap();
        if let Some(snapshot) = &snapshot {
            oracle.check(snapshot);
        }
        writer.signal(libc::SIGCONT);
    }
    assert_eq!(writer.kill(), -libc::SIGKILL);
    receive(&shelf, &ours);
    let before = revision_of(&shelf);
    let mut writer = Writer::open(Arc::clone(&shelf), CAPACITY, Box::new(Alone)).unwrap();
    publish_next(&mut writer, before + 1);
    oracle.check(&shelf.snapshot().unwrap().unwrap());
}

#[test]
fn a_waiter_in_another_process_is_woken() {
    let shelf = Shelf::create(1).unwrap();
    let bell = shelf.control().bell();
    let waiter = Child::fork(|| {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        epoll::add(&epoll, bell, EventData::new_u64(0), EventFlags::IN | EventFlags::ET).unwrap();
        let (mut events, minute) = (Vec::with_capacity(1), Duration::from_secs(60).try_into().unwrap());
        assert_eq!(epoll::wait(&epoll, spare_capacity(&mut events), Some(&minute)).unwrap(), 1);
    });
    shelf.control().ring();
    assert_eq!(waiter.wait(), 0);
}

#[test]
fn a_process_with_other_settings_cannot_attach() {
    let shelf = Shelf::create(1).unwrap();
    let files = || shelf.control().files().map(|file| file.try_clone_to_owned().unwrap());
    assert!(Shelf::attach(files(), 1).is_ok());
    assert!(matches!(Shelf::attach(files(), 2), Err(Error::Refused(_))));
    let writer = Writer::open(shelf, CAPACITY, Box::new(Alone)).unwrap();
    let other = Shelf::create(1).unwrap();
    assert!(matches!(other.add_segment(&writer.segment().1.as_fd()), Err(Error::Refused(_))));
}
