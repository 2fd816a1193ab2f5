//! What the engines' errors mean to us.

use kernel::{Error, Kind};
use rusqlite::ErrorCode;
use tokio_postgres::error::SqlState;

const FULL: &str = "The disk of the database is full. Nothing was changed. Free some space and try again.";
const AWAY: &str = "The database does not answer right now. Nothing was changed. Try again in a moment.";

/// Map an error of SQLite; `what` names the statement.
pub(crate) fn sqlite(what: &str, error: &rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::unavailable("storage_full", FULL),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::unavailable(
            "database_busy",
            "Another process is writing to the database. Try again in a moment.",
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly) => {
            tracing::error!(what, %error, "sqlite cannot reach its file");
            Error::unavailable("database_away", AWAY)
        }
        _ => Error::internal(format!("{what}: {error}")),
    }
}

/// Map an error of PostgreSQL. Sets `run_again` when the transaction as a whole should be tried anew.
pub(crate) fn postgres(what: &str, error: &tokio_postgres::Error, run_again: &mut bool) -> Error {
    let Some(state) = error.code() else {
        // No SQLSTATE: either the connection broke or a value did not fit its parameter.
        *run_again |= error.is_closed() || is_io(error);
        return if *run_again {
            Error::unavailable("database_away", AWAY)
        } else {
            Error::internal(format!("{what}: {}", describe(error)))
        };
    };
    if [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(state) {
        *run_again = true;
        return Error::new(
            Kind::Unavailable,
            "database_busy",
            "Too many changes at the same moment. Try again.",
        );
    }
    let code = state.code();
    if *state == SqlState::LOCK_NOT_AVAILABLE {
        // It waited as long as it may: waiting again at once would only hold up more.
        return Error::unavailable(
            "database_busy",
            "Somebody else has held this for too long. Try again in a moment.",
        );
    }
    if *state == SqlState::DISK_FULL {
        Error::unavailable("storage_full", FULL)
    } else if code.starts_with("57P") || code.starts_with("08") {
        *run_again = true;
        Error::unavailable("database_away", AWAY)
    } else {
        Error::internal(format!("{what}: {}", describe(error)))
    }
}

/// The connection broke (rather than the server having refused something).
pub(crate) fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

/// The server's own words, or the client's.
pub(crate) fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => std::error::Error::source(error)
            .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")),
    }
}
