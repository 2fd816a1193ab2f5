//! A bill run over many active subscriptions: invoices with their lines, postings and facts, beside the
//! same rows written by the raw driver.

mod floor;
mod floor_postgres;
mod floor_sqlite;
mod neighbour;

use std::{sync::Arc, time::Duration};

use billing::subscription::BillFrom;
use jiff::Timestamp;
use jobs::Runner;
use kernel::{FixedClock, Result};
use store::{Mode, Scope};

use crate::{
    Figure,
    ground::{Ground, on_both_clocked, percentile, raw, seconds},
    memory,
    subscribers::{self, Offer},
};

const OFFER: &Offer = &subscribers::FEES_AND_USAGE;
const STARTED: &str = "2026-01-31T00:00:00Z";
const FIRST_RENEWAL: &str = "2026-02-28T00:00:00Z";

fn instant(text: &str) -> Result<Timestamp> {
    text.parse().map_err(raw)
}

/// Invoices a second, what the run needs of memory, and how long others wait for their writes meanwhile.
pub fn run() -> Result<Vec<Figure>> {
    let clock = Arc::new(FixedClock::new(instant(STARTED)?));
    on_both_clocked(&clock, |ground| {
        clock.set(instant(STARTED)?);
        let scope = ground.environment(Mode::Live, instant(STARTED)?, OFFER.book)?;
        let count = subscribers::number();
        subscribers::with_one_each(&ground.db, &scope, OFFER, count, BillFrom::NextPeriod)?;
        let copy = ground.copy()?;
        clock.set(instant(FIRST_RENEWAL)?);
        memory::forget_peak()?;
        let (took, waits) = neighbour::beside(&ground.db, &scope, || bill(ground))?;
        let peak = memory::peak_megabytes()?;
        let floor = floor::run(&copy, &scope)?;
        if floor.invoices < count as u64 {
            return Err(raw(format!("{count} subscriptions made only {} invoices", floor.invoices)));
        }
        let rate = floor.invoices as f64 / took.as_secs_f64();
        let raw_rate = floor.invoices as f64 / floor.took.as_secs_f64();
        let engine = ground.engine;
        Ok(vec![
            Figure::new("bill run, invoices finalized", engine, rate, "inv/s").over(raw_rate),
            Figure::new("bill run, peak memory", engine, peak, "MB"),
            Figure::new("write beside it, half within", engine, percentile(waits.clone(), 50), "ms"),
            Figure::new("write beside it, 99 % within", engine, percentile(waits, 99), "ms"),
        ])
    })
}

/// Do all that is due, as the program does: a job of the environment.
fn bill(ground: &Ground) -> Result<Duration> {
    let runner =
        Runner::new(ground.db.clone(), vec![billing::clock::due_job_kind_after(billing::usage::cut)], vec![]);
    seconds(|| runner.run_until_idle()).map(|(_, took)| took)
}

/// One customer with many subscriptions, billed together.
pub fn run_one_account() -> Result<Vec<Figure>> {
    const SUBSCRIPTIONS: usize = 30_000;
    let clock = Arc::new(FixedClock::new(instant(STARTED)?));
    on_both_clocked(&clock, |ground| {
        clock.set(instant(STARTED)?);
        let scope: Scope = ground.environment(Mode::Live, instant(STARTED)?, OFFER.book)?;
        subscribers::one_with(&ground.db, &scope, OFFER, SUBSCRIPTIONS)?;
        clock.set(instant(FIRST_RENEWAL)?);
        let took = bill(ground)?.as_secs_f64();
        Ok(vec![Figure::new("one account, 30,000 subscriptions", ground.engine, took * 1_000.0, "ms")])
    })
}
