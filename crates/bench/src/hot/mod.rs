//! The hot path over HTTP, on loopback, with the client on the same cores: events in, check, consume.

pub mod beside;
pub mod client;
pub mod floor;
mod gateway;

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use billing::subscription::BillFrom;
use client::{Line, Speaks, get, load, post};
use identity::{Permissions, key};
use kernel::Result;
use store::{Location, Mode};
use uuid::Uuid;

use crate::{
    Figure,
    ground::{Ground, on_both, percentile, raw},
    metering,
    server::Server,
    subscribers::{self, Offer},
};

/// Who sends events at once, in batches.
const SENDERS: usize = 4;
const BATCH: usize = 1_000;
/// Who asks at once.
const CLIENTS: usize = 64;
const CUSTOMERS: usize = 1_000;

const OFFER: &Offer = &subscribers::METERED;

/// Seconds each figure is measured for: ten, unless the variable says otherwise.
fn time() -> Duration {
    let said = std::env::var("STEELYARD_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(said.unwrap_or(10))
}

/// Checks beside an axum that says hello.
pub fn check() -> Result<Vec<Figure>> {
    served(|ground, address, secret| block_on(checks(address, secret, ground.engine)))
}

/// Durable uses beside a Redis that counts.
pub fn consume() -> Result<Vec<Figure>> {
    served(|ground, address, secret| block_on(consumes(address, secret, ground.engine)))
}

/// Calls through the gateway.
pub fn gateway() -> Result<Vec<Figure>> {
    served(|ground, address, secret| block_on(gateway::run(address, secret, ground.engine)))
}

/// Events in beside their raw statements.
pub fn ingest() -> Result<Vec<Figure>> {
    served(|ground, address, secret| {
        let (floor, _) = metering::floor(ground, time())?;
        block_on(events(address, secret, ground.engine, floor))
    })
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(raw)?.block_on(work)
}

/// What is measured of the program over each database, and its memory after.
fn served(measure: impl Fn(&Ground, &str, &str) -> Result<Vec<Figure>>) -> Result<Vec<Figure>> {
    on_both(|ground| {
        let (server, secret) = serve(ground)?;
        let mut figures = measure(ground, &server.address, &secret)?;
        figures.push(Figure::new("  memory after it", ground.engine, server.resident_megabytes()?, "MB"));
        server.stop()?;
        Ok(figures)
    })
}

/// The program over customers with a plan that meters, and a key of theirs.
fn serve(ground: &Ground) -> Result<(Server, String)> {
    let scope = ground.environment(Mode::Live, jiff::Timestamp::now(), OFFER.book)?;
    subscribers::with_one_each(&ground.db, &scope, OFFER, CUSTOMERS, BillFrom::NextPeriod)?;
    let secret = key::new_secret(Mode::Live)?;
    let kept = secret.clone();
    ground.db.write(&scope, move |tx| key::create(tx, "bench", &Permissions::All, &kept)).wait()?;
    Ok((start(ground)?, secret))
}

/// The program over a database.
fn start(ground: &Ground) -> Result<Server> {
    let server = match &ground.location {
        Location::Sqlite(folder) => Server::start(folder),
        Location::Postgres(url) => Server::start(url),
    }?;
    server.wait_until_ready()?;
    Ok(server)
}

async fn checks(address: &str, secret: &str, engine: &'static str) -> Result<Vec<Figure>> {
    let hello = floor::hello()?;
    let floor =
        load(&hello.address, Speaks::Http, CLIENTS, time(), |_, _, request| get(request, "/", "x")).await?;
    drop(hello);
    let secret = secret.to_owned();
    let check = move |line: usize, n: usize, request: &mut Vec<u8>| {
        let body = format!(r#"{{"meter":"calls","subject":"sub-{}"}}"#, (line * 131 + n) % CUSTOMERS);
        post(request, "/v1/check", &secret, "application/json", body.as_bytes());
    };
    let checked = load(address, Speaks::Http, CLIENTS, time(), check).await?;
    let [slowest, floor_slowest] = [checked.times, floor.times].map(|times| percentile(times, 99));
    Ok(vec![
        Figure::new("check over HTTP (64 clients)", engine, checked.rate, "op/s").over(floor.rate),
        Figure::new("  99 % within", engine, slowest, "ms").over(floor_slowest),
    ])
}

/// One call of a customer, of another one each time.
fn uses(secret: &str) -> impl Fn(usize, usize, &mut Vec<u8>) + Clone + Send + Sync + 'static {
    let secret = secret.to_owned();
    move |line, n, request| {
        let (customer, id) = ((line * 131 + n) % CUSTOMERS, Uuid::now_v7());
        let body = format!(r#"{{"meter":"calls","subject":"sub-{customer}","id":"{id}"}}"#);
        post(request, "/v1/consume", &secret, "application/json", body.as_bytes());
    }
}

async fn consumes(address: &str, secret: &str, engine: &'static str) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir().map_err(raw)?;
    let redis = match floor::redis(folder.path())? {
        Some(redis) => {
            let count = |line: usize, n: usize, request: &mut Vec<u8>| {
                floor::count(request, &format!("customer-{}", (line * 131 + n) % CUSTOMERS));
            };
            Some(load(&redis.address, Speaks::Redis, CLIENTS, time(), count).await?.rate)
        }
        None => None,
    };
    let consumed = load(address, Speaks::Http, CLIENTS, time(), uses(secret)).await?;
    let rate = Figure::new("consume over HTTP (64 clients)", engine, consumed.rate, "op/s");
    Ok(vec![
        redis.map_or(rate.clone(), |floor| rate.over(floor)),
        Figure::new("  99 % within", engine, percentile(consumed.times, 99), "ms"),
    ])
}

/// Events in batches, and beside them one customer whose every event is looked for as soon as it is sent.
async fn events(address: &str, secret: &str, engine: &'static str, floor: f64) -> Result<Vec<Figure>> {
    // On a thread of its own: what is looked for must not wait for batches that are being written here.
    let watched = (address.to_owned(), secret.to_owned());
    let seen = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(raw)?;
        runtime.block_on(visible(watched.0, watched.1, time()))
    });
    let secret = secret.to_owned();
    let send = move |line: usize, n: usize, request: &mut Vec<u8>| {
        let body = batch((line * 1_000_003 + n) as u64);
        post(request, "/v1/events", &secret, "application/cloudevents-batch+json", body.as_bytes());
    };
    let sent = load(address, Speaks::Http, SENDERS, time(), send).await?;
    let seen = seen.join().map_err(|_| raw("whoever looked for events panicked"))??;
    let rate = sent.rate * BATCH as f64;
    Ok(vec![
        Figure::new("events over HTTP, batches of 1,000", engine, rate, "ev/s").over(floor),
        Figure::new("  a batch, 99 % within", engine, percentile(sent.times, 99), "ms"),
        Figure::new("  from event to balance, 99 % within", engine, percentile(seen, 99), "ms"),
    ])
}

fn batch(seed: u64) -> String {
    let mut body = String::with_capacity(BATCH * 200);
    for n in 0..BATCH as u64 {
        let dice = (seed * 1_000 + n).wrapping_mul(6_364_136_223_846_793_005).rotate_left(29);
        let (customer, region, amount) = (dice % CUSTOMERS as u64, dice % 3, dice % 9_999);
        body.push(if n == 0 { '[' } else { ',' });
        // Writing to a string does not fail.
        let _ = write!(
            body,
            r#"{{"specversion":"1.0","source":"bench","id":"{}","type":"traffic","subject":"sub-{customer}","data":{{"gb":{}.{:03},"region":"r{region}","path":"/v1/objects"}}}}"#,
            Uuid::now_v7(),
            amount / 1_000,
            amount % 1_000,
        );
    }
    body.push(']');
    body
}

/// From sending an event until the customer's limits show it.
async fn visible(address: String, secret: String, time: Duration) -> Result<Vec<Duration>> {
    let (mut sending, mut looking) =
        (Line::open(&address, Speaks::Http).await?, Line::open(&address, Speaks::Http).await?);
    let (began, mut times) = (Instant::now(), Vec::new());
    let check = r#"{"meter":"calls","subject":"sub-0"}"#;
    let used = |answer: &[u8]| -> Result<i64> {
        let answer: serde_json::Value = serde_json::from_slice(answer).map_err(raw)?;
        answer["used"].as_str().and_then(|used| used.parse().ok()).ok_or_else(|| raw(answer.to_string()))
    };
    let ask =
        |request: &mut Vec<u8>| post(request, "/v1/check", &secret, "application/json", check.as_bytes());
    let mut before = used(looking.ask(ask).await?)?;
    while began.elapsed() < time {
        let event = format!(
            r#"{{"specversion":"1.0","source":"bench","id":"{}","type":"calls","subject":"sub-0"}}"#,
            Uuid::now_v7()
        );
        let sent = Instant::now();
        sending
            .ask(|request| {
                post(request, "/v1/events", &secret, "application/cloudevents+json", event.as_bytes())
            })
            .await?;
        loop {
            let now = used(looking.ask(ask).await?)?;
            if now > before {
                before = now;
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        times.push(sent.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(times)
}
