//! Finding jumps in what came in, and listing them.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{Timestamp, ToSpan, civil::Date};
use kernel::{
    Error, Result, Zone,
    ids::{AlertId, CustomerId},
    time,
};
use serde_json::json;
use store::{Db, NewFact, Row, Scope, Tx, View, params};
use uuid::Uuid;

use super::{
    Wanted,
    model::Jump,
    rules::{DAYS, usual_exceeded},
    sql,
};
use crate::{
    event::{Meter, Meters},
    usage::{self, Grain, Subject, Touched},
};

/// Up to which chunk the log was looked through; the name of its reader.
const READER: &str = "jumps";
/// Chunks looked through in one step.
const AT_ONCE: i64 = 20_000;
/// Steps of one call: other environments wait for it.
const STEPS: usize = 10;

/// A day of a customer's meter that something came for.
type Day = (CustomerId, String, Date);

/// Tell of the jumps in what came in since this was done last; how many there were. Only today and yesterday count: what is
/// reported later says nothing sudden, and is passed over. One call looks through so much at most; the next goes on where
/// it ended. Done again after a crash, or by two processes at once, it tells nothing twice.
///
/// Errors: `clock_advancing` in a sandbox whose clock is being moved.
pub fn follow(db: &Db, scope: &Scope, meters: &Meters) -> Result<u64> {
    if meters.all().all(|meter| meter.jump.is_none()) {
        return Ok(0);
    }
    let usage = db.usage();
    let now = db.read(scope, |view| Ok(view.now())).wait()?;
    let today = day_of(now);
    let yesterday = today.saturating_sub(1.day());
    let mut told = 0;
    for _ in 0..STEPS {
        let read = usage.read(scope, move |view| touched(view, yesterday));
        let Some((last, touched)) = read.wait()? else { break };
        let mut days: BTreeSet<Day> = BTreeSet::new();
        for one in touched {
            let watched = meters.get(&one.meter).is_some_and(|meter| meter.jump.is_some());
            let day = day_of(time::from_micros(one.hour.start)?);
            if watched && (day == today || day == yesterday) {
                days.insert((one.customer, one.meter, day));
            }
        }
        told += look(db, scope, meters, days, (today, yesterday), now)?;
        usage.write(scope, move |tx| usage::set_read_to(tx, READER, last)).wait()?;
    }
    Ok(told)
}

/// What comes next in the log, and up to where; none at its end. Whoever is far behind, as at the first time, begins where
/// what counts may begin: an event's time lies at most a day after its acceptance.
fn touched(view: &mut View<'_>, yesterday: Date) -> Result<Option<(i64, Vec<Touched>)>> {
    let (mut after, end) = (usage::read_to(view, READER)?, usage::watermark(view)?);
    if end - after > AT_ONCE {
        let counts = Zone::utc().start_of_day(yesterday.saturating_sub(1.day()));
        after = usage::accepted_before(view, counts)?.map_or(after, |old| old.max(after));
    }
    if after >= end {
        return Ok(None);
    }
    let to = end.min(after + AT_ONCE);
    Ok(Some((to, usage::touched_between(view, after, to)?)))
}

fn look(
    db: &Db,
    scope: &Scope,
    meters: &Meters,
    mut days: BTreeSet<Day>,
    (today, yesterday): (Date, Date),
    now: Timestamp,
) -> Result<u64> {
    if days.is_empty() {
        return Ok(0);
    }
    let known = db.read(scope, move |view| {
        view.all(&sql::ON_DAYS, params![today, yesterday], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
    });
    let known: Vec<Day> = known.wait()?;
    days.retain(|day| !known.contains(day));
    let mut jumps = Vec::new();
    for (customer, key, day) in days {
        let Some(meter) = meters.get(&key) else { continue };
        let shared = Arc::clone(meter);
        let found = db.usage().read(scope, move |view| jump_of(view, customer, &shared, day, now)).wait()?;
        jumps.extend(found);
    }
    if jumps.is_empty() {
        return Ok(0);
    }
    db.write(scope, move |tx| tell(tx, &jumps)).wait()
}

/// The jump of a day, if it is one.
fn jump_of(
    view: &mut View<'_>,
    customer: CustomerId,
    meter: &Meter,
    day: Date,
    now: Timestamp,
) -> Result<Option<Jump>> {
    let Some(rule) = &meter.jump else { return Ok(None) };
    let zone = Zone::utc();
    let from = zone.start_of_day(day.saturating_sub(DAYS.days()));
    let to = zone.start_of_day(day.saturating_add(1.day()));
    let subject = Subject { customer, subscription: None, unnamed: None, meter };
    let days = usage::history(view, subject, Grain::Day, &zone, (from, to), now)?;
    let mut figures: Vec<_> = days.into_iter().map(|(_, figure)| figure.value).collect();
    let Some(used) = figures.pop() else { return Ok(None) };
    let usual = usual_exceeded(rule, &figures, &used);
    let (key, times) = (meter.key.clone(), rule.times);
    Ok(usual.map(|usual| Jump {
        id: AlertId::from_uuid(Uuid::nil()),
        customer,
        meter: key,
        day,
        used,
        usual,
        times,
        noticed: now,
    }))
}

fn tell(tx: &mut Tx<'_>, jumps: &[Jump]) -> Result<u64> {
    let mut told = 0;
    for jump in jumps {
        let Jump { customer, meter, day, times, noticed, .. } = jump;
        // A usual of so many days may have no end as a decimal: six places say enough.
        let (used, usual) = (jump.used.to_string(), jump.usual.round_half_even_to(6).to_string());
        let id: AlertId = tx.new_id();
        let times_told = i64::from(*times);
        let row = params![id, customer, meter, day, used, usual, times_told, noticed];
        if tx.exec(&sql::INSERT, row)? == 0 {
            continue;
        }
        told += 1;
        let payload = json!({ "meter": meter, "day": day, "used": used, "usual": usual, "times": times });
        tx.fact(NewFact::new("alert.usage_jumped", id.any(), payload)?.of(*customer));
    }
    Ok(told)
}

/// The newest first.
pub fn list(view: &mut View<'_>, wanted: &Wanted) -> Result<Vec<Jump>> {
    let before = wanted.before.unwrap_or_else(|| AlertId::from_uuid(Uuid::max()));
    match wanted.customer {
        Some(customer) => view.all(&sql::OF_CUSTOMER, params![customer, before, wanted.limit], read),
        None => view.all(&sql::LIST, params![before, wanted.limit], read),
    }
}

fn read(row: &Row<'_>) -> Result<Jump> {
    let number = |text: String| {
        kernel::Exact::parse_decimal(&text)
            .map_err(|error| Error::internal(format!("a jump: {}", error.detail)))
    };
    Ok(Jump {
        id: row.get(0)?,
        customer: row.get(1)?,
        meter: row.get(2)?,
        day: row.get(3)?,
        used: number(row.get(4)?)?,
        usual: number(row.get(5)?)?,
        times: row.get::<i64>(6)?.try_into().unwrap_or(0),
        noticed: row.get(7)?,
    })
}

fn day_of(at: Timestamp) -> Date {
    Zone::utc().date_of(at)
}
