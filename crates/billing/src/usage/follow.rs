//! Following the log of events: what came in goes into the figures of the stretches it belongs to, also of those that
//! are billed.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use kernel::{
    Kind, Period, Result,
    ids::{CustomerId, SubscriptionId},
};
use metering::usage::{self as log, Touched};
use store::{Db, Scope, Tx, View};

use super::{
    cut::{is_news, post_open},
    measure::{ByCustomer, Counted, Known, Stretch, measure, meter_of},
    ops::{Post, of_stretch, post},
};
use crate::{
    credit_note,
    subscription::{State, rules::arrears},
};

/// The name under which billing reads the log.
const READER: &str = "billing";
/// Chunks of the log looked at in one step.
const AT_ONCE: i64 = 2_000;
/// No stretch is longer.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 1_100);

/// What following did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Chunks of the log that were read.
    pub chunks: u64,
    /// Figures of open stretches that were measured.
    pub open: u64,
    /// Figures of billed stretches that were measured again and posted, because they changed.
    pub late: u64,
    /// Those of them that billing refused: their key is in the plan no more.
    pub refused: u64,
}

/// Take what came into the log since the last time, in any state of it: what was done before a crash is done again
/// and changes nothing.
///
/// Figures of open stretches are replaced, and where the plan has thresholds these may be reached; what came late for
/// a billed stretch is posted as a late figure, whose difference comes onto the next invoice.
///
/// Errors: `clock_advancing` in a sandbox whose clock is being moved; those of a database that is away.
pub fn follow(db: &Db, scope: &Scope) -> Result<Followed> {
    let mut done = Followed::default();
    let mut after = db.usage().read(scope, |view| log::read_to(view, READER)).wait()?;
    loop {
        let touched = db.usage().read(scope, move |view| log::touched_after(view, after, AT_ONCE)).wait()?;
        let Some(last) = touched.last().map(|touched| touched.chunk) else { return Ok(done) };
        done.chunks += touched.len() as u64;
        step(db, scope, touched, &mut done)?;
        db.usage().write(scope, move |tx| log::set_read_to(tx, READER, last)).wait()?;
        after = last;
    }
}

fn step(db: &Db, scope: &Scope, touched: Vec<Touched>, done: &mut Followed) -> Result<()> {
    let mut by_customer: ByCustomer<Vec<Touched>> = ByCustomer::new();
    for one in touched {
        by_customer.entry(one.customer).or_default().push(one);
    }
    let found = move |view: &mut View<'_>| Ok((touched_stretches(view, &by_customer)?, view.now()));
    let ((open, billed), now) = db.read(scope, found).wait()?;
    let (watched, quiet): (Vec<Stretch>, Vec<Stretch>) =
        open.into_iter().partition(|one| arrears::thresholds(&one.subscription, &one.version).is_some());
    done.open += (watched.len() + quiet.len()) as u64;
    post_open(db, scope, measure(db, scope, quiet, now)?, None)?;
    for one in measure(db, scope, watched, now)? {
        post_one(db, scope, one)?;
    }
    for one in measure(db, scope, billed, now)? {
        match post_one(db, scope, one) {
            Ok(news) => done.late += u64::from(news),
            Err(error) if error.kind == Kind::Invalid => done.refused += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(())
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
        post(tx, subscription.id, &Post { key: key.clone(), groups, start: Some(start), watermark })?;
        Ok(true)
    };
    db.write(scope, post_it).wait()
}

/// The open stretches that were touched, and the billed ones.
fn touched_stretches(
    view: &mut View<'_>,
    touched: &ByCustomer<Vec<Touched>>,
) -> Result<(Vec<Stretch>, Vec<Stretch>)> {
    let known = Known::load(view, touched.keys().copied().collect::<Vec<CustomerId>>())?;
    let (mut open, mut billed) = (Vec::new(), Vec::new());
    for (one, version, key) in known.keys() {
        let meter = meter_of(version, one.plan(), key);
        let whose = |hour: &&Touched| {
            hour.meter == meter && hour.subscription.is_none_or(|subscription| subscription == one.id)
        };
        let hours: Vec<&Touched> = touched.get(&one.customer).into_iter().flatten().filter(whose).collect();
        let period = arrears::open_period(one, version, key);
        let runs = !one.is_over() && one.state != State::Paused;
        if runs && hours.iter().any(|hour| hour.hour.end > micros(period.start.at)) {
            open.push(known.stretch(one, version, key, period));
        }
        let earliest = hours.iter().map(|hour| hour.hour.start).min();
        let Some(earliest) = earliest.filter(|earliest| *earliest < micros(period.start.at)) else {
            continue;
        };
        for before in billed_stretches(view, one.id, key, earliest)? {
            let touches = |hour: &&&Touched| {
                hour.hour.start < micros(before.end.at) && micros(before.start.at) < hour.hour.end
            };
            if hours.iter().any(|hour| touches(&hour)) {
                billed.push(known.stretch(one, version, key, before));
            }
        }
    }
    Ok((open, billed))
}

fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The stretches that were billed under a key and had not ended at `earliest`, in microseconds.
fn billed_stretches(
    view: &mut View<'_>,
    id: SubscriptionId,
    key: &str,
    earliest: i64,
) -> Result<Vec<Period>> {
    let from = Timestamp::from_microsecond(earliest).unwrap_or(Timestamp::UNIX_EPOCH);
    let from = from.checked_sub(LONGEST).unwrap_or(Timestamp::UNIX_EPOCH);
    let lines = credit_note::billed_in_arrears(view, vec![id], from)?;
    let mut starts = BTreeSet::new();
    let of_key = lines.into_iter().filter(|one| one.line.amount_is_of(key)).map(|one| one.line.period);
    Ok(of_key.filter(|period| starts.insert(period.start.at)).collect())
}
