//! Trials: when they end, and what is charged then.

use kernel::{Cycle, Money};
use rating::Share;

use crate::{
    case::{Case, Checked, Miss},
    changes::{Knobs, book},
    commitment::missing,
    desk::{Office, Wanted},
    read,
};

/// `trial.*`.
pub fn check(case: &Case, office: &Office) -> Checked {
    let zone = read::zone(case)?;
    let start = read::instant(case.need(&["started"])?, &zone)?;
    let days = case.number(&["trial_days"])?.floor()?;
    let cycle = if case.find(&["interval"]).is_some() { read::cycle(case)? } else { Cycle::MONTH };
    let price = read::major(case, case.need(&["price_minor"])?)?;
    let plans = book(case, &Knobs::of(case)?, &[("old", cycle, price)], &[]);
    let desk = office.desk(case, &zone, &format!("{plans}[trial]\ndays = {days}\n"), start)?;
    let started = desk.start(&Wanted { trial: true, ..Wanted::plan(cycle) })?;
    if !started.charges.is_empty() {
        return Err(Miss::wrong("something is charged at the start of a trial"));
    }
    let end = started.subscription.trial_end.ok_or_else(|| Miss::wrong("there is no trial"))?;
    for key in ["trial_end", "trial_end_local_date"] {
        case.text(key, &end.date.to_string())?;
    }
    case.text("single_invoice_on", &format!("{} local", end.date))?;
    desk.advance(end.at)?;
    let currency = desk.currency();
    let invoices = desk.invoices()?;
    let fee = Money::total(invoices.iter().flatten().map(|row| row.amount), currency)?;
    case.amount("trial_end_fee", fee)?;
    let usage = case.find(&["usage_minor"]);
    if let Some(usage) = usage.filter(|usage| usage.is_number()) {
        case.amounts("fees", &[fee, case.minor(usage)?])?;
    }
    let (Some(minimum), Some(wanted)) =
        (case.find(&["min_commitment_minor"]), case.expect.get("may_1_invoice_minor"))
    else {
        return Ok(());
    };
    // The minimum of the period in which the trial ended counts its fee and its usage.
    let last = usage.and_then(|usage| usage.as_object()?.values().next_back());
    let last = case.minor(last.ok_or_else(|| Miss::not("shape not known: usage of the period"))?)?;
    desk.advance(desk.find(started.subscription.id)?.billed_through.at)?;
    let next = desk.invoices()?.pop().unwrap_or_default();
    let next = Money::total(next.iter().map(|row| row.amount), currency)?;
    let true_up = missing(case, minimum, Share::Whole, fee.checked_add(last)?)?;
    let found = serde_json::json!({
        "subscription": next.minor(), "usage": last.minor(), "commitment": true_up.minor(),
    });
    if *wanted != found {
        return Err(Miss::wrong(format!("`may_1_invoice_minor` is {found}, expected {wanted}")));
    }
    case.note("may_1_invoice_minor");
    Ok(())
}
