//! Minimums: of one usage price, and of a subscription.

use catalog::{AddonPrice, Minimums, Price, PriceKind, When};
use jiff::ToSpan;
use kernel::{Cycle, Edge, Exact, Money, Period, ProrationUnit, Rate, UnitPrice};
use rating::{Commitment, Measured, Metered, Share, rate_metered, true_up};
use serde_json::Value;

use crate::{
    case::{Case, Checked, Miss},
    changes::{Knobs, book},
    credit_note::with_tax,
    desk::{Office, Wanted},
    formula::{self, price_in},
    pricing::sound,
    read,
    rounding::tax,
    usage::flat,
};

/// What is missing to a minimum in minor units.
pub fn missing(case: &Case, minimum: &Value, share: Share, billed: Money) -> Checked<Money> {
    let amount = UnitPrice::parse(&read::major(case, minimum)?)?;
    let price = Price::new(When::Every(Cycle::MONTH), case.currency(), PriceKind::Flat { amount });
    let minimum = AddonPrice { price: &price, unit_price: amount, months_factor: 1 };
    let commitment = Commitment { name: "P", place: "plans.p.minimum", book: 1, minimum, share, billed };
    Ok(sound(true_up(&commitment)?)?.amount)
}

/// The minimum of a subscription, of which everything billed for the period is taken off.
pub fn of_a_subscription(case: &Case) -> Checked {
    let minimum = case.need(&["minimum_commitment_minor", "min_commitment_minor"])?;
    let plan = case.need(&["plan_minor"])?;
    if let Some(charges) = case.find(&["charges"]) {
        return two_periods(case, minimum, plan, charges);
    }
    let days = |key: &str| -> Checked<i64> { Ok(case.number(&[key])?.floor()?) };
    let (part, whole) = (days("used_days")?, days("period_days")?);
    let share =
        if part == whole { Share::Whole } else { Share::Part { unit: ProrationUnit::Day, part, whole } };
    let fee = flat(case, &read::major(case, plan)?, share)?;
    let usage =
        case.find(&["usage_minor"]).map_or(Ok(Money::zero(case.currency())), |usage| case.minor(usage))?;
    case.amount("true_up", missing(case, minimum, share, fee.checked_add(usage)?)?)
}

/// A first period with usage, and a second one in which only what recurs is billed.
fn two_periods(case: &Case, minimum: &Value, plan: &Value, charges: &Value) -> Checked {
    let fee = case.minor(plan)?;
    let sum = |recurring: bool| -> Checked<Money> {
        let charges = charges.as_object().into_iter().flatten();
        let amounts = charges.filter(|(key, _)| !recurring || key.contains("recurring"));
        let amounts: Checked<Vec<Money>> = amounts.map(|(_, amount)| case.minor(amount)).collect();
        Ok(Money::total(amounts?.into_iter().chain([fee]), case.currency())?)
    };
    case.amount("first_true_up", missing(case, minimum, Share::Whole, sum(false)?)?)?;
    case.amount("second_true_up", missing(case, minimum, Share::Whole, sum(true)?)?)
}

/// The minimum of a usage price in a subscription that ends within a period: it counts for the days used.
pub fn of_a_charge(case: &Case, office: &Office) -> Checked {
    let zone = read::zone(case)?;
    let start = read::instant(case.need(&["started"])?, &zone)?;
    let end = read::instant(case.need(&["terminated"])?, &zone)?;
    let price = read::major(case, case.need(&["price_minor"])?)?;
    let desk = office.desk(
        case,
        &zone,
        &book(case, &Knobs::of(case)?, &[("old", Cycle::MONTH, price)], &[]),
        start,
    )?;
    let (currency, started) = (desk.currency(), desk.start(&Wanted::plan(Cycle::MONTH))?);
    let rate = case.find(&["tax_rate_pct"]).map(read::rate).transpose()?.unwrap_or(Rate::ZERO);
    let first = started.charged(currency)?;
    case.amount("first_invoice_total", first.checked_add(tax(first, rate)?)?)?;
    desk.advance(end)?;
    let billed = desk.invoices()?.pop().unwrap_or_default();
    let billed = Money::total(billed.iter().map(|row| row.amount), currency)?;
    let canceled = desk.cancel(started.subscription.id)?;
    let (_, credit) = with_tax(billed, canceled.credited(currency)?, rate)?;

    let whole = canceled.subscription.period;
    let used = Period { start: whole.start, end: Edge::of_date(zone.date_of(end) + 1.day(), &zone) };
    let share = Share::of(ProrationUnit::Day, &zone, used, whole);
    let (usage, fees) = with_minimum(case, share)?;
    let tax = tax(fees, rate)?;
    let total = fees.checked_add(tax)?;
    case.amount("usage", usage)?;
    case.amount("true_up", fees.checked_sub(usage)?)?;
    case.amount("final_fees", fees)?;
    case.amount("final_tax", tax)?;
    case.amount("final_total", total)?;
    case.amount("credit_note_total", credit)?;
    case.amount("credit_notes", credit)?;
    case.amount("due_after_credit", total.checked_sub(credit)?)?;
    case.amount("due", total.checked_sub(credit)?)
}

/// What was used, and what it comes to with its minimum prorated.
fn with_minimum(case: &Case, share: Share) -> Checked<(Money, Money)> {
    let charge = case.need(&["usage_charge"])?;
    let events = case.need(&["usage_events"])?;
    let per_major = Exact::from(case.currency().minor_per_major());
    let used = match (charge["filters"].as_object(), events.as_array()) {
        (Some(filters), Some(events)) => {
            let prices = events.iter().filter_map(|event| read::number(filters.get(event.as_str()?)?));
            prices.sum()
        }
        _ => match (read::number(&charge["unit_minor"]), read::number(events)) {
            (Some(unit), Some(count)) => unit * count,
            _ => return Err(Miss::not("shape not known: what was used")),
        },
    };
    let used = used.checked_div(&per_major).unwrap_or_else(Exact::zero);
    // Each event costs what its filter says; together they are an amount, times one.
    let minimum = read::major(case, &charge["min_minor"])?;
    let price = formula::usage_price_of(case, &format!("times = 1, minimum = {minimum:?}"))?;
    let metered = |measured| Metered {
        name: "Usage",
        place: "plans.p.usage.m",
        book: 1,
        price: price_in(&price),
        measured,
        allowance: None,
        share,
        minimums: Minimums::Prorated,
    };
    let fees = sound(rate_metered(&metered(&Measured::Quantity(used.clone())))?)?.amount;
    Ok((Money::from_exact_major(&used, case.currency())?, fees))
}
