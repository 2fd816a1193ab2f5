//! Usage billed in steps, and quantities bought in steps.

use catalog::{Price, PriceKind, When};
use jiff::civil::Date;
use kernel::{Cycle, Edge, Exact, Money, Period, ProrationUnit, Quantity, Schedule, UnitPrice, Zone};
use rating::{Charge, Measured, Share, rate, rate_again};
use serde_json::Value;

use crate::{
    case::{Case, Checked, Miss},
    formula::{self, price_in},
    pricing::{rated, sound},
    read,
};

/// A flat price for a share of a period.
pub fn flat(case: &Case, amount: &str, share: Share) -> Checked<Money> {
    bought(case, PriceKind::Flat { amount: UnitPrice::parse(amount)? }, &Exact::one(), share)
}

/// So many units at a price each, for a share of a period.
fn per_unit(case: &Case, amount: &str, quantity: &Exact, share: Share) -> Checked<Money> {
    let amount = UnitPrice::parse(amount)?;
    bought(case, PriceKind::PerUnit { unit: "unit".into(), amount }, quantity, share)
}

fn bought(case: &Case, kind: PriceKind, quantity: &Exact, share: Share) -> Checked<Money> {
    let price = Price::new(When::Every(Cycle::MONTH), case.currency(), kind);
    let quantity = Quantity::parse(&quantity.to_string(), 9)?;
    let charge = Charge { name: "P", place: "plans.p", book: 1, price: &price, months: 1, quantity, share };
    Ok(sound(rate(&charge)?)?.amount)
}

/// The price of a unit.
fn unit(case: &Case) -> Checked<String> {
    formula::price_of(case, &case.given, &["unit", "price"])
        .ok_or_else(|| Miss::not("shape not known: no price of a unit"))
}

/// `quantity.*`.
pub fn quantity(case: &Case) -> Checked {
    if let Some(sequence) = case.find(&["units_sequence"]) {
        return high_water(case, sequence);
    }
    let unit = unit(case)?;
    let cost = |keys: &[&str]| per_unit(case, &unit, &case.number(keys)?, Share::Whole);
    let invoices = [cost(&["quantity", "old_quantity"])?, cost(&["new_quantity"])?];
    case.amounts("invoices", &invoices)
}

/// Only units above the highest number already paid for are charged.
fn high_water(case: &Case, sequence: &Value) -> Checked {
    let usage = formula::usage_price_of(case, &format!("price = {:?}", unit(case)?))?;
    let (mut highest, mut billed, mut invoices) = (Exact::zero(), Money::zero(case.currency()), Vec::new());
    for units in read::several(sequence).iter().filter_map(read::number) {
        highest = highest.max(units);
        let more = again(&usage, &highest, billed)?;
        billed = billed.checked_add(more)?;
        invoices.push(more);
    }
    case.amounts("invoices", &invoices)
}

/// What is still to be billed for a figure.
fn again(usage: &catalog::UsagePrice, figure: &Exact, billed: Money) -> Checked<Money> {
    let measured = Measured::Quantity(figure.clone());
    let metered = rating::Metered {
        name: &usage.name,
        place: "plans.p.usage.m",
        book: 1,
        price: price_in(usage),
        measured: &measured,
        allowance: None,
        share: Share::Whole,
        minimums: catalog::Minimums::Whole,
    };
    Ok(sound(rate_again(&metered, billed)?)?.amount)
}

/// Seats bought within a period: each pays for the days that are left, its first among them.
pub fn seats(case: &Case) -> Checked {
    let zone = read::zone(case)?;
    let unit = unit(case)?;
    let dates = case.need(&["period"])?;
    let (start, mut end) = (read::date(&dates[0])?, read::date(&dates[1])?);
    if case.policy == "LAGO_DAY" {
        end = end.tomorrow().map_err(|_| Miss::not("no such date"))?;
    }
    let edge = |date: Date| Edge::of_date(date, &zone);
    let whole = Period { start: edge(start), end: edge(end) };
    let one = |from: Edge, measure: ProrationUnit| {
        per_unit(
            case,
            &unit,
            &Exact::one(),
            Share::of(measure, &zone, Period { start: from, end: whole.end }, whole),
        )
    };
    if let Some(added) = case.find(&["added"]).and_then(Value::as_str) {
        let half = if added.contains('/') || added.contains("half") {
            let middle = (whole.start.at.as_second() + whole.end.at.as_second()) / 2;
            Edge::at(jiff::Timestamp::from_second(middle).map_err(|_| Miss::not("no such instant"))?, &zone)
        } else {
            edge(read::date(&Value::String(added.into()))?)
        };
        return case.amount("charge", one(half, ProrationUnit::Second)?);
    }
    let days = read::several(case.need(&["added_on"])?);
    let each: Checked<Vec<Money>> =
        days.iter().map(|day| one(edge(read::date(day)?), ProrationUnit::Day)).collect();
    let each = each?;
    case.amounts("fee_minor_each", &each)?;
    let all = per_unit(case, &unit, &Exact::from(days.len() as i64), Share::Whole)?;
    case.amount("renewal", all)
}

/// `usage.*`.
pub fn check(case: &Case) -> Checked {
    if case.find(&["already_invoiced"]).is_some() {
        return packages_later(case);
    }
    if case.find(&["late_events"]).is_some() {
        return late(case);
    }
    if case.find(&["change_on"]).is_some() {
        return split_at_a_change(case);
    }
    Err(Miss::not("shape not known: usage"))
}

/// The sum of usage by date that falls from `start` up to `end`.
fn sum(usage: &Value, start: Date, end: Date) -> Checked<Exact> {
    let mut total = Exact::zero();
    for (date, figure) in usage.as_object().into_iter().flatten() {
        let date = read::date(&Value::String(date.clone()))?;
        if start <= date && date < end {
            total = total + read::number(figure).ok_or_else(|| Miss::not("no figure"))?;
        }
    }
    Ok(total)
}

/// Packages of which some have been invoiced, period by period (`2014-03-20..04-15`).
fn packages_later(case: &Case) -> Checked {
    let usage = formula::usage_price(case)?;
    let each = price_in(&usage).amount();
    let mut deltas = Vec::new();
    for (period, invoiced) in case.given["already_invoiced"].as_object().into_iter().flatten() {
        let (start, end) = period.split_once("..").ok_or_else(|| Miss::not("shape not known: a period"))?;
        let year = start.get(..4).unwrap_or_default();
        let end = if end.len() > 5 { end.to_owned() } else { format!("{year}-{end}") };
        let date = |text: &str| read::date(&Value::String(text.into()));
        let figure = sum(&case.given["usage"], date(start)?, date(&end)?)?;
        let packages = read::number(invoiced).ok_or_else(|| Miss::not("no packages"))?;
        let billed = Money::from_exact_major(&(packages * each.exact()), case.currency())?;
        deltas.push(again(&usage, &figure, billed)?);
    }
    case.amounts("delta", &deltas)
}

/// Late usage is a line of its own period, beside the one of the current period.
fn late(case: &Case) -> Checked {
    let usage = formula::usage_price(case)?;
    let utc = Zone::utc();
    let closed = case.need(&["closed_period"])?;
    let (start, end) = (read::date(&closed[0])?, read::date(&closed[1])?);
    let billed = Money::from_exact_major(&case.number(&["closed_billed"])?, case.currency())?;
    let late = again(&usage, &sum(&case.given["late_events"], start, end)?, billed)?;

    let current = case.need(&["current_events"])?;
    let first =
        current.as_object().and_then(|events| events.keys().next()).ok_or_else(|| Miss::not("no events"))?;
    let at = utc.start_of_day(read::date(&Value::String(first.clone()))?);
    let period = Schedule::calendar(at, Cycle::MONTH, utc).period_at(at)?;
    let now = rated(&usage, &Measured::Quantity(sum(current, period.start.date, period.end.date)?))?.amount;
    let item = |start: Date, end: Date, amount: Money| {
        let number: f64 = amount.decimal().parse().unwrap_or_default();
        serde_json::json!([start.to_string(), end.to_string(), number])
    };
    let items = [item(start, end, late), item(period.start.date, period.end.date, now)];
    case.texts("items", &Value::from(items.to_vec()))
}

/// Usage before a change at the old price, after it at the new one; the fee by the days.
fn split_at_a_change(case: &Case) -> Checked {
    let utc = Zone::utc();
    let dates = case.need(&["period"])?;
    let edge = |value: &Value| -> Checked<Edge> { Ok(Edge::of_date(read::date(value)?, &utc)) };
    let whole = Period { start: edge(&dates[0])?, end: edge(&dates[1])? };
    let rest = Period { start: edge(case.need(&["change_on"])?)?, end: whole.end };
    let share = Share::of(ProrationUnit::Day, &utc, rest, whole);
    let (old, new, usage) = (case.need(&["old"])?, case.need(&["new"])?, case.need(&["usage"])?);
    let fee = |side: &Value, share| flat(case, &read::major(case, &side["rate_minor"])?, share);
    let adjustment = fee(new, share)?.checked_sub(fee(old, share)?)?;
    case.amount("adjustment", adjustment)?;

    let cost = |side: &Value, price: &str, figure: &Value| -> Checked<Money> {
        let usage = formula::usage_price_of(case, &format!("price = {:?}", read::decimal(&side[price])?))?;
        let figure = read::number(figure).ok_or_else(|| Miss::not("no figure"))?;
        Ok(rated(&usage, &Measured::Quantity(figure))?.amount)
    };
    let lines = [
        fee(new, Share::Whole)?,
        cost(old, "api_unit", &usage["api_before"])?,
        cost(new, "api_unit", &usage["api_after"])?,
        cost(new, "db_unit", &usage["db_after"])?,
    ];
    case.amounts("march_lines", &lines)?;
    case.amount("march_invoice", Money::total(lines, case.currency())?)
}
