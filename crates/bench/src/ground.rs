//! Databases to measure on, and the clock to measure by.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use identity::environment;
use kernel::{Currency, Id, Result, SystemIds, Zone};
use store::{Actor, Context, Db, Location, Mode, Options, Scope};
use testkit::postgres::{self, TestDatabase};

pub const CONTEXTS: &[&Context] = &[
    &store::CONTEXT,
    &jobs::CONTEXT,
    &catalog::CONTEXT,
    &ledger::CONTEXT,
    &identity::CONTEXT,
    &billing::CONTEXT,
    &metering::CONTEXT,
];

/// A fresh database that goes away with it.
pub struct Ground {
    pub db: Db,
    pub engine: &'static str,
    pub location: Location,
    _folder: Option<tempfile::TempDir>,
    _database: Option<TestDatabase>,
}

impl Ground {
    fn open(
        location: Location,
        folder: Option<tempfile::TempDir>,
        database: Option<TestDatabase>,
    ) -> Result<Self> {
        let options = Options { ids: Arc::new(SystemIds), threads: 8, queue: 100_000, ..Options::default() };
        let db = Db::open(&location, CONTEXTS, &options)?;
        Ok(Self { engine: location.engine().name(), db, location, _folder: folder, _database: database })
    }

    /// An environment with Unison's price book and a legal entity.
    pub fn environment(&self, mode: Mode, at: jiff::Timestamp) -> Result<Scope> {
        let scope = Scope::environment(kernel::new_id(&SystemIds), mode, Actor::CommandLine);
        let entity = environment::NewLegalEntity {
            name: "Bench".into(),
            country: "DE".into(),
            currency: Currency::parse("USD")?,
            zone: Zone::utc(),
            series: "INV".into(),
        };
        let book = include_str!("../../../books/unison.toml");
        self.db
            .write(&scope, move |tx| {
                environment::create(tx, Id::from_uuid(uuid::Uuid::from_u128(1)), "bench", Some(at))?;
                environment::add_entity(tx, &entity)?;
                catalog::version::apply(tx, "unison.toml", book).map(drop)
            })
            .wait()?;
        Ok(scope)
    }
}

/// Run a measurement on SQLite and, where it is installed, on PostgreSQL.
pub fn on_both(mut measure: impl FnMut(&Ground) -> Result<Vec<crate::Figure>>) -> Result<Vec<crate::Figure>> {
    let folder = tempfile::tempdir().map_err(|error| kernel::Error::internal(error.to_string()))?;
    let sqlite = Ground::open(Location::Sqlite(folder.path().join("data")), Some(folder), None)?;
    let mut figures = measure(&sqlite)?;
    drop(sqlite);
    if let Some(database) = postgres::database() {
        let location = Location::parse(database.url());
        figures.extend(measure(&Ground::open(location, None, Some(database))?)?);
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

/// A fault of a raw driver.
pub fn raw(error: impl std::fmt::Display) -> kernel::Error {
    kernel::Error::internal(error.to_string())
}
