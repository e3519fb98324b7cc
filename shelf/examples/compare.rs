//! Measures the shelf beside imbl's `OrdMap`, both in one run: look at the ratios, not at the times.
//!
//! ```sh
//! cargo run --release -p etcd_discovery_shelf --example compare
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement"
)]

use std::hint::black_box;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use etcd_discovery_shelf::{At, Audience, Change, Put, Shelf, Writer};
use imbl::OrdMap;
use rustix::time::ClockId;

const KEYS: usize = 100_000;
const VALUE: usize = 200;
const CAPACITY: usize = 1 << 30;
const ROUNDS: usize = 7;

struct Alone;

impl Audience for Alone {
    fn opened(&mut self, _: BorrowedFd<'_>) -> Box<dyn Send> {
        Box::new(())
    }

    fn announce(&mut self, _: u32, _: BorrowedFd<'_>) {}
}

/// As the core holds entries: key and value in one allocation.
type Map = OrdMap<Arc<[u8]>, Arc<[u8]>>;

fn main() {
    let keys: Vec<Vec<u8>> = (0..KEYS).map(|key| format!("/service/backend/{key:08}").into_bytes()).collect();
    let shelf = Shelf::create(1).unwrap();
    let mut writer = Writer::open(Arc::clone(&shelf), CAPACITY, Box::new(Alone)).unwrap();
    let value = vec![7; VALUE];
    let put = |value| Some(Put { value, mod_revision: 1, lease: 0 });
    let all: Vec<Change<'_>> = keys.iter().map(|key| Change { key, put: put(&value) }).collect();
    let mut map: Map = keys.iter().map(|key| (bytes(key), bytes(&value))).collect();
    println!("{KEYS} keys of {} bytes with values of {VALUE}", keys[0].len());
    ratio(
        "first publication of all",
        || time(|| writer.publish(&all, At::default()).unwrap()),
        || time(|| drop(black_box(keys.iter().map(|key| (bytes(key), bytes(&value))).collect::<Map>()))),
    );
    let mut random = fastrand::Rng::with_seed(1);
    let order: Vec<usize> = (0..200_000).map(|_| random.usize(0..KEYS)).collect();
    let snapshot = shelf.snapshot().unwrap().unwrap();
    ratio(
        "get, random keys",
        || {
            time(|| order.iter().for_each(|key| _ = black_box(snapshot.get(&keys[*key]).unwrap())))
                / 200_000.0
        },
        || time(|| order.iter().for_each(|key| _ = black_box(map.get(&keys[*key][..])))) / 200_000.0,
    );
    ratio(
        "iterate over all, per key",
        || {
            time(|| _ = black_box(snapshot.iter().map(|entry| entry.unwrap().value().len()).sum::<usize>()))
                / KEYS as f64
        },
        || time(|| _ = black_box(map.iter().map(|(_, value)| value.len()).sum::<usize>())) / KEYS as f64,
    );
    let mut revision = 1;
    ratio(
        "publish one key (the removal of garbage runs beside it)",
        || {
            time(|| {
                for key in &order[..20_000] {
                    revision += 1;
                    let change = Change { key: &keys[*key], put: put(&value) };
                    writer.publish(&[change], At { revision, ..At::default() }).unwrap();
                }
            }) / 20_000.0
        },
        || {
            time(|| {
                for key in &order[..20_000] {
                    let mut next = map.clone();
                    next.insert(bytes(&keys[*key]), bytes(&value));
                    map = next;
                }
            }) / 20_000.0
        },
    );
    drop(snapshot);
    writer.finish_compaction().unwrap();
    compaction_stall(&mut writer, &keys, &value);
    let (_, file) = writer.segment();
    let attach = time(|| {
        let control = shelf.control().files().map(|file| file.try_clone_to_owned().unwrap());
        let late = Shelf::attach(control, 1).unwrap();
        late.add_segment(&file).unwrap();
        assert_eq!(late.snapshot().unwrap().unwrap().len(), KEYS);
        black_box(late.snapshot().unwrap().unwrap().get(&keys[KEYS / 2]).unwrap());
    });
    println!("late attach, with the first read: {:.0} µs", attach * 1e6);
    let take_over = time(|| {
        drop(black_box(Writer::open(Arc::clone(&shelf), CAPACITY, Box::new(Alone)).unwrap()));
    });
    println!("take-over of all: {:.1} ms", take_over * 1e3);
    let seen = shelf.control().generation();
    let check =
        time(|| (0..10_000_000).for_each(|_| assert!(black_box(shelf.control()).generation() == seen)));
    println!("check for news: {:.2} ns; ring without a waiter: {:.0} ns", check * 100.0, {
        time(|| (0..100_000).for_each(|_| shelf.control().ring())) * 1e4
    });
    private_memory(&shelf, &keys);
}

/// The longest a publication took while the content was copied.
fn compaction_stall(writer: &mut Writer, keys: &[Vec<u8>], value: &[u8]) {
    writer.start_compaction().unwrap();
    let (mut longest, mut count) = (0.0_f64, 0);
    let segment = writer.segment().0;
    while writer.segment().0 == segment {
        let change = Change { key: &keys[count % KEYS], put: Some(Put { value, mod_revision: 2, lease: 0 }) };
        count += 1;
        longest = longest.max(time(|| writer.publish(&[change], At::default()).unwrap()));
    }
    println!("compaction: {count} publications meanwhile, the longest took {:.1} ms", longest * 1e3);
}

/// Private memory of a forked process that reads everything through a mapping of its own.
fn private_memory(shelf: &Arc<Shelf>, keys: &[Vec<u8>]) {
    // Pages that only one process has mapped count as private, so another one reads first.
    let snapshot = shelf.snapshot().unwrap().unwrap();
    for key in keys {
        assert!(snapshot.get(key).unwrap().is_some());
    }
    let measured = in_a_child(|| {
        let before = private();
        let snapshot = shelf.snapshot().unwrap().unwrap();
        for key in keys {
            black_box(snapshot.get(key).unwrap());
        }
        private().saturating_sub(before)
    });
    println!("private memory for reading every key: {measured} KiB more than before");
}

fn private() -> u64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let kib = |line: &str| line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap();
    rollup.lines().filter(|line| line.starts_with("Private_")).map(kib).sum()
}

fn in_a_child(measure: impl FnOnce() -> u64) -> u64 {
    let mut pipe = [0; 2];
    // SAFETY: writes two descriptors into an array of two.
    assert_eq!(unsafe { libc::pipe(pipe.as_mut_ptr()) }, 0);
    // SAFETY: the child only measures and exits.
    if unsafe { libc::fork() } == 0 {
        let result = measure();
        // SAFETY: writes eight bytes from a number of eight bytes, and ends the process.
        unsafe {
            libc::write(pipe[1], (&raw const result).cast(), 8);
            libc::_exit(0);
        }
    }
    let mut result = 0_u64;
    // SAFETY: reads at most eight bytes into a number of eight bytes.
    assert_eq!(unsafe { libc::read(pipe[0], (&raw mut result).cast(), 8) }, 8);
    result
}

fn bytes(slice: &[u8]) -> Arc<[u8]> {
    slice.into()
}

/// Seconds of CPU time that this thread spent: the machine may be busy.
fn time(work: impl FnOnce()) -> f64 {
    let cpu = |clock| {
        let time = rustix::time::clock_gettime(clock);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let begun = cpu(ClockId::ThreadCPUTime);
    work();
    cpu(ClockId::ThreadCPUTime) - begun
}

/// Medians of alternating runs, so that a busy machine slows both.
fn ratio(name: &str, mut ours: impl FnMut() -> f64, mut theirs: impl FnMut() -> f64) {
    let (mut one, mut other): (Vec<f64>, Vec<f64>) = (0..ROUNDS).map(|_| (ours(), theirs())).unzip();
    one.sort_by(f64::total_cmp);
    other.sort_by(f64::total_cmp);
    let (ours, theirs) = (one[ROUNDS / 2], other[ROUNDS / 2]);
    println!("{name}: {:.3} µs, imbl {:.3} µs: {:.2} ×", ours * 1e6, theirs * 1e6, ours / theirs);
}
