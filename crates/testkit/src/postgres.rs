//! PostgreSQL for tests: a throw-away server, and a fresh database in it for each test.
//!
//! A test asks for [`database`]. It gets one in the cluster named by the variable [`VARIABLE`]
//! (`cargo xtask test` sets it), or in a private [`Cluster`] started for this process, or `None` where
//! PostgreSQL is not installed; the test is then skipped. Set the variable to nothing to skip on purpose.

mod cluster;
mod database;

use std::io::Write;
use std::sync::OnceLock;

pub use cluster::{Cluster, programs};
pub use database::TestDatabase;

/// The environment variable with the `postgres://` address of a cluster in which tests may create
/// databases and roles. Empty: no PostgreSQL test is to run.
pub const VARIABLE: &str = "STEELYARD_TEST_POSTGRES";

/// The address of the cluster for this process's tests, as a superuser, or `None` when there is none.
///
/// # Panics
/// When PostgreSQL is installed and does not start: such a test must fail, not be skipped.
pub fn url() -> Option<String> {
    match std::env::var(VARIABLE) {
        Ok(url) if url.is_empty() => None,
        Ok(url) => Some(url),
        Err(_) => own_cluster().as_ref().map(|cluster| cluster.url().to_owned()),
    }
}

/// A fresh, empty database, dropped with the returned value, or `None` when there is no PostgreSQL.
///
/// May be called from asynchronous tests.
///
/// # Panics
/// When the cluster cannot be reached or refuses.
pub fn database() -> Option<TestDatabase> {
    url().map(|cluster| TestDatabase::create(&cluster, None))
}

/// The cluster of this process. It is never dropped: it goes when the process does (see [`Cluster`]).
fn own_cluster() -> &'static Option<Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let Some(programs) = programs() else {
            // Written past the capture of the test harness: a skipped test must be seen.
            let _ = writeln!(
                std::io::stderr(),
                "note: PostgreSQL tests are skipped: no PostgreSQL server is installed (cargo xtask setup)"
            );
            return None;
        };
        Some(Cluster::start(&programs).unwrap_or_else(|error| panic!("{error}")))
    })
}
