//! What usage costs.

use std::collections::BTreeMap;

use catalog::{Minimums, Price, PriceKind, UsagePrice};
use kernel::{Exact, Money};
use rating::{Allowance, Measured, Metered, Rated, Share, Step, rate_again, rate_metered};
use serde_json::Value;

use crate::{
    case::{Case, Checked, Miss},
    formula::{self, Model, price_in},
    read,
    rounding::tax,
};

/// A usage price for what was measured in a whole period.
pub fn rated(usage: &UsagePrice, measured: &Measured) -> Checked<Rated> {
    sound(rate_metered(&metered(usage, price_in(usage), measured, usage_allowance(usage).as_ref()))?)
}

fn usage_allowance(usage: &UsagePrice) -> Option<Allowance> {
    usage.free.clone().map(Allowance::of)
}

fn metered<'a>(
    usage: &'a UsagePrice,
    price: &'a Price,
    measured: &'a Measured,
    allowance: Option<&'a Allowance>,
) -> Metered<'a> {
    let (share, minimums) = (Share::Whole, Minimums::Whole);
    Metered {
        name: &usage.name,
        place: "plans.p.usage.m",
        book: 1,
        price,
        measured,
        allowance,
        share,
        minimums,
    }
}

/// A rated charge whose explanation comes to the same.
pub fn sound(rated: Rated) -> Checked<Rated> {
    let again = rated.explanation.recompute()?;
    if again == rated.amount {
        return Ok(rated);
    }
    Err(Miss::wrong(format!("the explanation comes to {again}, the amount is {}", rated.amount)))
}

/// A price applied to a figure, to transactions, or to a figure after another.
pub fn price(case: &Case) -> Checked {
    let usage = formula::usage_price(case)?;
    if Model::of(case)? == Model::Percentage
        && let Some(events) = case.find(&["events", "transactions"]).and_then(Value::as_array)
    {
        return transactions(case, &usage, events);
    }
    if case.find(&["new_units", "already_billed_units", "already_billed_amount"]).is_some() {
        return once_more(case, &usage);
    }
    let measured = match (
        price_in(&usage).kind.clone(),
        case.find(&["events", "event_count"]).and_then(Value::as_u64),
    ) {
        (PriceKind::Percentage(_), Some(events)) => Measured::Amount { total: figure(case)?, events },
        _ => Measured::Quantity(figure(case)?),
    };
    let rated = rated(&usage, &measured)?;
    case.amount("amount", rated.amount)?;
    bounds(case, &usage, &measured, rated.amount)?;
    lines(case, &rated)?;
    if let (Some(wanted), Some(Step::Packages { packages, size, .. })) =
        (case.expect.get("billed_units"), step(&rated, |step| matches!(step, Step::Packages { .. })))
    {
        case.equal("billed_units", wanted, &(Exact::from(*packages) * &**size))?;
    }
    Ok(())
}

fn step(rated: &Rated, which: impl Fn(&Step) -> bool) -> Option<&Step> {
    rated.explanation.steps.iter().find(|step| which(step))
}

/// The figure a case measures.
pub fn figure(case: &Case) -> Checked<Exact> {
    if let Some(value) = case.find(&["units", "quantity", "total_amount", "usage_amount", "amount_measured"])
    {
        return read::number(value).ok_or_else(|| Miss::not(format!("no figure: {value}")));
    }
    if let Some(points) = case.find(&["usage_points", "usage"]).and_then(Value::as_array) {
        return points.iter().map(read::number).sum::<Option<Exact>>().ok_or_else(|| Miss::not("no figures"));
    }
    match case.find(&["events"]) {
        Some(Value::Array(events)) => Ok(Exact::from(events.len() as i64)),
        Some(count) => read::number(count).ok_or_else(|| Miss::not("no number of events")),
        None => Err(Miss::not("shape not known: no figure is given")),
    }
}

/// What a minimum adds and what a maximum takes off.
fn bounds(case: &Case, usage: &UsagePrice, measured: &Measured, amount: Money) -> Checked {
    let mut free = usage.clone();
    for price in &mut free.prices {
        (price.minimum, price.maximum) = (None, None);
    }
    let plain = rated(&free, measured)?.amount;
    // Where an engine says what a maximum takes off a flat amount, it is the maximum itself that it compares.
    case.amount("true_up", amount.checked_sub(plain)?)?;
    case.amount("discount", plain.checked_sub(amount)?)?;
    case.amount("gross", plain)
}

/// The lines some engines write for each tier: what its units cost, and its flat amount.
fn lines(case: &Case, rated: &Rated) -> Checked {
    let Some(wanted) = case.expect.get("lines") else { return Ok(()) };
    let given = read::several(&case.given["tiers"]);
    let steps = rated.explanation.steps.iter().filter_map(|step| match step {
        Step::Tier { units, each, flat, .. } => Some((each.exact() * &**units, flat.exact())),
        _ => None,
    });
    let mut lines = Vec::new();
    for ((units, flat), tier) in steps.zip(&given) {
        lines.extend((!tier["unit"].is_null()).then_some(units));
        lines.extend((!tier["flat"].is_null()).then_some(flat));
    }
    case.list("lines", wanted, &lines)
}

/// The running cost of transactions, and with tax.
fn transactions(case: &Case, usage: &UsagePrice, events: &[Value]) -> Checked {
    let amounts: Option<Vec<Exact>> = events.iter().map(read::number).collect();
    let amounts = amounts.ok_or_else(|| Miss::not("no amounts of transactions"))?;
    let mut costs = Vec::new();
    for count in 1..=amounts.len() {
        costs.push(rated(usage, &Measured::Transactions(amounts[..count].to_vec()))?.amount);
    }
    case.amounts("running", &costs)?;
    if let Some(last) = costs.last() {
        case.amount("amount", *last)?;
        case.amount("final", *last)?;
    }
    let Some(percent) = case.find(&["tax_rate_pct"]) else { return Ok(()) };
    let with_tax: Checked<Vec<Money>> =
        costs.iter().map(|cost| Ok(cost.checked_add(tax(*cost, read::rate(percent)?)?)?)).collect();
    let with_tax = with_tax?;
    case.amounts("running_total", &with_tax)?;
    with_tax.last().map_or(Ok(()), |last| case.amount("final_total", *last))
}

/// More usage after some has been billed: the difference to everything at once.
fn once_more(case: &Case, usage: &UsagePrice) -> Checked {
    let (before, all) = before_and_all(case, usage)?;
    let allowance = usage_allowance(usage);
    let measured = Measured::Quantity(all.clone());
    let billed = match case.find(&["already_billed", "already_billed_amount"]) {
        Some(text) => {
            Money::from_exact_major(&read::number(text).unwrap_or_else(Exact::zero), case.currency())?
        }
        None => rated(usage, &Measured::Quantity(before.clone()))?.amount,
    };
    let more =
        sound(rate_again(&metered(usage, price_in(usage), &measured, allowance.as_ref()), billed)?)?.amount;
    case.amount("amount", more)?;
    case.amount("net", more)?;

    let mut free = usage.clone();
    for price in &mut free.prices {
        (price.minimum, price.maximum) = (None, None);
    }
    let whole = rated(&free, &measured)?;
    let so_far = rated(&free, &Measured::Quantity(before))?;
    let gross = whole.amount.checked_sub(so_far.amount)?;
    case.amount("gross", gross)
        .and_then(|()| case.amount("discount", gross.checked_sub(more)?))
        .or_else(|miss| if case.expect["gross"].is_array() { Ok(()) } else { Err(miss) })?;
    if case.expects("discounts") {
        by_tier(case, &so_far, &whole, more)?;
    }
    Ok(())
}

/// The figure billed before, and all of it.
fn before_and_all(case: &Case, usage: &UsagePrice) -> Checked<(Exact, Exact)> {
    let zero = Exact::zero;
    let more = case.find(&["new_units", "units", "usage_amount"]).and_then(read::number).unwrap_or_else(zero);
    let before = match case.find(&["already_billed_units"]).and_then(read::number) {
        Some(units) => units,
        // Only what it came to is known: that many times the multiplier.
        None => match (&price_in(usage).kind, case.find(&["already_billed_amount"]).and_then(read::number)) {
            (PriceKind::Dynamic { times }, Some(amount)) => amount.checked_div(times).unwrap_or_else(zero),
            _ => return Err(Miss::not("shape not known: what was billed before")),
        },
    };
    Ok((before.clone(), before + more))
}

/// What each tier costs more than before, and how much of it the maximum takes off, which is used up in the
/// order of the tiers.
fn by_tier(case: &Case, before: &Rated, after: &Rated, net: Money) -> Checked {
    let tiers = |rated: &Rated| -> Vec<Exact> {
        let steps = rated.explanation.steps.iter().filter_map(|step| match step {
            Step::Tier { amount, .. } => Some((**amount).clone()),
            _ => None,
        });
        steps.collect()
    };
    let (before, after) = (tiers(before), tiers(after));
    let more = after.iter().enumerate().map(|(at, amount)| amount - before.get(at).unwrap_or(&Exact::zero()));
    let gross: Vec<Exact> = more.filter(|amount| !amount.is_zero()).collect();
    let mut left = net.exact_major();
    let mut discounts = Vec::new();
    for amount in &gross {
        let kept = left.clone().min(amount.clone());
        discounts.push(amount - &kept);
        left = left - kept;
    }
    case.list("gross", &case.expect["gross"], &gross)?;
    case.list("discounts", &case.expect["discounts"], &discounts)
}

/// Prices by the value of a dimension, and one for everything else.
pub fn dimensional(case: &Case) -> Checked {
    let filters = read::several(case.need(&["filters"])?);
    let events = read::several(case.need(&["events"])?);
    let dimension = |table: &Value| {
        let keys = table.as_object().into_iter().flatten().map(|(key, _)| key.clone());
        keys.into_iter().find(|key| !key.starts_with("unit") && table[key].is_string())
    };
    let mut dimensions: Vec<String> = filters.iter().filter_map(dimension).collect();
    dimensions.dedup();
    let mut usage = String::new();
    for (at, filter) in filters.iter().enumerate() {
        let key = dimension(filter).ok_or_else(|| Miss::not("shape not known: a filter without a value"))?;
        let price = formula::price_of(case, filter, &["unit"])
            .ok_or_else(|| Miss::not("a filter without a price"))?;
        usage += &format!(
            "f{at} = {{ meter = \"m\", where = {{ {key} = {} }}, price = {price:?} }}\n",
            filter[&key]
        );
    }
    if let Some(price) = formula::price_of(case, &case.given, &["default_unit", "unit"]) {
        usage += &format!("m = {price:?}\n");
    }
    let words: Vec<&str> = dimensions.iter().map(String::as_str).collect();
    let book = formula::book(case, &words, &usage)?;
    let plan = &book.plans[0];
    let mut figures: BTreeMap<String, (Exact, String)> = BTreeMap::new();
    for event in &events {
        let value = |key: &str| event[key].as_str();
        let price = plan.usage_for("m", value).ok_or_else(|| Miss::wrong("no price takes the event"))?;
        let measured = event
            .as_object()
            .into_iter()
            .flatten()
            .find_map(|(_, value)| value.is_number().then(|| read::number(value)).flatten());
        let name = words.iter().find_map(|key| value(key)).unwrap_or("other").to_owned();
        let entry = figures.entry(price.key.clone()).or_insert_with(|| (Exact::zero(), name));
        entry.0 = &entry.0 + &measured.unwrap_or_else(Exact::one);
    }
    let mut total = Money::zero(case.currency());
    for (key, (figure, name)) in figures {
        let usage = plan.usage.iter().find(|usage| usage.key == key).expect("it was found above");
        let amount = rated(usage, &Measured::Quantity(figure))?.amount;
        case.amount(&name, amount)?;
        total = total.checked_add(amount)?;
    }
    case.amount("amount", total)
}

/// Each value of a dimension on its own.
pub fn grouped(case: &Case) -> Checked {
    let by: Vec<String> = read::several(case.need(&["group_by", "grouped_by"])?)
        .iter()
        .filter_map(|key| key.as_str().map(str::to_owned))
        .collect();
    let words: Vec<&str> = by.iter().map(String::as_str).collect();
    let book =
        formula::book(case, &words, &format!("m = {{ {}, group_by = {words:?} }}", formula::keys(case)?))?;
    let usage = &book.plans[0].usage[0];
    let mut groups: BTreeMap<Vec<String>, Exact> = BTreeMap::new();
    for event in read::several(case.need(&["events"])?) {
        let group =
            usage.group_by.iter().map(|key| event[key].as_str().unwrap_or_default().to_owned()).collect();
        let units =
            ["units", "value"].iter().find_map(|key| read::number(&event[*key])).unwrap_or_else(Exact::one);
        let entry = groups.entry(group).or_insert_with(Exact::zero);
        *entry = &*entry + &units;
    }
    let mut total = Money::zero(case.currency());
    for (group, units) in groups {
        let amount = rated(usage, &Measured::Quantity(units))?.amount;
        case.amount(&group.join("_"), amount)?;
        total = total.checked_add(amount)?;
    }
    case.amount("amount", total)
}
