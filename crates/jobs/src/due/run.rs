//! Doing what is due.

use jiff::Timestamp;
use kernel::{Error, Kind, Result};
use store::{Db, Scope, Tx, params};
use uuid::Uuid;

use super::{Due, read_due, sql};
use crate::job::{Lease, claim::tell, hold};

/// Most items handled in one transaction: few enough that the one writer of an embedded database is free
/// for waiting requests again within about 20 ms.
pub const MAX_BATCH: i64 = 100;

/// What is done about the items of one rank.
#[derive(Clone, Copy, Debug)]
pub struct DueKind {
    /// Their rank.
    pub rank: i64,
    /// What it is called in logs and on pages, such as `subscription.renew`.
    pub name: &'static str,
    /// Does it, for subjects that fall due at one instant; business time is that instant. Locks what it
    /// decides about. An error undoes all of it.
    pub handler: fn(&mut Tx<'_>, Timestamp, &[Uuid]) -> Result<()>,
}

/// Do everything that is due at or before `until` (business time), in order, what arises on the way
/// included; how many items were done.
///
/// Items of one instant and rank are handled together, `max_batch` (at least 1) at most. When that fails
/// they are handled one by one, and one that fails alone is marked and passed over. With a lease, each
/// transaction holds it and stores the number done as the job's progress.
///
/// Errors: `lease_lost`, `job_stopped`, those of a database that is away or too busy; calling again goes
/// on where this ended.
pub fn run(
    db: &Db,
    scope: &Scope,
    kinds: &'static [DueKind],
    until: Timestamp,
    lease: Option<&Lease>,
    max_batch: i64,
) -> Result<u64> {
    if lease.is_some_and(|lease| Some(lease.env) != scope.env()) {
        return Err(Error::internal("due work is done under a lease of its own environment"));
    }
    let scope = scope.clone().for_due_work();
    let mut run = Run { db, scope, kinds, lease, done: 0 };
    while let Some(batch) = run.next(until, max_batch.max(1))? {
        run.handle(batch)?;
    }
    Ok(run.done)
}

/// Items of one instant and rank.
#[derive(Clone, Debug)]
struct Batch {
    at: Timestamp,
    kind: &'static DueKind,
    subjects: Vec<Uuid>,
}

struct Run<'r> {
    db: &'r Db,
    scope: Scope,
    kinds: &'static [DueKind],
    lease: Option<&'r Lease>,
    done: u64,
}

impl Run<'_> {
    fn next(&self, until: Timestamp, limit: i64) -> Result<Option<Batch>> {
        let items =
            self.db.read(&self.scope, move |view| view.all(&sql::BATCH, params![until, limit], read_due));
        let items: Vec<Due> = items.wait()?;
        let Some(first) = items.first() else { return Ok(None) };
        // A newer release may have put it here; passing it over would break the order.
        let kind = self.kinds.iter().find(|kind| kind.rank == first.rank).ok_or_else(|| {
            Error::internal(format!("nothing here handles due work of rank {}", first.rank))
        })?;
        Ok(Some(Batch { at: first.at, kind, subjects: items.iter().map(|due| due.subject).collect() }))
    }

    fn handle(&mut self, batch: Batch) -> Result<()> {
        match self.transact(&batch) {
            Ok(()) => Ok(()),
            // Another process has done some of them: look again.
            Err(error) if error.code == TAKEN => Ok(()),
            Err(error) if is_passing(&error) => Err(error),
            Err(error) if batch.subjects.len() == 1 => self.mark(&batch, &error),
            Err(_) => batch
                .subjects
                .iter()
                .try_for_each(|subject| self.handle(Batch { subjects: vec![*subject], ..batch.clone() })),
        }
    }

    /// Take the items and do what is due about them, all or nothing.
    fn transact(&mut self, batch: &Batch) -> Result<()> {
        let done = self.done + batch.subjects.len() as u64;
        let (lease, batch) = (self.lease.cloned(), batch.clone());
        let transact = move |tx: &mut Tx<'_>| {
            let taken = tx.exec(&sql::TAKE, params![batch.at, batch.kind.rank, batch.subjects])?;
            if taken != batch.subjects.len() as u64 {
                return Err(Error::conflict(TAKEN, "Somebody else does this due work at the same moment."));
            }
            tx.run_at(batch.at)?;
            (batch.kind.handler)(tx, batch.at, &batch.subjects)?;
            lease.iter().try_for_each(|lease| hold(tx, lease, done as i64, None))
        };
        self.db.write(&self.scope, transact).wait()?;
        self.done = done;
        Ok(())
    }

    /// Keep the item with its error, and go on without it.
    fn mark(&self, batch: &Batch, error: &Error) -> Result<()> {
        let Batch { at, kind, subjects } = batch.clone();
        tracing::error!(what = kind.name, %at, subject = ?subjects, code = error.code, detail = error.detail, "due work is stuck");
        let told = tell(error);
        let mark = move |tx: &mut Tx<'_>| {
            subjects.iter().try_for_each(|subject| {
                tx.exec(&sql::SET_ERROR, params![at, kind.rank, subject, told]).map(drop)
            })
        };
        self.db.write(&self.scope, mark).wait()
    }
}

/// The code of the error when another process took some of a batch.
const TAKEN: &str = "due_taken";

/// Errors that say nothing about the item: the same work may succeed a little later.
fn is_passing(error: &Error) -> bool {
    error.kind == Kind::Unavailable || ["lease_lost", "concurrent_change"].contains(&error.code)
}
