//! Money: whole minor units of one currency, within the range JSON numbers carry exactly.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    Currency, Error, Exact, Result,
    decimal::{Decimal, fixed},
};

/// The largest amount or balance, in minor units: 10^15, safe in every JSON reader.
pub const MAX_MINOR: i64 = 1_000_000_000_000_000;

/// An amount in minor units of a currency; its size never exceeds [`MAX_MINOR`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Money {
    #[serde(rename = "amount")]
    minor: i64,
    currency: Currency,
}

impl Money {
    /// `minor` minor units. Error: `amount_out_of_range` beyond 10^15.
    pub fn new(minor: i64, currency: Currency) -> Result<Self> {
        Self::from_wide(minor.into(), currency)
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    fn from_wide(minor: i128, currency: Currency) -> Result<Self> {
        match i64::try_from(minor) {
            Ok(minor) if minor.unsigned_abs() <= MAX_MINOR as u64 => Ok(Self { minor, currency }),
            _ => Err(Error::invalid(
                "amount_out_of_range",
                "The amount is beyond 10^15 minor units. Use a smaller amount.",
            )),
        }
    }

    /// The amount in minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// What it is an amount of.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Is it nothing?
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// Is it below nothing?
    pub const fn is_negative(self) -> bool {
        self.minor < 0
    }

    /// The sum. Errors: `currency_mismatch`, `amount_out_of_range`.
    pub fn checked_add(self, other: Self) -> Result<Self> {
        self.same_currency(other.currency)?;
        Self::from_wide(i128::from(self.minor) + i128::from(other.minor), self.currency)
    }

    /// The difference. Errors: `currency_mismatch`, `amount_out_of_range`.
    pub fn checked_sub(self, other: Self) -> Result<Self> {
        self.checked_add(other.negated())
    }

    /// The same amount the other way.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self { minor: -self.minor, currency: self.currency }
    }

    /// The sum of all, zero for none. Only the total must be in range, not each partial sum.
    /// Errors: `currency_mismatch`, `amount_out_of_range`.
    pub fn total(amounts: impl IntoIterator<Item = Self>, currency: Currency) -> Result<Self> {
        let mut sum = 0_i128;
        for amount in amounts {
            Self::zero(currency).same_currency(amount.currency)?;
            sum += i128::from(amount.minor);
        }
        Self::from_wide(sum, currency)
    }

    fn same_currency(self, other: Currency) -> Result<()> {
        if self.currency == other {
            return Ok(());
        }
        Err(Error::invalid(
            "currency_mismatch",
            format!("{} and {other} cannot be added. Convert one of them first.", self.currency),
        ))
    }

    /// Major units as text, such as `1234.50`: plain digits, an optional minus sign, at most as many
    /// decimals as the currency has. Errors: `amount_malformed`, `amount_out_of_range`.
    pub fn parse(text: &str, currency: Currency) -> Result<Self> {
        let places = usize::from(currency.exponent());
        let decimal = Some(text).filter(|text| text.len() <= 40).and_then(Decimal::split);
        let decimal = decimal.filter(|decimal| decimal.fraction.len() <= places).ok_or_else(|| {
            let example = fixed(1234 * i128::from(currency.minor_per_major()), places);
            Error::invalid(
                "amount_malformed",
                format!("This is not an amount in {currency}. Write it like {example}, without separators."),
            )
        })?;
        Self::from_wide(decimal.scaled(places).unwrap_or(i128::MAX), currency)
    }

    /// Major units with every decimal of the currency and no grouping: `1234.50`, `-0.05`, `1234` (JPY).
    pub fn decimal(self) -> String {
        fixed(self.minor.into(), usize::from(self.currency.exponent()))
    }

    /// From exact major units, rounded once, half away from zero, to the minor unit.
    /// Error: `amount_out_of_range`.
    pub fn from_exact_major(major: &Exact, currency: Currency) -> Result<Self> {
        let minor = major * Exact::from(currency.minor_per_major());
        Self::new(minor.round_half_up()?, currency)
    }

    /// The exact amount in major units.
    pub fn exact_major(self) -> Exact {
        Exact::ratio(self.minor.into(), self.currency.minor_per_major().into())
    }
}

impl fmt::Display for Money {
    /// `USD 1,234.50`; below zero the sign (U+2212) stands before the code: `−USD 1,234.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = fixed(self.minor.unsigned_abs().into(), usize::from(self.currency.exponent()));
        let (whole, fraction) = size.split_at(size.find('.').unwrap_or(size.len()));
        let sign = if self.is_negative() { "−" } else { "" };
        write!(f, "{sign}{} ", self.currency)?;
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        f.write_str(fraction)
    }
}
impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            amount: i64,
            currency: Currency,
        }
        let Fields { amount, currency } = Fields::deserialize(deserializer)?;
        Self::new(amount, currency).map_err(|error| serde::de::Error::custom(error.detail))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }
    fn money(text: &str, code: &str) -> Money {
        Money::parse(text, currency(code)).unwrap()
    }

    #[test]
    fn text_follows_the_exponent_of_the_currency() {
        for (code, text, minor, decimal, shown) in [
            ("USD", "1234.50", 123_450, "1234.50", "USD 1,234.50"),
            ("USD", "1234.5", 123_450, "1234.50", "USD 1,234.50"),
            ("USD", "-0.05", -5, "-0.05", "−USD 0.05"),
            ("USD", "999", 99_900, "999.00", "USD 999.00"),
            ("JPY", "1234567", 1_234_567, "1234567", "JPY 1,234,567"),
            ("JPY", "-100", -100, "-100", "−JPY 100"),
            ("KWD", "1.234", 1_234, "1.234", "KWD 1.234"),
            ("CLF", "0.0001", 1, "0.0001", "CLF 0.0001"),
            ("EUR", "-0", 0, "0.00", "EUR 0.00"),
        ] {
            let amount = money(text, code);
            assert_eq!((amount.minor(), amount.decimal().as_str()), (minor, decimal));
            assert_eq!(amount.to_string(), shown);
        }
    }

    #[test]
    fn wrong_text_is_refused() {
        let long = "1".repeat(41);
        for (code, text) in [
            ("USD", "1.234"),
            ("USD", "1.500"),
            ("JPY", "1.0"),
            ("USD", ""),
            ("USD", "1,000"),
            ("USD", "$1"),
            ("USD", "1."),
            ("USD", ".5"),
            ("USD", "+1"),
            ("USD", "1e3"),
            ("USD", " 1"),
            ("USD", &long),
        ] {
            assert_eq!(Money::parse(text, currency(code)).unwrap_err().code, "amount_malformed", "{text}");
        }
    }

    #[test]
    fn ten_to_the_fifteen_is_the_limit_both_ways() {
        let usd = currency("USD");
        assert!(Money::new(MAX_MINOR, usd).is_ok() && Money::new(-MAX_MINOR, usd).is_ok());
        let codes = [
            Money::new(MAX_MINOR + 1, usd),
            Money::new(-MAX_MINOR - 1, usd),
            Money::new(i64::MIN, usd),
            Money::parse("10000000000000.01", usd),
            Money::parse("-99999999999999999999999999999999999999", usd),
            Money::parse("9999999999999999999999999999999999999999", usd),
            Money::new(MAX_MINOR, usd).unwrap().checked_add(Money::new(1, usd).unwrap()),
            Money::new(-MAX_MINOR, usd).unwrap().checked_sub(Money::new(1, usd).unwrap()),
            Money::from_exact_major(&"10000000000000.005".parse().unwrap(), usd),
        ]
        .map(|result| result.unwrap_err().code);
        assert!(codes.iter().all(|code| *code == "amount_out_of_range"), "{codes:?}");
        assert_eq!(money("10000000000000.00", "USD").minor(), MAX_MINOR);
    }

    #[test]
    fn currencies_do_not_mix() {
        let (usd, eur) = (money("1", "USD"), money("1", "EUR"));
        assert_eq!(usd.checked_add(eur).unwrap_err().code, "currency_mismatch");
        assert_eq!(usd.checked_sub(eur).unwrap_err().code, "currency_mismatch");
        assert_eq!(Money::total([usd, eur], usd.currency()).unwrap_err().code, "currency_mismatch");
    }

    #[test]
    fn only_the_total_need_be_in_range() {
        let usd = currency("USD");
        let top = Money::new(MAX_MINOR, usd).unwrap();
        assert_eq!(Money::total([top, top, top.negated()], usd).unwrap(), top);
        assert_eq!(Money::total([top, top], usd).unwrap_err().code, "amount_out_of_range");
        assert!(Money::total([], usd).unwrap().is_zero());
    }

    #[test]
    fn exact_amounts_round_once_away_from_zero() {
        for (major, code, minor) in [
            ("0.005", "USD", 1),
            ("-0.005", "USD", -1),
            ("0.0049999", "USD", 0),
            ("1/3", "USD", 33),
            ("2/3", "JPY", 1),
            ("0.5", "JPY", 1),
            ("0.0005", "KWD", 1),
        ] {
            assert_eq!(
                Money::from_exact_major(&major.parse().unwrap(), currency(code)).unwrap().minor(),
                minor
            );
        }
    }

    #[test]
    fn it_travels_as_minor_units_and_code() {
        let amount = money("1234.50", "USD");
        let json = r#"{"amount":123450,"currency":"USD"}"#;
        assert_eq!(serde_json::to_string(&amount).unwrap(), json);
        assert_eq!(serde_json::from_str::<Money>(json).unwrap(), amount);
        for bad in [
            r#"{"amount":1.5,"currency":"USD"}"#,
            r#"{"amount":"1","currency":"USD"}"#,
            r#"{"amount":1,"currency":"usd"}"#,
            r#"{"amount":1000000000000001,"currency":"USD"}"#,
            r#"{"amount":1}"#,
            r#"{"amount":1,"currency":"USD","x":1}"#,
        ] {
            assert!(serde_json::from_str::<Money>(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_and_exact_amounts_read_back(minor in -MAX_MINOR..=MAX_MINOR, index in 0..Currency::all().len()) {
            let amount = Money::new(minor, Currency::all().nth(index).unwrap()).unwrap();
            prop_assert_eq!(Money::parse(&amount.decimal(), amount.currency()).unwrap(), amount);
            prop_assert_eq!(Money::from_exact_major(&amount.exact_major(), amount.currency()).unwrap(), amount);
            let shown = amount.to_string().replace([',', ' '], "").replace('−', "-").replace(amount.currency().code(), "");
            prop_assert_eq!(shown, amount.decimal());
        }
    }
}
