//! Numbers, dates and instants as cases write them.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
};
use kernel::{Cycle, CycleUnit, Exact, Rate, Zone};
use serde_json::Value;

use crate::case::{Case, Checked, Miss};

/// A number, as such or as text.
pub fn number(value: &Value) -> Option<Exact> {
    match value {
        Value::String(text) => plain(text.trim()),
        Value::Number(number) => plain(&number.to_string()),
        _ => None,
    }
}

/// A decimal, perhaps with an exponent, as small numbers of JSON are written.
fn plain(text: &str) -> Option<Exact> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return Exact::parse_decimal(text).ok();
    };
    let (mantissa, exponent) = (Exact::parse_decimal(mantissa).ok()?, exponent.parse::<i32>().ok()?);
    let scale = Exact::from(10_i128.checked_pow(exponent.unsigned_abs())?);
    if exponent < 0 { mantissa.checked_div(&scale) } else { Some(mantissa * scale) }
}

/// A number as the text of a price book.
pub fn decimal(value: &Value) -> Checked<String> {
    number(value).map(|number| number.to_string()).ok_or_else(|| Miss::not(format!("no number: {value}")))
}

/// Minor units as the text of a price book, in major units.
pub fn major(case: &Case, value: &Value) -> Checked<String> {
    let minor = number(value).ok_or_else(|| Miss::not(format!("no minor units: {value}")))?;
    let per_major = Exact::from(case.currency().minor_per_major());
    minor.checked_div(&per_major).map(|major| major.to_string()).ok_or_else(|| Miss::not("no minor units"))
}

/// A percentage.
pub fn rate(value: &Value) -> Checked<Rate> {
    let text = decimal(value)?;
    Ok(Rate::parse_percent(&text)?)
}

/// The date a text begins with. Where there is no year, one without a leap day counts.
pub fn date(value: &Value) -> Checked<Date> {
    let text = value.as_str().ok_or_else(|| Miss::not(format!("no date: {value}")))?;
    let with_year = text.get(..10).and_then(|text| text.parse().ok());
    let without = || text.get(..5).and_then(|text| format!("2025-{text}").parse().ok());
    with_year.or_else(without).ok_or_else(|| Miss::not(format!("no date: {text}")))
}

/// An instant; a date means its midnight in the zone.
pub fn instant(value: &Value, zone: &Zone) -> Checked<Timestamp> {
    let text = value.as_str().unwrap_or_default();
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    if let Some(local) =
        text.get(..16).and_then(|text| text.parse::<DateTime>().ok()).filter(|_| text.contains('T'))
    {
        return Ok(zone.at_time(local.date(), local.time()));
    }
    Ok(zone.start_of_day(date(value)?))
}

/// The customer's zone; UTC unless the case says another.
pub fn zone(case: &Case) -> Checked<Zone> {
    match case.find(&["customer_tz", "tz", "timezone", "zone"]).and_then(Value::as_str) {
        Some(name) => Ok(Zone::parse(name)?),
        None => Ok(Zone::utc()),
    }
}

/// The billing cycle; a month unless the case says another.
pub fn cycle(case: &Case) -> Checked<Cycle> {
    if let Some(months) = case.find(&["period_months", "interval_months", "old_interval_months"]) {
        let months = months.as_u64().and_then(|months| u16::try_from(months).ok());
        return Ok(Cycle::new(CycleUnit::Month, months.ok_or_else(|| Miss::not("no number of months"))?)?);
    }
    match case.find(&["interval"]).and_then(Value::as_str) {
        Some(text) => cycle_word(text),
        None => Ok(Cycle::MONTH),
    }
}

/// A cycle by its word, whatever is said behind it.
pub fn cycle_word(text: &str) -> Checked<Cycle> {
    let word = text.split([' ', '(']).next().unwrap_or_default();
    let word = match word {
        "monthly" => "month",
        "weekly" => "week",
        "yearly" | "annual" | "annually" => "year",
        "quarterly" => "quarter",
        "daily" => "day",
        "semiannual" | "half-year" => "half_year",
        word => word,
    };
    Ok(Cycle::parse(word)?)
}

/// A list, or the one thing that stands where a list could.
pub fn several(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}
