//! What a question about usage is about: whose, of which meter, when.

use std::str::FromStr;

use billing::subscription::{self, Subscription};
use catalog::version;
use identity::customer::{self, CustomerRef};
use jiff::Timestamp;
use kernel::{
    Error, Result, Zone,
    ids::{CustomerId, SubscriptionId},
    time,
};
use metering::{
    event::Meter,
    usage::{Grain, MAX_WINDOWS, Span, Subject, windows},
};
use store::View;

use super::UsageQuery;

/// A question about usage, with what it takes to answer it.
pub(super) struct Asked {
    pub(super) meter: Meter,
    pub(super) unit: String,
    pub(super) customer: CustomerId,
    pub(super) subscription: Option<SubscriptionId>,
    pub(super) zone: Zone,
    pub(super) whole: (Timestamp, Timestamp),
    pub(super) grain: Option<Grain>,
    /// The billing periods it is to be cut by.
    pub(super) periods: Option<Vec<Span>>,
    pub(super) group_by: Vec<String>,
    pub(super) now: Timestamp,
}

impl Asked {
    /// Errors: `query_invalid`, `meter_unknown`, `not_found`, `time_malformed`, `history_too_long`.
    pub(super) fn load(view: &mut View<'_>, key: &str, query: &UsageQuery) -> Result<Self> {
        let (customer, subscription) = whose(view, query)?;
        let version = match &subscription {
            Some(one) => version::find(view, one.book)?,
            None => version::in_force(view)?,
        };
        let meter = version.book.meter(key).ok_or_else(|| Error::not_found("meter"))?;
        let (unit, meter) = (meter.unit.clone(), Meter::of(&version.book, meter));
        let group_by = dimensions(query.group_by.as_deref(), &meter)?;
        let instant = |text: Option<&String>, pointer: &'static str| {
            text.map(|text| {
                time::instant(text).map_err(|mut error| {
                    error.fields.clear();
                    error.at(pointer)
                })
            })
            .transpose()
        };
        let (from, to) = (instant(query.from.as_ref(), "?from")?, instant(query.to.as_ref(), "?to")?);
        let (zone, now) = (customer.zone, view.now());
        let period = period(&zone, subscription.as_ref(), now);
        let whole = (from.unwrap_or(period.0), to.unwrap_or(period.1));
        let (grain, by_period) = match query.by.as_deref() {
            None => (None, false),
            Some("period") => (None, true),
            Some(word) => (Some(Grain::parse(word).ok_or_else(|| no_grain(word))?), false),
        };
        let periods = by_period.then(|| periods(subscription.as_ref(), whole)).transpose()?;
        let (customer, subscription) = (customer.id, subscription.map(|one| one.id));
        Ok(Self { meter, unit, customer, subscription, zone, whole, grain, periods, group_by, now })
    }

    pub(super) const fn subject(&self) -> Subject<'_> {
        let Self { customer, subscription, meter, .. } = self;
        Subject { customer: *customer, subscription: *subscription, unnamed: None, meter }
    }

    /// The parts. Errors: `history_too_long`.
    pub(super) fn spans(&self) -> Result<Vec<Span>> {
        let (from, to) = self.whole;
        match (&self.periods, self.grain) {
            (Some(periods), _) => Ok(periods.clone()),
            (None, Some(grain)) => windows(grain, &self.zone, from, to),
            (None, None) => Ok(vec![Span::new(from, to)]),
        }
    }
}

fn whose(view: &mut View<'_>, query: &UsageQuery) -> Result<(identity::Customer, Option<Subscription>)> {
    if let Some(reference) = &query.subscription {
        let id = subscription::resolve(view, reference)?;
        let subscription = subscription::find(view, id)?;
        return Ok((customer::find(view, subscription.customer)?, Some(subscription)));
    }
    let Some(reference) = &query.customer else {
        let detail = "Say whose usage: a customer or a subscription.";
        return Err(Error::invalid("query_invalid", detail).at("?customer"));
    };
    let id = customer::resolve(
        view,
        &CustomerRef::from_str(reference).map_err(|mut error| {
            error.fields.clear();
            error.at("?customer")
        })?,
    )?;
    Ok((customer::find(view, id)?, None))
}

fn dimensions(text: Option<&str>, meter: &Meter) -> Result<Vec<String>> {
    let names =
        text.into_iter().flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty());
    names
        .map(|name| match meter.dimensions.contains(name) {
            true => Ok(name.to_owned()),
            false => {
                let known: Vec<&str> = meter.dimensions.iter().map(String::as_str).collect();
                let detail = match known.as_slice() {
                    [] => format!("{} has no dimensions.", meter.key),
                    known => {
                        format!("{name:?} is no dimension of {}. Known: {}.", meter.key, known.join(", "))
                    }
                };
                Err(Error::invalid("query_invalid", detail).at("?group_by"))
            }
        })
        .collect()
}

/// The billing period it is now, or the customer's month.
fn period(zone: &Zone, subscription: Option<&Subscription>, now: Timestamp) -> (Timestamp, Timestamp) {
    match subscription {
        Some(one) => (one.period.start.at, one.period.end.at),
        None => metering::usage::window::calendar(catalog::WindowUnit::Month, zone, now),
    }
}

/// The billing periods of a subscription in a time; the first and the last whole.
fn periods(subscription: Option<&Subscription>, (from, to): (Timestamp, Timestamp)) -> Result<Vec<Span>> {
    let Some(one) = subscription else {
        let detail = "Billing periods are those of a subscription: name one.";
        return Err(Error::invalid("query_invalid", detail).at("?by"));
    };
    let (mut spans, mut at) = (Vec::new(), from.max(one.started));
    while at < to {
        let period = if one.period.contains(at) { one.period } else { one.schedule.period_at(at)? };
        if spans.len() == MAX_WINDOWS || period.end.at <= at {
            let detail = "The history would have too many parts. Ask for a shorter time.";
            return Err(Error::invalid("history_too_long", detail));
        }
        spans.push(Span::new(period.start.at, period.end.at));
        at = period.end.at;
    }
    Ok(spans)
}

fn no_grain(word: &str) -> Error {
    Error::invalid("query_invalid", format!("{word:?} is none of hour, day, month, period.")).at("?by")
}
