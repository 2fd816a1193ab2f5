//! PostgreSQL: a pool of threads, one connection each; forced row-level security under a role that
//! owns nothing.
//!
//! Every transaction begins by taking the restricted role and naming the environment; the policies compare `env_id` with that
//! name, and an empty one fails the cast to uuid.

use std::{str::FromStr, sync::Arc, thread, time::Duration};

use crossbeam_channel::{Receiver, select_biased};
use kernel::{Error, Result};
use tokio_postgres::{Client, Config, Transaction, config::SslMode};

use crate::{
    Context, Options, Outcome, Scope, Tx, View,
    db::{Lane, Queues, Receivers, give_way, lane},
    fault,
    postgres_growth::Growth,
    postgres_session::Session,
    schema,
    scope::Place,
    tx::AfterCommit,
    view::{Conn, Runtime},
    work::{ReadWork, WriteWork},
};

/// The role environment work runs under.
const APP_ROLE: &str = "steelyard_app";
/// The role installation work runs under.
const SYSTEM_ROLE: &str = "steelyard_system";
/// A transaction that fails for reasons of concurrency or connection is run this often in all.
const TRIES: u32 = 4;
/// Connections set aside for background work.
const BACKGROUND_THREADS: usize = 2;

/// Connect, bring the schema up to date and start the threads.
pub(crate) fn open(
    url: &str,
    contexts: &[&'static Context],
    options: &Options,
    runtime: &Arc<Runtime>,
) -> Result<Queues> {
    let config = config(url)?;
    connect(&config)?.wait(async |client: &mut Client| migrate(client, contexts, options, runtime).await)?;
    let (request, requests) = lane(options.queue);
    let (background, backgrounds) = lane(options.queue);
    let growth = Arc::default();
    for _ in 0..options.threads.max(1) {
        spawn(Lane::Request, &config, &requests, runtime, &growth)?;
    }
    for _ in 0..BACKGROUND_THREADS {
        spawn(Lane::Background, &config, &backgrounds, runtime, &growth)?;
    }
    Ok(Queues { request, background })
}

fn config(url: &str) -> Result<Config> {
    let wrong = |why: &dyn std::fmt::Display| {
        Error::invalid("database_url_malformed", format!("The database URL cannot be used: {why}."))
    };
    let mut config = Config::from_str(url).map_err(|error| wrong(&error))?;
    if config.get_ssl_mode() == SslMode::Require {
        return Err(wrong(&"TLS to PostgreSQL is not built in; use a local socket or a TLS tunnel"));
    }
    config.application_name("steelyard").connect_timeout(Duration::from_secs(5)).options(
        "-c timezone=UTC -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c client_min_messages=warning",
    );
    Ok(config)
}

/// Statements here take milliseconds; compiling one into machine code, which the server does when it overestimates its
/// rows, takes a second.
const SESSION: &str = "SET jit = off";

fn connect(config: &Config) -> Result<Session> {
    Session::connect(config, SESSION)
}

fn spawn(
    lane: Lane,
    config: &Config,
    queue: &Receivers,
    runtime: &Arc<Runtime>,
    growth: &Arc<Growth>,
) -> Result<()> {
    let name = if lane == Lane::Background { "postgres-background" } else { "postgres" };
    let (runtime, growth) = (Arc::clone(runtime), Arc::clone(growth));
    let mut worker = Worker { config: config.clone(), session: None, runtime, growth };
    let (reads, writes) = (queue.read.clone(), queue.write.clone());
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        if lane == Lane::Background {
            give_way();
        }
        worker.serve(&reads, &writes);
    });
    thread.map(drop).map_err(|error| Error::internal(format!("cannot start a store thread: {error}")))
}

struct Worker {
    config: Config,
    session: Option<Session>,
    runtime: Arc<Runtime>,
    growth: Arc<Growth>,
}

/// How one run of a write closure ended.
enum Ended {
    Committed(Vec<AfterCommit>),
    Failed(Error),
    /// Rolled back for a reason that another run may not meet.
    RunAgain(Error),
    /// The connection broke during the commit.
    Unknown(Vec<AfterCommit>),
}

impl Worker {
    fn serve(&mut self, reads: &Receiver<Box<dyn ReadWork>>, writes: &Receiver<Box<dyn WriteWork>>) {
        loop {
            select_biased! {
                recv(writes) -> work => match work {
                    Ok(work) if work.abandoned() => {}
                    Ok(work) => self.write(work),
                    Err(_) => return,
                },
                recv(reads) -> work => match work {
                    Ok(work) if work.abandoned() => {}
                    Ok(work) => self.read(work),
                    Err(_) => return,
                },
            }
        }
    }

    fn read(&mut self, mut work: Box<dyn ReadWork>) {
        for attempt in 1.. {
            let mut run_again = false;
            let ended = self.try_read(&mut *work, &mut run_again);
            if ended.is_ok() || !run_again || attempt == TRIES {
                // Whoever asked need not wait for the end of the transaction.
                work.settle(ended);
                return self.roll_back();
            }
            self.roll_back();
        }
    }

    fn try_read(&mut self, work: &mut dyn ReadWork, run_again: &mut bool) -> Result<()> {
        let scope = work.scope().clone();
        let runtime = Arc::clone(&self.runtime);
        let session = self.begin(&scope, "ISOLATION LEVEL REPEATABLE READ READ ONLY", run_again)?;
        let mut view = View::new(Conn::Postgres(session), &scope, &runtime);
        let ended = view.stand().and_then(|()| work.run(&mut view));
        *run_again |= view.run_again;
        ended
    }

    fn write(&mut self, mut work: Box<dyn WriteWork>) {
        for attempt in 1.. {
            match self.try_write(&mut *work) {
                Ended::RunAgain(_) if attempt < TRIES => {
                    // Two transactions that met in a deadlock should not meet again in step.
                    thread::sleep(Duration::from_millis(u64::from(attempt * attempt)));
                }
                Ended::Committed(after_commit) => {
                    after_commit.into_iter().for_each(|then| then(Outcome::Committed));
                    work.settle(Ok(()));
                    return self.tell_planner();
                }
                Ended::Unknown(after_commit) => {
                    after_commit.into_iter().for_each(|then| then(Outcome::Unknown));
                    return work.settle(Err(Error::unavailable(
                        "outcome_unknown",
                        "The database went away while it was storing this. Ask again with the same Idempotency-Key.",
                    )));
                }
                Ended::Failed(error) | Ended::RunAgain(error) => return work.settle(Err(error)),
            }
        }
    }

    fn try_write(&mut self, work: &mut dyn WriteWork) -> Ended {
        let scope = work.scope().clone();
        let runtime = Arc::clone(&self.runtime);
        let mut run_again = false;
        let session = self.begin(&scope, "", &mut run_again);
        let ended = session.and_then(|session| {
            let mut tx = Tx::new(Conn::Postgres(session), &scope, &runtime);
            let ended = tx.stand().and_then(|()| work.run(&mut tx));
            run_again |= tx.run_again;
            ended.map(|()| tx.take_after_commit())
        });
        match ended {
            Ok(after_commit) => self.commit(after_commit),
            Err(error) => {
                self.roll_back();
                if run_again { Ended::RunAgain(error) } else { Ended::Failed(error) }
            }
        }
    }

    /// After an answer was given: what was written may have changed how tables are best read.
    fn tell_planner(&mut self) {
        let Some(session) = &mut self.session else { return };
        let written = std::mem::take(&mut session.written);
        let growth = &self.growth;
        if let Err(error) = session.wait(async |client: &mut Client| growth.tell(client, written).await) {
            tracing::debug!(%error, "the planner could not be told of what has grown");
            // It may be within a transaction.
            self.session = None;
        }
    }

    /// Open a transaction under the role and environment of `scope`.
    fn begin(&mut self, scope: &Scope, how: &str, run_again: &mut bool) -> Result<&mut Session> {
        if self.session.as_ref().is_none_or(Session::is_closed) {
            self.session = Some(connect(&self.config)?);
        }
        let session = self.session.as_mut().ok_or_else(|| Error::internal("no connection"))?;
        let (role, env) = match scope.place {
            Place::Environment { env, .. } => (APP_ROLE, env.uuid().to_string()),
            Place::Installation(_) => (SYSTEM_ROLE, String::new()),
        };
        let text =
            format!("BEGIN {how}; SET LOCAL ROLE {role}; SELECT set_config('steelyard.env', '{env}', true)");
        session.begin(text).map_err(|failed| failed.explain(run_again))?;
        Ok(session)
    }

    /// Take back a transaction, if one was begun; a connection that cannot is dropped.
    fn roll_back(&mut self) {
        if self.session.as_mut().is_some_and(|session| !session.roll_back()) {
            self.session = None;
        }
    }

    fn commit(&mut self, after_commit: Vec<AfterCommit>) -> Ended {
        let Some(session) = self.session.as_mut() else {
            return Ended::Failed(Error::internal("no connection to commit on"));
        };
        match session.commit() {
            Ok(()) => Ended::Committed(after_commit),
            // The server said no: nothing was committed.
            Err(failed) if failed.is_refusal() => {
                let mut run_again = false;
                let fault = failed.explain(&mut run_again);
                if run_again { Ended::RunAgain(fault) } else { Ended::Failed(fault) }
            }
            Err(_) => {
                self.session = None;
                Ended::Unknown(after_commit)
            }
        }
    }
}

/// Everything concerning the schema runs as the login role, one process at a time.
async fn migrate(
    client: &mut Client,
    contexts: &[&'static Context],
    options: &Options,
    runtime: &Runtime,
) -> Result<()> {
    let fail = |error: tokio_postgres::Error| fault::postgres("migrate", &error, &mut false);
    let transaction = client.transaction().await.map_err(fail)?;
    // Any number, the same in every release.
    transaction.batch_execute("SELECT pg_advisory_xact_lock(7237112065)").await.map_err(fail)?;
    let known: bool = transaction
        .query_one("SELECT to_regclass('schema_migration') IS NOT NULL", &[])
        .await
        .map_err(fail)?
        .get(0);
    if !known {
        if !options.migrate {
            return Err(schema::behind(contexts.iter().map(|context| context.migrations.len()).sum()));
        }
        transaction.batch_execute(&schema::BOOTSTRAP.postgres()).await.map_err(fail)?;
    }
    let rows = transaction
        .query("SELECT context, number, checksum, contract FROM schema_migration", &[])
        .await
        .map_err(fail)?;
    let applied: Vec<_> = rows
        .iter()
        .map(|row| schema::Applied {
            context: row.get(0),
            number: row.get(1),
            checksum: row.get(2),
            contract: row.get(3),
        })
        .collect();
    let todo = schema::pending(contexts, None, &applied)?;
    if todo.is_empty() {
        return transaction.commit().await.map_err(fail);
    }
    if !options.migrate {
        return Err(schema::behind(todo.len()));
    }
    transaction
        .batch_execute(&roles())
        .await
        .map_err(|error| role_denied(&error).unwrap_or_else(|| fail(error)))?;
    for (context, migration) in todo {
        let what = format!("migration {} {}", context.name, migration.number);
        transaction
            .batch_execute(&migration.postgres())
            .await
            .map_err(|error| fault::postgres(&what, &error, &mut false))?;
        transaction
            .execute(
                "INSERT INTO schema_migration VALUES ($1, $2, $3, $4, $5, $6)",
                &[
                    &context.name,
                    &migration.number,
                    &migration.name,
                    &migration.checksum(),
                    &(migration.step == schema::Step::Contract),
                    &runtime.clock.now(),
                ],
            )
            .await
            .map_err(fail)?;
        protect_tables(&transaction, contexts)
            .await
            .map_err(|error| Error::internal(format!("{what}: {}", error.detail)))?;
    }
    transaction.commit().await.map_err(fail)
}

/// The roles are there, made by somebody else for another database, and not ours to use.
fn role_denied(error: &tokio_postgres::Error) -> Option<Error> {
    let denied = error.code() == Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE);
    denied.then(|| {
        Error::invalid(
            "database_role_denied",
            format!(
                "This login may not make or use the roles {APP_ROLE} and {SYSTEM_ROLE}. Let an administrator of the server \
                 run: GRANT {APP_ROLE}, {SYSTEM_ROLE} TO the login (or create them first: CREATE ROLE … NOLOGIN NOBYPASSRLS).",
            ),
        )
    })
}

/// Roles belong to the whole server, so another database may have made them at this moment.
fn roles() -> String {
    [APP_ROLE, SYSTEM_ROLE]
        .map(|role| {
            format!(
                "DO $$ BEGIN
                    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                        CREATE ROLE {role} NOLOGIN NOBYPASSRLS;
                    END IF;
                    IF NOT pg_has_role(current_user, '{role}', 'MEMBER') THEN
                        GRANT {role} TO CURRENT_USER;
                    END IF;
                EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
                END $$;
                GRANT USAGE ON SCHEMA public TO {role};"
            )
        })
        .concat()
}

/// Row-level security on every table of environments, grants by role, nothing left unprotected.
async fn protect_tables(transaction: &Transaction<'_>, contexts: &[&'static Context]) -> Result<()> {
    let fail = |error: tokio_postgres::Error| fault::postgres("protect tables", &error, &mut false);
    let rows = transaction
        .query(
            "SELECT c.relname::text, EXISTS (
                SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                WHERE i.indrelid = c.oid AND i.indisprimary AND a.attname = 'env_id')
             FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace",
            &[],
        )
        .await
        .map_err(fail)?;
    let tables: Vec<(String, bool)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    schema::check_tables(&tables, contexts)?;
    let system = |name: &str| contexts.iter().any(|context| context.system_tables.contains(&name));
    let mut text = String::new();
    for (table, keyed) in &tables {
        const RIGHTS: &str = "SELECT, INSERT, UPDATE, DELETE";
        if *keyed {
            text += &format!(
                "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
                 ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
                 DROP POLICY IF EXISTS environment ON {table};
                 CREATE POLICY environment ON {table} TO {APP_ROLE}
                    USING (env_id = current_setting('steelyard.env')::uuid)
                    WITH CHECK (env_id = current_setting('steelyard.env')::uuid);
                 GRANT {RIGHTS} ON {table} TO {APP_ROLE};"
            );
        }
        if system(table) {
            text += &format!(
                "DROP POLICY IF EXISTS system ON {table};
                 CREATE POLICY system ON {table} TO {SYSTEM_ROLE} USING (true) WITH CHECK (true);"
            );
        }
        if system(table) || !keyed {
            text += &format!("GRANT {RIGHTS} ON {table} TO {SYSTEM_ROLE};");
        }
    }
    transaction.batch_execute(&text).await.map_err(fail)
}
