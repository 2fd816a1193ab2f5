//! Filling counters of limits from what is stored: those a group needs and does not find in memory, with three
//! statements for each meter and window, however many customers and users they are of.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use kernel::{Error, Exact, Result, ids::CustomerId};
use store::{View, params};

use super::{Account, InForce, Terms, book::who, customer::Desk};
use crate::{
    event::{Checked, Meter, can_be_limited},
    limit::{Counter, Held},
    sql,
    usage::{self, Span, window},
};

/// A fixed window, or how many seconds a rolling one reaches back.
type Window = Result<Span, i64>;

/// A counter that is not in memory, and what it takes to fill it.
#[derive(Clone, Debug)]
pub struct Missing {
    pub customer: CustomerId,
    pub meter: Arc<Meter>,
    pub who: String,
    window: Window,
    series: Vec<i64>,
}

/// The counters a group needs.
#[derive(Debug, Default)]
pub struct Wanted {
    missing: Vec<Missing>,
    known: HashSet<(CustomerId, String, String)>,
}

impl Wanted {
    /// Ask for the counter of an event, unless it is in memory. Who only reports an event (`limited` is false) needs
    /// none that still stands; who asks for a limit may have got another one.
    pub fn want(
        &mut self,
        desk: &mut Desk,
        customer: CustomerId,
        event: &Checked,
        now: i64,
        limited: bool,
    ) -> Result<()> {
        let meter = &event.meter;
        let Terms::Limited(limit) = desk.terms(meter) else { return Ok(()) };
        if !can_be_limited(meter.aggregation) {
            return Ok(());
        }
        let (property, who) = (limit.property, who(limit, &event.dimensions));
        if !limited && desk.counter(&meter.key, &who).is_some_and(|counter| counter.stands_at(now)) {
            return Ok(());
        }
        let Terms::Limited(limit) = desk.terms(meter).clone() else { return Ok(()) };
        let window = window_of(&desk.account, &limit, &meter.key, now)?;
        if desk.counter(&meter.key, &who).is_some_and(|counter| counter.is_of(window)) {
            return Ok(());
        }
        if self.known.insert((customer, meter.key.clone(), who.clone())) {
            let series = if window.is_ok() { desk.series_of(meter, property, &who) } else { Vec::new() };
            self.missing.push(Missing { customer, meter: Arc::clone(meter), who, window, series });
        }
        Ok(())
    }

    /// Whether nothing is missing.
    pub const fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// The counters as they follow from what is stored.
    pub fn read(&self, view: &mut View<'_>, now: i64) -> Result<Vec<(Missing, Counter)>> {
        let mut together: BTreeMap<(&str, Window), Vec<&Missing>> = BTreeMap::new();
        for missing in &self.missing {
            together.entry((&missing.meter.key, missing.window)).or_default().push(missing);
        }
        let mut counters = Vec::with_capacity(self.missing.len());
        for ((meter, window), missing) in together {
            let mut read = match window {
                Ok(span) => fixed(view, &missing, span, now)?,
                Err(length) => rolling(view, &missing, length, now)?,
            };
            add_held_and_told(view, meter, &missing, &mut read, now)?;
            counters.extend(missing.into_iter().cloned().zip(read));
        }
        Ok(counters)
    }
}

/// Counters by the time of events, from tallies.
fn fixed(view: &mut View<'_>, missing: &[&Missing], span: Span, now: i64) -> Result<Vec<Counter>> {
    let Some(first) = missing.first() else { return Ok(Vec::new()) };
    let until = Timestamp::from_microsecond(now).unwrap_or(Timestamp::UNIX_EPOCH);
    let parts: Vec<&[i64]> = missing.iter().map(|one| one.series.as_slice()).collect();
    let figures = usage::figures_of_series(view, &first.meter, &parts, span, until)?;
    let scale = Exact::ratio(10_i128.pow(first.meter.decimals.into()), 1);
    let counter = |figure: usage::Figure| {
        let used = (&figure.value * &scale).floor().unwrap_or(i64::MAX);
        Counter::fixed(span, used.into())
    };
    Ok(figures.into_iter().map(counter).collect())
}

/// Counters by seconds of acceptance.
fn rolling(view: &mut View<'_>, missing: &[&Missing], length: i64, now: i64) -> Result<Vec<Counter>> {
    let since = now.div_euclid(1_000_000) - length;
    let mut counters = Vec::with_capacity(missing.len());
    for Missing { customer, meter, who, .. } in missing {
        let seconds = view.all(&sql::SECONDS, params![customer, meter.key, who, since], |row| {
            Ok((row.get::<i64>(0)?, i128::from(row.get::<i64>(1)?)))
        })?;
        counters.push(Counter::rolling(length, seconds));
    }
    Ok(counters)
}

/// What is held of them, and which percentages were told.
fn add_held_and_told(
    view: &mut View<'_>,
    meter: &str,
    missing: &[&Missing],
    counters: &mut [Counter],
    now: i64,
) -> Result<()> {
    let places: HashMap<(CustomerId, &str), usize> =
        missing.iter().enumerate().map(|(place, one)| ((one.customer, one.who.as_str()), place)).collect();
    let mut customers: Vec<CustomerId> = missing.iter().map(|one| one.customer).collect();
    customers.sort_unstable();
    customers.dedup();
    let place = |customer: CustomerId, who: &str| places.get(&(customer, who)).copied();
    view.each(&sql::OPEN_HOLDS_OF, params![customers.clone(), meter, now], |row| {
        let who: String = row.get(1)?;
        if let Some(counter) = place(row.get(0)?, &who).and_then(|place| counters.get_mut(place)) {
            let (id, amount, reserved, expires) = (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
            counter.held.push(Held { id, amount, reserved, expires });
        }
        Ok(())
    })?;
    view.each(&sql::TOLD_OF, params![customers, meter, now], |row| {
        let who: String = row.get(1)?;
        if let Some(counter) = place(row.get(0)?, &who).and_then(|place| counters.get_mut(place)) {
            let level = u16::try_from(row.get::<i64>(2)?).unwrap_or(u16::MAX);
            counter.told.push((level, row.get(3)?));
        }
        Ok(())
    })
}

/// The window a limit counts in at `now`, or how many seconds a rolling one reaches back.
pub fn window_of(account: &Account, limit: &InForce, meter: &str, now: i64) -> Result<Window> {
    if let Some(length) = limit.window.rolling_seconds() {
        return Ok(Err(length.into()));
    }
    let at = Timestamp::from_microsecond(now).map_err(|error| Error::internal(error.to_string()))?;
    let agreement = account.agreements.get(limit.agreement);
    let agreement = agreement.ok_or_else(|| Error::internal("a limit without its agreement"))?;
    let period = agreement.period_of(meter, at)?;
    let fixed = window::fixed(limit.window, &account.zone, period, at);
    fixed.map(Ok).ok_or_else(|| Error::internal("a limit without a window"))
}
