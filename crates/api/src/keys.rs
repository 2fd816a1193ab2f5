//! Keys that were recognised lately, so that not every request of the hot path asks the database who it is from.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
};

use identity::key::{self, Known, Print};
use jiff::{SignedDuration, Timestamp};
use kernel::Result;
use store::{Db, Scope};

/// So long a key that was found counts as found (real time): a revocation by another process is heeded after that.
const HELD: SignedDuration = SignedDuration::from_millis(500);
/// Above so many they are all forgotten.
const MANY: usize = 10_000;

/// Who keys belong to. A key that this process revokes is unknown to the very next request, one that another process
/// revokes within half a second. Keys that are not known are asked about each time. It holds no keys, only what is
/// stored of them.
#[derive(Clone)]
pub struct Keys {
    db: Db,
    known: Arc<RwLock<Remembered>>,
}

#[derive(Default)]
struct Remembered {
    /// With the real time at which it was asked for.
    keys: HashMap<Print, (Timestamp, Known)>,
    /// How often all was forgotten: who asked before that remembers nothing.
    forgotten: u64,
}

impl Keys {
    /// The keys of a database, whose changes are heard of from now on.
    pub fn new(db: &Db) -> Self {
        let known = Arc::<RwLock<Remembered>>::default();
        let heard = Arc::clone(&known);
        db.on_facts(Arc::new(move |_, facts| {
            if facts.iter().any(|fact| fact.kind.starts_with("api_key.")) {
                let mut known = change(&heard);
                known.keys.clear();
                known.forgotten += 1;
            }
        }));
        Self { db: db.clone(), known }
    }

    /// Who sent this key. Errors: `key_unknown`.
    pub async fn recognise(&self, secret: &str) -> Result<Known> {
        let (print, now) = (key::print(secret)?, self.db.real_now());
        let forgotten = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            match known.keys.get(&print) {
                // A clock that was set back makes them old as well.
                Some((asked, found)) if now.duration_since(*asked).abs() < HELD => return Ok(found.clone()),
                _ => known.forgotten,
            }
        };
        let sought = print.clone();
        let recognise = move |view: &mut store::View<'_>| key::recognise(view, &sought);
        let found = self.db.read(&Scope::installation("recognise key"), recognise).await?;
        let mut known = change(&self.known);
        if known.forgotten == forgotten {
            if known.keys.len() >= MANY {
                known.keys.clear();
            }
            known.keys.insert(print, (now, found.clone()));
        }
        Ok(found)
    }
}

fn change(known: &RwLock<Remembered>) -> RwLockWriteGuard<'_, Remembered> {
    known.write().unwrap_or_else(PoisonError::into_inner)
}
