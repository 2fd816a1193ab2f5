//! How figures, instants and states of the house read on a page.

use catalog::PriceKind;
use jiff::{Timestamp, civil::Date};
use kernel::{Currency, Cycle, CycleUnit, Exact, Money, Period, UnitPrice, Zone};
use maud::{Markup, html};

use crate::ui;

/// `16 Mar 2027`.
pub(crate) fn date(date: Date) -> String {
    date.strftime("%-d %b %Y").to_string()
}

/// `16 Mar 2027, 09:00 CET`: local time with the zone's short name there and then.
pub(crate) fn instant(at: Timestamp, zone: &Zone) -> String {
    at.to_zoned(zone.rules().clone()).strftime("%-d %b %Y, %H:%M %Z").to_string()
}

/// The same for people and machines; the exact instant and the zone's full name are its title.
pub(crate) fn time(at: Timestamp, zone: &Zone) -> Markup {
    let exact = format!("{at} · shown in {zone}");
    html! { time datetime=(machine(at)) title=(exact) { (instant(at, zone)) } }
}

/// For the attribute of a `time`: HTML allows no more than milliseconds.
pub(crate) fn machine(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// `15 Jan – 14 Feb 2026`: its first and its last day.
pub(crate) fn period(period: &Period) -> String {
    let (first, after) = (period.start.date, period.end.date);
    let last = after.yesterday().unwrap_or(after).max(first);
    let (from, to) = (date(first), date(last));
    match (first == last, first.year() == last.year()) {
        (true, _) => to,
        (false, true) => format!("{} – {to}", first.strftime("%-d %b")),
        (false, false) => format!("{from} – {to}"),
    }
}

/// An amount of money.
pub(crate) fn money(amount: Money) -> Markup {
    ui::amount(&amount.to_string())
}

/// A sum in minor units, which may be larger than any one amount.
pub(crate) fn minor(sum: i128, currency: Currency) -> String {
    let amount = i64::try_from(sum).ok().and_then(|minor| Money::new(minor, currency).ok());
    amount.map_or_else(
        || format!("{currency} {sum} × 10^−{}", currency.exponent()),
        |amount| amount.to_string(),
    )
}

/// A sum in minor units as an axis has it, in major ones: `12k`, `1.5M`, `0.25`.
pub(crate) fn brief(sum: i128, currency: Currency) -> String {
    let unit = 10_i128.pow(currency.exponent().into());
    let (sign, size) = (if sum < 0 { "−" } else { "" }, sum.saturating_abs());
    let (by, letter) = match size / unit {
        1_000_000_000.. => (unit * 1_000_000_000, "bn"),
        1_000_000.. => (unit * 1_000_000, "M"),
        1_000.. => (unit * 1_000, "k"),
        _ => (unit, ""),
    };
    let hundredths = size * 100 / by;
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    format!("{sign}{}{letter}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The same without its currency, where a heading names it.
pub(crate) fn bare(sum: i128, currency: Currency) -> String {
    minor(sum, currency).replacen(&format!("{currency} "), "", 1)
}

/// A price of one: `USD 49.00`, `USD 0.0025`.
pub(crate) fn unit_price(price: UnitPrice, currency: Currency) -> String {
    decimal(&price.to_string(), currency)
}

/// Major units as text: with the currency's decimals, or more when there are more.
pub(crate) fn decimal(text: &str, currency: Currency) -> String {
    Money::parse(text, currency).map_or_else(|_| format!("{currency} {text}"), |amount| amount.to_string())
}

/// A price of the book without its cycle: `USD 0.50 per GB`. Other than flat and per unit, in the book's own words.
pub(crate) fn price(price: &catalog::Price) -> String {
    if !matches!(price.kind, PriceKind::Flat { .. } | PriceKind::PerUnit { .. }) {
        // Keys of meters read as words.
        return price.to_string().replace('_', " ");
    }
    let amount = unit_price(price.amount(), price.currency);
    price.unit().map_or_else(|| amount.clone(), |unit| format!("{amount} per {unit}"))
}

/// An exact figure, cut behind the fourth decimal where it does not end: `25.2903…`.
pub(crate) fn exact(text: &str) -> String {
    if !text.contains('/') {
        return text.to_owned();
    }
    let Ok(value) = text.parse::<Exact>() else { return text.to_owned() };
    // Ten places more than are shown, so that no rounding reaches them.
    let long = value.to_decimal_string(14);
    let shown = long.len().saturating_sub(10);
    format!("{}…", &long[..shown])
}

/// `monthly`, `yearly`, `every 2 years`.
pub(crate) fn every(cycle: Cycle) -> String {
    let word = match (cycle.unit(), cycle.count()) {
        (CycleUnit::Day, 1) => "daily",
        (CycleUnit::Week, 1) => "weekly",
        (CycleUnit::Month, 1) => "monthly",
        (CycleUnit::Year, 1) => "yearly",
        _ if cycle == Cycle::QUARTER => "quarterly",
        _ if cycle == Cycle::HALF_YEAR => "half-yearly",
        _ => return format!("every {cycle}"),
    };
    word.to_owned()
}

/// `a month`, `for 2 years`: what a price is for, behind an amount.
pub(crate) fn per(cycle: Cycle) -> String {
    let span = span(cycle);
    if span.starts_with("a ") { span } else { format!("for {span}") }
}

/// `a month`, `half a year`, `2 years`.
pub(crate) fn span(cycle: Cycle) -> String {
    match cycle {
        Cycle::HALF_YEAR => "half a year".to_owned(),
        _ if cycle.count() == 1 || cycle == Cycle::QUARTER => format!("a {cycle}"),
        _ => cycle.to_string(),
    }
}

/// `1 user`, `6 users`, `3 GB`: the plural of a unit that is a word.
pub(crate) fn units(quantity: &str, unit: &str) -> String {
    format!("{quantity} {}", if quantity == "1" { unit.to_owned() } else { plural(unit) })
}

/// `users`, `GB`.
pub(crate) fn plural(unit: &str) -> String {
    let word = unit.ends_with(|last: char| last.is_ascii_lowercase() && last != 's');
    format!("{unit}{}", if word { "s" } else { "" })
}

/// A word of the API for people: `past_due` → `Past due`, `invoice.finalized` → `Invoice finalized`.
pub(crate) fn sentence(word: &str) -> String {
    let words = word.split(['_', '.', '-', ' ']).map(|word| match word {
        "ai" => "AI",
        "api" => "API",
        word => word,
    });
    let spaced = words.collect::<Vec<_>>().join(" ");
    let mut letters = spaced.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// `1 customer`, `2 customers`.
pub(crate) fn count(number: impl Into<i128>, one: &str) -> String {
    let number = number.into();
    if number == 1 { format!("1 {one}") } else { format!("{} {one}s", grouped(number)) }
}

/// `12,480`.
pub(crate) fn grouped(number: impl Into<i128>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "−" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use kernel::{Edge, Schedule};

    use super::*;

    #[test]
    fn instants_name_their_zone() {
        let at: Timestamp = "2027-03-16T08:00:00Z".parse().unwrap();
        assert_eq!(instant(at, &Zone::parse("Europe/Berlin").unwrap()), "16 Mar 2027, 09:00 CET");
        assert_eq!(instant(at, &Zone::utc()), "16 Mar 2027, 08:00 UTC");
        assert_eq!(machine("2027-03-16T08:00:00.123456Z".parse().unwrap()), "2027-03-16T08:00:00.123Z");
    }

    #[test]
    fn periods_read_by_their_first_and_last_day() {
        let shown = |start: &str, cycle| {
            let at = format!("{start}T12:00:00Z").parse().unwrap();
            period(&Schedule::anniversary(at, cycle, Zone::utc()).first_period(at).unwrap())
        };
        assert_eq!(shown("2026-01-15", Cycle::MONTH), "15 Jan – 14 Feb 2026");
        assert_eq!(shown("2026-01-15", Cycle::YEAR), "15 Jan 2026 – 14 Jan 2027");
        assert_eq!(shown("2026-01-15", Cycle::DAY), "15 Jan 2026");
        let edge = Edge::at("2026-01-15T12:00:00Z".parse().unwrap(), &Zone::utc());
        assert_eq!(period(&Period { start: edge, end: edge }), "15 Jan 2026");
    }

    #[test]
    fn figures_keep_what_they_are() {
        let usd = Currency::parse("USD").unwrap();
        assert_eq!(unit_price(UnitPrice::parse("0.5").unwrap(), usd), "USD 0.50");
        assert_eq!(unit_price(UnitPrice::parse("0.0025").unwrap(), usd), "USD 0.0025");
        assert_eq!((minor(-1234, usd), bare(-1234, usd)), ("−USD 12.34".into(), "−12.34".into()));
        let briefly = [0, 5_000, 25, -1_250_000, 150_000_000, 200_000_000_000].map(|sum| brief(sum, usd));
        assert_eq!(briefly, ["0", "50", "0.25", "−12.5k", "1.5M", "2bn"]);
        assert_eq!(brief(12_500, Currency::parse("JPY").unwrap()), "12.5k");
        assert!(minor(i128::MAX, usd).starts_with("USD 1701"));
        assert_eq!(exact("784/31"), "25.2903…");
        assert_eq!(exact("25.5"), "25.5");
        assert_eq!(
            (grouped(1_234_567), grouped(-12), grouped(999)),
            ("1,234,567".into(), "−12".into(), "999".into())
        );
    }

    #[test]
    fn words_of_the_api_read_as_sentences() {
        assert_eq!(sentence("api_key.created"), "API key created");
        assert_eq!(sentence("past_due"), "Past due");
        assert_eq!(sentence("book.applied"), "Book applied");
        assert_eq!((every(Cycle::MONTH).as_str(), per(Cycle::YEAR).as_str()), ("monthly", "a year"));
        assert_eq!(
            (per(Cycle::HALF_YEAR).as_str(), span(Cycle::QUARTER).as_str()),
            ("for half a year", "a quarter")
        );
        assert_eq!(
            (units("1", "user"), units("6", "user"), units("3", "GB")),
            ("1 user".into(), "6 users".into(), "3 GB".into())
        );
        assert_eq!(every(Cycle::parse("2 years").unwrap()), "every 2 years");
    }
}
