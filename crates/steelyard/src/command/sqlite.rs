//! The files of an SQLite folder from outside: copied while others use them, and checked.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::manifest::Applied;
use crate::failure::{Failure, Outcome};

/// How long another process may keep a file to itself.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);
/// How long one statement waits for another process.
const BUSY: Duration = Duration::from_secs(5);
/// Faults of one file that are named.
const FAULTS: u32 = 10;

/// The database files of a folder, as paths below it: the core first, so that in a copy nothing in core
/// refers to usage that is missing.
pub fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let unreadable = |error| unreadable(&folder.join("usage"), &error);
    let mut usage = Vec::new();
    if folder.join("usage").is_dir() {
        for entry in fs::read_dir(folder.join("usage")).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            if Path::new(&name).extension().is_some_and(|extension| extension == "db") {
                usage.push(Path::new("usage").join(name));
            }
        }
    }
    usage.sort();
    Ok([PathBuf::from("core.db")].into_iter().chain(usage).collect())
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        format!("{} cannot be read: {error}.", path.display()),
        "Check that it belongs to this user and that the disk is sound; `steelyard doctor` looks closer.",
    )
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Copy a database file as it is at one moment, also while others write to it, into a new single file.
pub fn copy(from: &Path, to: &Path) -> Outcome {
    copy_pages(from, to).map_err(|error| {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseCorrupt) {
            return Failure::new(
                format!("{} is damaged: {error}. It was not copied.", from.display()),
                "Bring back the last backup into another folder with `steelyard restore`, and keep this one for inspection.",
            );
        }
        Failure::new(
            format!("{} cannot be copied to {}: {error}.", from.display(), to.display()),
            "Check the room on both disks, and the database with `steelyard doctor`.",
        )
    })
}

fn copy_pages(from: &Path, to: &Path) -> rusqlite::Result<()> {
    let source = open(from)?;
    let mut target = Connection::open(to)?;
    {
        let backup = Backup::new(&source, &mut target)?;
        let mut patience = PATIENCE;
        // All pages in one step: one moment's state, however busy the writer is. Readers hold up nobody.
        loop {
            match backup.step(-1)? {
                StepResult::Done => break,
                StepResult::Busy | StepResult::Locked if !patience.is_zero() => {
                    patience = patience.saturating_sub(PAUSE);
                    thread::sleep(PAUSE);
                }
                StepResult::Busy | StepResult::Locked => {
                    return Err(rusqlite::Error::SqliteFailure(
                        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                        Some("another process keeps the file to itself".to_owned()),
                    ));
                }
                _ => {}
            }
        }
    }
    // A single file without a log beside it, complete on the disk.
    target.pragma_update(None, "journal_mode", "DELETE")?;
    target.close().map_err(|(_, error)| error)?;
    let synced = File::open(to).and_then(|file| file.sync_all());
    synced.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// Wait until nobody else has a file open, and fold its log into it: then it can be moved.
pub fn settle(path: &Path) -> Outcome {
    let alone = || -> rusqlite::Result<bool> {
        // Refused while another connection is there.
        let mode: String =
            open(path)?.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
        Ok(mode == "delete")
    };
    let mut patience = PATIENCE;
    loop {
        match alone() {
            Ok(true) => return Ok(()),
            Ok(false) | Err(_) if !patience.is_zero() => {
                patience = patience.saturating_sub(PAUSE);
                thread::sleep(PAUSE);
            }
            Ok(false) => return Err(unreadable(path, &"another process has it open")),
            Err(error) => return Err(unreadable(path, &error)),
        }
    }
}

/// What `PRAGMA integrity_check` finds wrong.
pub fn faults(path: &Path) -> Vec<String> {
    let check = || -> rusqlite::Result<Vec<String>> {
        let connection = open(path)?;
        connection.pragma_update(None, "query_only", true)?;
        let mut statement = connection.prepare(&format!("PRAGMA integrity_check({FAULTS})"))?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect()
    };
    match check() {
        Ok(rows) if rows == ["ok"] => Vec::new(),
        Ok(rows) => rows,
        Err(error) => vec![error.to_string()],
    }
}

/// How far the schema of a file has come.
pub fn schema(path: &Path) -> Outcome<Vec<Applied>> {
    let read = || -> rusqlite::Result<Vec<Applied>> {
        let connection = open(path)?;
        let mut statement = connection
            .prepare("SELECT context, max(number) FROM schema_migration GROUP BY context ORDER BY context")?;
        let rows =
            statement.query_map([], |row| Ok(Applied { context: row.get(0)?, migration: row.get(1)? }))?;
        rows.collect()
    };
    read().map_err(|error| unreadable(path, &error))
}
