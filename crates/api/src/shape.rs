//! Shapes that many answers share.

use jiff::{Timestamp, civil::Date};
use kernel::{Currency, Money, Period};
use serde::Serialize;
use tax::Tax;
use utoipa::ToSchema;

/// An amount of money.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Amount)]
pub(crate) struct AmountOut {
    /// In minor units: cents, or whole yen.
    #[schema(examples(4900))]
    amount: i64,
    /// ISO 4217.
    #[schema(examples("USD"))]
    currency: &'static str,
    /// The same in major units, as text.
    #[schema(examples("49.00"))]
    decimal: String,
}

impl From<Money> for AmountOut {
    fn from(money: Money) -> Self {
        Self::sum(money.minor(), money.currency())
    }
}

impl AmountOut {
    /// A sum of amounts, which may be beyond what one amount may be.
    pub(crate) fn sum(minor: i64, currency: Currency) -> Self {
        Self { amount: minor, currency: currency.code(), decimal: decimal(minor, currency) }
    }
}

fn decimal(minor: i64, currency: Currency) -> String {
    let (size, places) = (minor.unsigned_abs(), usize::from(currency.exponent()));
    let per_major = currency.minor_per_major().unsigned_abs();
    let sign = if minor < 0 { "-" } else { "" };
    match places {
        0 => format!("{sign}{size}"),
        _ => format!("{sign}{}.{:0places$}", size / per_major, size % per_major),
    }
}

/// One tax of a document: which it is, why, and what it comes to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Tax)]
pub(crate) struct TaxOut {
    /// Whose tax it is about: a country, or a country and its region.
    #[schema(examples("DE"))]
    jurisdiction: String,
    /// `standard`, `reverse_charge`, `export`, `exempt` or `not_registered`. Only the first charges anything.
    #[schema(examples("standard"))]
    kind: &'static str,
    /// What the tax is called there.
    #[schema(examples("VAT"))]
    name: String,
    /// What a document calls it.
    #[schema(examples("VAT 19 %"))]
    label: String,
    /// In percent, as decimal text.
    #[schema(examples("19"))]
    rate: String,
    /// The lines it is of, before tax.
    base: AmountOut,
    /// What it comes to.
    amount: AmountOut,
    /// Why it is so, in a sentence.
    #[schema(examples("Sold within Germany: VAT of Germany, 19 %."))]
    reason: String,
    /// What the law wants printed on the document.
    note: Option<String>,
}

impl From<Tax> for TaxOut {
    fn from(Tax { treatment, base, amount }: Tax) -> Self {
        Self {
            label: treatment.label(),
            jurisdiction: treatment.jurisdiction.to_string(),
            kind: treatment.kind.word(),
            name: treatment.name,
            rate: treatment.rate.to_string(),
            base: base.into(),
            amount: amount.into(),
            reason: treatment.reason,
            note: treatment.note,
        }
    }
}

/// From the start up to and without the end.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Period)]
pub(crate) struct PeriodOut {
    /// The first instant in it.
    start: Timestamp,
    /// The first instant after it.
    end: Timestamp,
    /// The local date it starts on.
    start_date: Date,
    /// The local date it ends before.
    end_date: Date,
}

impl From<Period> for PeriodOut {
    fn from(period: Period) -> Self {
        let Period { start, end } = period;
        Self { start: start.at, end: end.at, start_date: start.date, end_date: end.date }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_those_of_the_currency() {
        for (minor, code, text) in [
            (4900, "USD", "49.00"),
            (-5, "USD", "-0.05"),
            (i64::MIN, "USD", "-92233720368547758.08"),
            (-1234, "JPY", "-1234"),
            (1234, "KWD", "1.234"),
            (0, "EUR", "0.00"),
        ] {
            assert_eq!(decimal(minor, Currency::parse(code).unwrap()), text);
        }
    }
}
