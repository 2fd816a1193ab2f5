//! Reading and changing one environment as somebody.

use std::sync::mpsc;

use billing::usage;
use kernel::{Error, Result, ids::SubscriptionId};
use store::{Db, Pending, Scope, Tx, View};

/// An environment, and who works in it.
#[derive(Clone)]
pub(crate) struct Access {
    pub(super) db: Db,
    pub(super) scope: Scope,
}

impl Access {
    pub(super) const fn new(db: Db, scope: Scope) -> Self {
        Self { db, scope }
    }

    /// The database and the scope of this environment, for work that reads and writes many times.
    pub(crate) fn hands(&self) -> (Db, Scope) {
        (self.db.clone(), self.scope.clone())
    }

    /// Read in this environment.
    pub(crate) fn read<T, F>(&self, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: Fn(&mut View<'_>) -> Result<T> + Send + 'static,
    {
        self.db.read(&self.scope, work)
    }

    /// Change something in this environment, as this person.
    pub(crate) fn write<T, F>(&self, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.db.write(&self.scope, work)
    }

    /// Post what metering measured of a subscription until now, before something is decided about it: an act bills what
    /// was used until then, as over the API. Errors: `clock_advancing`.
    pub(crate) async fn measure(&self, id: SubscriptionId) -> Result<()> {
        usage::catch_up(&self.db, &self.scope, &id.to_string()).await
    }

    /// What changing something would come to: it is done, looked at and taken back. So what is shown before is
    /// what happens after, by the same code; it waits for locks and is refused as the change would be.
    pub(crate) async fn rehearse<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        const TAKEN_BACK: &str = "rehearsed";
        let (sender, seen) = mpsc::channel();
        let undone = self.write(move |tx| -> Result<()> {
            // Nobody has stopped listening: the other end waits below.
            let _ = sender.send(work(tx)?);
            Err(Error::conflict(TAKEN_BACK, "This was only to be looked at."))
        });
        match undone.await {
            Err(error) if error.code == TAKEN_BACK => {
                // A transaction may run more than once; the last one is the one that ended.
                seen.try_iter().last().ok_or_else(|| Error::internal("a rehearsal came to nothing"))
            }
            Err(error) => Err(error),
            Ok(()) => Err(Error::internal("a rehearsal was not taken back")),
        }
    }
}
