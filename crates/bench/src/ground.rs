//! Databases to measure on, and the clock to measure by.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use identity::environment;
use kernel::{Currency, FixedClock, Id, Result, SystemClock, SystemIds, WallClock, Zone};
use store::{Actor, Context, Db, Location, Mode, Options, Scope};
use testkit::postgres::{self, TestDatabase};

pub const CONTEXTS: &[&Context] = &[
    &store::CONTEXT,
    &jobs::CONTEXT,
    &catalog::CONTEXT,
    &ledger::CONTEXT,
    &identity::CONTEXT,
    &billing::CONTEXT,
    &entitlements::CONTEXT,
    &metering::CONTEXT,
    &metering::alert::CONTEXT,
];

/// A fresh database that goes away with it.
pub struct Ground {
    pub db: Db,
    pub engine: &'static str,
    pub location: Location,
    folder: Option<tempfile::TempDir>,
    database: Option<TestDatabase>,
}

impl Ground {
    fn open(
        location: Location,
        clock: Arc<dyn WallClock>,
        folder: Option<tempfile::TempDir>,
        database: Option<TestDatabase>,
    ) -> Result<Self> {
        let ids = Arc::new(SystemIds);
        let options = Options { clock, ids, threads: 8, queue: 100_000, ..Options::default() };
        let db = Db::open(&location, CONTEXTS, &options)?;
        Ok(Self { engine: location.engine().name(), db, location, folder, database })
    }

    /// Another fresh database beside it.
    pub fn beside(&self) -> Result<Self> {
        let clock = Arc::new(SystemClock);
        if let Location::Sqlite(_) = &self.location {
            let folder = tempfile::tempdir().map_err(raw)?;
            return Self::open(Location::Sqlite(folder.path().join("data")), clock, Some(folder), None);
        }
        let database = postgres::database().ok_or_else(|| raw("no PostgreSQL"))?;
        Self::open(Location::parse(database.url()), clock, None, Some(database))
    }

    /// An environment with a price book and a legal entity.
    pub fn environment(&self, mode: Mode, at: jiff::Timestamp, book: &'static str) -> Result<Scope> {
        let scope = Scope::environment(kernel::new_id(&SystemIds), mode, Actor::CommandLine);
        let entity = environment::NewLegalEntity {
            name: "Bench".into(),
            country: "DE".into(),
            region: None,
            tax_id: None,
            registrations: Vec::new(),
            currency: Currency::parse("USD")?,
            zone: Zone::utc(),
            series: "INV".into(),
        };
        self.db
            .write(&scope, move |tx| {
                environment::create(tx, Id::from_uuid(uuid::Uuid::from_u128(1)), "bench", Some(at))?;
                environment::add_entity(tx, &entity)?;
                catalog::version::apply(tx, "book.toml", book).map(drop)
            })
            .wait()?;
        Ok(scope)
    }

    /// A copy of the database as it is now, for a floor that begins where the product began. Nothing may
    /// be at work on it.
    pub fn copy(&self) -> Result<Copy> {
        match (&self.location, &self.folder, &self.database) {
            (Location::Sqlite(data), Some(folder), _) => {
                let copy = folder.path().join("floor.db");
                let from = rusqlite::Connection::open(data.join("core.db")).map_err(raw)?;
                from.backup(rusqlite::MAIN_DB, &copy, None::<fn(rusqlite::backup::Progress)>).map_err(raw)?;
                Ok(Copy::Sqlite { product: data.join("core.db"), copy })
            }
            (Location::Postgres(url), _, Some(database)) => {
                let mut client = ::postgres::Client::connect(url, ::postgres::NoTls).map_err(raw)?;
                // A template may have no connections; the store makes new ones by itself.
                let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()";
                client.batch_execute(end).map_err(raw)?;
                client.close().map_err(raw)?;
                std::thread::sleep(Duration::from_millis(200));
                let copy =
                    TestDatabase::from_template(database.name()).ok_or_else(|| raw("no PostgreSQL"))?;
                Ok(Copy::Postgres { product: url.clone(), copy })
            }
            _ => Err(raw("this database cannot be copied")),
        }
    }
}

/// A database and a copy of how it was before.
pub enum Copy {
    Sqlite { product: std::path::PathBuf, copy: std::path::PathBuf },
    Postgres { product: String, copy: TestDatabase },
}

/// Run a measurement on SQLite and, where it is installed, on PostgreSQL.
pub fn on_both(measure: impl FnMut(&Ground) -> Result<Vec<crate::Figure>>) -> Result<Vec<crate::Figure>> {
    on_both_at(Arc::new(SystemClock), measure)
}

/// The same, with `clock` for real time.
pub fn on_both_clocked(
    clock: &Arc<FixedClock>,
    measure: impl FnMut(&Ground) -> Result<Vec<crate::Figure>>,
) -> Result<Vec<crate::Figure>> {
    on_both_at(Arc::clone(clock) as _, measure)
}

/// Whether this engine is to be measured: both are, unless `STEELYARD_BENCH_ENGINE` names one.
pub fn wants(engine: &str) -> bool {
    std::env::var("STEELYARD_BENCH_ENGINE").map_or(true, |one| one.eq_ignore_ascii_case(engine))
}

fn on_both_at(
    clock: Arc<dyn WallClock>,
    mut measure: impl FnMut(&Ground) -> Result<Vec<crate::Figure>>,
) -> Result<Vec<crate::Figure>> {
    let mut figures = Vec::new();
    if wants("SQLite") {
        let folder = tempfile::tempdir().map_err(raw)?;
        let location = Location::Sqlite(folder.path().join("data"));
        figures = measure(&Ground::open(location, Arc::clone(&clock), Some(folder), None)?)?;
    }
    if wants("PostgreSQL")
        && let Some(database) = postgres::database()
    {
        let location = Location::parse(database.url());
        figures.extend(measure(&Ground::open(location, clock, None, Some(database))?)?);
    }
    Ok(figures)
}

/// How many a second, in the best of three runs.
pub fn best_rate(mut run: impl FnMut() -> Result<u64>) -> Result<f64> {
    let mut best = 0.0_f64;
    for _ in 0..3 {
        let started = Instant::now();
        let count = run()?;
        best = best.max(count as f64 / started.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// Seconds something took.
pub fn seconds<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let started = Instant::now();
    let value = work()?;
    Ok((value, started.elapsed()))
}

/// The time that so many of a hundred stayed within; in milliseconds.
pub fn percentile(mut times: Vec<Duration>, of_a_hundred: usize) -> f64 {
    times.sort_unstable();
    let place = (times.len() * of_a_hundred).div_ceil(100).saturating_sub(1);
    times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

/// A fault of a raw driver.
pub fn raw(error: impl std::fmt::Display) -> kernel::Error {
    kernel::Error::internal(error.to_string())
}
