//! What an owner holds in memory of the names it accepted.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

use super::{
    layer::Layers,
    segment::{self, Known, Record},
};

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

/// Names in as many parts as their first byte has values. Each is small, so that none takes long to grow: a table of a
/// million names takes a tenth of a second when it doubles, and everybody waits.
#[derive(Debug)]
pub struct Recent {
    parts: Vec<IntMap<u128, Known>>,
    len: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self { parts: vec![IntMap::default(); 256], len: 0 }
    }
}

impl Recent {
    const fn part(identity: u128) -> usize {
        (identity >> 120) as usize
    }

    fn get(&self, identity: u128) -> Option<Known> {
        self.parts[Self::part(identity)].get(&identity).copied()
    }

    fn insert(&mut self, identity: u128, known: Known) {
        self.len += usize::from(self.parts[Self::part(identity)].insert(identity, known).is_none());
    }

    /// All of them, in ascending order of their names.
    pub fn sorted(&self) -> Vec<Record> {
        let mut records = Vec::with_capacity(self.len);
        for part in &self.parts {
            let from = records.len();
            records.extend(part.iter().map(|(identity, known)| (*identity, *known)));
            records[from..].sort_unstable_by_key(|(identity, _)| *identity);
        }
        records
    }
}

/// Where a name may stand in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The segment's number.
    pub segment: i64,
    /// The page.
    pub page: i64,
    /// The name.
    pub identity: u128,
}

impl Place {
    /// What is known of the name, if it stands there, of the bytes of the page.
    pub fn read(self, page: &[u8]) -> Option<Known> {
        segment::find(page, self.identity)
    }
}

/// Every name an environment has accepted and still keeps.
#[derive(Debug, Default)]
pub struct Names {
    open: Recent,
    /// Names on their way to a segment: no longer added to, not yet in its pages.
    closing: Option<Arc<Recent>>,
    sealed: Layers,
}

impl Names {
    /// With these segments, and nothing open.
    pub fn with(sealed: Layers) -> Self {
        Self { sealed, ..Self::default() }
    }

    /// What is known of a name without looking at pages.
    pub fn recent(&self, identity: u128) -> Option<Known> {
        let closing = || self.closing.as_ref().and_then(|closed| closed.get(identity));
        self.open.get(identity).or_else(closing)
    }

    /// Where these names may stand in segments, in order of the pages. Any order of names is right; in ascending order it is
    /// fast: so a group walks through each layer once, from its beginning to its end.
    pub fn places(&self, identities: &[u128]) -> Vec<Place> {
        let mut places = Vec::new();
        self.sealed.find(identities, |segment, page, identity| {
            places.push(Place { segment, page: page as i64, identity });
        });
        places.sort_unstable();
        places
    }

    /// A name was accepted.
    pub fn add(&mut self, identity: u128, known: Known) {
        self.open.insert(identity, known);
    }

    /// How many names are open.
    pub const fn open(&self) -> usize {
        self.open.len
    }

    /// Whether names are on their way to a segment.
    pub const fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Close what is open, to be written as a segment.
    pub fn close(&mut self) -> Arc<Recent> {
        let closed = Arc::new(std::mem::take(&mut self.open));
        self.closing = Some(Arc::clone(&closed));
        closed
    }

    /// What is sealed so far.
    pub fn sealed(&self) -> Layers {
        self.sealed.clone()
    }

    /// What was closed is in a segment now, one of these.
    pub fn seal(&mut self, sealed: Layers) {
        self.closing = None;
        self.sealed = sealed;
    }

    /// What was closed could not be written: it stays open.
    pub fn reopen(&mut self) {
        if let Some(closed) = self.closing.take() {
            closed.sorted().into_iter().for_each(|(identity, known)| self.open.insert(identity, known));
        }
    }
}
