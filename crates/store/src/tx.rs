//! The transaction a closure works in: [`View`] reads, [`Tx`] also writes, locks, numbers and states facts.

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use jiff::{Timestamp, civil::Date};
use kernel::{Error, Id, IdKind, Kind, Result};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::{
    Bulk, Scope, Statement, Value, View, clock, counts, facts, fault, numbers,
    statement::ROWS_TOGETHER,
    value::Column,
    view::{Conn, Runtime},
};

/// How a transaction ended, told to what it left with [`Tx::after_commit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Durable.
    Committed,
    /// The connection broke during the commit: it may or may not have happened. Forget what was cached.
    Unknown,
}

pub(crate) type AfterCommit = Box<dyn FnOnce(Outcome) + Send>;

/// A transaction that writes.
///
/// Locks are taken on aggregate roots by rank of their kind and ascending id, then document numbers, then
/// (by the transaction itself, at its end) counts and fact numbers, so that no two transactions wait for each other.
pub struct Tx<'c> {
    view: View<'c>,
    pub(crate) facts: Vec<facts::Staged>,
    pub(crate) counted: counts::Added,
    after_commit: Vec<AfterCommit>,
    last_lock: Option<(u8, Uuid)>,
    numbering: bool,
    /// Where a sandbox clock stood at the beginning, while nobody here has moved it.
    stood: Option<clock::Standing>,
}

impl<'c> Deref for Tx<'c> {
    type Target = View<'c>;
    fn deref(&self) -> &Self::Target {
        &self.view
    }
}
impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.view
    }
}

impl<'c> Tx<'c> {
    pub(crate) fn new(conn: Conn<'c>, scope: &'c Scope, runtime: &'c Runtime) -> Self {
        let view = View::new(conn, scope, runtime);
        let (facts, after_commit) = (Vec::new(), Vec::new());
        let counted = counts::Added::new();
        Self { view, facts, counted, after_commit, last_lock: None, numbering: false, stood: None }
    }

    pub(crate) fn begin(conn: Conn<'c>, scope: &'c Scope, runtime: &'c Runtime) -> Result<Self> {
        let mut tx = Self::new(conn, scope, runtime);
        tx.stand()?;
        Ok(tx)
    }

    /// In a sandbox, take business time from its clock.
    pub(crate) fn stand(&mut self) -> Result<()> {
        if self.scope().stands() { clock::begin(self) } else { Ok(()) }
    }

    /// State what was decided: hold the clock, then number and store the staged facts. Called once, after
    /// the closure.
    pub(crate) fn finish(&mut self) -> Result<()> {
        if let Some(stood) = self.stood.filter(|_| !self.scope().due_work) {
            clock::hold(self, stood)?;
        }
        counts::add(self)?;
        facts::append(self)
    }

    /// Business time is that of a clock that must not move before the commit.
    pub(crate) fn stand_at(&mut self, standing: clock::Standing) {
        self.stood = Some(standing);
        self.set_now(standing.at);
    }

    /// This transaction itself sets up or moves the clock, which stands at `at` for the rest of it.
    pub(crate) fn move_clock(&mut self, at: Timestamp) {
        self.stood = None;
        self.set_now(at);
    }

    pub(crate) fn take_after_commit(&mut self) -> Vec<AfterCommit> {
        std::mem::take(&mut self.after_commit)
    }

    pub(crate) fn set_now(&mut self, now: Timestamp) {
        self.view.now = now;
    }

    /// Let business time be `effective` from here on. For work that fell due, at the time it fell due.
    ///
    /// Errors: `internal` outside of due work.
    pub fn run_at(&mut self, effective: Timestamp) -> Result<()> {
        if !self.scope().due_work {
            return Err(Error::internal("only due work sets its effective time"));
        }
        self.set_now(effective);
        Ok(())
    }

    /// A new id, time-ordered.
    pub fn new_id<K: IdKind>(&self) -> Id<K> {
        kernel::new_id(&*self.runtime.ids)
    }

    /// Run a statement; the number of rows it changed.
    pub fn exec(&mut self, statement: &'static Statement, params: &[Value<'_>]) -> Result<u64> {
        self.view.execute(statement, params)
    }

    /// Run a statement that changes exactly one row. Errors: `internal` when it changed another number.
    pub fn exec_one(&mut self, statement: &'static Statement, params: &[Value<'_>]) -> Result<()> {
        match self.exec(statement, params)? {
            1 => Ok(()),
            count => {
                Err(Error::internal(format!("{} changed {count} rows where one must change", statement.name)))
            }
        }
    }

    /// Run a statement that must change a row; when it changes none the transaction fails with `otherwise`. PostgreSQL is
    /// not waited for: what is wrong is said by the next statement that asks for an answer, or by the commit.
    pub fn exec_later(
        &mut self,
        statement: &'static Statement,
        params: &[Value<'_>],
        otherwise: fn() -> Error,
    ) -> Result<()> {
        self.view.execute_later(statement, params, otherwise)
    }

    /// Write many rows at once; how many were inserted or updated. Each row holds a value per column.
    pub fn bulk<'v, const N: usize>(
        &mut self,
        bulk: &'static Bulk,
        rows: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<u64> {
        assert_eq!(N, bulk.columns.len(), "{} has {} columns", bulk.name, bulk.columns.len());
        let env = Value::Uuid(self.env()?.uuid());
        match &mut self.view.conn {
            Conn::Sqlite(conn) => {
                let written = sqlite_bulk(conn, bulk, &env, rows.into_iter());
                written.map_err(|error| fault::sqlite(bulk.name, &error))
            }
            Conn::Postgres(session) => {
                let mut rows = rows.into_iter().peekable();
                let mut changed = 0;
                while rows.peek().is_some() {
                    let columns = columns(rows.by_ref().take(ROWS_AT_ONCE));
                    let arguments = arguments(&env, &columns);
                    let answer = session.execute(bulk.name, bulk.postgres(), &arguments);
                    changed += answer.map_err(|failed| failed.explain(&mut self.view.run_again))?;
                }
                if bulk.inserts() {
                    *session.written.entry(bulk.table).or_default() += changed;
                }
                Ok(changed)
            }
        }
    }

    /// Like [`Tx::bulk`], for rows that must all be written. Errors: `internal` when some were not.
    pub fn bulk_all<'v, const N: usize>(
        &mut self,
        bulk: &'static Bulk,
        rows: impl IntoIterator<Item = [Value<'v>; N], IntoIter: ExactSizeIterator>,
    ) -> Result<()> {
        let rows = rows.into_iter();
        let expected = rows.len() as u64;
        let changed = self.bulk(bulk, rows)?;
        if changed == expected {
            return Ok(());
        }
        let verb = if bulk.inserts() { "inserted" } else { "updated" };
        Err(Error::internal(format!("{} {verb} {changed} of {expected} rows", bulk.name)))
    }

    /// Like [`Tx::bulk`] where nobody asks how many. PostgreSQL is not waited for: what is wrong is said by the next
    /// statement that asks for an answer, or by the commit.
    pub fn bulk_later<'v, const N: usize>(
        &mut self,
        bulk: &'static Bulk,
        rows: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<()> {
        if let Conn::Sqlite(_) = self.view.conn {
            return self.bulk(bulk, rows).map(drop);
        }
        assert_eq!(N, bulk.columns.len(), "{} has {} columns", bulk.name, bulk.columns.len());
        let env = Value::Uuid(self.env()?.uuid());
        let Conn::Postgres(session) = &mut self.view.conn else { return Ok(()) };
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let columns = columns(rows.by_ref().take(ROWS_AT_ONCE));
            if bulk.inserts() {
                *session.written.entry(bulk.table).or_default() +=
                    columns.first().map_or(0, |one| one.0.len() as u64);
            }
            let sent = session.execute_later(bulk.name, bulk.postgres(), &arguments(&env, &columns), None);
            sent.map_err(|failed| failed.explain(&mut self.view.run_again))?;
        }
        Ok(())
    }

    /// Lock an aggregate root before deciding anything about it. On SQLite the only writer holds every lock.
    ///
    /// Errors: `not_found` when there is no such row here; `internal` when locks are out of order.
    pub fn lock<K: IdKind>(&mut self, lock: &'static Lock<K>, id: Id<K>) -> Result<()> {
        self.in_order(lock, &[id])?;
        match self.all(lock.statement, &[Value::Ids(vec![id.uuid()])], |_| Ok(()))?.len() {
            1 => Ok(()),
            _ => Err(Error::not_found(K::NOUN)),
        }
    }

    /// Lock many roots of one kind, in ascending order whatever the order given; those that are not there
    /// are passed over. Errors: `internal` when locks are out of order.
    pub fn lock_all<K: IdKind>(&mut self, lock: &'static Lock<K>, roots: &[Id<K>]) -> Result<()> {
        self.in_order(lock, roots)?;
        if roots.is_empty() || matches!(self.view.conn, Conn::Sqlite(_)) {
            return Ok(());
        }
        let list = Value::Ids(roots.iter().map(|id| id.uuid()).collect());
        self.each(lock.statement, &[list], |_| Ok(()))
    }

    /// Locks are taken by rank and ascending id, before numbers.
    fn in_order<K: IdKind>(&mut self, lock: &'static Lock<K>, roots: &[Id<K>]) -> Result<()> {
        let (Some(lowest), Some(highest)) = (roots.iter().min(), roots.iter().max()) else { return Ok(()) };
        let first = (lock.rank, lowest.uuid());
        if self.numbering || self.last_lock.is_some_and(|last| first < last) {
            return Err(Error::internal(format!(
                "the lock on {lowest} comes too late: a higher one is held"
            )));
        }
        self.last_lock = Some((lock.rank, highest.uuid()));
        Ok(())
    }

    /// Take the next `count` document numbers of a series; the first of them and the issue date, which
    /// never lies before the last one of the series. After this nothing can be locked.
    pub fn take_numbers(
        &mut self,
        series: &numbers::Series,
        count: u32,
        date: Date,
    ) -> Result<numbers::Taken> {
        self.numbering = true;
        numbers::take(self, series, count, date)
    }

    /// State a fact. It is numbered and chained when the closure has ended well.
    pub fn fact(&mut self, fact: facts::NewFact) {
        let staged = fact.stage(&self.view);
        self.facts.push(staged);
    }

    /// Rows of a kind that are counted became more, or fewer, in one of its parts.
    pub fn counted(&mut self, kind: &'static str, part: impl Into<String>, by: i64) {
        *self.counted.entry((kind, part.into())).or_default() += by;
    }

    /// Run `then` once the commit is known to be durable, or known to be of unknown outcome.
    pub fn after_commit(&mut self, then: impl FnOnce(Outcome) + Send + 'static) {
        self.after_commit.push(Box::new(then));
    }

    /// Give up this run and run the closure again: somebody else has just decided what it asked about.
    pub fn try_again(&mut self) -> Error {
        self.view.run_again = true;
        Error::new(
            Kind::Conflict,
            "concurrent_change",
            "Somebody else changed this at the same moment. Try again.",
        )
    }
}

/// How rows of a kind that others hang on are locked.
#[derive(Debug)]
pub struct Lock<K> {
    rank: u8,
    statement: &'static Statement,
    kind: PhantomData<fn() -> K>,
}

impl<K> Lock<K> {
    /// Kinds of a lower rank are locked first. `statement` reads
    /// `SELECT id FROM … WHERE env_id = $1 AND id IN_IDS($2) ORDER BY id FOR UPDATE`.
    pub const fn new(rank: u8, statement: &'static Statement) -> Self {
        Self { rank, statement, kind: PhantomData }
    }
}

/// Append rows with a statement for many while there are many, and one by one what is left; all others one by one.
fn sqlite_bulk<'v, const N: usize>(
    conn: &rusqlite::Connection,
    bulk: &'static Bulk,
    env: &Value<'_>,
    mut rows: impl Iterator<Item = [Value<'v>; N]>,
) -> rusqlite::Result<u64> {
    let mut changed = 0;
    let mut left: Vec<[Value<'v>; N]> = Vec::new();
    if let Some(text) = bulk.sqlite_together() {
        left.extend(rows.by_ref().take(ROWS_TOGETHER));
        if left.len() == ROWS_TOGETHER {
            let mut prepared = conn.prepare_cached(text)?;
            prepared.raw_bind_parameter(1, env)?;
            while left.len() == ROWS_TOGETHER {
                for (index, value) in left.iter().flatten().enumerate() {
                    prepared.raw_bind_parameter(index + 2, value)?;
                }
                changed += prepared.raw_execute()? as u64;
                left.clear();
                left.extend(rows.by_ref().take(ROWS_TOGETHER));
            }
        }
    }
    let mut prepared = conn.prepare_cached(bulk.sqlite())?;
    prepared.raw_bind_parameter(1, env)?;
    for row in left.into_iter().chain(rows) {
        for (index, value) in row.iter().enumerate() {
            prepared.raw_bind_parameter(index + 2, value)?;
        }
        changed += prepared.raw_execute()? as u64;
    }
    Ok(changed)
}

const ROWS_AT_ONCE: usize = 5_000;

fn arguments<'a>(env: &'a Value<'_>, columns: &'a [Column<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    std::iter::once(env as _).chain(columns.iter().map(|column| column as _)).collect()
}

fn columns<'v, const N: usize>(rows: impl Iterator<Item = [Value<'v>; N]>) -> Vec<Column<'v>> {
    let mut columns: Vec<Column<'v>> = (0..N).map(|_| Column(Vec::new())).collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.0.push(value);
        }
    }
    columns
}
