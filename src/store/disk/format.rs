//! Encodes the copy to bytes and decodes it. It uses no file and no clock.
//!
//! ```text
//! header  magic, version, cluster id, raft term, revision, time of confirmation, number of keys, size of the
//!         file; checksum of the header
//! body    the ranges; then each key with its entry, in key order
//! footer  checksum of all before it
//! ```
//!
//! All numbers are little endian. The header has its own checksum, so that it can be read alone.

use std::io::{self, Write};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::range::{KeyRange, Ranges};
use crate::store::{Entry, Snapshot};

const MAGIC: &[u8; 8] = b"etcddisc";
const VERSION: u32 = 2;
const SUM: usize = 8;
const HEADER: usize = 8 + 4 + 6 * 8 + SUM;
/// The size of the length in front of a blob or a list.
const LENGTH: usize = 4;

/// The header of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// The id of the cluster that was copied.
    pub cluster_id: u64,
    /// The raft term of that cluster.
    pub raft_term: u64,
    /// The revision of the copy.
    pub revision: i64,
    /// When etcd last confirmed the copy, in milliseconds since 1970.
    pub confirmed_ms: i64,
}

/// The content of a file.
#[derive(Debug, Clone)]
pub struct DiskCopy {
    /// Where the copy comes from and how old it is.
    pub header: Header,
    /// The ranges that were watched.
    pub ranges: Ranges,
    /// The keys and their values.
    pub snapshot: Snapshot,
}

/// Why a file cannot be used. The text continues the sentence "the file …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another program's file, or an empty one.
    #[error("was not written by etcd_discovery")]
    Foreign,
    /// A file of a release with another format.
    #[error("has format {0}, and this release reads format {VERSION}")]
    Version(u32),
    /// A file that was cut short or changed after it was written.
    #[error("is damaged: its checksum is wrong")]
    Damaged,
    /// A file written when fewer ranges were watched. Its missing keys would look deleted.
    #[error("does not hold all ranges that are watched now")]
    Ranges,
}

impl Header {
    /// Reads the header alone. What follows it may be damaged.
    ///
    /// # Errors
    /// Why the bytes are not a valid header.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        header(bytes).map(|(header, _)| header)
    }

    /// The file size according to the header, which is what a reader may allocate.
    ///
    /// # Errors
    /// Why the bytes are not a valid header.
    pub fn file_size(bytes: &[u8]) -> Result<u64, Refusal> {
        header(bytes).map(|(_, sizes)| sizes.file)
    }

    /// The size of a header in bytes.
    #[must_use]
    pub const fn size() -> usize {
        HEADER
    }
}

/// A copy to be written, whose entries come in batches.
///
/// The thread that writes holds no snapshot: a child that is forked meanwhile could never free it.
pub struct Source<'a> {
    /// Where the copy comes from and how old it is.
    pub header: Header,
    /// The ranges that are watched.
    pub ranges: Ranges,
    /// Returns the entries after the given one, or the first ones, in key order; empty at the end.
    pub batches: &'a mut dyn FnMut(Option<&Entry>) -> io::Result<Vec<Entry>>,
}

impl Source<'_> {
    /// Writes the copy to `out` piece by piece, because it may be large.
    ///
    /// # Errors
    /// The errors of `out` and of the batches.
    pub fn encode(mut self, out: impl Write) -> io::Result<()> {
        let mut out = ChecksumWriter { out, sum: Xxh3::new() };
        out.write_all(&self.header_bytes()?)?;
        out.count(self.ranges.as_slice().len())?;
        for range in self.ranges.as_slice() {
            out.blob(range.start())?;
            out.blob(&range.range_end())?;
        }
        self.each_entry(|entry| {
            out.blob(entry.key())?;
            out.blob(entry.value())?;
            out.write_all(&entry.mod_revision().to_le_bytes())?;
            out.write_all(&entry.lease().to_le_bytes())
        })?;
        let sum = out.sum.digest();
        out.out.write_all(&sum.to_le_bytes())
    }

    fn each_entry(&mut self, mut visit: impl FnMut(&Entry) -> io::Result<()>) -> io::Result<()> {
        let mut batch = (self.batches)(None)?;
        while let Some(last) = batch.last() {
            batch.iter().try_for_each(&mut visit)?;
            batch = (self.batches)(Some(last))?;
        }
        Ok(())
    }

    /// The header announces them, so all entries are visited before the first is written.
    fn sizes(&mut self) -> io::Result<Sizes> {
        let range = |range: &KeyRange| 2 * LENGTH + range.start().len() + range.range_end().len();
        let ranges = LENGTH + self.ranges.as_slice().iter().map(range).sum::<usize>();
        let mut sizes = Sizes { keys: 0, file: (HEADER + ranges + SUM) as u64 };
        self.each_entry(|entry| {
            let bytes = 2 * LENGTH + entry.key().len() + entry.value().len() + 2 * size_of::<i64>();
            sizes.keys += 1;
            sizes.file += bytes as u64;
            Ok(())
        })?;
        Ok(sizes)
    }

    fn header_bytes(&mut self) -> io::Result<Vec<u8>> {
        let (sizes, mut bytes) = (self.sizes()?, Vec::with_capacity(HEADER));
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.header.cluster_id.to_le_bytes());
        bytes.extend_from_slice(&self.header.raft_term.to_le_bytes());
        bytes.extend_from_slice(&self.header.revision.to_le_bytes());
        bytes.extend_from_slice(&self.header.confirmed_ms.to_le_bytes());
        bytes.extend_from_slice(&sizes.keys.to_le_bytes());
        bytes.extend_from_slice(&sizes.file.to_le_bytes());
        bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
        Ok(bytes)
    }
}

impl DiskCopy {
    /// Decodes a copy, and keeps the part that is `watched`.
    ///
    /// # Errors
    /// Why the copy cannot be used.
    pub fn decode(bytes: &[u8], watched: &Ranges) -> Result<Self, Refusal> {
        let (header, sizes) = header(bytes)?;
        if sizes.file != bytes.len() as u64 {
            return Err(Refusal::Damaged);
        }
        let (summed, footer) = bytes.split_at_checked(bytes.len() - SUM).ok_or(Refusal::Damaged)?;
        if footer != xxh3_64(summed).to_le_bytes() {
            return Err(Refusal::Damaged);
        }
        let mut body = Reader(summed.get(HEADER..).ok_or(Refusal::Damaged)?);
        let covered = body.ranges()?;
        if !watched.as_slice().iter().all(|range| covered.cover(range)) {
            return Err(Refusal::Ranges);
        }
        let mut entries = Vec::new();
        for _ in 0..sizes.keys {
            let entry = body.entry()?;
            if watched.contains(entry.key()) {
                entries.push(entry);
            }
        }
        if !body.0.is_empty() {
            return Err(Refusal::Damaged);
        }
        let mut snapshot = Snapshot::default();
        snapshot.stage(entries);
        let snapshot = snapshot.staged(header.revision, header.cluster_id);
        Ok(Self { header, ranges: watched.clone(), snapshot })
    }
}

/// The sizes that a header announces.
struct Sizes {
    keys: u64,
    file: u64,
}

fn header(bytes: &[u8]) -> Result<(Header, Sizes), Refusal> {
    let start = bytes.get(..MAGIC.len() + 4).ok_or(Refusal::Foreign)?;
    let mut rest = Reader(start.strip_prefix(MAGIC).ok_or(Refusal::Foreign)?);
    match u32::from_le_bytes(rest.array()?) {
        VERSION => {}
        other => return Err(Refusal::Version(other)),
    }
    let header = bytes.get(..HEADER).and_then(|header| header.split_at_checked(HEADER - SUM));
    let (summed, sum) = header.ok_or(Refusal::Damaged)?;
    if sum != xxh3_64(summed).to_le_bytes() {
        return Err(Refusal::Damaged);
    }
    let mut rest = Reader(&summed[MAGIC.len() + 4..]);
    let header = Header {
        cluster_id: u64::from_le_bytes(rest.array()?),
        raft_term: u64::from_le_bytes(rest.array()?),
        revision: i64::from_le_bytes(rest.array()?),
        confirmed_ms: i64::from_le_bytes(rest.array()?),
    };
    let sizes = Sizes { keys: u64::from_le_bytes(rest.array()?), file: u64::from_le_bytes(rest.array()?) };
    Ok((header, sizes))
}

/// Reads from untrusted bytes. A length beyond the end is reported as damage; it never panics.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Refusal> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Refusal::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        self.take(N)?.try_into().map_err(|_| Refusal::Damaged)
    }

    fn count(&mut self) -> Result<usize, Refusal> {
        usize::try_from(u32::from_le_bytes(self.array()?)).map_err(|_| Refusal::Damaged)
    }

    fn blob(&mut self) -> Result<&'a [u8], Refusal> {
        let length = self.count()?;
        self.take(length)
    }

    fn ranges(&mut self) -> Result<Ranges, Refusal> {
        let count = self.count()?;
        let ranges = (0..count).map(|_| Ok(KeyRange::from_request(self.blob()?, self.blob()?)));
        ranges.collect::<Result<Vec<_>, _>>().map(Ranges::merge)
    }

    fn entry(&mut self) -> Result<Entry, Refusal> {
        let (key, value) = (self.blob()?, self.blob()?);
        let (mod_revision, lease) = (i64::from_le_bytes(self.array()?), i64::from_le_bytes(self.array()?));
        Ok(Entry::new(key.to_vec(), value, mod_revision, lease))
    }
}

/// A writer that computes the checksum of what passes through it.
struct ChecksumWriter<W> {
    out: W,
    sum: Xxh3,
}

impl<W: Write> ChecksumWriter<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.out.write_all(bytes)
    }

    fn count(&mut self, count: usize) -> io::Result<()> {
        let count = u32::try_from(count).map_err(io::Error::other)?;
        self.write_all(&count.to_le_bytes())
    }

    fn blob(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.count(bytes.len())?;
        self.write_all(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn content() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>, i64)>> {
        let key =
            prop::collection::vec(any::<u8>(), 1..5).prop_map(|rest| [b"/a/", rest.as_slice()].concat());
        prop::collection::vec((key, prop::collection::vec(any::<u8>(), 0..9), any::<i64>()), 0..6)
    }

    fn copy(content: Vec<(Vec<u8>, Vec<u8>, i64)>, revision: i64) -> DiskCopy {
        let content: BTreeMap<_, _> = content.into_iter().map(|(key, value, n)| (key, (value, n))).collect();
        let entry = |(key, (value, n)): (Vec<u8>, (Vec<u8>, i64))| Entry::new(key, &value, n, !n);
        let mut snapshot = Snapshot::default();
        snapshot.stage(content.into_iter().map(entry).collect());
        let header = Header { cluster_id: 7, raft_term: 3, revision, confirmed_ms: 1_700_000_000_000 };
        DiskCopy { header, ranges: watched(), snapshot: snapshot.staged(revision, 7) }
    }

    fn watched() -> Ranges {
        Ranges::merge([KeyRange::prefix(b"/a/"), KeyRange::key(b"/z")])
    }

    fn encoded(copy: &DiskCopy) -> Vec<u8> {
        let mut bytes = Vec::new();
        let batches = &mut |last: Option<&Entry>| Ok(copy.snapshot.batch(last.map(Entry::key), 2));
        let source = Source { header: copy.header, ranges: copy.ranges.clone(), batches };
        source.encode(&mut bytes).unwrap();
        bytes
    }

    fn same(one: &DiskCopy, other: &DiskCopy) -> bool {
        one.header == other.header && one.snapshot.iter().eq(other.snapshot.iter())
    }

    #[test]
    fn a_narrower_watch_loads_its_part_and_a_wider_one_refuses_the_file() {
        let bytes = encoded(&copy(vec![(b"/a/1".to_vec(), vec![1], 1), (b"/a/2".to_vec(), vec![2], 2)], 9));
        let narrow = DiskCopy::decode(&bytes, &Ranges::merge([KeyRange::key(b"/a/2")])).unwrap();
        assert_eq!(narrow.snapshot.iter().map(|entry| entry.key().to_vec()).collect::<Vec<_>>(), [b"/a/2"]);
        let wide = DiskCopy::decode(&bytes, &Ranges::merge([KeyRange::prefix(b"/")]));
        assert_eq!(wide.unwrap_err(), Refusal::Ranges);
    }

    #[test]
    fn files_of_other_programs_and_releases_are_distinguished_from_damage() {
        let mut bytes = encoded(&copy(Vec::new(), 9));
        bytes[8] = 99;
        assert_eq!(DiskCopy::decode(&bytes, &watched()).unwrap_err(), Refusal::Version(99));
        assert_eq!(DiskCopy::decode(b"#!/bin/sh\nexit 1\n", &watched()).unwrap_err(), Refusal::Foreign);
        assert_eq!(DiskCopy::decode(b"", &watched()).unwrap_err(), Refusal::Foreign);
    }

    #[test]
    fn a_malformed_file_with_correct_checksums_is_refused() {
        let mut bytes = encoded(&copy(vec![(b"/a/1".to_vec(), vec![1], 1)], 9));
        bytes[44..52].copy_from_slice(&u64::MAX.to_le_bytes()); // that many keys
        let sum = xxh3_64(&bytes[..60]).to_le_bytes();
        bytes[60..68].copy_from_slice(&sum);
        let end = bytes.len() - SUM;
        let sum = xxh3_64(&bytes[..end]).to_le_bytes();
        bytes[end..].copy_from_slice(&sum);
        assert_eq!(DiskCopy::decode(&bytes, &watched()).unwrap_err(), Refusal::Damaged);
    }

    proptest! {
        #[test]
        fn an_encoded_copy_decodes_to_the_same_copy(content in content(), revision in any::<i64>()) {
            let copy = copy(content, revision);
            let bytes = encoded(&copy);
            prop_assert!(same(&DiskCopy::decode(&bytes, &watched()).unwrap(), &copy));
            prop_assert_eq!(Header::read(&bytes[..Header::size()]).unwrap(), copy.header);
            prop_assert_eq!(Header::file_size(&bytes).unwrap(), bytes.len() as u64);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), genuine in any::<bool>()) {
            let start: &[u8] = if genuine { b"etcddisc\x02\0\0\0" } else { b"" };
            prop_assert!(DiskCopy::decode(&[start, &bytes].concat(), &watched()).is_err());
        }

        #[test]
        fn a_file_cut_short_is_refused(content in content(), cut in any::<prop::sample::Index>()) {
            let bytes = encoded(&copy(content, 9));
            prop_assert!(DiskCopy::decode(&bytes[..cut.index(bytes.len())], &watched()).is_err());
        }

        #[test]
        fn a_file_with_flipped_bits_is_refused(
            content in content(),
            flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..5),
        ) {
            let good = encoded(&copy(content, 9));
            let mut bytes = good.clone();
            for (at, bit) in flips {
                bytes[at.index(good.len())] ^= 1 << bit;
            }
            prop_assert!(bytes == good || DiskCopy::decode(&bytes, &watched()).is_err());
        }

        #[test]
        fn two_files_torn_into_one_are_refused(
            old in content(), new in content(), at in any::<prop::sample::Index>(),
        ) {
            let (old, new) = (encoded(&copy(old, 9)), encoded(&copy(new, 10)));
            let at = at.index(old.len().min(new.len()));
            let torn = [&new[..at], &old[at..]].concat();
            prop_assert!(torn == old || torn == new || DiskCopy::decode(&torn, &watched()).is_err());
        }
    }
}
