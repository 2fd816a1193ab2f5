//! One test body, two databases.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kernel::{FixedClock, SystemIds, WallClock, ids::EnvironmentId};
use store::{Actor, Context, Db, Location, Mode, Options, Scope, clock, facts};

use crate::postgres::{self, TestDatabase};

/// A fresh database of one engine, with a real-time clock that the test moves.
pub struct TestDb {
    /// The database.
    pub db: Db,
    /// What the store takes for real time.
    pub clock: Arc<FixedClock>,
    /// Where it is, to open it a second time as another process would.
    pub location: Location,
    options: Options,
    _folder: Option<tempfile::TempDir>,
    _database: Option<TestDatabase>,
}

/// Real time at the start of every test: noon on a Thursday.
pub const START: &str = "2026-01-15T12:00:00Z";

impl TestDb {
    /// A fresh SQLite folder.
    pub fn sqlite(contexts: &[&'static Context]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let location = Location::Sqlite(folder.path().join("data"));
        Self::open(contexts, location, Some(folder), None)
    }

    /// A fresh PostgreSQL database; none when PostgreSQL is not installed.
    pub fn postgres(contexts: &[&'static Context]) -> Option<Self> {
        let database = postgres::database()?;
        let location = Location::parse(database.url());
        Some(Self::open(contexts, location, None, Some(database)))
    }

    fn open(
        contexts: &[&'static Context],
        location: Location,
        folder: Option<tempfile::TempDir>,
        database: Option<TestDatabase>,
    ) -> Self {
        let clock = Arc::new(FixedClock::new(START.parse().expect("an instant")));
        let options = Options {
            clock: Arc::clone(&clock) as _,
            ids: Arc::new(SystemIds),
            threads: 4,
            ..Options::default()
        };
        let db = Db::open(&location, contexts, &options).expect("the test database opens");
        Self { db, clock, location, options, _folder: folder, _database: database }
    }

    /// Open the same database again, as a second process would.
    pub fn second_process(&self, contexts: &[&'static Context]) -> Db {
        Db::open(&self.location, contexts, &self.options).expect("the test database opens again")
    }

    /// The like on a machine whose clock is ahead by so much.
    pub fn process_ahead(&self, contexts: &[&'static Context], by: SignedDuration) -> Db {
        let clock = Arc::new(FixedClock::new(self.clock.now() + by));
        let options = Options { clock, ..self.options.clone() };
        Db::open(&self.location, contexts, &options).expect("the test database opens again")
    }

    /// A new environment without a merchant: a clock and a chain of facts.
    pub fn environment(&self, mode: Mode) -> Scope {
        let id: EnvironmentId = kernel::new_id(&SystemIds);
        let scope = Scope::environment(id, mode, Actor::CommandLine);
        let at: Timestamp = START.parse().expect("an instant");
        self.db
            .write(&scope, move |tx| {
                if mode == Mode::Sandbox {
                    clock::set_up(tx, at)?;
                }
                facts::open(tx)
            })
            .wait()
            .expect("the environment opens");
        scope
    }
}

/// Run a test body on SQLite and, where it is installed, on PostgreSQL.
pub fn on_both(contexts: &[&'static Context], body: impl Fn(&TestDb)) {
    eprintln!("on SQLite");
    body(&TestDb::sqlite(contexts));
    if let Some(test) = TestDb::postgres(contexts) {
        eprintln!("on PostgreSQL");
        body(&test);
    }
}

/// Prepare every statement of every context on both engines, and check that each names its environment.
pub fn every_statement_prepares(contexts: &'static [&'static Context]) {
    on_both(contexts, |test| {
        let scope = test.environment(Mode::Live);
        let faults = store::prepare_everything(&test.db, &scope, contexts);
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    });
}
