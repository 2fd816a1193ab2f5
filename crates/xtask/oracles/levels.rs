//! Quantities that change within a period.

use jiff::ToSpan;
use kernel::{Edge, Exact, Money, Period, ProrationUnit, Zone, units};
use rating::{Level, Levels, rate_levels};
use serde_json::Value;

use crate::{
    case::{Case, Checked, Miss},
    formula::{self, price_in},
    pricing::sound,
    read,
};

/// A quantity from an edge on.
struct Since {
    at: Edge,
    quantity: Exact,
}

/// What a price comes to for levels up to `end`, in a period up to `whole`.
fn cost(
    case: &Case,
    keys: &str,
    levels: &[Since],
    until: Edge,
    period: (Edge, Edge),
    unit: ProrationUnit,
) -> Checked<Money> {
    let utc = Zone::utc();
    let usage = formula::usage_price_of(case, keys)?;
    let ends = levels.iter().skip(1).map(|level| level.at).chain([until]);
    let levels: Vec<Level> = levels
        .iter()
        .zip(ends)
        .map(|(level, end)| Level {
            quantity: level.quantity.clone(),
            part: units(unit, &utc, &level.at, &end).max(0),
        })
        .collect();
    let rated = rate_levels(&Levels {
        name: &usage.name,
        place: "plans.p.usage.m",
        book: 1,
        price: price_in(&usage),
        levels: &levels,
        unit,
        whole: units(unit, &utc, &period.0, &period.1),
    })?;
    Ok(sound(rated)?.amount)
}

/// The changes of a quantity, `[when, by how much]`.
fn deltas(case: &Case, keys: &[&str]) -> Checked<Vec<(Value, Exact)>> {
    let list = read::several(case.need(keys)?);
    let delta = |pair: &Value| Some((pair[0].clone(), read::number(&pair[1])?));
    list.iter()
        .map(delta)
        .collect::<Option<_>>()
        .ok_or_else(|| Miss::not("shape not known: changes of a quantity"))
}

/// A quantity in tiers, each day at what it is on that day; a period's dates are both days of it.
pub fn graduated(case: &Case) -> Checked {
    let utc = Zone::utc();
    let edge = |date| Edge::of_date(date, &utc);
    let dates = case.need(&["period"])?;
    let period = (edge(read::date(&dates[0])?), edge(read::date(&dates[1])? + 1.day()));
    let keys = formula::keys(case)?;
    let start = case.find(&["carried_units", "units_before_period"]).and_then(read::number);
    let mut levels = vec![Since { at: period.0, quantity: start.clone().unwrap_or_else(Exact::zero) }];
    let cost = |levels: &[Since], until: Edge| cost(case, &keys, levels, until, period, ProrationUnit::Day);
    let at_start = cost(&levels, period.1)?;
    case.amount("start", at_start)?;
    case.amount("usage_before_event", at_start)?;
    let mut running = Vec::new();
    for (when, by) in deltas(case, &["unit_deltas"])? {
        let last = levels.last().map_or_else(Exact::zero, |level| level.quantity.clone());
        levels.push(Since { at: edge(read::date(&when)?), quantity: last + by });
        running.push(cost(&levels, period.1)?);
    }
    case.amounts("running", &running)?;
    if let Some(last) = running.last() {
        case.amount("invoice", *last)?;
        case.amount("after_event", *last)?;
        case.amount("usage_after_event", *last)?;
    }
    if let Some(ended) = case.find(&["terminated_on", "terminated"]) {
        case.amount("termination_invoice", cost(&levels, edge(read::date(ended)? + 1.day()))?)?;
    }
    Ok(())
}

/// A level weighted by the time it stands, second by second.
pub fn weighted(case: &Case) -> Checked {
    let kind = case.given["aggregation"].as_str().unwrap_or(&case.topic);
    if !kind.contains("weighted") {
        return Err(Miss::not("aggregation of events: metering issue"));
    }
    let utc = Zone::utc();
    let edge = |value: &Value| -> Checked<Edge> { Ok(Edge::at(read::instant(value, &utc)?, &utc)) };
    let bounds = case.need(&["period"])?;
    let period: (Edge, Edge) = (edge(&bounds[0])?, edge(&bounds[1])?);
    let carried = case.find(&["carried"]).and_then(read::number).unwrap_or_else(Exact::zero);
    let mut levels = vec![Since { at: period.0, quantity: carried }];
    for (when, by) in deltas(case, &["events"])? {
        let last = levels.last().map_or_else(Exact::zero, |level| level.quantity.clone());
        levels.push(Since { at: edge(&when)?, quantity: last + by });
    }
    let keys = formula::keys(case)?;
    case.amount("amount", cost(case, &keys, &levels, period.1, period, ProrationUnit::Second)?)?;
    if let (Some(wanted), Some(last)) = (case.expect.get("closing_level"), levels.last()) {
        case.equal("closing_level", wanted, &last.quantity)?;
    }
    Ok(())
}

/// What `units` at `unit` each cost for the days from `start` to `end` of a whole period.
pub fn standing(case: &Case, metric: &Value, start: Edge, end: Edge, whole: Period) -> Checked<Money> {
    let quantity = read::number(&metric["units"]).ok_or_else(|| Miss::not("shape not known: no units"))?;
    let keys = format!("price = {:?}", read::decimal(&metric["unit"])?);
    let period = (whole.start, whole.end);
    cost(case, &keys, &[Since { at: start, quantity }], end, period, ProrationUnit::Day)
}
