//! What is in memory and known to have changed since: told by whoever changed it, heeded before the next answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use kernel::ids::CustomerId;

/// More customers than this are everybody.
const MANY: usize = 10_000;

/// Who and what changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The price book, and so what meters there are.
    pub book: bool,
    /// Everybody, because it is not known who.
    pub everybody: bool,
    /// These customers, and what they agreed to.
    pub customers: BTreeSet<CustomerId>,
    /// The stretches of the log of changes that say so, from the first place of each to its last: they need not be read.
    /// What is not sure to stand there has none.
    pub places: BTreeMap<i64, i64>,
}

impl Changes {
    /// Whether nothing did.
    pub fn is_empty(&self) -> bool {
        !self.book && !self.everybody && self.customers.is_empty()
    }

    /// Whether they are about a customer.
    fn concern(&self, customer: &CustomerId) -> bool {
        self.book || self.everybody || self.customers.contains(customer)
    }

    fn add(&mut self, other: &Self) {
        other.places.iter().for_each(|(first, last)| join(&mut self.places, *first, *last));
        self.book |= other.book;
        self.everybody |= other.everybody;
        self.customers.extend(&other.customers);
        if self.customers.len() > MANY {
            self.everybody = true;
            self.customers.clear();
        }
    }
}

/// Add a stretch, to the one that ends right before it when there is one.
fn join(places: &mut BTreeMap<i64, i64>, first: i64, last: i64) {
    match places.range_mut(..first).next_back() {
        Some((_, end)) if *end + 1 >= first => *end = last.max(*end),
        _ => drop(places.insert(first, last)),
    }
}

/// How far the log of changes is heeded.
#[derive(Debug)]
pub struct Heeded {
    /// Everything up to this place.
    place: i64,
    /// What was told beyond it, between changes of other processes.
    beyond: BTreeMap<i64, i64>,
}

impl Heeded {
    /// Everything up to a place.
    pub const fn up_to(place: i64) -> Self {
        Self { place, beyond: BTreeMap::new() }
    }

    /// Everything up to here.
    pub const fn place(&self) -> i64 {
        self.place
    }

    /// The log was read up to a place.
    pub fn read(&mut self, place: i64) {
        self.place = self.place.max(place);
        while let Some(stretch) = self.beyond.first_entry()
            && *stretch.key() <= self.place + 1
        {
            self.place = self.place.max(stretch.remove());
        }
    }

    /// These stretches were told.
    pub fn told(&mut self, places: &BTreeMap<i64, i64>) {
        places.iter().for_each(|(first, last)| join(&mut self.beyond, *first, *last));
        self.read(self.place);
    }
}

/// The changes that memory does not have yet.
#[derive(Debug, Default)]
pub struct Stale {
    changes: Mutex<Changes>,
    /// Whether there are any, and whether the book is among them: each check asks, and is not to wait for the lock.
    any: AtomicBool,
    book: AtomicBool,
}

impl Stale {
    /// Something changed. Never waits for long: it only writes it down.
    pub fn mark(&self, more: &Changes) {
        let mut changes = self.changes();
        changes.add(more);
        self.say(&changes);
    }

    /// Take what changed, to forget it.
    pub fn take(&self) -> Changes {
        let mut changes = self.changes();
        let taken = std::mem::take(&mut *changes);
        self.say(&changes);
        taken
    }

    /// Whether what is known of a customer may have changed.
    pub fn concerns(&self, customer: &CustomerId) -> bool {
        self.any.load(Ordering::Acquire) && self.changes().concern(customer)
    }

    /// Whether the meters may have changed.
    pub fn book(&self) -> bool {
        self.book.load(Ordering::Acquire)
    }

    fn say(&self, changes: &Changes) {
        self.any.store(!changes.is_empty(), Ordering::Release);
        self.book.store(changes.book, Ordering::Release);
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
