//! The hot path: what there is, kept in memory, and exactly as new as the database.
//!
//! Nothing is kept for a time. Every question first reads the facts committed since the last look ([`fresh`]); what a
//! fact names is dropped, and read anew by whoever asks for it. Questions that wait at the same moment share one read, so
//! under load there are far fewer reads than questions, and none waits for more than two.

mod fresh;
mod room;
mod slots;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use kernel::{Error, Result, ids::EnvironmentId};
use store::{Db, Mode, Scope};

use crate::{Sight, Whom};
pub use fresh::may_change;
use room::Room;

/// What there is, of every environment. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    shared: Arc<Shared>,
}

struct Shared {
    db: Db,
    rooms: Mutex<HashMap<EnvironmentId, Arc<Room>>>,
}

impl Desk {
    /// Over the program's database.
    pub fn new(db: &Db) -> Self {
        Self { shared: Arc::new(Shared { db: db.clone(), rooms: Mutex::default() }) }
    }

    /// What there is at this moment for whoever is meant.
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
        let standing = room.fresh.look(&self.shared.db, scope, &|changes| room.heed(changes)).await?;
        let now = if scope.mode() == Mode::Live { self.shared.db.real_now() } else { standing };
        Ok((room, now))
    }
}
