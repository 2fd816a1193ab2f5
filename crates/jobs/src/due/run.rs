//! Doing what is due.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use kernel::{Error, Kind, Result};
use store::{Db, Engine, Scope, Tx, params};
use uuid::Uuid;

use super::{Due, read_due, sql};
use crate::job::{Lease, claim::tell, hold};

/// Most items handled in one transaction (domain rules §6).
pub const MAX_BATCH: i64 = 500;
/// How long a transaction is to take on an embedded database: its one writer is then free again for
/// requests that wait.
const BATCH_TIME: Duration = Duration::from_millis(20);
/// The same on a server, where others write meanwhile and only wait for the end of it, when its facts are numbered.
const BATCH_TIME_BESIDE: Duration = Duration::from_millis(40);
/// Items of the first transaction. How long it takes decides about the next.
const FIRST_BATCH: usize = 50;
/// Items read from the queue at a time.
const READ_AHEAD: i64 = 2_000;

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

/// What is done before the transaction over items of one instant and rank, outside of it: what such a transaction
/// rests on that stands in another database file. It may be done and the transaction not, so it is repeatable.
pub type Before = fn(&Db, &Scope, &DueKind, Timestamp, &[Uuid]) -> Result<()>;

/// Do everything that is due at or before `until` (business time), in order, what arises on the way
/// included; how many items were done.
///
/// Items of one instant and rank are handled together, as many as take about 20 ms (40 on a server) and `max_batch` (at
/// least 1) at most; where a transaction ends must not matter to what is done. When one fails its items are
/// handled one by one, and one that fails alone is marked and passed over. With a lease, each transaction
/// holds it and stores the number done as the job's progress.
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
    run_after(db, scope, kinds, |_, _, _, _, _| Ok(()), until, lease, max_batch)
}

/// [`run`] with something done before each transaction. What fails there fails the items.
pub fn run_after(
    db: &Db,
    scope: &Scope,
    kinds: &'static [DueKind],
    before: Before,
    until: Timestamp,
    lease: Option<&Lease>,
    max_batch: i64,
) -> Result<u64> {
    if lease.is_some_and(|lease| Some(lease.env) != scope.env()) {
        return Err(Error::internal("due work is done under a lease of its own environment"));
    }
    let scope = scope.clone().for_due_work();
    let most = usize::try_from(max_batch).unwrap_or_default().max(1);
    let size = FIRST_BATCH.min(most);
    let batch_time = match db.engine() {
        Engine::Sqlite => BATCH_TIME,
        Engine::Postgres => BATCH_TIME_BESIDE,
    };
    let mut run = Run { db, scope, kinds, before, lease, most, batch_time, size, ahead: None, done: 0 };
    while let Some(batch) = run.next(until)? {
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
    before: Before,
    lease: Option<&'r Lease>,
    /// Most items of a transaction.
    most: usize,
    /// How long a transaction is to take.
    batch_time: Duration,
    /// Items of the next transaction.
    size: usize,
    /// What was read from the queue and is not handled.
    ahead: Option<Batch>,
    done: u64,
}

impl Run<'_> {
    fn next(&mut self, until: Timestamp) -> Result<Option<Batch>> {
        if self.ahead.as_ref().is_none_or(|ahead| ahead.subjects.is_empty()) {
            self.ahead = self.look(until)?;
        }
        let Some(ahead) = &mut self.ahead else { return Ok(None) };
        let rest = ahead.subjects.split_off(self.size.min(ahead.subjects.len()));
        let subjects = std::mem::replace(&mut ahead.subjects, rest);
        Ok(Some(Batch { at: ahead.at, kind: ahead.kind, subjects }))
    }

    /// What comes first in the queue.
    fn look(&self, until: Timestamp) -> Result<Option<Batch>> {
        let items = self
            .db
            .read(&self.scope, move |view| view.all(&sql::BATCH, params![until, READ_AHEAD], read_due));
        let items: Vec<Due> = items.wait()?;
        let Some(first) = items.first() else { return Ok(None) };
        // A newer release may have put it here; passing it over would break the order.
        let kind = self.kinds.iter().find(|kind| kind.rank == first.rank).ok_or_else(|| {
            Error::internal(format!("nothing here handles due work of rank {}", first.rank))
        })?;
        Ok(Some(Batch { at: first.at, kind, subjects: items.iter().map(|due| due.subject).collect() }))
    }

    fn handle(&mut self, batch: Batch) -> Result<()> {
        let begun = Instant::now();
        match self.transact(&batch) {
            Ok(()) => {
                if batch.subjects.len() == self.size {
                    self.size = next_size(self.size, begun.elapsed(), self.batch_time, self.most);
                }
                Ok(())
            }
            // Another process has done some of them: look again.
            Err(error) if error.code == TAKEN => {
                self.ahead = None;
                Ok(())
            }
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
        (self.before)(self.db, &self.scope, batch.kind, batch.at, &batch.subjects)?;
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

/// How many items take about `wanted`, when `size` of them took `took`; at most `most`, and not very different from
/// `size`, because one transaction says little.
fn next_size(size: usize, took: Duration, wanted: Duration, most: usize) -> usize {
    let fitting = size as u128 * wanted.as_micros() / took.as_micros().max(1);
    let fitting = usize::try_from(fitting).unwrap_or(most);
    fitting.clamp(size.div_ceil(2), size * 2).clamp(1, most)
}

/// The code of the error when another process took some of a batch.
const TAKEN: &str = "due_taken";

/// Errors that say nothing about the item: the same work may succeed a little later.
fn is_passing(error: &Error) -> bool {
    error.kind == Kind::Unavailable || ["lease_lost", "concurrent_change"].contains(&error.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_and_shrink_towards_their_time() {
        let next =
            |size, millis| next_size(size, Duration::from_millis(millis), Duration::from_millis(20), 500);
        assert_eq!(next(50, 10), 100);
        assert_eq!(next(50, 1), 100, "at most twice as many");
        assert_eq!(next(400, 10), 500, "never more than the most");
        assert_eq!(next(100, 20), 100);
        assert_eq!(next(100, 30), 66);
        assert_eq!(next(100, 3_000), 50, "at least half as many");
        assert_eq!(next(1, 3_000), 1);
        assert_eq!(next(50, 0), 100);
    }
}
