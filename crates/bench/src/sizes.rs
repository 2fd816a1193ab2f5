//! Events in, as more and more are stored: is it as fast as into an empty database, are random names as fast as
//! ordered ones, and how long does it take to say what somebody used of whom most of them are.
//!
//! A full database and an empty one are measured by turns, so that whatever else the machine does meets both.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use kernel::Result;
use metering::{
    event::{Meters, NewEvent, Receipt},
    usage::{self, Span, Subject},
};
use uuid::Uuid;

use crate::{
    Figure,
    ground::{Ground, on_both, percentile, raw},
    memory,
    metering::{BATCH, SENDERS, Stand, call, in_parallel},
};

/// Stored events at which is measured, up to the most.
const SIZES: [u64; 5] = [0, 5_000_000, 25_000_000, 50_000_000, 100_000_000];
/// How often full and empty take turns; the best counts.
const ROUNDS: usize = 3;
/// Over how many days before now the stored events are spread.
const DAYS: i64 = 30;
/// How often a figure of usage is read.
const READS: usize = 200;
/// Old events that are sent again.
const REPEATS: u64 = 100_000;

/// How many events are stored at the end, unless the variable says otherwise.
fn most() -> u64 {
    let said = std::env::var("STEELYARD_BENCH_EVENTS").ok().and_then(|text| text.parse().ok());
    said.unwrap_or(5_000_000)
}

/// How long each turn takes: four seconds, unless the variable says otherwise.
fn time() -> Duration {
    let said = std::env::var("STEELYARD_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(said.unwrap_or(4))
}

pub fn run() -> Result<Vec<Figure>> {
    on_both(|ground| {
        let mut filled = Filled { stand: Stand::new(ground)?, now: Timestamp::now(), stored: 0 };
        let mut figures = Vec::new();
        for size in SIZES.into_iter().filter(|size| *size <= most()) {
            let began = Instant::now();
            filled.fill_to(size)?;
            eprintln!("{}: {size} events stored after {:.0?} more", ground.engine, began.elapsed());
            let measured = filled.measure(ground, size)?;
            measured.iter().for_each(|figure| eprintln!("{}", serde_json::json!(figure)));
            figures.extend(measured);
        }
        Ok(figures)
    })
}

/// Metering with many events of one customer.
struct Filled {
    stand: Stand,
    now: Timestamp,
    stored: u64,
}

/// The best of some rounds, events a second.
#[derive(Default)]
struct Best {
    ordered: f64,
    random: f64,
}

impl Best {
    fn round(&mut self, stand: &Stand) -> Result<()> {
        let (ordered, _) = stand.ingest(time(), usize::MAX, &|| Uuid::now_v7().to_string())?;
        let (random, _) = stand.ingest(time(), usize::MAX, &|| Uuid::new_v4().to_string())?;
        self.ordered = self.ordered.max(ordered);
        self.random = self.random.max(random);
        Ok(())
    }
}

impl Filled {
    /// Send events until so many are stored, spread over days, the earliest first.
    fn fill_to(&mut self, size: u64) -> Result<()> {
        let next = AtomicU64::new(self.stored);
        in_parallel(SENDERS, |_| {
            loop {
                let first = next.fetch_add(BATCH as u64, Ordering::Relaxed);
                if first >= size {
                    return Ok(0);
                }
                let sent = self.send(first..first + BATCH as u64)?;
                if let Some(other) = sent.iter().find(|receipt| **receipt != Receipt::Accepted) {
                    return Err(raw(format!("an event was not accepted: {other:?}")));
                }
            }
        })?;
        self.stored = size.max(self.stored);
        Ok(())
    }

    fn send(&self, numbers: impl Iterator<Item = u64>) -> Result<Vec<Receipt>> {
        let events = numbers.map(|number| self.event(number)).collect();
        self.stand.metering.ingest(&self.stand.scope, events, false, Timestamp::now()).wait()
    }

    /// Always the same event for a number, under a name that looks random.
    fn event(&self, number: u64) -> NewEvent {
        let (name, dice) = (Uuid::from_u64_pair(mixed(number), mixed(!number)), mixed(number ^ 0x5555));
        let data = format!(r#"{{"gb":{}.{:03},"region":"r{}"}}"#, dice >> 60, dice >> 55 & 511, dice % 3);
        let step = DAYS * 86_400_000_000 / most().max(1) as i64;
        let before =
            SignedDuration::from_hours(24 * DAYS) - SignedDuration::from_micros(step * number as i64);
        NewEvent {
            source: "stored".to_owned(),
            id: name.to_string(),
            meter: "traffic".to_owned(),
            subject: "customer-0".to_owned(),
            at: self.now.checked_sub(before).ok(),
            data: serde_json::value::RawValue::from_string(data).ok(),
        }
    }

    fn measure(&mut self, ground: &Ground, size: u64) -> Result<Vec<Figure>> {
        let engine = ground.engine;
        let (mut full, mut empty) = (Best::default(), Best::default());
        for _ in 0..ROUNDS {
            full.round(&self.stand)?;
            // Made anew for each round, so that it is empty.
            let ground = ground.beside()?;
            empty.round(&Stand::new(&ground)?)?;
        }
        let of = |name, value, unit| Figure::new(name, engine, value, unit);
        let resident = memory::resident_megabytes(std::process::id())?;
        Ok(vec![
            of("events stored before", size as f64, "events"),
            of("  random ids, over empty", full.random, "ev/s").over(empty.random),
            of("  ordered ids, over empty", full.ordered, "ev/s").over(empty.ordered),
            of("  random ids, over ordered ones", full.random, "ev/s").over(full.ordered),
            of("  current usage, 99 % within", self.current(ground)?, "ms"),
            of("  old events sent again", self.again()?, "ev/s"),
            of("  an owner begins within", self.begin(ground)?, "ms"),
            of("  resident memory", resident, "MB"),
        ])
    }

    /// Milliseconds it takes to say what the one customer used in the last days.
    fn current(&self, ground: &Ground) -> Result<f64> {
        let customers = &self.stand.customers;
        let customer = customers.accounts.first().ok_or_else(|| raw("no customers"))?.customer;
        let meter = Meters::of(&customers.book).get("traffic").cloned().ok_or_else(|| raw("no meter"))?;
        let day = self.now.as_microsecond().div_euclid(86_400_000_000) * 86_400_000_000;
        let span = Span { start: day - (DAYS + 1) * 86_400_000_000, end: day + 86_400_000_000 };
        let (db, mut times) = (ground.db.usage(), Vec::new());
        for _ in 0..READS {
            let (meter, began) = (meter.clone(), Instant::now());
            let read = move |view: &mut store::View<'_>| {
                let subject = Subject { customer, subscription: None, unnamed: None, meter: &meter };
                usage::figure(view, subject, span, Timestamp::now())
            };
            let figure = db.read(&self.stand.scope, read).wait()?;
            times.push(began.elapsed());
            if figure.events < self.stored {
                return Err(raw(format!("{} events of {} were counted", figure.events, self.stored)));
            }
        }
        Ok(percentile(times, 99))
    }

    /// Events from all over what is stored, sent a second time: each must be known. Events a second.
    fn again(&self) -> Result<f64> {
        let repeats = REPEATS.min(self.stored);
        if repeats == 0 {
            return Ok(0.0);
        }
        let (began, step) = (Instant::now(), self.stored / repeats);
        for first in (0..repeats).step_by(BATCH) {
            let receipts = self.send((first..first + BATCH as u64).map(|number| number * step))?;
            if let Some(other) =
                receipts.iter().find(|receipt| **receipt != (Receipt::Duplicate { differs: false }))
            {
                return Err(raw(format!("an old event was not known: {other:?}")));
            }
        }
        Ok(repeats as f64 / began.elapsed().as_secs_f64())
    }

    /// Milliseconds until an owner that begins with nothing in memory gives its first answer.
    fn begin(&mut self, ground: &Ground) -> Result<f64> {
        let stand = std::mem::replace(&mut self.stand, Stand::new(ground)?);
        self.stand = stand.again(ground);
        let began = Instant::now();
        self.stand.metering.check(&self.stand.scope, call(1), Timestamp::now()).wait()?;
        Ok(began.elapsed().as_secs_f64() * 1_000.0)
    }
}

/// A number that looks random, another one for each (SplitMix64).
const fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
