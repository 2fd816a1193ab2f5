//! Following the log of events: what came in goes into the figures of the stretches it belongs to, also of those that
//! are billed.

use jiff::Timestamp;
use kernel::{Kind, Period, Result, ids::CustomerId};
use metering::usage::{self as log, Touched};
use store::{Db, Scope, Tx, View};

use super::{
    billed,
    cut::{is_news, post_open},
    measure::{ByCustomer, Counted, Known, Stretch, measure, measure_going_on, meter_of},
    ops::{Post, of_stretch, post_measured},
};
use crate::subscription::{State, Subscription, rules::arrears};

/// The name under which billing reads the log.
const READER: &str = "billing";
/// Chunks of the log looked at in one step: many, because they are often of the same series and hours.
const AT_ONCE: i64 = 50_000;
/// Customers whose subscriptions are in memory at once.
const CUSTOMERS: usize = 1_000;

/// What following did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Hours of series that something came for, each once in a step.
    pub hours: u64,
    /// Figures of open stretches that were measured.
    pub open: u64,
    /// Figures of billed stretches that were measured again and posted, because they changed.
    pub late: u64,
    /// Figures that billing refused: their price cannot be applied to them.
    pub refused: u64,
}

/// Take what has come into the log since the last time, in any state of it: what was done before a crash is done again
/// and changes nothing.
///
/// Figures of open stretches are replaced, and where the plan has thresholds these may be reached; what came late for
/// a billed stretch is posted as a late figure, whose difference comes onto the next invoice.
///
/// Errors: `clock_advancing` in a sandbox whose clock is being moved; those of a database that is away.
pub fn follow(db: &Db, scope: &Scope) -> Result<Followed> {
    let mut done = Followed::default();
    let begin = |view: &mut View<'_>| Ok((log::read_to(view, READER)?, log::watermark(view)?));
    let (mut after, end) = db.usage().read(scope, begin).wait()?;
    // What comes meanwhile has time until the next call: measured together with what follows it costs less.
    while after < end {
        let to = end.min(after + AT_ONCE);
        let touched = db.usage().read(scope, move |view| log::touched_between(view, after, to)).wait()?;
        done.hours += touched.len() as u64;
        let mut by_customer: ByCustomer<Vec<Touched>> = ByCustomer::new();
        for one in touched {
            by_customer.entry(one.customer).or_default().push(one);
        }
        let mut customers = by_customer.into_iter();
        loop {
            let some: ByCustomer<Vec<Touched>> = customers.by_ref().take(CUSTOMERS).collect();
            if some.is_empty() {
                break;
            }
            step(db, scope, some, &mut done)?;
        }
        db.usage().write(scope, move |tx| log::set_read_to(tx, READER, to)).wait()?;
        after = to;
    }
    Ok(done)
}

fn step(db: &Db, scope: &Scope, touched: ByCustomer<Vec<Touched>>, done: &mut Followed) -> Result<()> {
    let found = move |view: &mut View<'_>| Ok((touched_stretches(view, &touched)?, view.now()));
    let (Found { open, waiting, billed }, now) = db.read(scope, found).wait()?;
    let (watched, mut quiet): (Vec<Stretch>, Vec<Stretch>) =
        open.into_iter().partition(|one| arrears::thresholds(&one.subscription, &one.version).is_some());
    quiet.extend(waiting);
    done.open += (watched.len() + quiet.len()) as u64;
    post_open(db, scope, measure_going_on(db, scope, quiet, now)?, None)?;
    for one in measure_going_on(db, scope, watched, now)? {
        take(db, scope, one, done)?;
    }
    for one in measure(db, scope, billed, now)? {
        done.late += u64::from(take(db, scope, one, done)?);
    }
    Ok(())
}

/// Post one figure. Whether it was news. One whose price cannot be applied to it is counted and keeps none of the others
/// waiting.
fn take(db: &Db, scope: &Scope, one: Counted, done: &mut Followed) -> Result<bool> {
    match post_one(db, scope, one) {
        Err(error) if error.kind == Kind::Invalid => {
            done.refused += 1;
            Ok(false)
        }
        other => other,
    }
}

/// Post one figure, when it differs from what is posted. Whether it did.
fn post_one(db: &Db, scope: &Scope, one: Counted) -> Result<bool> {
    let post_it = move |tx: &mut Tx<'_>| {
        let Stretch { subscription, key, period, .. } = &one.stretch;
        let start = period.start.at;
        let posted = of_stretch(tx, subscription.id, start)?;
        let posted = posted.iter().find(|posted| posted.key == *key);
        if !is_news(&one, posted) || posted.is_some_and(|posted| posted.groups == one.groups) {
            return Ok(false);
        }
        let (groups, watermark) = (one.groups.clone(), Some(one.watermark.clone()));
        let post = Post { key: key.clone(), groups, start: Some(start), watermark };
        post_measured(tx, subscription.id, &post, one.at)?;
        Ok(true)
    };
    db.write(scope, post_it).wait()
}

/// The stretches that something in the log touched.
#[derive(Default)]
struct Found {
    /// Those that have not ended.
    open: Vec<Stretch>,
    /// Those that are over and wait to be billed.
    waiting: Vec<Stretch>,
    /// Those that are billed.
    billed: Vec<Stretch>,
}

fn touched_stretches(view: &mut View<'_>, touched: &ByCustomer<Vec<Touched>>) -> Result<Found> {
    let known = Known::load(view, touched.keys().copied().collect::<Vec<CustomerId>>())?;
    let mut found = Found::default();
    for (one, version, key) in known.keys() {
        let hours = hours(touched, one, Some(meter_of(version, one.plan(), key)));
        let period = arrears::open_period(one, version, key);
        let runs = !one.is_over() && one.state != State::Paused;
        if runs && hours.iter().any(|hour| hour.hour.end > micros(period.start.at)) {
            found.open.push(known.stretch(one, version, key, period));
        }
    }
    found.billed = billed::touched(view, &known, touched)?;
    let waiting = known.waiting().map(|(_, stretch)| stretch).filter(|stretch| {
        let Stretch { subscription, version, key, period, .. } = stretch;
        let meter = meter_of(version, subscription.plan(), key);
        touches(&hours(touched, subscription, Some(meter)), *period)
    });
    found.waiting = waiting.collect();
    Ok(found)
}

/// What of the log is about a subscription, or names none of its customer's; only of one meter, if one is given.
pub(super) fn hours<'t>(
    touched: &'t ByCustomer<Vec<Touched>>,
    one: &Subscription,
    meter: Option<&str>,
) -> Vec<&'t Touched> {
    let whose = |hour: &&Touched| {
        meter.is_none_or(|meter| hour.meter == meter)
            && hour.subscription.is_none_or(|subscription| subscription == one.id)
    };
    touched.get(&one.customer).into_iter().flatten().filter(whose).collect()
}

pub(super) fn touches(hours: &[&Touched], period: Period) -> bool {
    let in_it =
        |hour: &&&Touched| hour.hour.start < micros(period.end.at) && micros(period.start.at) < hour.hour.end;
    hours.iter().any(|hour| in_it(&hour))
}

pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}
