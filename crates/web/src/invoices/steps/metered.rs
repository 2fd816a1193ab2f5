//! The steps of what is measured, as a table shows them.

use kernel::Currency;
use rating::{Number, Step};

use crate::show;

/// What a step is called, how it works, and its figure; none for a step that reads best as its own sentence.
pub(super) fn step(step: &Step, currency: Currency) -> Option<(String, String, String)> {
    let money = |amount: &Number| show::decimal(&show::exact(&amount.to_string()), currency);
    let said = |label: &str, working: String, figure: String| Some((label.to_owned(), working, figure));
    match step {
        Step::Tariff { name, place, book, price } => {
            said(&show::price(price), format!("{name}, price book version {book}, {place}"), String::new())
        }
        Step::Measured { quantity, unit: Some(unit), .. } => {
            said("What was measured", String::new(), show::units(&figure(quantity), unit))
        }
        Step::Measured { quantity, unit: None, .. } => {
            said("What was measured", String::new(), money(quantity))
        }
        Step::Included { each, times, left } => {
            let times = times.as_ref().map(|times| format!(", for each of {}", figure(times)));
            let working = format!("{} included{}", figure(each), times.unwrap_or_default());
            said("Left to be charged", working, figure(left))
        }
        Step::Units { units, each, amount } => {
            let working = format!("{} × {}", figure(units), show::unit_price(*each, currency));
            said("For each", working, money(amount))
        }
        Step::Packages { units, size, packages, each, amount } => {
            let whole = format!("{} in packages of {}", figure(units), figure(size));
            let each = show::unit_price(*each, currency);
            said("For each package", format!("{whole}: {} × {each}", show::grouped(*packages)), money(amount))
        }
        Step::Lesser { percent, of, amount } => {
            said("Or a share, where that is less", format!("{percent} % of {}", money(of)), money(amount))
        }
        Step::Percent { percent, of, amount } => {
            said("A share", format!("{percent} % of {}", money(of)), money(amount))
        }
        Step::UpTo { watermark } => said("Counted up to", watermark.clone(), String::new()),
        Step::Early { reached, date, .. } => {
            let reached = show::decimal(reached, currency);
            let working = format!("usage reached {reached}; the period goes on until {}", show::date(*date));
            said("Billed early", working, String::new())
        }
        _ => None,
    }
}

/// Grouped where it is whole.
fn figure(number: &Number) -> String {
    let whole = number.floor().ok().filter(|_| number.is_integer());
    whole.map_or_else(|| show::exact(&number.to_string()), show::grouped)
}
