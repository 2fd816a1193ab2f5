//! What is in memory and known to have changed since: told by whoever changed it, heeded before the next answer.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
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
}

impl Changes {
    /// Whether nothing did.
    pub fn is_empty(&self) -> bool {
        !self.book && !self.everybody && self.customers.is_empty()
    }

    fn add(&mut self, other: &Self) {
        self.book |= other.book;
        self.everybody |= other.everybody;
        self.customers.extend(&other.customers);
        if self.customers.len() > MANY {
            self.everybody = true;
            self.customers.clear();
        }
    }
}

/// The changes that memory does not have yet.
#[derive(Debug, Default)]
pub struct Stale(Mutex<Changes>);

impl Stale {
    /// Nothing has changed.
    pub const fn new() -> Self {
        Self(Mutex::new(Changes { book: false, everybody: false, customers: BTreeSet::new() }))
    }

    /// Something did. Never waits for long: it only writes it down.
    pub fn mark(&self, changes: &Changes) {
        self.changes().add(changes);
    }

    /// Take what changed, to forget it.
    pub fn take(&self) -> Changes {
        std::mem::take(&mut self.changes())
    }

    /// Whether anything changed.
    pub fn any(&self) -> bool {
        !self.changes().is_empty()
    }

    /// Whether the meters may have changed.
    pub fn book(&self) -> bool {
        self.changes().book
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
