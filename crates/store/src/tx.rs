//! The transaction a closure works in: [`View`] reads, [`Tx`] also writes, locks, numbers and states facts.

use std::{
    collections::HashMap,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use jiff::{Timestamp, civil::Date};
use kernel::{Error, Id, IdKind, IdSource, Kind, Result, WallClock, ids::EnvironmentId};
use postgres::types::ToSql;
use uuid::Uuid;

use crate::{
    Bulk, BulkAction, Reach, Row, Scope, Statement, Value, clock, facts, fault, numbers, scope::Place,
    value::Column,
};

/// A PostgreSQL connection and what it has prepared.
pub(crate) struct Session {
    pub(crate) client: postgres::Client,
    prepared: HashMap<&'static str, postgres::Statement>,
    /// Rows the running transaction inserted in bulk, by table.
    pub(crate) written: HashMap<&'static str, u64>,
}

impl Session {
    pub(crate) fn new(client: postgres::Client) -> Self {
        Self { client, prepared: HashMap::new(), written: HashMap::new() }
    }

    fn prepare(&mut self, text: &'static str) -> Result<postgres::Statement, postgres::Error> {
        if let Some(statement) = self.prepared.get(text) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(text)?;
        self.prepared.insert(text, statement.clone());
        Ok(statement)
    }
}

pub(crate) enum Conn<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c mut Session),
}

/// What every transaction of a program shares.
pub(crate) struct Runtime {
    pub(crate) clock: Arc<dyn WallClock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) upcasters: Vec<facts::Upcaster>,
}

/// A consistent view of one environment (or, for system work, of the installation).
pub struct View<'c> {
    conn: Conn<'c>,
    scope: &'c Scope,
    runtime: &'c Runtime,
    now: Timestamp,
    recorded: Timestamp,
    /// Set when the engine asked for the whole transaction to be run again.
    pub(crate) run_again: bool,
}

impl<'c> View<'c> {
    fn new(conn: Conn<'c>, scope: &'c Scope, runtime: &'c Runtime) -> Self {
        let recorded = runtime.clock.now();
        Self { conn, scope, runtime, now: recorded, recorded, run_again: false }
    }

    pub(crate) fn begin(conn: Conn<'c>, scope: &'c Scope, runtime: &'c Runtime) -> Result<Self> {
        let mut view = Self::new(conn, scope, runtime);
        if scope.stands()
            && let Some(standing) = clock::read(&mut view)?
        {
            view.now = standing.at;
        }
        Ok(view)
    }

    /// Business time: real time in a live environment, the standing clock in a sandbox.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Real time at which this transaction began: for leases, retention and the record, never for money.
    pub const fn recorded(&self) -> Timestamp {
        self.recorded
    }

    /// Who asks, where and why.
    pub const fn scope(&self) -> &'c Scope {
        self.scope
    }

    pub(crate) const fn upcasters(&self) -> &'c [facts::Upcaster] {
        self.runtime.upcasters.as_slice()
    }

    /// The environment. Errors: `internal` in installation work.
    pub fn env(&self) -> Result<EnvironmentId> {
        self.scope.env().ok_or_else(|| Error::internal("installation work has no environment"))
    }

    /// Every row of an answer, each read by `read`.
    pub fn all<T>(
        &mut self,
        statement: &'static Statement,
        params: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.each(statement, params, |row| {
            rows.push(read(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The first row, if there is one.
    pub fn opt<T>(
        &mut self,
        statement: &'static Statement,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.all(statement, params, read)?.into_iter().next())
    }

    /// The one row there must be: aggregates, and rows another row points to.
    pub fn one<T>(
        &mut self,
        statement: &'static Statement,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.opt(statement, params, read)?
            .ok_or_else(|| Error::internal(format!("{} found no row where one must be", statement.name)))
    }

    /// Hand each row of an answer to `take`.
    pub fn each(
        &mut self,
        statement: &'static Statement,
        params: &[Value<'_>],
        mut take: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let env = self.first_parameter(statement)?;
        match &mut self.conn {
            Conn::Sqlite(conn) => {
                let fail = |error| fault::sqlite(statement.name, &error);
                let mut prepared = conn.prepare_cached(statement.sqlite()).map_err(fail)?;
                bind(&mut prepared, env, params).map_err(fail)?;
                let mut rows = prepared.raw_query();
                while let Some(row) = rows.next().map_err(fail)? {
                    take(&Row::Sqlite(row))?;
                }
                Ok(())
            }
            Conn::Postgres(session) => {
                let arguments = arguments(env.as_ref(), params);
                let answer = session
                    .prepare(statement.postgres())
                    .and_then(|text| session.client.query(&text, &arguments));
                let rows =
                    answer.map_err(|error| fault::postgres(statement.name, &error, &mut self.run_again))?;
                rows.iter().try_for_each(|row| take(&Row::Postgres(row)))
            }
        }
    }

    /// Let the engine read a text without running it.
    pub(crate) fn prepare(&mut self, sqlite: &str, postgres: &'static str) -> Result<(), String> {
        match &mut self.conn {
            Conn::Sqlite(conn) => conn.prepare(sqlite).map(drop).map_err(|error| error.to_string()),
            Conn::Postgres(session) => {
                session.prepare(postgres).map(drop).map_err(|error| fault::describe(&error))
            }
        }
    }

    fn execute(&mut self, statement: &'static Statement, params: &[Value<'_>]) -> Result<u64> {
        let env = self.first_parameter(statement)?;
        match &mut self.conn {
            Conn::Sqlite(conn) => {
                let fail = |error| fault::sqlite(statement.name, &error);
                let mut prepared = conn.prepare_cached(statement.sqlite()).map_err(fail)?;
                bind(&mut prepared, env, params).map_err(fail)?;
                prepared.raw_execute().map(|count| count as u64).map_err(fail)
            }
            Conn::Postgres(session) => {
                let arguments = arguments(env.as_ref(), params);
                let answer = session
                    .prepare(statement.postgres())
                    .and_then(|text| session.client.execute(&text, &arguments));
                answer.map_err(|error| fault::postgres(statement.name, &error, &mut self.run_again))
            }
        }
    }

    /// The environment to bind as `$1`; refuses a statement of another reach than the scope's.
    fn first_parameter(&self, statement: &Statement) -> Result<Option<Value<'static>>> {
        match (statement.reach, self.scope.place) {
            (Reach::Environment, Place::Environment { env, .. }) => Ok(Some(Value::Uuid(env.uuid()))),
            (Reach::Installation, Place::Installation(_)) => Ok(None),
            (_, place) => Err(Error::internal(format!("{} may not run in {place:?}", statement.name))),
        }
    }
}

fn bind(
    statement: &mut rusqlite::CachedStatement<'_>,
    env: Option<Value<'_>>,
    params: &[Value<'_>],
) -> rusqlite::Result<()> {
    for (index, value) in env.iter().chain(params).enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    Ok(())
}

fn arguments<'a>(env: Option<&'a Value<'_>>, params: &'a [Value<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    env.into_iter().chain(params).map(|value| value as &(dyn ToSql + Sync)).collect()
}

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
/// (by the transaction itself, at its end) fact numbers, so that no two transactions wait for each other.
pub struct Tx<'c> {
    view: View<'c>,
    pub(crate) facts: Vec<facts::Staged>,
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
    pub(crate) fn begin(conn: Conn<'c>, scope: &'c Scope, runtime: &'c Runtime) -> Result<Self> {
        let view = View::new(conn, scope, runtime);
        let (facts, after_commit) = (Vec::new(), Vec::new());
        let mut tx = Self { view, facts, after_commit, last_lock: None, numbering: false, stood: None };
        if scope.stands() {
            clock::begin(&mut tx)?;
        }
        Ok(tx)
    }

    /// State what was decided: hold the clock, then number and store the staged facts. Called once, after
    /// the closure.
    pub(crate) fn finish(&mut self) -> Result<()> {
        if let Some(stood) = self.stood.filter(|_| !self.scope.due_work) {
            clock::hold(self, stood)?;
        }
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
        if !self.scope.due_work {
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
                let fail = |error| fault::sqlite(bulk.name, &error);
                let mut prepared = conn.prepare_cached(bulk.sqlite()).map_err(fail)?;
                prepared.raw_bind_parameter(1, &env).map_err(fail)?;
                let mut changed = 0;
                for row in rows {
                    for (index, value) in row.iter().enumerate() {
                        prepared.raw_bind_parameter(index + 2, value).map_err(fail)?;
                    }
                    changed += prepared.raw_execute().map_err(fail)? as u64;
                }
                Ok(changed)
            }
            Conn::Postgres(session) => {
                let mut rows = rows.into_iter().peekable();
                let mut changed = 0;
                while rows.peek().is_some() {
                    let columns = columns(rows.by_ref().take(ROWS_AT_ONCE));
                    let arguments: Vec<&(dyn ToSql + Sync)> = std::iter::once(&env as &(dyn ToSql + Sync))
                        .chain(columns.iter().map(|c| c as _))
                        .collect();
                    let answer = session
                        .prepare(bulk.postgres())
                        .and_then(|text| session.client.execute(&text, &arguments));
                    changed += answer
                        .map_err(|error| fault::postgres(bulk.name, &error, &mut self.view.run_again))?;
                }
                if matches!(bulk.action, BulkAction::Insert { .. }) {
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
        let verb = if matches!(bulk.action, BulkAction::Insert { .. }) { "inserted" } else { "updated" };
        Err(Error::internal(format!("{} {verb} {changed} of {expected} rows", bulk.name)))
    }

    /// Lock an aggregate root before deciding anything about it. On SQLite the only writer holds every lock.
    ///
    /// Errors: `not_found` when there is no such row here; `internal` when locks are out of order.
    pub fn lock<K: IdKind>(&mut self, lock: &'static Lock<K>, id: Id<K>) -> Result<()> {
        match self.lock_all(lock, &[id])? {
            1 => Ok(()),
            _ => Err(Error::not_found(K::NOUN)),
        }
    }

    /// Lock many roots of one kind, in ascending order whatever the order given; how many there are.
    pub fn lock_all<K: IdKind>(&mut self, lock: &'static Lock<K>, roots: &[Id<K>]) -> Result<usize> {
        let (Some(lowest), Some(highest)) = (roots.iter().min(), roots.iter().max()) else { return Ok(0) };
        let first = (lock.rank, lowest.uuid());
        if self.numbering || self.last_lock.is_some_and(|last| first < last) {
            return Err(Error::internal(format!(
                "the lock on {lowest} comes too late: a higher one is held"
            )));
        }
        self.last_lock = Some((lock.rank, highest.uuid()));
        let list = Value::Ids(roots.iter().map(|id| id.uuid()).collect());
        Ok(self.all(lock.statement, &[list], |_| Ok(()))?.len())
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

const ROWS_AT_ONCE: usize = 5_000;

fn columns<'v, const N: usize>(rows: impl Iterator<Item = [Value<'v>; N]>) -> Vec<Column<'v>> {
    let mut columns: Vec<Column<'v>> = (0..N).map(|_| Column(Vec::new())).collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.0.push(value);
        }
    }
    columns
}
