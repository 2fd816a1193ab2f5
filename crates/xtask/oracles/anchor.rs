//! Billing days, periods, and the parts of periods.

use jiff::{Timestamp, ToSpan, civil::Date};
use kernel::{Edge, Exact, MonthDays, Period, ProrationUnit, Schedule, Zone, fraction, units};
use rating::Share;
use serde_json::{Value, json};

use crate::{
    case::{Case, Checked, Miss},
    read, usage,
};

/// `anchor.*`.
pub fn check(case: &Case) -> Checked {
    if case.find(&["billing_day", "bill_cycle_day"]).is_some() {
        return on_a_day(case);
    }
    match case.topic.as_str() {
        "anchor.calendar" => calendar(case),
        "anchor.change" => stub_amount(case),
        _ if case.given["billing_time"] == "calendar" && case.find(&["bill_at"]).is_some() => {
            calendar_month(case)
        }
        _ if case.find(&["started", "paid_from"]).is_some() && case.find(&["anchor"]).is_some() => {
            wall_time(case)
        }
        _ => anniversary(case),
    }
}

/// `n` periods from the start on, the first perhaps a stub.
fn periods(schedule: &Schedule, start: Timestamp, n: usize) -> Checked<Vec<Period>> {
    let mut periods = vec![schedule.first_period(start)?];
    while periods.len() < n {
        let last = periods[periods.len() - 1];
        periods.push(schedule.period_at(last.end.at)?);
    }
    Ok(periods)
}

fn pair(start: Date, end: Date) -> Value {
    json!([start.to_string(), end.to_string()])
}

fn start(case: &Case, zone: &Zone) -> Checked<Timestamp> {
    read::instant(case.need(&["start", "started", "anchor"])?, zone)
}

/// A day of the month on which bills are made.
fn on_a_day(case: &Case) -> Checked {
    let zone = read::zone(case)?;
    let day = case.number(&["billing_day", "bill_cycle_day"])?.floor()?;
    let day = u8::try_from(day).map_err(|_| Miss::not("no day of a month"))?;
    let started = start(case, &zone)?;
    let schedule = Schedule::with_anchor_day(started, day, read::cycle(case)?, zone.clone())?;
    let first = schedule.first_period(started)?;
    case.text("first_cycle_date", &first.end.date.to_string())?;
    case.text("billed_through", &first.end.date.to_string())?;
    for key in ["first_period", "stub_period"] {
        case.texts(key, &pair(first.start.date, first.end.date))?;
    }
    let whole = schedule.period_at(started)?;
    case.figure("factor", &fraction(ProrationUnit::Day, &zone, first, whole))?;
    if let Some(price) = case.find(&["price"]) {
        let share = Share::of(ProrationUnit::Day, &zone, first, whole);
        case.amount("amount", usage::flat(case, &read::decimal(price)?, share)?)?;
    }
    if let Some(elapsed) = case.expect.get("elapsed").and_then(Value::as_object) {
        let from = schedule.index_at(started)?;
        for (date, wanted) in elapsed {
            let at = zone.start_of_day(read::date(&Value::String(date.clone()))?);
            case.equal("elapsed", wanted, &Exact::from(schedule.index_at(at)? - from))?;
        }
    }
    if let Some(items) = case.expect.get("items").and_then(Value::as_array) {
        in_arrears(case, &schedule, started, items)?;
    }
    for key in ["periods", "billed_periods"] {
        let count = case.expect.get(key).and_then(Value::as_array).map_or(1, Vec::len);
        let found = periods(&schedule, started, count)?;
        let dates = found.iter().map(|period| pair(period.start.date, period.end.date)).collect();
        case.texts(key, &Value::Array(dates))?;
    }
    let next = case.expect.get("next_periods").and_then(Value::as_array).map_or(0, Vec::len);
    let found: Vec<Value> = periods(&schedule, started, next + 1)?[1..]
        .iter()
        .map(|period| pair(period.start.date, period.end.date))
        .collect();
    case.texts("next_periods", &Value::Array(found))
}

/// The periods that have ended by a date, and no more.
fn in_arrears(case: &Case, schedule: &Schedule, started: Timestamp, items: &[Value]) -> Checked {
    let target = read::instant(case.need(&["target_date"])?, &schedule.zone)?;
    let ended: Vec<Value> = periods(schedule, started, items.len() + 1)?
        .iter()
        .filter(|period| period.end.at <= target)
        .map(|period| pair(period.start.date, period.end.date))
        .collect();
    case.texts("items", &Value::Array(ended))
}

fn calendar(case: &Case) -> Checked {
    let zone = read::zone(case)?;
    let started = start(case, &zone)?;
    let schedule = Schedule::calendar(started, read::cycle(case)?, zone);
    case.text("calendar_anchor", &schedule.next_edge_after(started)?.date.to_string())
}

/// A period with its last day, as some engines name periods.
fn inclusive(period: Period) -> Value {
    pair(period.start.date, period.end.date - 1.day())
}

fn calendar_month(case: &Case) -> Checked {
    let zone = read::zone(case)?;
    let at = read::instant(case.need(&["bill_at"])?, &zone)?;
    let schedule = Schedule::calendar(at, read::cycle(case)?, zone);
    let now = schedule.index_at(at)?;
    case.texts("period_inclusive", &inclusive(schedule.period(now)?))?;
    case.texts("usage_period_inclusive", &inclusive(schedule.period(now - 1)?))?;
    let Some(price) = case.find(&["price_minor"]) else { return Ok(()) };
    case.amount("fee", usage::flat(case, &read::major(case, price)?, Share::Whole)?)
}

/// Periods whose edges keep a time of day.
fn wall_time(case: &Case) -> Checked {
    let zone = read::zone(case)?;
    let anchor = read::instant(case.need(&["anchor"])?, &zone)?;
    let schedule =
        Schedule::anniversary(anchor, read::cycle(case)?, zone.clone()).at_wall_time(zone.time_of(anchor));
    for (key, from) in [("billed_periods", "paid_from"), ("periods", "started")] {
        let Some(wanted) = case.expect.get(key).and_then(Value::as_array) else { continue };
        let started = read::instant(case.need(&[from])?, &zone)?;
        let found = periods(&schedule, started, wanted.len())?;
        for (period, wanted) in found.iter().zip(wanted) {
            let expected = (read::instant(&wanted[0], &zone)?, read::instant(&wanted[1], &zone)?);
            if (period.start.at, period.end.at) != expected {
                return Err(Miss::wrong(format!("`{key}` has {period:?}, expected {wanted}")));
            }
        }
        case.note(key);
    }
    Ok(())
}

fn anniversary(case: &Case) -> Checked {
    let zone = read::zone(case)?;
    let anchor = read::instant(case.need(&["anchor", "started", "start"])?, &zone)?;
    let schedule = Schedule::anniversary(anchor, read::cycle(case)?, zone.clone());
    if let Some(dates) = case.expect.get("billing_dates").and_then(Value::as_array) {
        let first = match case.find(&["from"]) {
            Some(from) => schedule.index_at(read::instant(from, &zone)?)?,
            None => 1,
        };
        let found: Checked<Vec<Value>> =
            (first..).take(dates.len()).map(|n| Ok(json!(schedule.edge(n)?.date.to_string()))).collect();
        case.texts("billing_dates", &Value::Array(found?))?;
    }
    case.text("first_renewal", &schedule.edge(1)?.date.to_string())?;
    case.text("invoice_date", &schedule.edge(1)?.date.to_string())?;
    case.texts("service_period_inclusive", &inclusive(schedule.period(0)?))?;
    if let Some(wanted) = case.expect.get("service_periods_inclusive").and_then(Value::as_array) {
        let found: Checked<Vec<Value>> =
            (0..).take(wanted.len()).map(|n| Ok(inclusive(schedule.period(n)?))).collect();
        case.texts("service_periods_inclusive", &Value::Array(found?))?;
    }
    Ok(())
}

/// The price of a stub that was cut out of a period of so many days.
fn stub_amount(case: &Case) -> Checked {
    let utc = Zone::utc();
    let dates = case.need(&["stub_period"])?;
    let edge = |value: &Value| -> Checked<Edge> { Ok(Edge::of_date(read::date(value)?, &utc)) };
    let (start, end) = (edge(&dates[0])?, edge(&dates[1])?);
    let whole = case.number(&["denominator_days"])?.floor()?;
    let part = units(ProrationUnit::Day, &utc, &start, &end);
    let share = Share::Part { unit: ProrationUnit::Day, part, whole };
    case.amount("amount", usage::flat(case, &read::decimal(case.need(&["price"])?)?, share)?)
}

/// How many cycles are billed up to a date: whole ones, and the parts before and after.
pub fn cycle_fraction(case: &Case) -> Checked {
    let utc = Zone::utc();
    let started = read::instant(case.need(&["start"])?, &utc)?;
    let target = read::instant(case.need(&["target_date"])?, &utc)?;
    let ended = case.find(&["end"]).map(|end| read::instant(end, &utc)).transpose()?;
    let day = case.number(&["bill_cycle_day"])?.floor()?;
    let day = u8::try_from(day).map_err(|_| Miss::not("no day of a month"))?;
    let schedule = Schedule::with_anchor_day(started, day, read::cycle(case)?, utc.clone())?;
    let in_advance = case.given["in_advance"].as_bool().unwrap_or(true);
    let mut period = schedule.first_period(started)?;
    let mut cycles = Exact::zero();
    loop {
        let end = ended.filter(|end| *end < period.end.at).map_or(period.end, |end| Edge::at(end, &utc));
        let due = if in_advance { period.start.at } else { end.at };
        if due > target || ended.is_some_and(|end| period.start.at >= end) {
            break;
        }
        let part = Period { start: period.start, end };
        cycles = cycles + fraction(ProrationUnit::Day, &utc, part, schedule.period_at(period.start.at)?);
        period = schedule.period_at(period.end.at)?;
    }
    if let Some(text) = case.expect.get("cycles_exact").and_then(Value::as_str) {
        let terms: Option<Exact> = text.split('+').map(ratio).sum();
        case.note("cycles_exact");
        if terms.as_ref() != Some(&cycles) {
            return Err(Miss::wrong(format!("`cycles_exact` is {cycles}, expected {text}")));
        }
    }
    let Some(decimal) = case.expect.get("cycles_decimal").and_then(read::number) else { return Ok(()) };
    case.note("cycles_decimal");
    let shown = cycles.to_decimal_string(9);
    if Exact::parse_decimal(&shown)? == decimal {
        return Ok(());
    }
    Err(Miss::wrong(format!("`cycles_decimal` is {shown}, expected {decimal}")))
}

/// `7/365`, or a whole number.
fn ratio(text: &str) -> Option<Exact> {
    let number = |text: &str| Exact::parse_decimal(text.trim()).ok();
    match text.split_once('/') {
        Some((part, whole)) => number(part)?.checked_div(&number(whole)?),
        None => number(text),
    }
}

/// Months that all have the same number of days, 30 unless said.
pub fn fixed_months(case: &Case) -> Checked {
    let month = case.find(&["days_in_month"]).and_then(read::number).unwrap_or_else(|| Exact::from(30_i64));
    let days = month.floor().ok().and_then(|days| u8::try_from(days).ok()).and_then(MonthDays::new);
    let unit = ProrationUnit::FixedMonth(days.ok_or_else(|| Miss::not("months of fewer than 28 days"))?);
    let utc = Zone::utc();
    let edge = |key: &str| -> Checked<Edge> { Ok(Edge::of_date(read::date(case.need(&[key])?)?, &utc)) };
    let days = units(unit, &utc, &edge("from")?, &edge("to")?);
    case.figure("days", &Exact::from(days))?;
    let factor = Exact::from(days).checked_div(&month).unwrap_or_else(Exact::zero);
    case.figure("factor", &factor)
}
