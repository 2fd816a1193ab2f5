//! Wakes idle runners of this process before their next look at the queue.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use store::Tx;

/// Rung when a job was enqueued. Cheap to clone; all clones are one bell.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// How often it was rung.
    rings: Mutex<u64>,
    heard: Condvar,
}

impl Bell {
    /// A bell nobody listens to yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wake every listener.
    pub fn ring(&self) {
        *self.lock() += 1;
        self.0.heard.notify_all();
    }

    /// Ring once this transaction has committed.
    pub fn ring_after(&self, tx: &mut Tx<'_>) {
        let bell = self.clone();
        tx.after_commit(move |_| bell.ring());
    }

    /// How often it was rung so far.
    pub(super) fn rings(&self) -> u64 {
        *self.lock()
    }

    /// Wait until it is rung after ring number `heard`, `patience` at most.
    pub(super) fn wait(&self, heard: u64, patience: Duration) {
        let waited = self.0.heard.wait_timeout_while(self.lock(), patience, |rings| *rings == heard);
        drop(waited);
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        // A number cannot be left half changed.
        self.0.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
