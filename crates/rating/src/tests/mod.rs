//! Tests of rating: worked cases, and laws that hold for every price and quantity.

mod corrections;
mod laws;
mod licensed;
mod measured;
mod strategy;

use catalog::{Minimums, PercentTier, Percentage, Price, PriceKind, Started, Tier, Tiers, When};
use kernel::{Currency, Cycle, Exact, Money, ProrationUnit, Rate, UnitPrice};

use crate::{Allowance, Explanation, Measured, Metered, Rated, Share, rate_metered};

fn unit_price(text: &str) -> UnitPrice {
    UnitPrice::parse(text).unwrap()
}

fn exact(text: &str) -> Exact {
    text.parse().unwrap()
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn usd(text: &str) -> Money {
    Money::parse(text, currency("USD")).unwrap()
}

fn rate_of(text: &str) -> Rate {
    Rate::parse_percent(text).unwrap()
}

fn days(part: i64, whole: i64) -> Share {
    Share::Part { unit: ProrationUnit::Day, part, whole }
}

fn price_in(code: &str, kind: PriceKind) -> Price {
    Price::new(When::Every(Cycle::MONTH), currency(code), kind)
}

fn price(kind: PriceKind) -> Price {
    price_in("USD", kind)
}

/// `"up_to price flat"`; the last tier's end is `-`.
fn tiers(rows: &[&str]) -> Tiers {
    let tiers = rows.iter().map(|row| {
        let cells: Vec<&str> = row.split(' ').collect();
        Tier {
            up_to: (cells[0] != "-").then(|| exact(cells[0])),
            price: unit_price(cells[1]),
            flat: unit_price(cells.get(2).copied().unwrap_or("0")),
            package: cells.get(3).map(|size| exact(size)),
        }
    });
    Tiers { unit: "call".into(), tiers: tiers.collect(), flat_at_zero: false }
}

fn percent_tiers(rows: &[&str]) -> PriceKind {
    let tiers = rows.iter().map(|row| {
        let cells: Vec<&str> = row.split(' ').collect();
        PercentTier {
            up_to: (cells[0] != "-").then(|| exact(cells[0])),
            percent: rate_of(cells[1]),
            flat: unit_price(cells.get(2).copied().unwrap_or("0")),
        }
    });
    PriceKind::GraduatedPercentage { tiers: tiers.collect(), flat_at_zero: false }
}

fn package(size: &str, amount: &str, started: Started) -> PriceKind {
    PriceKind::Package { unit: "call".into(), size: exact(size), amount: unit_price(amount), started }
}

fn percentage(rate: &str) -> Percentage {
    Percentage::of(rate_of(rate))
}

/// A price applied to a whole period.
fn metered<'a>(price: &'a Price, measured: &'a Measured, allowance: Option<&'a Allowance>) -> Metered<'a> {
    Metered {
        name: "Calls",
        place: "plans.x.usage.calls",
        book: 1,
        price,
        measured,
        allowance,
        share: Share::Whole,
        minimums: Minimums::Whole,
    }
}

fn of_quantity(price: &Price, quantity: &str) -> Rated {
    sound(rate_metered(&metered(price, &Measured::Quantity(exact(quantity)), None)).unwrap())
}

/// The rated charge, once its explanation has been stored, read and worked out again.
#[track_caller]
fn sound(rated: Rated) -> Rated {
    let stored = serde_json::to_string(&rated.explanation).unwrap();
    let read: Explanation = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, rated.explanation);
    assert_eq!(read.recompute().unwrap(), rated.amount, "{stored}");
    assert!(read.sentences().iter().all(|sentence| !sentence.is_empty()));
    rated
}
