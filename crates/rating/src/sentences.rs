//! The steps of an explanation in words.

use std::borrow::Cow;

use kernel::{Exact, ProrationUnit, UnitPrice};

use crate::{Bound, Number, Step, number};

/// One step as a line of text; `currency` is the code of its amounts.
pub(crate) fn sentence(step: &Step, currency: &str) -> String {
    let plus = |what: String, amount: &Number| format!("+ {what} = {currency} {amount}");
    match step {
        Step::Price { name, place, book, amount, per, every } => {
            let per = per.as_ref().map(|unit| format!(" per {unit}")).unwrap_or_default();
            let every = every.as_ref().map(|cycle| format!(" every {cycle}")).unwrap_or_default();
            format!("{name}: {currency} {amount}{per}{every} (price book version {book}, {place})")
        }
        Step::Prepaid { monthly, months, off } => {
            format!("that is {months} × {currency} {monthly} a month, less {off} % for paying at once")
        }
        Step::Tariff { name, place, book, price } => {
            format!("{name}: {price} (price book version {book}, {place})")
        }
        Step::Months { months } => format!("× {months} months of the monthly price"),
        Step::Quantity { quantity, unit } => format!("× {quantity}, the quantity subscribed (unit: {unit})"),
        Step::Measured { quantity, unit: Some(unit), .. } => format!("{quantity} counted (unit: {unit})"),
        Step::Measured { quantity, events: Some(events), .. } => {
            format!("{currency} {quantity} measured in {events} transactions")
        }
        Step::Measured { quantity, .. } => format!("{currency} {quantity} measured"),
        Step::UpTo { watermark } => format!("counted up to {watermark}"),
        Step::Early { reached, date, .. } => {
            format!(
                "billed early, because usage reached {currency} {reached}: the period goes on until {date}"
            )
        }
        Step::Unmeasured => {
            "there is no complete measured base for the period, so the flat price stands".into()
        }
        Step::Included { each, times: Some(times), left } => {
            format!("less {each} included for each of {times}: {left} left")
        }
        Step::Included { each, times: None, left } => format!("less {each} included: {left} left"),
        Step::Free { events, amount } => {
            format!("less {currency} {amount} that is free, {events} transactions as a whole")
        }
        Step::Units { units, each, amount } => plus(format!("{units} × {currency} {each}"), amount),
        Step::Packages { units, size, packages, each, amount } => {
            plus(format!("{units} in packages of {size}: {packages} × {currency} {each}"), amount)
        }
        Step::Tier { from, up_to, units, packages, each, flat, amount } => {
            let what = match packages {
                Some((count, size)) => format!("{units} in packages of {size}: {count} × {currency} {each}"),
                None => format!("{units} × {currency} {each}"),
            };
            plus(format!("{}: {what}{}", tier(from, up_to.as_deref()), with_flat(*flat, currency)), amount)
        }
        Step::PercentTier { from, up_to, of, percent, flat, amount } => {
            let what = format!("{percent} % of {currency} {of}");
            plus(format!("{}: {what}{}", tier(from, up_to.as_deref()), with_flat(*flat, currency)), amount)
        }
        Step::Percent { percent, of, amount } => plus(format!("{percent} % of {currency} {of}"), amount),
        Step::Fixed { events, each, amount } => {
            plus(format!("{events} transactions × {currency} {each}"), amount)
        }
        Step::Bounded { bound, events, of, each, amount } => {
            let bound = match bound {
                Bound::AtLeast => "at least",
                Bound::AtMost => "at most",
            };
            let what =
                format!("{events} transactions of together {currency} {of}, {bound} {currency} {each} each");
            plus(what, amount)
        }
        Step::Times { times, amount } => plus(format!("the amount measured × {times}"), amount),
        Step::Level { quantity, unit, part, whole, amount } => {
            plus(format!("{quantity} for {part} of {whole} {}", unit_word(*unit)), amount)
        }
        Step::Flats { highest, amount } => plus(format!("flat amounts of the tiers up to {highest}"), amount),
        Step::Lesser { percent, of, amount } => {
            format!("or {percent} % of {currency} {of} = {currency} {amount}, whichever is less")
        }
        Step::Share { unit, part, whole } => {
            format!("× {part}/{whole}: {part} of the period's {whole} {}", unit_word(*unit))
        }
        Step::Minimum { minimum, share, added } => {
            let share = share.map(|(part, whole)| format!(" × {part}/{whole}")).unwrap_or_default();
            format!("at least {currency} {minimum}{share}: {currency} {added} added")
        }
        Step::Maximum { maximum, taken } => {
            format!("at most {currency} {maximum}: {currency} {taken} taken off")
        }
        Step::Billed { amount } => format!("− {currency} {amount} billed before"),
        Step::Restored { name, amount } => format!("{name}: {currency} {amount}, charged again"),
        Step::Enough => "not below zero".into(),
        Step::Discount { name, amount } => format!("− {currency} {amount}, discount {name}"),
        Step::Round { exact, amount } if equal(exact, amount) => format!("= {currency} {amount}, exactly"),
        Step::Round { exact, amount } => {
            format!("= {currency} {exact}, rounded half up to {currency} {amount}")
        }
    }
}

fn tier(from: &Exact, up_to: Option<&Exact>) -> String {
    match up_to {
        Some(end) if from.is_zero() => format!("up to {end}"),
        Some(end) => format!("above {from} up to {end}"),
        None => format!("above {from}"),
    }
}

fn with_flat(flat: UnitPrice, currency: &str) -> String {
    if flat.is_zero() { String::new() } else { format!(" and {currency} {flat}") }
}

fn unit_word(unit: ProrationUnit) -> Cow<'static, str> {
    match unit {
        ProrationUnit::Day => "days".into(),
        ProrationUnit::Second => "seconds".into(),
        ProrationUnit::FixedMonth(days) => format!("days of {}-day months", days.get()).into(),
        ProrationUnit::None => "units".into(),
    }
}

fn equal(exact: &str, amount: &str) -> bool {
    number::parse(exact).is_some_and(|exact| number::parse(amount) == Some(exact))
}
