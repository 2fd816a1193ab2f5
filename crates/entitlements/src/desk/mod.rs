//! The hot path: what there is, kept in memory, and exactly as new as the database.
//!
//! Nothing is kept for a time. Every question first reads the facts committed since the last look ([`fresh`]); what a
//! fact names is dropped, and read anew by whoever asks for it. Questions that wait at the same moment share one read, so
//! under load there are far fewer reads than questions, and none waits for more than two.

mod fresh;
mod keys;
mod room;
mod slots;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use identity::key::Known;
use jiff::Timestamp;
use kernel::{Error, Result, ids::EnvironmentId};
use store::{Db, Mode, Scope};

use crate::{Sight, Whom};
use keys::Keys;
use room::Room;

/// What there is, of every environment. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    shared: Arc<Shared>,
}

struct Shared {
    db: Db,
    rooms: Mutex<HashMap<EnvironmentId, Arc<Room>>>,
    keys: Keys,
}

impl Desk {
    /// Over the program's database.
    pub fn new(db: &Db) -> Self {
        let (rooms, keys) = (Mutex::default(), Keys::default());
        Self { shared: Arc::new(Shared { db: db.clone(), rooms, keys }) }
    }

    /// Who sent this key, and what there is at this moment for whoever is meant. `whom` is asked once it is known what the
    /// key may do. Errors: `key_unknown`, and those of `whom`.
    pub async fn ask(
        &self,
        secret: &str,
        whom: impl FnOnce(&Known) -> Result<Whom>,
    ) -> Result<(Known, Sight)> {
        let Shared { db, keys, .. } = &*self.shared;
        let hash = keys::hash(secret);
        if let Some(known) = keys.kept(&hash) {
            let (room, now) = self.look(&known.scope).await?;
            // Still there, after what happened since was heard.
            if keys.kept(&hash).is_some() {
                let whom = whom(&known)?;
                let sight = room.sight(db, &known.scope, whom, now).await?;
                return Ok((known, sight));
            }
        }
        let known = keys.read(db, secret).await?;
        let (room, now) = self.look(&known.scope).await?;
        // Once the environment is followed, a key that is read is followed too.
        let known = keys.keep(db, secret, &hash).await?;
        let whom = whom(&known)?;
        let sight = room.sight(db, &known.scope, whom, now).await?;
        Ok((known, sight))
    }

    /// What there is at this moment for whoever is meant, to a caller that was recognised before.
    pub async fn sight(&self, scope: &Scope, whom: Whom) -> Result<Sight> {
        let (room, now) = self.look(scope).await?;
        room.sight(&self.shared.db, scope, whom, now).await
    }

    /// Hear what happened since, and tell business time.
    async fn look(&self, scope: &Scope) -> Result<(Arc<Room>, Timestamp)> {
        let env =
            scope.env().ok_or_else(|| Error::internal("nothing is entitled outside of environments"))?;
        let room = {
            let mut rooms = self.shared.rooms.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(rooms.entry(env).or_default())
        };
        let standing = room.fresh.look(&self.shared.db, scope, &|changes| self.heed(&room, changes)).await?;
        let now = if scope.mode() == Mode::Live { self.shared.db.real_now() } else { standing };
        Ok((room, now))
    }

    fn heed(&self, room: &Room, changes: &fresh::Changes) {
        room.heed(changes);
        self.shared.keys.forget(changes);
    }
}
