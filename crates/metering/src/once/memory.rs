//! What an owner holds in memory of the names it accepted.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

use super::segment::{Filter, Known, PAGE, Record};

/// For keys that are numbers of our own or fingerprints: nobody outside can choose them so that they collide.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ints(u64);

impl Hasher for Ints {
    fn finish(&self) -> u64 {
        // The map looks at the leading bits too.
        self.0 ^ (self.0 >> 29)
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn write_i64(&mut self, value: i64) {
        self.write_u64(value as u64);
    }
    fn write_u128(&mut self, value: u128) {
        self.write_u64(value as u64);
    }
}

/// A map whose keys are such numbers.
pub type IntMap<K, V> = HashMap<K, V, BuildHasherDefault<Ints>>;

/// Names that are no longer added to.
pub type Closed = IntMap<u128, Known>;

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
    open: IntMap<u128, Known>,
    /// Names on their way to a segment: no longer added to, not yet in its pages.
    closing: Option<Arc<Closed>>,
    sealed: Vec<Sealed>,
}

impl Names {
    /// With these segments, and nothing open.
    pub fn with(sealed: Vec<Sealed>) -> Self {
        Self { sealed, ..Self::default() }
    }

    /// What is known of a name without looking at pages.
    pub fn recent(&self, identity: u128) -> Option<Known> {
        let closing = || self.closing.as_ref().and_then(|closed| closed.get(&identity));
        self.open.get(&identity).or_else(closing).copied()
    }

    /// The pages that may hold one of these names, each once. Any order is right; in ascending order it is fast.
    ///
    /// Segment by segment and in the order of its shelves: so a group walks through each filter once, from its
    /// beginning to its end, and what it looks at next is mostly there already.
    pub fn places(&self, identities: &[u128]) -> Vec<Place> {
        let mut places = Vec::new();
        for Sealed { number, filter } in &self.sealed {
            filter.find(identities, |rank| {
                places.push(Place { segment: *number, page: (rank / PAGE) as i64 });
            });
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

    /// Close what is open, to be written as a segment.
    pub fn close(&mut self) -> Arc<Closed> {
        let closed = Arc::new(std::mem::take(&mut self.open));
        self.closing = Some(Arc::clone(&closed));
        closed
    }

    /// What was closed is in a segment now.
    pub fn seal(&mut self, sealed: Sealed) {
        self.closing = None;
        self.sealed.push(sealed);
    }

    /// What was closed could not be written: it stays open.
    pub fn reopen(&mut self) {
        if let Some(closed) = self.closing.take() {
            self.open.extend(closed.iter().map(|(identity, known)| (*identity, *known)));
        }
    }

    /// Bytes in memory, about.
    pub fn size(&self) -> usize {
        let map = |names: &Closed| names.capacity() * (size_of::<Record>() + 1);
        map(&self.open)
            + self.closing.as_deref().map_or(0, map)
            + self.sealed.iter().map(|sealed| sealed.filter.size()).sum::<usize>()
    }
}
