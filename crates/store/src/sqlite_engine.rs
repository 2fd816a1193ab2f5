//! SQLite: one writer thread with group commit per file, and a few readers.
//!
//! The writer takes what is waiting, runs each closure in a savepoint, commits the group once and only
//! then answers: one `fsync` for many changes.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, never, select_biased};
use kernel::{Error, Result};
use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig};

use crate::{
    Context, File, Options, Outcome, Tx, View,
    db::{Queues, lane},
    fault, schema,
    sqlite_checkpoint::{self, Committed},
    sqlite_statistics,
    tx::AfterCommit,
    view::{Conn, Runtime},
    work::{ReadWork, WriteWork},
};

/// A group ends when it holds this many closures, or has run this long.
const GROUP_SIZE: usize = 256;
const GROUP_TIME: Duration = Duration::from_millis(4);
/// How long another process (a command beside the server) may hold the write lock.
const PATIENCE: Duration = Duration::from_secs(10);

/// The file of a data folder.
pub(crate) fn path(folder: &Path, file: File) -> PathBuf {
    match file {
        File::Core => folder.join("core.db"),
        File::Usage => folder.join("usage").join("live.db"),
    }
}

/// Open one file, bring its schema up to date and start its threads.
pub(crate) fn open(
    folder: &Path,
    file: File,
    contexts: &[&'static Context],
    options: &Options,
    runtime: &Arc<Runtime>,
) -> Result<Queues> {
    let path = path(folder, file);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| cannot_open(&path, &error))?;
    }
    let mut writer = connect(&path, true)?;
    migrate(&mut writer, file, contexts, options, runtime)?;
    let (request, requests) = lane(options.queue);
    let (background, backgrounds) = lane(options.queue);
    let readers = options.threads.clamp(1, 4);
    for _ in 0..readers {
        let (connection, runtime) = (connect(&path, false)?, Arc::clone(runtime));
        let reads = requests.read.clone();
        spawn("sqlite-read", move || read_loop(&connection, &reads, &runtime))?;
    }
    let (mut connection, reads) = (connect(&path, false)?, backgrounds.read);
    let for_background = Arc::clone(runtime);
    step_aside(&mut connection)?;
    spawn("sqlite-background", move || read_loop(&connection, &reads, &for_background))?;
    let runtime = Arc::clone(runtime);
    let (front, back) = (requests.write, backgrounds.write);
    let (committed, heard) = Committed::channel();
    let connection = connect(&path, false)?;
    spawn("sqlite-checkpoint", move || sqlite_checkpoint::copy_loop(&connection, &heard))?;
    // Calls of a merchant's product wait for what they use, and not for a bill run beside it.
    if file == File::Core {
        step_aside(&mut writer)?;
    }
    spawn("sqlite-write", move || write_loop(&mut writer, front, back, &committed, &runtime))?;
    Ok(Queues { request, background })
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map(drop).map_err(|error| Error::internal(format!("cannot start a store thread: {error}")))
}

/// SQLite's instructions between two questions whether somebody else wants the processor: about 50 µs.
const STEPS: i32 = 1_000;

/// Ask often whether another thread wants the processor. A kernel that preempts nobody (servers' usual setting) looks only
/// when a thread enters it, or with its tick, which is up to 4 ms later.
fn step_aside(connection: &mut Connection) -> Result<()> {
    let ask = || {
        thread::yield_now();
        false
    };
    connection.progress_handler(STEPS, Some(ask)).map_err(|error| fault::sqlite("progress handler", &error))
}

fn connect(path: &Path, writes: bool) -> Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| cannot_open(path, &error))?;
    let setup = || -> rusqlite::Result<()> {
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        // Negative: KiB. Pages are only held once they were read. Much less, and readers of a large business spend half of
        // their time copying pages from the file.
        connection.pragma_update(None, "cache_size", -32_768)?;
        connection.pragma_update(None, "wal_autocheckpoint", sqlite_checkpoint::WRITER_HELPS_FROM)?;
        connection.pragma_update(None, "query_only", !writes)?;
        connection.set_prepared_statement_cache_capacity(256);
        // Else a statement whose parameter might match the condition of an index is compiled anew with each value.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(())
    };
    setup().map_err(|error| cannot_open(path, &error))?;
    Ok(connection)
}

fn cannot_open(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::unavailable("database_away", format!("Cannot open {}: {error}", path.display()))
}

fn read_loop(connection: &Connection, queue: &Receiver<Box<dyn ReadWork>>, runtime: &Runtime) {
    while let Ok(mut work) = queue.recv() {
        if work.abandoned() {
            continue;
        }
        let ended = read(connection, &mut *work, runtime);
        work.settle(ended);
    }
}

fn read(connection: &Connection, work: &mut dyn ReadWork, runtime: &Runtime) -> Result<()> {
    let fail = |error| fault::sqlite("begin", &error);
    let transaction = connection.unchecked_transaction().map_err(fail)?;
    let scope = work.scope().clone();
    let mut view = View::begin(Conn::Sqlite(&transaction), &scope, runtime)?;
    work.run(&mut view)
}

/// A closure that was run, how it ended, and what it wants to hear about the commit.
struct Ran {
    work: Box<dyn WriteWork>,
    ended: Result<()>,
    after_commit: Vec<AfterCommit>,
}

fn write_loop(
    connection: &mut Connection,
    front: Receiver<Box<dyn WriteWork>>,
    mut back: Receiver<Box<dyn WriteWork>>,
    committed: &Committed,
    runtime: &Runtime,
) {
    loop {
        // Requests first; background work only while none waits.
        let first = select_biased! {
            recv(front) -> work => match work { Ok(work) => work, Err(_) => return },
            recv(back) -> work => match work {
                Ok(work) => work,
                Err(_) => { back = never(); continue }
            },
        };
        let started = Instant::now();
        let mut ran = Vec::new();
        let ended = group(connection, first, &mut ran, runtime, |count| {
            let room = count < GROUP_SIZE && started.elapsed() < GROUP_TIME;
            if room { front.try_recv().ok() } else { None }
        });
        committed.tell();
        for Ran { work, ended: own, after_commit } in ran {
            if own.is_ok() && ended.is_ok() {
                after_commit.into_iter().for_each(|then| then(Outcome::Committed));
            }
            work.settle(own.and_then(|()| ended.clone()));
        }
    }
}

/// Run a group of closures in one SQLite transaction. What fails first takes the transaction with it and a
/// new one is begun; once something was done each closure has a savepoint of its own. Savepoints copy every
/// page that changes, which the first closure, often the only and a large one, is spared.
fn group(
    connection: &mut Connection,
    first: Box<dyn WriteWork>,
    ran: &mut Vec<Ran>,
    runtime: &Runtime,
    mut next: impl FnMut(usize) -> Option<Box<dyn WriteWork>>,
) -> Result<()> {
    let mut waiting = Some(first);
    let transaction = loop {
        let Some(mut work) = waiting.take() else { return Ok(()) };
        if !work.abandoned() {
            let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
            let transaction = begun.map_err(|error| fault::sqlite("begin", &error));
            let ended = transaction.and_then(|transaction| {
                let after_commit = run(&transaction, &mut *work, runtime)?;
                Ok((transaction, after_commit))
            });
            match ended {
                Ok((transaction, after_commit)) => {
                    ran.push(Ran { work, ended: Ok(()), after_commit });
                    break transaction;
                }
                Err(error) => ran.push(Ran { work, ended: Err(error), after_commit: Vec::new() }),
            }
        }
        waiting = next(ran.len());
    };
    while let Some(mut work) = next(ran.len()) {
        if !work.abandoned() {
            let (ended, after_commit) = in_savepoint(&transaction, &mut *work, runtime);
            ran.push(Ran { work, ended, after_commit });
        }
    }
    transaction.commit().map_err(|error| fault::sqlite("commit", &error))
}

fn run(connection: &Connection, work: &mut dyn WriteWork, runtime: &Runtime) -> Result<Vec<AfterCommit>> {
    let scope = work.scope().clone();
    let mut tx = Tx::begin(Conn::Sqlite(connection), &scope, runtime)?;
    work.run(&mut tx)?;
    Ok(tx.take_after_commit())
}

fn in_savepoint(
    connection: &Connection,
    work: &mut dyn WriteWork,
    runtime: &Runtime,
) -> (Result<()>, Vec<AfterCommit>) {
    let say = |text: &str| {
        let done = connection.prepare_cached(text).and_then(|mut statement| statement.execute([]));
        done.map(drop).map_err(|error| fault::sqlite(text, &error))
    };
    let (ended, after_commit) = match say("SAVEPOINT work").and_then(|()| run(connection, work, runtime)) {
        Ok(after_commit) => (Ok(()), after_commit),
        // When not even the rollback works the whole group fails at its commit.
        Err(error) => (say("ROLLBACK TO work").and(Err(error)), Vec::new()),
    };
    let released = say("RELEASE work");
    (ended.and(released), after_commit)
}

fn migrate(
    connection: &mut Connection,
    file: File,
    contexts: &[&'static Context],
    options: &Options,
    runtime: &Runtime,
) -> Result<()> {
    let fail = |error: rusqlite::Error| fault::sqlite("migrate", &error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
    transaction.execute_batch(&schema::BOOTSTRAP.sqlite()).map_err(fail)?;
    let applied = {
        let mut statement = transaction
            .prepare("SELECT context, number, checksum, contract FROM schema_migration")
            .map_err(fail)?;
        let rows = statement
            .query_map([], |row| {
                Ok(schema::Applied {
                    context: row.get(0)?,
                    number: row.get(1)?,
                    checksum: row.get(2)?,
                    contract: row.get(3)?,
                })
            })
            .map_err(fail)?;
        rows.collect::<rusqlite::Result<Vec<_>>>().map_err(fail)?
    };
    let todo = schema::pending(contexts, Some(file), &applied)?;
    if !options.migrate && !todo.is_empty() {
        return Err(schema::behind(todo.len()));
    }
    for (context, migration) in todo {
        let what = format!("migration {} {}", context.name, migration.number);
        transaction.execute_batch(&migration.sqlite()).map_err(|error| fault::sqlite(&what, &error))?;
        transaction
            .execute(
                "INSERT INTO schema_migration VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                rusqlite::params![
                    context.name,
                    migration.number,
                    migration.name,
                    migration.checksum(),
                    migration.step == schema::Step::Contract,
                    runtime.clock.now().as_microsecond(),
                ],
            )
            .map_err(fail)?;
        check_tables(&transaction, contexts)
            .map_err(|error| Error::internal(format!("{what}: {}", error.detail)))?;
    }
    if options.migrate {
        sqlite_statistics::settle(&transaction)?;
    }
    transaction.commit().map_err(fail)
}

/// After each migration: every table belongs to an environment or is listed as the installation's.
fn check_tables(connection: &Connection, contexts: &[&'static Context]) -> Result<()> {
    let fail = |error: rusqlite::Error| fault::sqlite("check tables", &error);
    let mut statement = connection
        .prepare(
            "SELECT t.name, EXISTS (
                SELECT 1 FROM pragma_table_info(t.name) AS c WHERE c.name = 'env_id' AND c.pk = 1)
             FROM sqlite_schema AS t WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
        )
        .map_err(fail)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(fail)?;
    let tables: Vec<(String, bool)> = rows.collect::<rusqlite::Result<_>>().map_err(fail)?;
    schema::check_tables(&tables, contexts)
}
