//! Consume while a bill run writes to the same database.

use std::{sync::Arc, time::Duration};

use billing::{
    invoice::{self, State},
    subscription::BillFrom,
};
use identity::{Permissions, key};
use jiff::{SignedDuration, Timestamp};
use kernel::{FixedClock, Result};
use store::{Mode, View};

use super::{CLIENTS, CUSTOMERS, OFFER, client::Speaks, load, start, uses};
use crate::{
    Figure,
    ground::{Ground, on_both_clocked, percentile, raw},
    subscribers,
};

/// The bill run takes at least so long on the machines we know; all of the measurement is beside it.
const TIME: Duration = Duration::from_secs(5);

/// How long consumes wait while invoices are written.
pub fn run() -> Result<Vec<Figure>> {
    let began = Timestamp::now().checked_sub(SignedDuration::from_hours(24 * 35)).map_err(raw)?;
    let clock = Arc::new(FixedClock::new(began));
    on_both_clocked(&clock, |ground| measure(ground, began))
}

/// Everything was subscribed to a month ago: what falls due is billed as soon as the program starts.
fn measure(ground: &Ground, began: Timestamp) -> Result<Vec<Figure>> {
    let scope = ground.environment(Mode::Live, began, OFFER.book)?;
    let due = subscribers::number();
    subscribers::with_one_each(&ground.db, &scope, OFFER, due.max(CUSTOMERS), BillFrom::NextPeriod)?;
    let secret = key::new_secret(Mode::Live)?;
    let kept = secret.clone();
    ground.db.write(&scope, move |tx| key::create(tx, "bench", &Permissions::All, &kept)).wait()?;
    let invoices = || {
        let most = i64::try_from(due).map_err(raw)?;
        let count = move |view: &mut View<'_>| {
            Ok(invoice::count(view, State::Finalized, most)? + invoice::count(view, State::Draft, most)?)
        };
        ground.db.read(&scope, count).wait()
    };
    let server = start(ground)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(raw)?;
    let before = invoices()?;
    let consumed = runtime.block_on(load(&server.address, Speaks::Http, CLIENTS, TIME, uses(&secret)))?;
    let after = invoices()?;
    server.stop()?;
    if usize::try_from(after).map_err(raw)? >= due || after == before {
        return Err(raw(format!(
            "{before} invoices before, {after} of {due} after: the bill run was not beside it"
        )));
    }
    let billed = (after - before) as f64 / TIME.as_secs_f64();
    Ok(vec![
        Figure::new("consume beside a bill run", ground.engine, consumed.rate, "op/s"),
        Figure::new("  99 % within", ground.engine, percentile(consumed.times, 99), "ms"),
        Figure::new("  the bill run meanwhile", ground.engine, billed, "inv/s"),
    ])
}
