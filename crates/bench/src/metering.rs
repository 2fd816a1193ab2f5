//! Events in, against the raw driver's "insert + counter", and consumes.

use std::{
    collections::BTreeMap,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use catalog::Book;
use jiff::Timestamp;
use kernel::{Currency, Cycle, Exact, Id, Result, Schedule, SystemIds, Zone, ids::CustomerId};
use metering::{
    Account, Agreement, Directory, Metering, Options, Resolved,
    event::{Meters, NewEvent, Receipt},
};
use rusqlite::Connection;
use store::{Actor, Location, Mode, Scope};
use uuid::Uuid;

use crate::{
    Figure,
    ground::{Ground, on_both, raw},
    memory::cpu_seconds,
};

/// Events of a batch.
pub const BATCH: usize = 1_000;
/// Senders at once, each waiting for its receipts before it sends again.
pub const SENDERS: usize = 8;
/// Whose events they are.
const CUSTOMERS: usize = 1_000;
/// How long each figure is measured.
const TIME: Duration = Duration::from_secs(10);
/// Names stored before the figure "full" is measured.
const STORED: usize = 3_000_000;
/// Clients of consume.
const CLIENTS: usize = 64;

/// Meters of every kind that the hot path knows, and a plan with a limit.
pub const BOOK: &str = r#"
book = 1
name = "Bench"
currency = "USD"
[meters]
traffic = { name = "Traffic", unit = "GB", aggregation = "sum", property = "gb", decimals = 3, dimensions = ["region"] }
calls = { name = "Calls", unit = "call" }
[plans.one]
name = "One"
price = { month = "10" }
limits = { calls = 1_000_000_000 }
"#;

pub struct Customers {
    pub book: Arc<Book>,
    pub accounts: Vec<Arc<Account>>,
}

impl Customers {
    fn new() -> Result<Self> {
        let book = catalog::read("bench.toml", BOOK).map_err(|mistakes| {
            raw(mistakes.iter().map(|mistake| mistake.message.clone()).collect::<String>())
        })?;
        let (book, usd) = (Arc::new(book), Currency::parse("USD")?);
        let start = Timestamp::from_second(1_767_225_600).map_err(raw)?;
        let schedule = Schedule::anniversary(start, Cycle::MONTH, Zone::utc());
        let account = |_| -> Result<Arc<Account>> {
            let agreement = Agreement {
                subscription: Id::from_uuid(Uuid::now_v7()),
                book: Arc::clone(&book),
                plan: "one".to_owned(),
                cycle: Cycle::MONTH,
                currency: usd,
                quantity: Exact::one(),
                raises: BTreeMap::new(),
                schedule: schedule.clone(),
                period: schedule.period_at(start)?,
                access: true,
            };
            let customer: CustomerId = Id::from_uuid(Uuid::now_v7());
            Ok(Arc::new(Account {
                customer,
                zone: Zone::utc(),
                agreements: vec![agreement],
                beside: Default::default(),
            }))
        };
        let accounts = (0..CUSTOMERS).map(account).collect::<Result<_>>()?;
        Ok(Self { book, accounts })
    }
}

impl Directory for Customers {
    fn meters(&self, _: &Scope) -> Result<Arc<Meters>> {
        Ok(Arc::new(Meters::of(&self.book)))
    }

    fn resolve(&self, _: &Scope, subjects: &[String]) -> Result<Vec<Option<Resolved>>> {
        let account = |subject: &String| {
            let number: usize = subject.strip_prefix("customer-")?.parse().ok()?;
            let account = Arc::clone(self.accounts.get(number)?);
            Some(Resolved { account, subscription: None })
        };
        Ok(subjects.iter().map(account).collect())
    }
}

pub fn run() -> Result<Vec<Figure>> {
    on_both(|ground| {
        let engine = ground.engine;
        let (floor, cpu_floor) = floor(ground, TIME)?;
        let mut figures = Vec::new();
        let mut told = |names: [&'static str; 2], (rate, cpu): (f64, f64)| {
            figures.push(Figure::new(names[0], engine, rate, "ev/s").over(floor));
            figures.push(Figure::new(names[1], engine, cpu, "ns").over(cpu_floor));
        };
        let ordered = || Uuid::now_v7().to_string();
        let random = || Uuid::new_v4().to_string();
        let measured = Stand::new(ground)?.ingest(TIME, usize::MAX, &ordered)?;
        told(["events in, ordered ids, empty", "  CPU an event, sender included"], measured);
        let stand = Stand::new(ground)?;
        let measured = stand.ingest(TIME, usize::MAX, &random)?;
        told(["events in, random ids, empty", "  CPU an event, sender included"], measured);
        stand.ingest(Duration::MAX, STORED, &random)?;
        let measured = stand.ingest(TIME, usize::MAX, &random)?;
        told(["events in, random ids, 3 M stored", "  CPU an event, sender included"], measured);
        figures.push(Figure::new("consume (64 clients)", engine, stand.consume(TIME)?, "op/s"));
        figures.push(Figure::new("check from memory (1 client)", engine, stand.check(TIME / 4)?, "op/s"));
        Ok(figures)
    })
}

/// Metering in an environment of its own.
pub struct Stand {
    pub metering: Metering,
    pub scope: Scope,
    pub customers: Arc<Customers>,
}

impl Stand {
    pub fn new(ground: &Ground) -> Result<Self> {
        // Usage knows nothing of environments but their ids.
        let scope = Scope::environment(kernel::new_id(&SystemIds), Mode::Live, Actor::CommandLine);
        let customers = Arc::new(Customers::new()?);
        let metering = Metering::new(&ground.db, Arc::clone(&customers) as _, Options::default());
        Ok(Self { metering, scope, customers })
    }

    /// The same with nothing in memory: what a process finds that takes the environment over.
    pub fn again(self, ground: &Ground) -> Self {
        let Self { metering, scope, customers } = self;
        drop(metering);
        let metering = Metering::new(&ground.db, Arc::clone(&customers) as _, Options::default());
        Self { metering, scope, customers }
    }

    /// Events a second, and nanoseconds of this process's CPU for each, sent for a time or until there were so many.
    pub fn ingest(
        &self,
        time: Duration,
        most: usize,
        id: &(dyn Fn() -> String + Sync),
    ) -> Result<(f64, f64)> {
        let (started, cpu) = (Instant::now(), cpu_seconds("self")?);
        let sent = in_parallel(SENDERS, |sender| {
            let (mut sent, mut seed) = (0, sender as u64 + 1);
            while started.elapsed() < time && sent < most / SENDERS {
                let events = (0..BATCH).map(|_| traffic(id(), &mut seed)).collect();
                let receipts = self.metering.ingest(&self.scope, events, false, Timestamp::now()).wait()?;
                if receipts.iter().any(|receipt| *receipt != Receipt::Accepted) {
                    return Err(raw(format!("an event was not accepted: {:?}", receipts.first())));
                }
                sent += BATCH;
            }
            Ok(sent)
        })?;
        let cpu = cpu_seconds("self")? - cpu;
        Ok((sent as f64 / started.elapsed().as_secs_f64(), cpu * 1e9 / sent as f64))
    }

    fn consume(&self, time: Duration) -> Result<f64> {
        let started = Instant::now();
        let done = in_parallel(CLIENTS, |client| {
            let mut done = 0;
            while started.elapsed() < time {
                let event = call(client);
                self.metering.consume(&self.scope, event, Timestamp::now()).wait()?;
                done += 1;
            }
            Ok(done)
        })?;
        Ok(done as f64 / started.elapsed().as_secs_f64())
    }

    fn check(&self, time: Duration) -> Result<f64> {
        let (started, mut done) = (Instant::now(), 0);
        while started.elapsed() < time {
            self.metering.check(&self.scope, call(done % 64), Timestamp::now()).wait()?;
            done += 1;
        }
        Ok(done as f64 / started.elapsed().as_secs_f64())
    }
}

pub fn in_parallel(count: usize, work: impl Fn(usize) -> Result<usize> + Sync) -> Result<usize> {
    thread::scope(|threads| {
        let work = &work;
        let workers: Vec<_> = (0..count).map(|number| threads.spawn(move || work(number))).collect();
        let mut sum = 0;
        for worker in workers {
            sum += worker.join().map_err(|_| raw("a client panicked"))??;
        }
        Ok(sum)
    })
}

fn traffic(id: String, seed: &mut u64) -> NewEvent {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let (customer, region) = ((*seed >> 33) as usize % CUSTOMERS, (*seed >> 45) % 3);
    let data = format!(
        r#"{{"gb":{}.{:03},"region":"r{region}","path":"/v1/objects"}}"#,
        *seed >> 60,
        *seed >> 55 & 511
    );
    NewEvent {
        source: "bench".to_owned(),
        id,
        meter: "traffic".to_owned(),
        subject: format!("customer-{customer}"),
        at: None,
        data: serde_json::value::RawValue::from_string(data).ok(),
    }
}

pub fn call(client: usize) -> NewEvent {
    NewEvent {
        source: "bench".to_owned(),
        id: Uuid::now_v7().to_string(),
        meter: "calls".to_owned(),
        subject: format!("customer-{client}"),
        at: None,
        data: None,
    }
}

/// A row for each event under an ordered key, and a counter of its customer counted up: what every such service
/// does at least. Batches as above in one transaction each, for so long; events a second.
pub fn floor(ground: &Ground, time: Duration) -> Result<(f64, f64)> {
    let (started, cpu) = (Instant::now(), cpu_seconds("self")?);
    let events = match &ground.location {
        Location::Sqlite(folder) => sqlite_floor(&folder.join("floor-events.db"), time)?,
        Location::Postgres(url) => postgres_floor(url, time)?,
    };
    let cpu = cpu_seconds("self")? - cpu;
    Ok((events as f64 / started.elapsed().as_secs_f64(), cpu * 1e9 / events as f64))
}

const INSERT: &str = "INSERT INTO floor_event VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const COUNT: &str = "INSERT INTO floor_counter VALUES (?1, ?2, ?3) ON CONFLICT (customer, hour) DO UPDATE SET used = used + excluded.used";

fn sqlite_floor(path: &std::path::Path, time: Duration) -> Result<i64> {
    let mut connection = Connection::open(path).map_err(raw)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(raw)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(raw)?;
    connection.pragma_update(None, "cache_size", -32_768).map_err(raw)?;
    connection
        .execute_batch(
            "CREATE TABLE floor_event (n INTEGER PRIMARY KEY, id TEXT, customer INTEGER, at INTEGER, amount INTEGER, data TEXT);
             CREATE TABLE floor_counter (customer INTEGER, hour INTEGER, used INTEGER, PRIMARY KEY (customer, hour)) WITHOUT ROWID;",
        )
        .map_err(raw)?;
    let (started, mut n, mut seed) = (Instant::now(), 0_i64, 1);
    while started.elapsed() < time {
        let transaction = connection.transaction().map_err(raw)?;
        {
            let mut insert = transaction.prepare_cached(INSERT).map_err(raw)?;
            let mut count = transaction.prepare_cached(COUNT).map_err(raw)?;
            for _ in 0..BATCH {
                n += 1;
                let event = traffic(Uuid::now_v7().to_string(), &mut seed);
                let data = event.data.as_ref().map_or("{}", |data| data.get());
                let customer = (seed >> 33) as i64 % CUSTOMERS as i64;
                insert.execute((n, &event.id, customer, 1_i64, 5_i64, data)).map_err(raw)?;
                count.execute((customer, 1_i64, 5_i64)).map_err(raw)?;
            }
        }
        transaction.commit().map_err(raw)?;
    }
    Ok(n)
}

fn postgres_floor(url: &str, time: Duration) -> Result<i64> {
    let mut client = ::postgres::Client::connect(url, ::postgres::NoTls).map_err(raw)?;
    client
        .batch_execute(
            "DROP TABLE IF EXISTS floor_event; DROP TABLE IF EXISTS floor_counter;
             CREATE TABLE floor_event (n bigint PRIMARY KEY, id text, customer bigint, at bigint, amount bigint, data text);
             CREATE TABLE floor_counter (customer bigint, hour bigint, used bigint, PRIMARY KEY (customer, hour));",
        )
        .map_err(raw)?;
    let insert = "INSERT INTO floor_event SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])";
    let count = "INSERT INTO floor_counter SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
        ON CONFLICT (customer, hour) DO UPDATE SET used = floor_counter.used + excluded.used";
    let (insert, count) = (client.prepare(insert).map_err(raw)?, client.prepare(count).map_err(raw)?);
    let (started, mut n, mut seed) = (Instant::now(), 0_i64, 1);
    while started.elapsed() < time {
        let (mut ns, mut ids, mut customers, mut data) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut counters: BTreeMap<i64, i64> = BTreeMap::new();
        for _ in 0..BATCH {
            n += 1;
            let event = traffic(Uuid::now_v7().to_string(), &mut seed);
            let customer = (seed >> 33) as i64 % CUSTOMERS as i64;
            ns.push(n);
            customers.push(customer);
            data.push(event.data.as_ref().map_or("{}", |data| data.get()).to_owned());
            ids.push(event.id);
            *counters.entry(customer).or_default() += 5;
        }
        let ones = vec![1_i64; BATCH];
        let (keys, sums): (Vec<i64>, Vec<i64>) = counters.into_iter().unzip();
        let hours = vec![1_i64; keys.len()];
        let mut transaction = client.transaction().map_err(raw)?;
        transaction.execute(&insert, &[&ns, &ids, &customers, &ones, &ones, &data]).map_err(raw)?;
        transaction.execute(&count, &[&keys, &hours, &sums]).map_err(raw)?;
        transaction.commit().map_err(raw)?;
    }
    Ok(n)
}
