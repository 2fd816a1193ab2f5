//! What the owner of an environment shares with those who ask: its memory, and the words to read events with.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use jiff::Timestamp;
use kernel::ids::CustomerId;
use store::Scope;

use super::{
    State,
    stale::{Heeded, Stale},
};
use crate::{
    event::{Fingerprints, Meters},
    limit::Buckets,
    reject::Noted,
};

/// How often the owner's thread steps aside for those who look something up, at most.
const PATIENCE: u32 = 200;

/// What the owner of an environment shares with those who ask.
pub struct Station {
    /// Whose.
    pub scope: Scope,
    /// What is in memory; none before it is taken, and after a commit failed.
    held: Mutex<Option<Held>>,
    /// The words of what is in memory: whoever asks reads events with them and waits for nobody.
    words: RwLock<Option<Arc<Words>>>,
    /// How many wait to look something up in it.
    waiting: AtomicUsize,
    /// What of it has changed elsewhere.
    pub stale: Stale,
    /// Token buckets of customers' keys. They are not stored: a new owner begins with full ones.
    pub buckets: Buckets<(CustomerId, String)>,
    /// What was rejected and is not written down yet.
    pub rejected: Noted,
    /// Where the owner is reached, when it is another process, and until when that is believed.
    elsewhere: Mutex<Option<(String, Timestamp)>>,
}

/// What it takes to read the events of an environment.
pub struct Words {
    /// Makes their fingerprints.
    pub fingerprints: Fingerprints,
    /// The meters of the price book in force.
    pub meters: Arc<Meters>,
}

/// An environment in memory.
pub struct Held {
    /// Its state.
    pub state: State,
    /// What it takes to read its events.
    pub words: Arc<Words>,
    /// Until when the lease runs.
    pub until: Timestamp,
    /// How far the directory's log of changes is heeded.
    pub heeded: Heeded,
    /// When that log was looked at last, in real time.
    pub looked: Timestamp,
}

impl Held {
    /// The price book has other meters now.
    pub fn learn(&mut self, meters: Arc<Meters>) {
        let fingerprints = self.words.fingerprints.clone();
        self.words = Arc::new(Words { fingerprints, meters });
    }
}

impl Station {
    /// Nothing in memory yet.
    pub fn new(scope: Scope) -> Self {
        let (buckets, elsewhere) = (Buckets::default(), Mutex::new(None));
        let (held, words, waiting) = (Mutex::new(None), RwLock::new(None), AtomicUsize::new(0));
        let (stale, rejected) = (Stale::default(), Noted::default());
        Self { scope, held, words, waiting, stale, buckets, rejected, elsewhere }
    }

    /// Where the owner was when that was looked up last.
    pub fn elsewhere(&self) -> MutexGuard<'_, Option<(String, Timestamp)>> {
        self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it takes to read events, when it is in memory. With a new price book the owner's thread reads them, once it
    /// has the meters.
    pub fn words(&self) -> Option<Arc<Words>> {
        let words = self.words.read().unwrap_or_else(PoisonError::into_inner);
        words.as_ref().filter(|_| !self.stale.book()).cloned()
    }

    /// Take this into memory in the place of what is there.
    pub fn hold(&self, held: Option<Held>) {
        let mut inside = self.held();
        self.speak(held.as_ref());
        *inside = held;
    }

    /// Others read events with these words from now on.
    pub fn speak(&self, held: Option<&Held>) {
        let words = held.map(|held| Arc::clone(&held.words));
        *self.words.write().unwrap_or_else(PoisonError::into_inner) = words;
    }

    /// What is in memory, for somebody who only looks something up: the owner's thread lets it in between two asks.
    pub fn look(&self) -> MutexGuard<'_, Option<Held>> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let held = self.held();
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        held
    }

    /// Let in whoever waits to look something up. A lock that is let go of and taken again at once lets in nobody.
    pub fn let_in(&self) {
        for _ in 0..PATIENCE {
            if self.waiting.load(Ordering::Relaxed) == 0 {
                return;
            }
            thread::yield_now();
        }
    }

    /// What is in memory. The owner's thread does not hold it while it waits for the database, but for a change of
    /// an event and to keep the lease when nothing else happens.
    pub fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
