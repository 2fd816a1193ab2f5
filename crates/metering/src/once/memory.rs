//! What an owner holds in memory of the names it accepted.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

use super::segment::{Filter, Known, PAGE, Record};

/// Fingerprints are random already: their lower half is the hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }
}

type Map = HashMap<u128, Known, BuildHasherDefault<AsItIs>>;

/// A sealed segment: its filter is in memory, its pages are stored.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// Its number.
    pub number: i64,
    /// Over its names.
    pub filter: Arc<Filter>,
}

/// A page of a segment that may hold a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The segment's number.
    pub segment: i64,
    /// The page in it.
    pub page: i64,
}

/// Every name an environment has accepted and still keeps.
#[derive(Debug, Default)]
pub struct Names {
    open: Map,
    /// Names on their way to a segment: no longer added to, not yet in its pages.
    closing: Option<Arc<Vec<Record>>>,
    sealed: Vec<Sealed>,
}

impl Names {
    /// With these segments, and nothing open.
    pub fn with(sealed: Vec<Sealed>) -> Self {
        Self { sealed, ..Self::default() }
    }

    /// What is known of a name without looking at pages.
    pub fn recent(&self, identity: u128) -> Option<Known> {
        let closing = || {
            let records = self.closing.as_ref()?;
            let at = records.binary_search_by_key(&identity, |(name, _)| *name).ok()?;
            records.get(at).map(|(_, known)| *known)
        };
        self.open.get(&identity).copied().or_else(closing)
    }

    /// The pages that may hold one of these names, each once.
    ///
    /// Segment by segment, so that the lookups of a group do not wait for one another's memory.
    pub fn places(&self, identities: &[u128]) -> Vec<Place> {
        let mut places = Vec::new();
        for Sealed { number, filter } in &self.sealed {
            for identity in identities {
                let pages = filter.ranks(*identity).map(|rank| (rank / PAGE) as i64);
                places.extend(pages.map(|page| Place { segment: *number, page }));
            }
        }
        places.sort_unstable();
        places.dedup();
        places
    }

    /// A name was accepted.
    pub fn add(&mut self, identity: u128, known: Known) {
        self.open.insert(identity, known);
    }

    /// How many names are open.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether names are on their way to a segment.
    pub const fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Close what is open, in order, to be written as a segment.
    pub fn close(&mut self) -> Arc<Vec<Record>> {
        let mut records: Vec<Record> = std::mem::take(&mut self.open).into_iter().collect();
        records.sort_unstable_by_key(|(identity, _)| *identity);
        let records = Arc::new(records);
        self.closing = Some(Arc::clone(&records));
        records
    }

    /// What was closed is in a segment now.
    pub fn seal(&mut self, sealed: Sealed) {
        self.closing = None;
        self.sealed.push(sealed);
    }

    /// What was closed could not be written: it stays open.
    pub fn reopen(&mut self) {
        if let Some(records) = self.closing.take() {
            self.open.extend(records.iter().copied());
        }
    }

    /// Bytes in memory, about.
    pub fn size(&self) -> usize {
        let closing = self.closing.as_ref().map_or(0, |records| records.len() * size_of::<Record>());
        self.open.capacity() * (size_of::<Record>() + 1)
            + closing
            + self.sealed.iter().map(|sealed| sealed.filter.size()).sum::<usize>()
    }
}
