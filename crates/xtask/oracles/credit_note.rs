//! What a cancellation gives back, with its tax.

use kernel::{Edge, Money, Period, ProrationUnit, Rate, Zone};
use serde_json::Value;

use crate::{
    case::{Case, Checked, Miss},
    changes::{Knobs, book},
    desk::{Office, Wanted},
    endings::credit,
    levels, read,
    rounding::{share_of_tax, tax},
};

/// The tax that goes with a credit of a line, and both together.
pub fn with_tax(net: Money, credited: Money, rate: Rate) -> Checked<(Money, Money)> {
    let tax = share_of_tax(tax(net, rate)?, net, 0, credited.minor())?;
    Ok((tax, credited.checked_add(tax)?))
}

/// `credit_note.*`, and the rounding of credit notes.
pub fn check(case: &Case, office: &Office) -> Checked {
    if case.find(&["computed_credit"]).is_some() {
        return capped(case);
    }
    if case.find(&["paid"]).is_some() {
        return long_line(case);
    }
    ended(case, office)
}

/// A credit is at most what is left of the line.
fn capped(case: &Case) -> Checked {
    let amount = |key: &str| -> Checked<Money> {
        Ok(Money::from_exact_major(&case.number(&[key])?, case.currency())?)
    };
    let (net, before, wanted) =
        (amount("original_paid")?, amount("already_credited")?, amount("computed_credit")?);
    if wanted.minor() > net.minor() {
        // More than the line itself: all of it is ended.
        let period = days(1);
        return case.amount("credit", credit(net, period, ProrationUnit::Day, period.start, before)?);
    }
    // A line of so many days as it has minor units, of which as many are not used as are wanted.
    let period = days(net.minor());
    let at = Edge::of_date(period.end.date - jiff::Span::new().days(wanted.minor()), &Zone::utc());
    case.amount("credit", credit(net, period, ProrationUnit::Day, at, before)?)
}

/// A period of so many days.
fn days(count: i64) -> Period {
    let utc = Zone::utc();
    let start = jiff::civil::date(2000, 1, 1);
    Period {
        start: Edge::of_date(start, &utc),
        end: Edge::of_date(start + jiff::Span::new().days(count), &utc),
    }
}

/// A paid line that ends early, when only its dates are given.
fn long_line(case: &Case) -> Checked {
    let utc = Zone::utc();
    let edge = |value: &Value| -> Checked<Edge> { Ok(Edge::of_date(read::date(value)?, &utc)) };
    let dates = case.need(&["period"])?;
    let period = Period { start: edge(&dates[0])?, end: edge(&dates[1])? };
    let net = Money::from_exact_major(&case.number(&["paid"])?, case.currency())?;
    let at = edge(case.need(&["cancelled", "canceled", "terminated"])?)?;
    let unit = match case.policy.as_str() {
        "FIXED30" => ProrationUnit::THIRTY_DAY_MONTH,
        "SECOND" | "DURATION" => ProrationUnit::Second,
        _ => ProrationUnit::Day,
    };
    case.amount("credit", credit(net, period, unit, at, Money::zero(net.currency()))?)
}

/// A subscription that is canceled: its invoice, the credit note, and what is billed in arrears for its days.
fn ended(case: &Case, office: &Office) -> Checked {
    let zone = read::zone(case)?;
    let both = case.find(&["started_and_terminated_at", "started_and_terminated_on"]);
    let start = match both {
        Some(both) => read::instant(both, &zone)?,
        None => read::instant(case.need(&["started"])?, &zone)?,
    };
    let end = match both {
        Some(_) => start,
        None => read::instant(case.need(&["terminated", "terminated_at", "canceled_at"])?, &zone)?,
    };
    let cycle = read::cycle(case)?;
    let price = read::major(case, case.need(&["price_minor"])?)?;
    let desk =
        office.desk(case, &zone, &book(case, &Knobs::of(case)?, &[("old", cycle, price)], &[]), start)?;
    let currency = desk.currency();
    let started = desk.start(&Wanted::plan(cycle))?;
    let first = started.charged(currency)?;
    if end > start {
        desk.advance(end)?;
    }
    let line = desk.invoices()?.pop().and_then(|rows| rows.into_iter().next());
    let net = line.map_or(first, |line| line.amount);
    let happened = desk.cancel(started.subscription.id)?;
    let credited = happened.credited(currency)?;

    let rate = case.find(&["tax_rate_pct"]).map(read::rate).transpose()?.unwrap_or(Rate::ZERO);
    let of_first = tax(first, rate)?;
    let (credit_tax, total) = with_tax(net, credited, rate)?;
    case.amount("invoice_tax", of_first)?;
    case.amount("first_invoice_total", first.checked_add(of_first)?)?;
    for (prefix, amounts) in
        [("credit_note_", [credited, credit_tax, total]), ("", [credited, credit_tax, total])]
    {
        for (key, amount) in ["net", "tax", "total"].iter().zip(amounts) {
            case.amount(&format!("{prefix}{key}"), amount)?;
        }
    }
    case.amount("credit_note", total)?;
    in_arrears(case, &happened.subscription.period, end, &zone, total, rate)
}

/// What is billed for the days that were used, and what the credit note leaves to pay.
fn in_arrears(
    case: &Case,
    period: &Period,
    end: jiff::Timestamp,
    zone: &Zone,
    credit: Money,
    rate: Rate,
) -> Checked {
    let fees = match (case.find(&["recurring_prorated_metric"]), case.find(&["usage"])) {
        (Some(metric), _) => {
            let used = Edge::of_date(zone.date_of(end) + jiff::Span::new().days(1), zone);
            levels::standing(case, metric, period.start, used, *period)?
        }
        (None, Some(usage)) => {
            let units =
                read::number(&usage["units"]).ok_or_else(|| Miss::not("shape not known: no units"))?;
            let price = crate::formula::usage_price_of(
                case,
                &format!("price = {:?}", read::decimal(&usage["unit"])?),
            )?;
            crate::pricing::rated(&price, &rating::Measured::Quantity(units))?.amount
        }
        (None, None) => return Ok(()),
    };
    case.amount("final_fees", fees)?;
    // What was paid decides how much of a credit is paid back; without payments all of it is used.
    if case.given["option"] == "refund" {
        return Ok(());
    }
    let gross = fees.checked_add(tax(fees, rate)?)?;
    let applied = if credit.minor() < gross.minor() { credit } else { gross };
    case.amount("credit_applied", applied)?;
    case.amount("final_due", gross.checked_sub(applied)?)?;
    case.amount("total_due", gross.checked_sub(applied)?)?;
    case.amount("credit_left", credit.checked_sub(applied)?)
}
