//! Very many customers with ten limits each, over HTTP: how soon the program is ready, how long the first check of a
//! customer takes that nobody asked about before, and how much memory it has when all were asked about.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use billing::subscription::BillFrom;
use identity::{Permissions, key};
use kernel::Result;
use store::{Location, Mode};

use crate::{
    Figure,
    crowd::number,
    ground::{Ground, on_both, percentile, raw},
    hot::client::{Line, Speaks, post},
    server::Server,
    subscribers::{self, Offer},
};

/// Customers asked about one after the other, as a visitor would.
const ALONE: usize = 2_000;
/// Who asks at once when all are asked about.
const CLIENTS: usize = 16;

/// A plan with ten limits.
const OFFER: &Offer = &subscribers::TEN_LIMITS;

pub fn run() -> Result<Vec<Figure>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(raw)?;
    on_both(|ground| {
        let secret = fill(ground)?;
        let start = || match &ground.location {
            Location::Sqlite(folder) => Server::start(folder),
            Location::Postgres(url) => Server::start(url),
        };
        let mut ready = Duration::MAX;
        for _ in 0..3 {
            let began = Instant::now();
            let server = start()?;
            server.wait_until_ready()?;
            ready = ready.min(began.elapsed());
            server.stop()?;
        }
        let server = start()?;
        server.wait_until_ready()?;
        let mut figures = vec![
            Figure::new("customers with ten limits each", ground.engine, number() as f64, "each"),
            Figure::new("  serve ready", ground.engine, ready.as_secs_f64() * 1_000.0, "ms"),
        ];
        figures.extend(runtime.block_on(ask(&server, &secret, ground.engine))?);
        server.stop()?;
        Ok(figures)
    })
}

/// Customers, and a key.
fn fill(ground: &Ground) -> Result<String> {
    let scope = ground.environment(Mode::Live, jiff::Timestamp::now(), OFFER.book)?;
    subscribers::with_one_each(&ground.db, &scope, OFFER, number(), BillFrom::NextPeriod)?;
    let secret = key::new_secret(Mode::Live)?;
    let kept = secret.clone();
    ground.db.write(&scope, move |tx| key::create(tx, "bench", &Permissions::All, &kept)).wait()?;
    Ok(secret)
}

/// Every customer in an order that is none, each once.
fn customer(n: usize) -> usize {
    // A prime that no number of customers is a multiple of.
    (n % number()) * 7_368_787 % number()
}

/// Write a check of one of a customer's limits.
fn check(request: &mut Vec<u8>, secret: &str, n: usize, limit: usize) {
    let body = format!(r#"{{"meter":"m{limit}","subject":"sub-{}"}}"#, customer(n));
    post(request, "/v1/check", secret, "application/json", body.as_bytes());
}

async fn ask(server: &Server, secret: &str, engine: &'static str) -> Result<Vec<Figure>> {
    let before = server.resident_megabytes()?;
    let mut line = Line::open(&server.address, Speaks::Http).await?;
    let (began, mut times) = (Instant::now(), Vec::new());
    line.ask(|request| check(request, secret, 0, 0)).await?;
    let first = began.elapsed();
    for n in 1..ALONE.min(number()) {
        let began = Instant::now();
        line.ask(|request| check(request, secret, n, n % 10)).await?;
        times.push(began.elapsed());
    }
    let (began, all) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let askers: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(ask_all(server.address.clone(), secret.to_owned(), Arc::clone(&all))))
        .collect();
    let mut most = before;
    while askers.iter().any(|asker| !asker.is_finished()) {
        most = most.max(server.resident_megabytes()?);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let took = began.elapsed();
    let mut all_times = Vec::new();
    for asker in askers {
        all_times.extend(asker.await.map_err(raw)??);
    }
    let of = |name, value, unit| Figure::new(name, engine, value, unit);
    Ok(vec![
        of("  the very first check", first.as_secs_f64() * 1_000.0, "ms"),
        of("  first check of a customer, 99 %", percentile(times, 99), "ms"),
        of("  all asked about, 16 clients", all_times.len() as f64 / took.as_secs_f64(), "op/s"),
        of("    99 % within", percentile(all_times, 99), "ms"),
        of("  memory before all are asked", before, "MB"),
        of("  memory at most", most, "MB"),
    ])
}

/// Together with others ask about one limit of each customer, then about all ten of some.
async fn ask_all(address: String, secret: String, next: Arc<AtomicUsize>) -> Result<Vec<Duration>> {
    let (mut line, mut times) = (Line::open(&address, Speaks::Http).await?, Vec::new());
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let (who, limit) = if n < number() { (n, 0) } else { (n / 10, n % 10) };
        if n >= number() * 2 {
            return Ok(times);
        }
        let began = Instant::now();
        line.ask(|request| check(request, &secret, who, limit)).await?;
        times.push(began.elapsed());
    }
}
