//! What a usage price is applied to: the reading side for billing.
//!
//! Billing asks for a span (a period, or the part of one before or after a change), rates what it gets with
//! [`rating::rate_metered`], and keeps the watermark on the line. When more came in since, it asks for the same span
//! again and bills the difference with [`rating::rate_again`]; [`touched_between`] says where something came.

use std::collections::BTreeSet;

use catalog::{Book, Percentage, Plan, Price, PriceKind, UsagePrice};
use jiff::Timestamp;
use kernel::{
    Error, Exact, Result,
    ids::{CustomerId, SubscriptionId},
};
use rating::{Each, Measured};
use store::{Row, Tx, View, params};
use uuid::Uuid;

use super::{
    Dimensions, Figure, Span, Subject,
    behind::{Counted, counted},
    read::{figures, watermark},
};
use crate::{event::Meter, log::Address, once::IntMap, sql};

/// What is charged, of whom, for which time.
#[derive(Clone, Copy, Debug)]
pub struct Charged<'a> {
    /// Whose usage.
    pub customer: CustomerId,
    /// Events sent for this subscription, and those sent for none; none: all of the customer's.
    pub subscription: Option<SubscriptionId>,
    /// Only in these parts of time events sent for no subscription count, in order: in others they are another
    /// subscription's. None: at any time.
    pub unnamed: Option<&'a [Span]>,
    /// The price book agreed to.
    pub book: &'a Book,
    /// The plan.
    pub plan: &'a Plan,
    /// Its usage price.
    pub usage: &'a UsagePrice,
    /// What of it is charged; none: it has no price in the currency it is billed in.
    pub price: Option<&'a Price>,
    /// The time.
    pub span: Span,
}

/// What was measured for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// The line's values of the dimensions the price groups by.
    pub by: Dimensions,
    /// What the price is applied to.
    pub measured: Measured,
    /// How many events it comes from.
    pub events: u64,
    /// It holds everything up to this chunk of the log.
    pub watermark: i64,
}

/// What a usage price is applied to: one measurement, or one for each group of a price that groups.
///
/// An event counts for the price that [`Plan::usage_for`] names for it and for no other. `as_of` is a watermark
/// given before: the same measurement again. Errors: `internal` when the book has no such meter.
pub fn measurements(
    view: &mut View<'_>,
    charged: Charged<'_>,
    now: Timestamp,
    as_of: Option<i64>,
) -> Result<Vec<Measurement>> {
    let Charged { customer, subscription, unnamed, book, plan, usage, price, span } = charged;
    let meter = meter_of(book, &usage.meter)?;
    let subject = Subject { customer, subscription, unnamed, meter: &meter };
    let select = |dimensions: &Dimensions| {
        let value = |name: &str| dimensions.get(name).map(String::as_str);
        plan.usage_for(&usage.meter, value).is_some_and(|found| found.key == usage.key)
    };
    let watermark = as_of.map_or_else(|| watermark(view), Ok)?;
    let groups = figures(view, subject, select, &usage.group_by, span, now, Some(watermark))?;
    let mut measurements = Vec::with_capacity(groups.len());
    for group in groups {
        let of_group = |dimensions: &Dimensions| {
            select(dimensions) && usage.group_by.iter().all(|name| dimensions.get(name) == group.by.get(name))
        };
        let measured = match price.map(|price| &price.kind) {
            Some(PriceKind::Percentage(rule)) if rule.looks_at_each() => {
                Measured::Each(Box::new(each(view, subject, of_group, (span, watermark), rule)?))
            }
            Some(
                PriceKind::Percentage(_) | PriceKind::GraduatedPercentage { .. } | PriceKind::Dynamic { .. },
            ) => amount(&group.figure),
            _ => Measured::Quantity(group.figure.value),
        };
        let events = group.figure.events;
        measurements.push(Measurement { by: group.by, measured, events, watermark });
    }
    Ok(measurements)
}

/// The measured base of a lesser-of price: what the meter it names summed up by `now`, which is what the price looks at
/// when the stretch ends then, by its period or by a change or a cancellation within it. Incomplete without any event.
///
/// Errors: `internal` when the book has no such meter.
pub fn base(
    view: &mut View<'_>,
    book: &Book,
    meter: &str,
    (customer, subscription, unnamed): (CustomerId, Option<SubscriptionId>, Option<&[Span]>),
    span: Span,
    now: Timestamp,
) -> Result<Measurement> {
    let meter = meter_of(book, meter)?;
    let subject = Subject { customer, subscription, unnamed, meter: &meter };
    let watermark = watermark(view)?;
    let groups = figures(view, subject, |_| true, &[], span, now, Some(watermark))?;
    let figure = groups.into_iter().next().map(|group| group.figure);
    let figure = figure.ok_or_else(|| Error::internal("a figure without groups has one"))?;
    // No event at all is no figure: the source may not be connected.
    let measured = if figure.events > 0 { amount(&figure) } else { Measured::Incomplete };
    Ok(Measurement { by: Dimensions::new(), measured, events: figure.events, watermark })
}

fn amount(figure: &Figure) -> Measured {
    Measured::Amount { total: figure.value.clone(), events: figure.events }
}

fn meter_of(book: &Book, key: &str) -> Result<Meter> {
    let meter =
        book.meter(key).ok_or_else(|| Error::internal("a usage price names a meter its book has not"))?;
    Ok(Meter::of(book, meter))
}

/// Each event, in the order of their times, as a price takes them: an hour of them is in memory at a time, and of them the
/// time and the amount alone; where their order makes no difference none are.
fn each(
    view: &mut View<'_>,
    subject: Subject<'_>,
    select: impl Fn(&Dimensions) -> bool,
    (span, as_of): (Span, i64),
    rule: &Percentage,
) -> Result<Each> {
    let scale = 10_i128.pow(subject.meter.decimals.into());
    let in_order = rule.free_amount.is_some() || rule.free_events.is_some();
    let mut each = Each::of(rule);
    let mut hour: (i64, Vec<(i64, Address, i64)>) = (i64::MIN, Vec::new());
    let take_hour = |each: &mut Each, events: &mut Vec<(i64, Address, i64)>| {
        events.sort_unstable();
        events.drain(..).for_each(|(.., amount)| each.take(&Exact::ratio(amount.into(), scale)));
    };
    counted(view, subject, select, span, as_of, |Counted { hour: of, at, address, amount }| {
        if !in_order {
            each.take(&Exact::ratio(amount.into(), scale));
            return;
        }
        if of != hour.0 {
            take_hour(&mut each, &mut hour.1);
            hour.0 = of;
        }
        hour.1.push((at, address, amount));
    })?;
    take_hour(&mut each, &mut hour.1);
    Ok(each)
}

/// Usage of an hour that came, was voided or was corrected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// In this chunk of the log last.
    pub chunk: i64,
    /// Whose.
    pub customer: CustomerId,
    /// For which subscription, when one was named.
    pub subscription: Option<SubscriptionId>,
    /// Of which meter.
    pub meter: String,
    /// The hour.
    pub hour: Span,
}

impl Touched {
    fn new(chunk: i64, customer: CustomerId, subscription: Uuid, meter: String, hour: i64) -> Self {
        let subscription = (!subscription.is_nil()).then(|| SubscriptionId::from_uuid(subscription));
        Self { chunk, customer, subscription, meter, hour: super::window::hour(hour) }
    }

    /// Of a row of chunk, customer, subscription, meter and hour.
    pub(crate) fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self::new(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    }
}

/// The last chunk that was accepted before an instant, so many as are kept; none when nothing was. Times of acceptance
/// never fall, so that it is found by halving.
pub fn accepted_before(view: &mut View<'_>, at: Timestamp) -> Result<Option<i64>> {
    let (mut before, mut after) = (0, watermark(view)? + 1);
    let mut found = None;
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        let accepted = view.opt(&sql::ACCEPTED, params![middle], |row| row.get::<i64>(0))?;
        // What is gone already is older than anything.
        if accepted.is_none_or(|accepted| accepted < at.as_microsecond()) {
            found = Some(middle);
            before = middle;
        } else {
            after = middle;
        }
    }
    Ok(found)
}

/// How many events a price is applied to one by one; 0 for one that looks at their sum alone. Cheap: nothing is decoded
/// but the hours that an edge cuts.
///
/// Errors: `internal` when the book has no such meter.
pub fn looked_at_each(view: &mut View<'_>, charged: Charged<'_>, now: Timestamp) -> Result<u64> {
    let Charged { customer, subscription, unnamed, book, usage, price, span, .. } = charged;
    match price.map(|price| &price.kind) {
        Some(PriceKind::Percentage(rule)) if rule.looks_at_each() => {}
        _ => return Ok(0),
    }
    let meter = meter_of(book, &usage.meter)?;
    let subject = Subject { customer, subscription, unnamed, meter: &meter };
    let groups = figures(view, subject, |_| true, &[], span, now, None)?;
    Ok(groups.iter().map(|group| group.figure.events).sum())
}

/// Up to which chunk a reader of the log has read it; 0 before it began.
pub fn read_to(view: &mut View<'_>, reader: &str) -> Result<i64> {
    Ok(view.opt(&sql::READER, params![reader], |row| row.get(0))?.unwrap_or(0))
}

/// A reader of the log has read it up to this chunk, and will not be given it again.
pub fn set_read_to(tx: &mut Tx<'_>, reader: &str, chunk: i64) -> Result<()> {
    tx.exec_one(&sql::READ_TO, params![reader, chunk])
}

/// Where something came behind chunk `after`, up to and with chunk `to`, each hour of a series once: what a job walks through
/// to find the closed periods that are to be billed again. Chunks are numbered without gaps in the order they were
/// accepted, so that `to` is where it goes on.
pub fn touched_between(view: &mut View<'_>, after: i64, to: i64) -> Result<Vec<Touched>> {
    // Put together here: the database would sort all of them first.
    let mut hours: IntMap<(i64, i64), i64> = IntMap::default();
    view.each(&sql::HOURS_BETWEEN, params![after, to], |row| {
        hours.insert((row.get(1)?, row.get(2)?), row.get(0)?);
        Ok(())
    })?;
    let series: BTreeSet<i64> = hours.keys().map(|(series, _)| *series).collect();
    let mut whose: IntMap<i64, (CustomerId, Uuid, String)> = IntMap::default();
    view.each(&sql::WHOSE, params![Vec::from_iter(series)], |row| {
        whose.insert(row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?));
        Ok(())
    })?;
    let touched = hours.into_iter().filter_map(|((series, hour), chunk)| {
        let (customer, subscription, meter) = whose.get(&series)?.clone();
        Some(Touched::new(chunk, customer, subscription, meter, hour))
    });
    Ok(touched.collect())
}
