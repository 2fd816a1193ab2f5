//! Upgrades beside other charges, one after the other, and to another cycle.

use std::collections::BTreeMap;

use billing::subscription::{Change, Timing};
use jiff::ToSpan;
use kernel::{Cycle, Edge, Exact, Money, Period, ProrationUnit};
use rating::Share;
use serde_json::Value;

use crate::{
    case::{Case, Checked},
    changes::{Knobs, book, row_amounts},
    credit_note::with_tax,
    desk::{Office, Row, Wanted},
    levels, read, usage,
};

/// A change to another cycle that keeps the day of the month, now or at the end of the period.
pub fn other_cycle(case: &Case, office: &Office) -> Checked {
    let zone = read::zone(case)?;
    let knobs = Knobs { cycle_change: "keep", ..Knobs::of(case)? };
    let side = |key: &str| -> Checked<(Cycle, String)> {
        let side = &case.given[key];
        let cycle = read::cycle_word(side["interval"].as_str().unwrap_or("month"))?;
        Ok((cycle, read::major(case, &side["price_minor"])?))
    };
    let ((old_cycle, old), (new_cycle, new)) = (side("from")?, side("to")?);
    let book = book(case, &knobs, &[("old", old_cycle, old), ("new", new_cycle, new)], &[]);
    let start = read::instant(case.need(&["started"])?, &zone)?;
    let desk = office.desk(case, &zone, &book, start)?;
    let id = desk.start(&Wanted::plan(old_cycle))?.subscription.id;
    let command = Change { plan: Some("new".into()), cycle: Some(new_cycle), ..Change::default() };
    let at_end = case.find(&["effective"]);
    desk.advance(read::instant(case.need(&["upgraded_at", "requested", "change_at"])?, &zone)?)?;
    if let Some(before) = case.expect.get("old_plan_invoices_before") {
        case.equal("old_plan_invoices_before", before, &Exact::from(desk.invoices()?.len() as i64))?;
    }
    let timing = if at_end.is_some() { Timing::PeriodEnd } else { Timing::Now };
    let happened = desk.change(id, command, timing)?;
    if let Some(effective) = at_end {
        if case.expect.get("invoice_at_request").is_some_and(Value::is_null) && happened.charges.is_empty() {
            case.note("invoice_at_request");
        }
        desk.advance(read::instant(effective, &zone)?)?;
    }
    let charges = desk.invoices()?.pop().unwrap_or_default();
    let invoice = Money::total(charges.iter().map(|row| row.amount), desk.currency())?;
    case.amount("new_invoice", invoice)?;
    case.amount("credit_note", happened.credited(desk.currency())?)?;
    let period = desk.find(id)?.period;
    // Cases name the last day of a period.
    let last = period.end.date - 1.day();
    case.texts("new_period", &serde_json::json!([period.start.date.to_string(), last.to_string()]))
}

/// Fixed charges beside a plan, from a start within a period or through a change of it.
pub fn addons(case: &Case, office: &Office) -> Checked {
    if case.find(&["upgraded_on"]).is_none() {
        return started_late(case, office);
    }
    let zone = read::zone(case)?;
    let knobs = Knobs::of(case)?;
    let major = |value: &Value| read::major(case, value);
    let upgraded = read::instant(case.need(&["upgraded_on"])?, &zone)?;
    let month = Cycle::MONTH;
    // The charges before and after: the last one before is the first one after, at another price.
    let lists = case.find(&["old_charges_minor"]).zip(case.find(&["new_charges_minor"]));
    let (old, new): (Vec<String>, Vec<String>) = match lists {
        Some((old, new)) => {
            let texts = |list: &Value| read::several(list).iter().map(major).collect::<Checked<Vec<_>>>();
            (texts(old)?, texts(new)?)
        }
        None => {
            let (old, new) = (&case.given["old"], &case.given["new"]);
            (
                vec![major(&old["addon_B_paid_minor"])?],
                vec![major(&new["addon_B_minor"])?, major(&new["addon_C_minor"])?],
            )
        }
    };
    let shared = old.len() - 1;
    let name = |at: usize| format!("c{at}");
    let side = |prices: &[String], from: usize| -> Vec<(String, String)> {
        let count = shared + new.len();
        let price = |at: usize| {
            at.checked_sub(from).and_then(|at| prices.get(at)).cloned().unwrap_or_else(|| "0".into())
        };
        (0..count).map(|at| (name(at), price(at))).collect()
    };
    let plans = [("old", month, "0".to_owned()), ("new", month, "0".to_owned())];
    let started = match case.find(&["started"]) {
        Some(started) => read::instant(started, &zone)?,
        None => read::instant(&case.need(&["period"])?[0], &zone)?,
    };
    let desk = office.desk(case, &zone, &book(case, &knobs, &plans, &side(&old, 0)), started)?;
    let wanted =
        |from: usize, count: usize| (from..from + count).map(|at| (name(at), 1)).collect::<BTreeMap<_, _>>();
    let first = desk.start(&Wanted { addons: wanted(0, old.len()), ..Wanted::plan(month) })?;
    case.amounts("first_invoice", &row_amounts(&first.charges, false))?;
    desk.apply(&book(case, &knobs, &plans, &side(&new, shared)))?;
    desk.advance(upgraded)?;
    let mut change = wanted(shared, new.len());
    change.extend((0..shared).map(|at| (name(at), 0)));
    let command = Change { plan: Some("new".into()), addons: change, ..Change::default() };
    let happened = desk.change(first.subscription.id, command, Timing::Now)?;
    let of = |rows: &[Row], at: usize| {
        let rows = rows.iter().filter(|row| row.name == name(at)).map(|row| row.amount);
        Money::total(rows, desk.currency())
    };
    let due: Checked<Vec<Money>> = (shared..shared + new.len())
        .map(|at| Ok(of(&happened.charges, at)?.checked_sub(of(&happened.credits, at)?)?))
        .collect();
    let due = due?;
    case.amounts("upgrade_invoice", &due)?;
    case.amount("addon_B_due", due[0])?;
    if let Some(second) = due.get(1) {
        case.amount("addon_C_due", *second)?;
    }
    if let Some(fee) = case.given["old"].get("sub_minor_arrears") {
        let whole = desk.find(first.subscription.id)?.schedule.period_at(upgraded)?;
        let used = Period { start: whole.start, end: Edge::at(upgraded, &zone) };
        let share = Share::of(ProrationUnit::Day, &zone, used, whole);
        case.amount("old_subscription_fee", usage::flat(case, &major(fee)?, share)?)?;
    }
    Ok(())
}

pub fn started_late(case: &Case, office: &Office) -> Checked {
    let zone = read::zone(case)?;
    let month = Cycle::MONTH;
    let charges = read::several(case.need(&["charges_minor"])?);
    let prices: Checked<Vec<String>> = charges.iter().map(|charge| read::major(case, charge)).collect();
    let addons: Vec<(String, String)> =
        prices?.into_iter().enumerate().map(|(at, price)| (format!("c{at}"), price)).collect();
    let book = book(case, &Knobs::of(case)?, &[("old", month, "0".into())], &addons);
    let start = read::instant(case.need(&["started"])?, &zone)?;
    let desk = office.desk(case, &zone, &book, start)?;
    let wanted = addons.iter().map(|(key, ..)| (key.clone(), 1)).collect();
    let first = desk.start(&Wanted { addons: wanted, ..Wanted::plan(month) })?;
    case.amounts("first_invoice", &row_amounts(&first.charges, false))?;
    desk.advance(first.subscription.billed_through.at)?;
    let next = desk.invoices()?.pop().unwrap_or_default();
    case.amounts("next_invoice", &row_amounts(&next, false))
}

/// Upgrade after upgrade, each credit with its part of the tax.
pub fn several(case: &Case, office: &Office) -> Checked {
    let zone = read::zone(case)?;
    let prices: Checked<Vec<String>> =
        read::several(case.need(&["plans_minor"])?).iter().map(|price| read::major(case, price)).collect();
    let prices = prices?;
    const KEYS: [&str; 6] = ["old", "p1", "p2", "p3", "p4", "p5"];
    let plans: Vec<(&str, Cycle, String)> =
        prices.iter().zip(KEYS).map(|(price, key)| (key, Cycle::MONTH, price.clone())).collect();
    let book = book(case, &Knobs::of(case)?, &plans, &[]);
    let start = read::instant(case.need(&["started"])?, &zone)?;
    let desk = office.desk(case, &zone, &book, start)?;
    let first = desk.start(&Wanted::plan(Cycle::MONTH))?;
    let currency = desk.currency();
    let mut running = first.charged(currency)?;
    let (mut fees, mut notes) = (vec![running], Vec::new());
    let rate = read::rate(case.need(&["tax_rate_pct"])?)?;
    for (at, (key, ..)) in plans.iter().enumerate().skip(1) {
        desk.advance(read::instant(case.need(&[&format!("upgrade_{at}")])?, &zone)?)?;
        let command = Change { plan: Some((*key).into()), ..Change::default() };
        let happened = desk.change(first.subscription.id, command, Timing::Now)?;
        let credited = happened.credited(currency)?;
        notes.push(with_tax(running, credited, rate)?.1);
        running = happened.charged(currency)?;
        fees.push(running);
    }
    case.amounts("invoices_fees", &fees)?;
    case.amounts("credit_notes_total", &notes)
}

/// An upgrade beside a quantity that is billed for its days in arrears.
pub fn with_usage(case: &Case, office: &Office) -> Checked {
    let zone = read::zone(case)?;
    let (old, new) =
        (read::major(case, case.need(&["from_minor"])?)?, read::major(case, case.need(&["to_minor"])?)?);
    let plans = [("old", Cycle::MONTH, old), ("new", Cycle::MONTH, new)];
    let start = read::instant(case.need(&["started"])?, &zone)?;
    let upgraded = read::instant(case.need(&["upgraded_at"])?, &zone)?;
    let desk = office.desk(case, &zone, &book(case, &Knobs::of(case)?, &plans, &[]), start)?;
    let id = desk.start(&Wanted::plan(Cycle::MONTH))?.subscription.id;
    desk.advance(upgraded)?;
    let command = Change { plan: Some("new".into()), ..Change::default() };
    let happened = desk.change(id, command, Timing::Now)?;
    let (charged, credited) = (happened.charged(desk.currency())?, happened.credited(desk.currency())?);
    case.amount("credit_note", credited)?;

    let period = happened.subscription.period;
    let metric = case.need(&["recurring_prorated_metric"])?;
    let change = Edge::of_date(zone.date_of(upgraded), &zone);
    let before = levels::standing(case, metric, period.start, change, period)?;
    let after = levels::standing(case, metric, change, period.end, period)?;
    case.amount("upgrade_invoice", charged.checked_sub(credited)?.checked_add(before)?)?;
    desk.advance(period.end.at)?;
    let renewal = desk.invoices()?.pop().unwrap_or_default();
    let renewal = Money::total(renewal.iter().map(|row| row.amount), desk.currency())?;
    case.amount("march_invoice", renewal.checked_add(after)?)
}
