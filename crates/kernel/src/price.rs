//! Unit prices: what one of something costs, down to a millionth of a millionth of a major unit.

use std::fmt;

use crate::{
    Error, Exact, Result,
    decimal::{Decimal, trimmed},
    text_serde::text_serde,
};

/// Decimal places a unit price may have.
const PLACES: usize = 12;
/// 10^12 major units, in the unit of the field.
const MAX: i128 = 1_000_000_000_000 * SCALE;
const SCALE: i128 = 1_000_000_000_000;

/// A price per unit in major units: 0 to 10^12 with at most 12 decimals, held exactly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPrice(i128);

impl UnitPrice {
    /// Free.
    pub const ZERO: Self = Self(0);

    /// A plain decimal string. Errors: `price_malformed` (not a plain decimal, or more than 12
    /// decimals), `price_out_of_range` (negative, or above 10^12).
    pub fn parse(text: &str) -> Result<Self> {
        let decimal = Some(text).filter(|text| text.len() <= 40).and_then(Decimal::split);
        let decimal = decimal.filter(|decimal| decimal.places() <= PLACES).ok_or_else(|| {
            Error::invalid(
                "price_malformed",
                "This is not a unit price. Write a plain decimal with at most 12 decimals, such as 0.0025.",
            )
        })?;
        match decimal.scaled(PLACES) {
            Some(scaled) if (0..=MAX).contains(&scaled) => Ok(Self(scaled)),
            _ => Err(Error::invalid(
                "price_out_of_range",
                "A unit price is between 0 and 1000000000000 (10^12) major units.",
            )),
        }
    }

    /// Does one cost nothing?
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The exact price in major units.
    pub fn exact(self) -> Exact {
        Exact::ratio(self.0, SCALE)
    }
}

impl fmt::Display for UnitPrice {
    /// The one spelling: no trailing zeros, no point when nothing follows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&trimmed(self.0, PLACES))
    }
}
impl fmt::Debug for UnitPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
text_serde!(UnitPrice, UnitPrice::parse);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_price_has_one_spelling() {
        for (text, shown) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.00", "0"),
            ("10", "10"),
            ("100.10", "100.1"),
            ("0.000000000001", "0.000000000001"),
            ("1000000000000", "1000000000000"),
            ("1.2300000000000000", "1.23"),
            ("007.5", "7.5"),
        ] {
            assert_eq!(UnitPrice::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn wrong_prices_are_refused() {
        for (text, code) in [
            ("", "price_malformed"),
            ("free", "price_malformed"),
            ("1e3", "price_malformed"),
            ("1,5", "price_malformed"),
            ("0.0000000000001", "price_malformed"),
            ("-1", "price_out_of_range"),
            ("-0.01", "price_out_of_range"),
            ("1000000000000.000000000001", "price_out_of_range"),
            ("9999999999999999999999999999999999999999", "price_out_of_range"),
        ] {
            assert_eq!(UnitPrice::parse(text).unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn it_travels_as_a_decimal_string() {
        let price: UnitPrice = serde_json::from_str("\"0.0250\"").unwrap();
        assert_eq!(serde_json::to_string(&price).unwrap(), "\"0.025\"");
        assert_eq!(price.exact(), Exact::ratio(1, 40));
        assert!(
            serde_json::from_str::<UnitPrice>("0.025").is_err(),
            "a JSON number has passed through a float"
        );
    }

    proptest! {
        #[test]
        fn text_reads_back_and_order_is_of_value(a in 0..=MAX, b in 0..=MAX) {
            let (a, b) = (UnitPrice(a), UnitPrice(b));
            prop_assert_eq!(UnitPrice::parse(&a.to_string()).unwrap(), a);
            prop_assert_eq!(a.cmp(&b), a.exact().cmp(&b.exact()));
        }
    }
}
