//! Single values of the file. Each function returns the value, or reports why it is none.

use std::ops::RangeInclusive;

use kernel::{Exact, Rate, UnitPrice};
use toml::de::DeValue;

use super::{
    report::{Report, short},
    section::Item,
};

/// Most characters of a name or a text shown on a page.
const MAX_NAME: usize = 200;
/// Most characters of a unit such as "user".
const MAX_UNIT: usize = 30;

/// Report a value of another kind than `wanted` says, a phrase such as "`days` is a whole number".
pub(super) fn wrong_kind(item: &Item<'_>, wanted: &str, report: &mut Report) {
    let found = match item.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a decimal point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    };
    report.add(item.span(), format!("{wanted}; this is {found}"));
}

/// A text, whatever it says.
pub(super) fn text<'t>(item: &'t Item<'t>, what: &str, report: &mut Report) -> Option<&'t str> {
    let text = item.get_ref().as_str();
    if text.is_none() {
        wrong_kind(item, &format!("{what} is a text in quotes"), report);
    }
    text
}

/// A name for people.
pub(super) fn name(item: &Item<'_>, report: &mut Report) -> Option<String> {
    shown(item, "a name", MAX_NAME, report)
}

/// The text of a value feature.
pub(super) fn value(item: &Item<'_>, report: &mut Report) -> Option<String> {
    shown(item, "a value", MAX_NAME, report)
}

/// One of what is counted, such as "user".
pub(super) fn unit(item: &Item<'_>, report: &mut Report) -> Option<String> {
    shown(item, "a unit", MAX_UNIT, report)
}

pub(super) fn shown(item: &Item<'_>, what: &str, max: usize, report: &mut Report) -> Option<String> {
    let text = text(item, what, report)?;
    let wrong = if text.trim().is_empty() {
        format!("{what} cannot be empty")
    } else if text.trim() != text {
        format!("{what} cannot begin or end with a space")
    } else if text.chars().any(char::is_control) {
        format!("{what} cannot contain line breaks or control characters")
    } else if text.chars().count() > max {
        format!("{what} has at most {max} characters")
    } else {
        return Some(text.to_owned());
    };
    report.add(item.span(), wrong);
    None
}

/// A whole number in a range.
pub(super) fn whole(
    item: &Item<'_>,
    what: &str,
    range: RangeInclusive<u64>,
    report: &mut Report,
) -> Option<u64> {
    let DeValue::Integer(digits) = item.get_ref() else {
        wrong_kind(item, &format!("{what} is a whole number"), report);
        return None;
    };
    let number = u64::from_str_radix(digits.as_str(), digits.radix()).ok();
    let number = number.filter(|number| range.contains(number));
    if number.is_none() {
        let wanted = match (range.start(), range.end()) {
            (least, most) if least == most => format!("{least}"),
            (least, most) => format!("from {least} to {most}"),
        };
        report.add(item.span(), format!("{what} must be {wanted}"));
    }
    number
}

/// true or false.
pub(super) fn flag(item: &Item<'_>, what: &str, report: &mut Report) -> Option<bool> {
    let flag = item.get_ref().as_bool();
    if flag.is_none() {
        wrong_kind(item, &format!("{what} is true or false, without quotes"), report);
    }
    flag
}

/// One of a few words.
pub(super) fn choice<T: Copy>(
    item: &Item<'_>,
    what: &str,
    choices: &[(&str, T)],
    report: &mut Report,
) -> Option<T> {
    let word = text(item, what, report)?;
    let chosen = choices.iter().find(|(choice, _)| *choice == word).map(|(_, value)| *value);
    if chosen.is_none() {
        let words: Vec<String> = choices.iter().map(|(choice, _)| format!("\"{choice}\"")).collect();
        let message = format!("`{}` is not a choice for {what}: {}", short(word), words.join(", "));
        report.add_unknown(item.span(), message, word, choices.iter().map(|(choice, _)| *choice));
    }
    chosen
}

/// The items of a list.
pub(super) fn list<'t>(item: &'t Item<'t>, what: &str, report: &mut Report) -> &'t [Item<'t>] {
    match item.get_ref() {
        DeValue::Array(items) => items,
        _ => {
            wrong_kind(item, &format!("{what} is a list in square brackets"), report);
            &[]
        }
    }
}

/// A price: a decimal in quotes, or a whole number. Numbers with a decimal point are refused, because TOML
/// reads them as binary fractions, which most prices are not.
pub(super) fn price(item: &Item<'_>, report: &mut Report) -> Option<UnitPrice> {
    let text = digits(item, "a price", report)?;
    let price = UnitPrice::parse(&text).ok();
    if price.is_none() {
        let hint = "write a decimal of at most 12 places, such as \"49\" or \"0.50\", from 0 to 10^12";
        report.add_hint(item.span(), format!("`{}` is not a price", short(&text)), hint);
    }
    price
}

/// The digits of a number written as a text or as a whole number; one with a decimal point must be in quotes.
fn digits(item: &Item<'_>, what: &str, report: &mut Report) -> Option<String> {
    match item.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        // With its prefix when it is hexadecimal, which no figure of a book is.
        DeValue::Integer(digits) => Some(digits.to_string()),
        DeValue::Float(number) => {
            let hint = format!("write \"{}\"", short(number.as_str()));
            report.add_hint(item.span(), format!("{what} with a decimal point must be in quotes"), hint);
            None
        }
        _ => {
            wrong_kind(item, &format!("{what} is a decimal in quotes or a whole number"), report);
            None
        }
    }
}

/// A number that is not negative: a decimal in quotes, or a whole number.
pub(super) fn decimal(item: &Item<'_>, what: &str, report: &mut Report) -> Option<Exact> {
    let text = digits(item, what, report)?;
    let number = UnitPrice::parse(&text).ok().map(UnitPrice::exact);
    if number.is_none() {
        let hint = "write a decimal of at most 12 places, such as \"1.5\", from 0 to 10^12";
        report.add_hint(item.span(), format!("{what} cannot be `{}`", short(&text)), hint);
    }
    number
}

/// A number above zero: a decimal in quotes, or a whole number.
pub(super) fn above_zero(item: &Item<'_>, what: &str, report: &mut Report) -> Option<Exact> {
    let number = decimal(item, what, report)?;
    if number.is_zero() {
        report.add(item.span(), format!("{what} is above 0"));
    }
    Some(number).filter(|number| !number.is_zero())
}

/// A percentage: `"2.9"`, `"2.9 %"` or a whole number.
pub(super) fn percent(item: &Item<'_>, report: &mut Report) -> Option<Rate> {
    let text = digits(item, "a percentage", report)?;
    let number = text.strip_suffix('%').map_or(text.as_str(), str::trim_end);
    let rate = Rate::parse_percent(number).ok();
    if rate.is_none() {
        let hint = "write a decimal of at most 10 places, such as \"2.9\", from 0 to 10000";
        report.add_hint(item.span(), format!("`{}` is not a percentage", short(&text)), hint);
    }
    rate
}

/// The discount of a price that says how much it is off the price of a month: `"10 % off"`.
pub(super) fn percent_off<'t>(item: &'t Item<'t>) -> Option<&'t str> {
    let text = item.get_ref().as_str()?;
    Some(text.strip_suffix("off")?.trim_end().strip_suffix('%')?.trim_end())
}
