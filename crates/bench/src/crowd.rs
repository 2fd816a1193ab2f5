//! Very many customers with ten limits each, asked about one after the other inside of the program: what the first
//! check of each costs metering itself, and how much memory the limits have when all were asked about. The same over
//! HTTP, with the customers in the database, is `million`.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use catalog::Book;
use jiff::Timestamp;
use kernel::{Currency, Cycle, Exact, Id, Result, Schedule, SystemIds, Zone, ids::CustomerId};
use metering::{
    Account, Agreement, Directory, Metering, Options, Resolved,
    event::{Meters, NewEvent, Receipt},
};
use store::{Actor, Mode, Scope};
use uuid::Uuid;

use crate::{
    Figure,
    ground::{Ground, on_both, percentile, raw},
    memory,
};

/// Meters, and a plan that limits each of them; every other limit rolls.
pub const BOOK: &str = r#"
book = 1
name = "Bench"
currency = "USD"
[meters]
m0 = { name = "M0", unit = "call" }
m1 = { name = "M1", unit = "call" }
m2 = { name = "M2", unit = "call" }
m3 = { name = "M3", unit = "call" }
m4 = { name = "M4", unit = "call" }
m5 = { name = "M5", unit = "call" }
m6 = { name = "M6", unit = "call" }
m7 = { name = "M7", unit = "call" }
m8 = { name = "M8", unit = "call" }
m9 = { name = "M9", unit = "call" }
[plans.one]
name = "One"
price = { month = "10" }
[plans.one.limits]
m0 = 1_000
m1 = { amount = 100, window = "rolling 5 hours" }
m2 = 1_000
m3 = { amount = 100, window = "rolling 5 hours" }
m4 = 1_000
m5 = { amount = 100, window = "rolling 5 hours" }
m6 = 1_000
m7 = { amount = 100, window = "rolling 5 hours" }
m8 = 1_000
m9 = { amount = 100, window = "rolling 5 hours" }
"#;

/// Events sent at once.
const BATCH: usize = 1_000;

/// How many customers, unless the variable says otherwise.
pub fn number() -> usize {
    let said = std::env::var("STEELYARD_BENCH_CUSTOMERS").ok().and_then(|text| text.parse().ok());
    said.unwrap_or(50_000)
}

/// With how much memory for limits: that of the program.
fn options() -> Options {
    let said = std::env::var("STEELYARD_LIMIT_MEMORY").ok().and_then(|text| text.parse::<usize>().ok());
    let memory = said.map_or(Options::default().memory, |mebibytes| mebibytes << 20);
    Options { memory, ..Options::default() }
}

/// Makes each customer when it is asked for, always the same one.
struct Crowd {
    book: Arc<Book>,
    start: Timestamp,
}

impl Crowd {
    fn account(&self, number: u64) -> Result<Arc<Account>> {
        let customer: CustomerId = Id::from_uuid(Uuid::from_u64_pair(number, 1));
        let schedule = Schedule::anniversary(self.start, Cycle::MONTH, Zone::utc());
        let agreement = Agreement {
            subscription: Id::from_uuid(Uuid::from_u64_pair(number, 2)),
            book: Arc::clone(&self.book),
            plan: "one".to_owned(),
            cycle: Cycle::MONTH,
            currency: Currency::parse("USD")?,
            quantity: Exact::one(),
            raises: BTreeMap::new(),
            period: schedule.period_at(Timestamp::now())?,
            schedule,
            access: true,
        };
        let beside = Default::default();
        Ok(Arc::new(Account { customer, zone: Zone::utc(), agreements: vec![agreement], beside }))
    }
}

impl Directory for Crowd {
    fn meters(&self, _: &Scope) -> Result<Arc<Meters>> {
        Ok(Arc::new(Meters::of(&self.book)))
    }

    fn resolve(&self, _: &Scope, subjects: &[String]) -> Result<Vec<Option<Resolved>>> {
        let resolved = |subject: &String| {
            let number = subject.strip_prefix("sub-").and_then(|number| number.parse().ok());
            let account = number.map(|number| self.account(number)).transpose()?;
            Ok(account.map(|account| Resolved { account, subscription: None }))
        };
        subjects.iter().map(resolved).collect()
    }
}

pub fn run() -> Result<Vec<Figure>> {
    on_both(|ground| {
        let book = catalog::read("bench.toml", BOOK).map_err(|_| raw("the book has mistakes"))?;
        let start = Timestamp::from_second(1_767_225_600).map_err(raw)?;
        let crowd = Arc::new(Crowd { book: Arc::new(book), start });
        let metering = Metering::new(&ground.db, crowd, options());
        let scope = Scope::environment(kernel::new_id(&SystemIds), Mode::Live, Actor::CommandLine);
        measure(ground, &metering, &scope)
    })
}

fn measure(ground: &Ground, metering: &Metering, scope: &Scope) -> Result<Vec<Figure>> {
    let resident = || memory::resident_megabytes(std::process::id());
    let (before, mut most) = (resident()?, 0.0_f64);
    let check = |number: usize, limit: usize| {
        let began = Instant::now();
        let answer = metering.check(scope, use_of(number, limit), Timestamp::now()).wait()?;
        if !answer.allowed || answer.used != i64::from(limit < 2) {
            return Err(raw(format!("sub-{number}, m{limit}: {answer:?}")));
        }
        Ok(began.elapsed())
    };
    // Something is stored of each, under a fixed limit and a rolling one.
    for first in (0..number()).step_by(BATCH / 2) {
        let last = number().min(first + BATCH / 2);
        let events = (first..last).flat_map(|number| [use_of(number, 0), use_of(number, 1)]).collect();
        let receipts = metering.ingest(scope, events, false, Timestamp::now()).wait()?;
        if receipts.iter().any(|receipt| *receipt != Receipt::Accepted) {
            return Err(raw("an event was not accepted"));
        }
        most = most.max(resident()?);
    }
    let (mut first_times, mut all_times) = (Vec::new(), Vec::<Duration>::new());
    // Each about one limit; those of the end were asked about last and are in memory, so that it goes from the front.
    for number in 0..number() {
        first_times.push(check(number, number % 10)?);
        most = if number.is_multiple_of(1_000) { most.max(resident()?) } else { most };
    }
    for number in (0..number()).step_by(4) {
        for limit in 0..10 {
            all_times.push(check(number, limit)?);
        }
        most = if number.is_multiple_of(1_000) { most.max(resident()?) } else { most };
    }
    let of = |name, value, unit| Figure::new(name, ground.engine, value, unit);
    Ok(vec![
        of("customers with ten limits each", number() as f64, "each"),
        of("  first check of one, 99 % within", percentile(first_times, 99), "ms"),
        of("  all ten of one, each, 99 % within", percentile(all_times, 99), "ms"),
        of("  memory before", before, "MB"),
        of("  memory at most", most, "MB"),
    ])
}

fn use_of(number: usize, limit: usize) -> NewEvent {
    NewEvent {
        source: "bench".to_owned(),
        id: Uuid::now_v7().to_string(),
        meter: format!("m{limit}"),
        subject: format!("sub-{number}"),
        at: None,
        data: None,
    }
}
