//! Days and months where the customer is.

use kernel::{Cycle, Edge, Exact, ProrationUnit, Schedule, units};
use rating::Share;
use serde_json::{Value, json};

use crate::{
    case::{Case, Checked, Miss},
    changes::{Knobs, book},
    desk::{Office, Wanted},
    read, usage,
};

/// `timezone.*`.
pub fn check(case: &Case, office: &Office) -> Checked {
    match case.topic.as_str() {
        "timezone.day_count" => day_count(case),
        "timezone.dst" if case.find(&["events_local"]).is_some() => months(case),
        "timezone.dst" => after_a_trial(case),
        "timezone.billing_day" => billing_day(case),
        "timezone.proration" => first_period(case, office),
        _ => Err(Miss::not("a topic nobody here knows")),
    }
}

/// Days between instants are local dates apart.
fn day_count(case: &Case) -> Checked {
    let zone = read::zone(case)?;
    let edge =
        |key: &str| -> Checked<Edge> { Ok(Edge::at(read::instant(case.need(&[key])?, &zone)?, &zone)) };
    let days = units(ProrationUnit::Day, &zone, &edge("from")?, &edge("to")?);
    case.figure("days", &Exact::from(days))
}

/// Events belong to the local month they fall in.
fn months(case: &Case) -> Checked {
    let zone = read::zone(case)?;
    let events: Checked<Vec<_>> =
        read::several(&case.given["events_local"]).iter().map(|event| read::instant(event, &zone)).collect();
    let events = events?;
    for (month, wanted) in case.expect.get("units_by_month").and_then(Value::as_object).into_iter().flatten()
    {
        let first = read::date(&Value::String(format!("{month}-01")))?;
        let start = zone.start_of_day(first);
        let period = Schedule::calendar(start, Cycle::MONTH, zone.clone()).period_at(start)?;
        let inside = events.iter().filter(|event| period.contains(**event)).count();
        case.equal("units_by_month", wanted, &Exact::from(inside as i64))?;
    }
    Ok(())
}

/// A trial of so many local days, and the paid period after it.
fn after_a_trial(case: &Case) -> Checked {
    let zone = read::zone(case)?;
    let started = zone.date_of(read::instant(case.need(&["started_local"])?, &zone)?);
    let days = case.number(&["trial_days"])?.floor()?;
    let end = started + jiff::Span::new().days(days);
    let paid = Schedule::anniversary(zone.start_of_day(end), read::cycle(case)?, zone.clone()).period(0)?;
    case.texts("first_paid_period", &json!([paid.start.date.to_string(), paid.end.date.to_string()]))?;
    let Some(price) = case.find(&["price"]) else { return Ok(()) };
    case.amount("amount", usage::flat(case, &read::decimal(price)?, Share::Whole)?)
}

/// The local first of the month is when a job that runs all the time finds something to bill.
fn billing_day(case: &Case) -> Checked {
    let (zone, utc) = (read::zone(case)?, kernel::Zone::utc());
    let started = read::instant(case.need(&["started"])?, &utc)?;
    let schedule = match case.given["billing_time"].as_str() {
        Some("anniversary") => Schedule::anniversary(started, read::cycle(case)?, zone.clone()),
        _ => Schedule::calendar(started, read::cycle(case)?, zone.clone()),
    };
    let first = schedule.index_at(started)?;
    let (mut dates, mut invoices) = (Vec::new(), Vec::new());
    for run in read::several(case.need(&["billing_job_runs"])?) {
        let run = read::instant(&run, &utc)?;
        dates.push(json!(zone.date_of(run).to_string()));
        invoices.push(json!(schedule.index_at(run)? - first));
    }
    case.texts("local_dates", &Value::Array(dates))?;
    case.texts("invoices_after_run", &Value::Array(invoices))
}

/// What a subscription is charged for the rest of the period it starts in.
fn first_period(case: &Case, office: &Office) -> Checked {
    let (zone, utc) = (read::zone(case)?, kernel::Zone::utc());
    let started = read::instant(case.need(&["started_at", "started"])?, &utc)?;
    let cycle = read::cycle(case)?;
    let price = read::major(case, case.need(&["price_minor"])?)?;
    let desk =
        office.desk(case, &zone, &book(case, &Knobs::of(case)?, &[("old", cycle, price)], &[]), started)?;
    let charged = desk.start(&Wanted::plan(cycle))?.charged(desk.currency())?;
    case.amount("fee", charged)
}
