//! API keys that were recognised, by a hash of their secret.

use identity::key::{self, Known};
use kernel::Result;
use sha2::{Digest, Sha256};
use store::{Db, Scope, View};

use super::{fresh::Changes, slots::Slots};

/// Most keys kept.
const MOST: usize = 10_000;

/// What a secret is known by here.
pub(super) type Hash = [u8; 32];

pub(super) struct Keys(Slots<Hash, Known>);

impl Default for Keys {
    fn default() -> Self {
        Self(Slots::of(MOST))
    }
}

impl Keys {
    /// A key that was recognised before and has not changed since the last look.
    pub(super) fn kept(&self, hash: &Hash) -> Option<Known> {
        self.0.there(hash)
    }

    /// Recognise a key. Error: `key_unknown`.
    pub(super) async fn read(&self, db: &Db, secret: &str) -> Result<Known> {
        let secret = secret.to_owned();
        let recognise = move |view: &mut View<'_>| key::recognise(view, &secret);
        db.read(&Scope::installation("recognise key"), recognise).await
    }

    /// Recognise it once more, now that its environment is followed, and keep it.
    pub(super) async fn keep(&self, db: &Db, secret: &str, hash: &Hash) -> Result<Known> {
        match self.0.get(hash) {
            Ok(kept) => Ok(kept),
            Err(ticket) => {
                let known = self.read(db, secret).await?;
                self.0.put(ticket, known.clone());
                Ok(known)
            }
        }
    }

    pub(super) fn forget(&self, changes: &Changes) {
        if changes.everything || !changes.keys.is_empty() {
            self.0.clear();
        }
    }
}

/// The hash of a secret.
pub(super) fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}
