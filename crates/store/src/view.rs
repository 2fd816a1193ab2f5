//! What a transaction reads: [`View`].

use std::sync::{Arc, RwLock};

use jiff::Timestamp;
use kernel::{Error, IdSource, Result, WallClock, ids::EnvironmentId};
use tokio_postgres::types::ToSql;

use crate::{
    Reach, Row, Scope, Statement, Value, clock, facts, fault, postgres_session::Session, scope::Place,
};

pub(crate) enum Conn<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c mut Session),
}

/// What every transaction of a program shares.
pub(crate) struct Runtime {
    pub(crate) clock: Arc<dyn WallClock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) upcasters: Vec<facts::Upcaster>,
    /// Who hears of facts in this process.
    pub(crate) listeners: RwLock<Vec<facts::Listener>>,
}

/// A consistent view of one environment (or, for system work, of the installation).
pub struct View<'c> {
    pub(crate) conn: Conn<'c>,
    scope: &'c Scope,
    pub(crate) runtime: &'c Runtime,
    pub(crate) now: Timestamp,
    recorded: Timestamp,
    /// Set when the engine asked for the whole transaction to be run again.
    pub(crate) run_again: bool,
}

impl<'c> View<'c> {
    pub(crate) fn new(conn: Conn<'c>, scope: &'c Scope, runtime: &'c Runtime) -> Self {
        let recorded = runtime.clock.now();
        Self { conn, scope, runtime, now: recorded, recorded, run_again: false }
    }

    pub(crate) fn begin(conn: Conn<'c>, scope: &'c Scope, runtime: &'c Runtime) -> Result<Self> {
        let mut view = Self::new(conn, scope, runtime);
        view.stand()?;
        Ok(view)
    }

    /// In a sandbox, take business time from its clock.
    pub(crate) fn stand(&mut self) -> Result<()> {
        if self.scope.stands()
            && let Some(standing) = clock::read(self)?
        {
            self.now = standing.at;
        }
        Ok(())
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
                let answer = session.query(statement.name, statement.postgres(), &arguments);
                let rows = answer.map_err(|failed| failed.explain(&mut self.run_again))?;
                rows.iter().try_for_each(|row| take(&Row::Postgres(row)))
            }
        }
    }

    /// Let the engine read a text without running it.
    pub(crate) fn prepare(&mut self, sqlite: &str, postgres: &'static str) -> Result<(), String> {
        match &mut self.conn {
            Conn::Sqlite(conn) => conn.prepare(sqlite).map(drop).map_err(|error| error.to_string()),
            Conn::Postgres(session) => {
                session.prepare("a statement", postgres).map(drop).map_err(|failed| failed.describe())
            }
        }
    }

    pub(crate) fn execute(&mut self, statement: &'static Statement, params: &[Value<'_>]) -> Result<u64> {
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
                let answer = session.execute(statement.name, statement.postgres(), &arguments);
                answer.map_err(|failed| failed.explain(&mut self.run_again))
            }
        }
    }

    /// Execute what must change a row; see [`Tx::exec_later`](crate::Tx::exec_later).
    pub(crate) fn execute_later(
        &mut self,
        statement: &'static Statement,
        params: &[Value<'_>],
        otherwise: fn() -> Error,
    ) -> Result<()> {
        if let Conn::Sqlite(_) = self.conn {
            let changed = self.execute(statement, params)?;
            return if changed == 0 { Err(otherwise()) } else { Ok(()) };
        }
        let env = self.first_parameter(statement)?;
        let Conn::Postgres(session) = &mut self.conn else { return Ok(()) };
        let arguments = arguments(env.as_ref(), params);
        let sent =
            session.execute_later(statement.name, statement.postgres_or_zero(), &arguments, Some(otherwise));
        sent.map_err(|failed| failed.explain(&mut self.run_again))
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
