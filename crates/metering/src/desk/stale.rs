//! What is in memory and known to have changed since: told by whoever changed it, heeded before the next answer.

use std::{
    collections::BTreeSet,
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

    /// Whether anything changed.
    pub fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
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
