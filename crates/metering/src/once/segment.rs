//! A sealed segment: the fingerprints of about a million names, sorted, and a filter over them. Pure.
//!
//! Names are random to look at, so their order is too: a tree over them would touch another leaf with each insert.
//! Sorted once and never changed they cost a sequential write and 32 bytes each. The filter keeps 16 bits of each
//! fingerprint in the order of the segment, cut into shelves by the leading bits, about 2.25 bytes a name. It answers
//! not only whether a name may be there but at which rank, so that a lookup reads one page.

use kernel::{Error, Result};

use crate::log::{
    Address,
    codec::{Reader, write_unsigned},
};

/// What is known of a name that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Where its event stands in the log.
    pub address: Address,
    /// Fingerprint of the event's content.
    pub content: u64,
}

/// A name's fingerprint and what is known of it.
pub type Record = (u128, Known);

/// Bytes of a stored record.
const RECORD: usize = 32;
/// Records of a page: 8 KiB.
pub const PAGE: usize = 256;
/// Names of a shelf, on average.
const SHELF: usize = 16;
/// Marks that are compared at once: nearly every shelf is shorter.
const GLANCE: usize = 32;

/// Records as bytes.
pub fn encode(records: &[Record]) -> Vec<u8> {
    let mut out = Vec::with_capacity(records.len() * RECORD);
    for (identity, Known { address, content }) in records {
        out.extend_from_slice(&identity.to_be_bytes());
        out.extend_from_slice(&address.0.to_be_bytes());
        out.extend_from_slice(&content.to_be_bytes());
    }
    out
}

/// The inverse of [`encode`].
pub fn decode(bytes: &[u8]) -> impl Iterator<Item = Record> + '_ {
    let (records, _) = bytes.as_chunks::<RECORD>();
    records.iter().map(|record| {
        let half = |from: usize| {
            record[from..from + 8].iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte))
        };
        let identity = (u128::from(half(0)) << 64) | u128::from(half(8));
        (identity, Known { address: Address(half(16)), content: half(24) })
    })
}

/// Which names may be in a segment, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Where each shelf begins; one more at the end.
    starts: Vec<u32>,
    /// 16 bits of each name, in the order of the segment.
    marks: Vec<u16>,
}

impl Filter {
    /// Over fingerprints in ascending order.
    pub fn over(sorted: impl ExactSizeIterator<Item = u128>) -> Self {
        let names = sorted.len();
        let shelves = names.div_ceil(SHELF).max(1);
        let mut starts = vec![0_u32; shelves + 1];
        let marks = sorted
            .map(|identity| {
                starts[shelf(identity, shelves) + 1] += 1;
                mark(identity)
            })
            .collect();
        let mut before = 0;
        for start in &mut starts {
            before += *start;
            *start = before;
        }
        Self { starts, marks }
    }

    /// The ranks at which the name may stand; nearly always none when it is not there.
    pub fn ranks(&self, identity: u128) -> impl Iterator<Item = usize> + '_ {
        let shelf = shelf(identity, self.starts.len() - 1);
        let (from, to) = (self.starts[shelf] as usize, self.starts[shelf + 1] as usize);
        let (wanted, marks) = (mark(identity), &self.marks[from..to]);
        // Nearly always there is none: all are compared at once, and only then one after the other.
        let any = marks.iter().fold(false, |any, mark| any | (*mark == wanted));
        let marks = if any { marks } else { &[] };
        (from..).zip(marks).filter(move |(_, mark)| **mark == wanted).map(|(rank, _)| rank)
    }

    /// Tell `found` the ranks at which each of these names may stand.
    ///
    /// Next to nothing of many filters is in the processor's caches. So first all shelves are looked up, then a fixed
    /// number of marks from the beginning of each: no lookup decides how the next one goes on, and none waits for it.
    pub fn find(&self, identities: &[u128], mut found: impl FnMut(usize)) {
        let shelves = self.starts.len() - 1;
        let edges = |identity: &u128| {
            let shelf = shelf(*identity, shelves);
            (self.starts[shelf] as usize, self.starts[shelf + 1] as usize)
        };
        let edges: Vec<(usize, usize)> = identities.iter().map(edges).collect();
        for (identity, (from, to)) in identities.iter().zip(edges) {
            let wanted = mark(*identity);
            let glance = self.marks.get(from..).and_then(<[u16]>::first_chunk::<GLANCE>);
            let nothing =
                glance.is_some_and(|marks| !marks.iter().fold(false, |any, mark| any | (*mark == wanted)));
            if !nothing || to - from > GLANCE {
                self.ranks(*identity).for_each(&mut found);
            }
        }
    }

    /// Bytes it takes in memory.
    pub fn size(&self) -> usize {
        self.starts.len() * 4 + self.marks.len() * 2
    }

    /// As stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size() + 8);
        write_unsigned(&mut out, self.starts.len() as u64);
        self.starts.iter().for_each(|start| out.extend_from_slice(&start.to_le_bytes()));
        self.marks.iter().for_each(|mark| out.extend_from_slice(&mark.to_le_bytes()));
        out
    }

    /// The inverse of [`Filter::encode`]. Error: `internal` when the bytes are damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let damaged = || Error::internal("the filter of a sealed segment cannot be read");
        let mut from = Reader::new(bytes);
        let shelves = from.unsigned()? as usize;
        let (starts, marks) = from.rest().split_at_checked(shelves.saturating_mul(4)).ok_or_else(damaged)?;
        // As they stand there, because an owner begins with all of them.
        let ((starts, []), (marks, [])) = (starts.as_chunks(), marks.as_chunks()) else {
            return Err(damaged());
        };
        let starts: Vec<u32> = starts.iter().copied().map(u32::from_le_bytes).collect();
        let marks: Vec<u16> = marks.iter().copied().map(u16::from_le_bytes).collect();
        let whole = starts.len() >= 2 && starts.last().is_some_and(|end| *end as usize == marks.len());
        if whole && starts.is_sorted() { Ok(Self { starts, marks }) } else { Err(damaged()) }
    }
}

/// The shelf of a name: its leading bits, scaled, so that shelves are in the order of names.
fn shelf(identity: u128, shelves: usize) -> usize {
    ((u128::from((identity >> 64) as u64) * shelves as u128) >> 64) as usize
}

/// The last bits of a name, which say nothing about its shelf.
fn mark(identity: u128) -> u16 {
    identity as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_crowd_in_one_shelf_are_all_found() {
        let names: Vec<u128> = (0..500).collect();
        let (filter, mut found) = (Filter::over(names.iter().copied()), Vec::new());
        filter.find(&names, |rank| found.push(rank));
        assert_eq!(found, (0..500).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn every_name_is_found_at_its_rank(mut names: Vec<u128>, stranger: u128) {
            names.sort_unstable();
            names.dedup();
            let filter = Filter::over(names.iter().copied());
            for (rank, name) in names.iter().enumerate() {
                prop_assert!(filter.ranks(*name).any(|found| found == rank));
            }
            let (mut found, mut expected) = (Vec::new(), Vec::new());
            filter.find(&names, |rank| found.push(rank));
            names.iter().for_each(|name| expected.extend(filter.ranks(*name)));
            prop_assert_eq!(found, expected);
            prop_assert!(filter.ranks(stranger).all(|rank| names[rank] as u16 == stranger as u16));
            prop_assert_eq!(Filter::decode(&filter.encode()).unwrap(), filter);
        }

        #[test]
        fn records_read_back(names: Vec<(u128, u64, u64)>) {
            let records: Vec<Record> = names
                .into_iter()
                .map(|(identity, address, content)| (identity, Known { address: Address(address), content }))
                .collect();
            prop_assert_eq!(decode(&encode(&records)).collect::<Vec<_>>(), records);
        }

        #[test]
        fn damaged_filters_are_an_error_and_no_panic(bytes: Vec<u8>) {
            let _ = Filter::decode(&bytes);
        }
    }
}
