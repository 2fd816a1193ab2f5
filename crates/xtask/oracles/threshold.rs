//! Usage that is billed when it reaches an amount, before its period ends.

use catalog::Thresholds;
use jiff::civil::Date;
use kernel::{Exact, Money};
use serde_json::Value;

use crate::{
    case::{Case, Checked, Miss},
    formula, read,
};

/// `billing.threshold`.
pub fn check(case: &Case) -> Checked {
    let unit = case.number(&["unit"])?;
    let thresholds = thresholds(case)?;
    let used = |quantity: &Exact| Money::from_exact_major(&(quantity * &unit), case.currency());
    let mut quantity = Exact::zero();
    let mut billed = Money::zero(case.currency());
    let mut invoices = Vec::new();
    for event in case.need(&["events"])?.as_array().ok_or_else(|| Miss::not("no list of events"))? {
        quantity = quantity + of_event(event)?;
        invoices.extend(reached(&thresholds, used(&quantity)?, &mut billed)?);
    }
    case.amounts("threshold_invoices", &invoices)?;
    case.amount("threshold_credit", billed)?;
    let fees = plan(case)?.checked_add(used(&quantity)?)?;
    case.amount("final_fees", fees)?;
    case.amount("final_total", fees.checked_sub(billed)?)?;
    if let Some(event) = case.find(&["next_period_event"]) {
        // A period begins with nothing billed.
        let mut billed = Money::zero(case.currency());
        let first = reached(&thresholds, used(&of_event(event)?)?, &mut billed)?;
        case.amount("next_period_threshold_invoice", first.unwrap_or(billed))?;
    }
    Ok(())
}

/// The invoice when what was used reaches the next threshold: all that was not billed yet.
fn reached(thresholds: &Thresholds, used: Money, billed: &mut Money) -> Checked<Option<Money>> {
    if thresholds.next_after(*billed).is_none_or(|next| used.minor() < next.minor()) {
        return Ok(None);
    }
    let invoice = used.checked_sub(*billed)?;
    *billed = used;
    Ok(Some(invoice))
}

/// The thresholds of a case, as a price book says them.
fn thresholds(case: &Case) -> Checked<Thresholds> {
    let quoted = |value: &Value| Ok(format!("\"{}\"", read::major(case, value)?));
    let at: Checked<Vec<String>> =
        read::several(case.need(&["thresholds_minor"])?).iter().map(quoted).collect();
    let every = case.find(&["recurring_threshold_minor"]).map(quoted).transpose()?;
    let every = every.map(|every| format!(", every = {every}")).unwrap_or_default();
    let book = format!(
        "book = 1\nname = \"B\"\ncurrency = \"{}\"\nmeters = {{ used = {{ name = \"Used\", unit = \"unit\" }} }}\n\
         [plans.a]\nname = \"A\"\nprice = {{ month = 1 }}\nusage = {{ used = 1 }}\nthresholds = {{ at = [{}]{every} }}\n",
        case.currency(),
        at?.join(", "),
    );
    let found = formula::read_book(&book)?.plans[0].thresholds_in(case.currency()).cloned();
    found.ok_or_else(|| Miss::wrong("the book has no thresholds"))
}

/// An event: a quantity, or a date and a quantity.
fn of_event(event: &Value) -> Checked<Exact> {
    let quantity = event.as_array().and_then(|pair| pair.last()).unwrap_or(event);
    read::number(quantity).ok_or_else(|| Miss::not(format!("no quantity: {quantity}")))
}

/// The plan's fee: all of it, or the days up to and with the one on which it ended.
fn plan(case: &Case) -> Checked<Money> {
    let fee = case.minor(case.need(&["plan_minor"])?)?;
    let Some(end) = case.find(&["terminated"]) else { return Ok(fee) };
    let period = case.need(&["period"])?;
    let days = |from: Date, to: Date| i128::from((to - from).get_days()) + 1;
    let (start, last) = (read::date(&period[0])?, read::date(&period[1])?);
    let share = Exact::ratio(days(start, read::date(end)?), days(start, last));
    Ok(Money::from_exact_major(&(fee.exact_major() * share), fee.currency())?)
}
