//! A sealed segment: the fingerprints of about a million names, sorted, and a filter over them. Pure.
//!
//! Names are random to look at, so their order is too: a tree over them would touch another leaf with each insert.
//! Sorted once and never changed they cost a sequential write and 32 bytes each. The filter keeps 16 bits of each
//! fingerprint in the order of the segment, cut into shelves by the leading bits, at most 2.5 bytes a name. It answers
//! not only whether a name may be there but in which page, so that a lookup reads one.

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
/// Names of a shelf: between so many and twice as many on average.
const SHELF: usize = 8;

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
    bytes.as_chunks().0.iter().map(record)
}

/// What is known of a name, if it is one of these records in ascending order.
pub fn find(bytes: &[u8], identity: u128) -> Option<Known> {
    let records: &[[u8; RECORD]] = bytes.as_chunks().0;
    let found = records.binary_search_by_key(&identity, |bytes| record(bytes).0).ok()?;
    records.get(found).map(|bytes| record(bytes).1)
}

fn record(bytes: &[u8; RECORD]) -> Record {
    let half =
        |from: usize| bytes[from..from + 8].iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
    let identity = (u128::from(half(0)) << 64) | u128::from(half(8));
    (identity, Known { address: Address(half(16)), content: half(24) })
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
    /// Over fingerprints in ascending order. The number of shelves is a power of two, so that most segments have equally
    /// many and can be looked up together (see [`Layer`](super::Layer)).
    pub fn over(sorted: impl ExactSizeIterator<Item = u128>) -> Self {
        let shelves = 1 << (sorted.len() / SHELF).max(1).ilog2();
        Self::with(shelves, sorted)
    }

    fn with(shelves: usize, sorted: impl Iterator<Item = u128>) -> Self {
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

    /// Whether it is the filter over these fingerprints in ascending order.
    pub fn is_over(&self, sorted: impl Iterator<Item = u128>) -> bool {
        Self::with(self.starts.len() - 1, sorted) == *self
    }

    /// Where each shelf begins, one more at the end; and the marks, 16 bits of each name in the order of the segment.
    pub fn into_parts(self) -> (Vec<u32>, Vec<u16>) {
        (self.starts, self.marks)
    }

    /// As stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.starts.len() * 4 + self.marks.len() * 2 + 8);
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
pub(super) fn shelf(identity: u128, shelves: usize) -> usize {
    ((u128::from((identity >> 64) as u64) * shelves as u128) >> 64) as usize
}

/// The last bits of a name, which say nothing about its shelf.
pub(super) const fn mark(identity: u128) -> u16 {
    identity as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_filter_is_over_its_names_alone(mut names: Vec<u128>, stranger: u128) {
            names.sort_unstable();
            names.dedup();
            let filter = Filter::over(names.iter().copied());
            prop_assert!(filter.is_over(names.iter().copied()));
            prop_assert_eq!(Filter::decode(&filter.encode()).unwrap(), filter.clone());
            if !names.contains(&stranger) {
                names.push(stranger);
                names.sort_unstable();
                prop_assert!(!filter.is_over(names.into_iter()));
            }
        }

        #[test]
        fn records_read_back(names: Vec<(u128, u64, u64)>) {
            let records: Vec<Record> = names
                .into_iter()
                .map(|(identity, address, content)| (identity, Known { address: Address(address), content }))
                .collect();
            let bytes = encode(&records);
            prop_assert_eq!(decode(&bytes).collect::<Vec<_>>(), records.clone());
        }

        #[test]
        fn a_name_is_found_among_its_records_alone(names: std::collections::BTreeMap<u128, u64>, stranger: u128) {
            let known = |content: &u64| Known { address: Address(!content), content: *content };
            let records: Vec<Record> = names.iter().map(|(identity, content)| (*identity, known(content))).collect();
            let bytes = encode(&records);
            for (identity, known) in records {
                prop_assert_eq!(find(&bytes, identity), Some(known));
            }
            prop_assert_eq!(find(&bytes, stranger), names.get(&stranger).map(known));
        }

        #[test]
        fn damaged_filters_are_an_error_and_no_panic(bytes: Vec<u8>) {
            let _ = Filter::decode(&bytes);
        }
    }
}
