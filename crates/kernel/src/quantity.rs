//! Quantities: how many, scaled by the fixed number of decimals of what is counted.

use std::fmt;

use num_bigint::BigInt;
use num_traits::{Pow, ToPrimitive};

use crate::{
    Error, Exact, Result,
    decimal::{Decimal, trimmed},
};

/// The most decimals a quantity can have.
pub const MAX_DECIMALS: u8 = 9;
/// The longest text read.
const MAX_TEXT: usize = 80;
/// The largest exponent.
const MAX_EXPONENT: i32 = 60;
/// With an exponent below this every number that can be written so short rounds to none.
const LEAST_EXPONENT: i32 = -120;

/// `scaled` / 10^`decimals` of something, such as 2.50 GB at two decimals.
///
/// Equality is of the representation: 1 at no decimals is not equal to 1 at two. Compare
/// [`Quantity::exact`] across scales.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quantity {
    scaled: i64,
    decimals: u8,
}

impl Quantity {
    /// A whole number of units, without decimals.
    pub const fn whole(units: i64) -> Self {
        Self { scaled: units, decimals: 0 }
    }

    /// A quantity as it is stored. Error: `quantity_out_of_range` for more than 9 decimals.
    pub fn from_scaled(scaled: i64, decimals: u8) -> Result<Self> {
        if decimals > MAX_DECIMALS { Err(out_of_range()) } else { Ok(Self { scaled, decimals }) }
    }

    /// The text of a JSON number (exponents such as `1e3` included), rounded once, half away from
    /// zero, to `decimals` places. Errors: `quantity_malformed` (no JSON number, or longer than 80
    /// characters), `quantity_out_of_range` (an exponent above 60, more than 9 decimals asked for,
    /// or a result that does not fit 64 bits).
    pub fn parse(text: &str, decimals: u8) -> Result<Self> {
        let (mantissa, exponent) = split_json(text).ok_or_else(|| {
            Error::invalid(
                "quantity_malformed",
                "This is not a quantity. Write a plain number, such as 12 or 0.5.",
            )
        })?;
        if decimals > MAX_DECIMALS || exponent > MAX_EXPONENT {
            return Err(out_of_range());
        }
        // Nearly every number comes without an exponent, and with no more decimals than are kept.
        if let (0, Some(scaled)) = (exponent, mantissa.scaled(decimals.into())) {
            let scaled = i64::try_from(scaled).map_err(|_| out_of_range())?;
            return Ok(Self { scaled, decimals });
        }
        let shift = exponent.max(LEAST_EXPONENT) + i32::from(decimals) - mantissa.fraction.len() as i32;
        let scaled = shift_rounding(&mantissa.unscaled(), shift).to_i64().ok_or_else(out_of_range)?;
        Ok(Self { scaled, decimals })
    }

    /// The stored integer.
    pub const fn scaled(self) -> i64 {
        self.scaled
    }

    /// How many decimals the stored integer carries.
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    /// Is it none?
    pub const fn is_zero(self) -> bool {
        self.scaled == 0
    }

    /// The exact number.
    pub fn exact(self) -> Exact {
        Exact::ratio(self.scaled.into(), 10_i128.pow(self.decimals.into()))
    }
}

fn out_of_range() -> Error {
    Error::invalid("quantity_out_of_range", "The quantity is too large. Send a smaller one, or several.")
}

/// Mantissa and exponent of a JSON number (RFC 8259), strictly.
fn split_json(text: &str) -> Option<(Decimal<'_>, i32)> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let decimal = Decimal::split(mantissa)?;
    (decimal.whole == "0" || !decimal.whole.starts_with('0')).then_some((decimal, exponent))
}

/// Digits with an optional sign; a number too long for an i32 is only "giant", not malformed.
fn parse_exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let giant = if text.starts_with('-') { i32::MIN } else { i32::MAX };
    Some(text.parse().unwrap_or(giant))
}

/// `value` × 10^shift, rounded half away from zero.
fn shift_rounding(value: &BigInt, shift: i32) -> BigInt {
    let scale = Pow::pow(BigInt::from(10), shift.unsigned_abs());
    if shift >= 0 {
        return value * scale;
    }
    let magnitude = (value.magnitude() * 2_u8 + scale.magnitude()) / (scale.magnitude() * 2_u8);
    BigInt::from_biguint(value.sign(), magnitude)
}

impl fmt::Display for Quantity {
    /// The number without trailing zeros: `2.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&trimmed(self.scaled.into(), self.decimals.into()))
    }
}
impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_rounded_once_to_the_decimals_kept() {
        for (text, decimals, scaled, shown) in [
            ("12", 0, 12, "12"),
            ("0.5", 0, 1, "1"),
            ("-0.5", 0, -1, "-1"),
            ("0.49", 0, 0, "0"),
            ("2.50", 2, 250, "2.5"),
            ("1.005", 2, 101, "1.01"),
            ("1e3", 0, 1000, "1000"),
            ("1E+3", 2, 100_000, "1000"),
            ("25e-1", 0, 3, "3"),
            ("1.5e2", 0, 150, "150"),
            ("1e-60", 9, 0, "0"),
            ("1e-308", 9, 0, "0"),
            ("-99999999999999999999999999999999999999999999999999999999999999999e-120", 9, 0, "0"),
            ("1e-999999999999999999999", 0, 0, "0"),
            ("0.4999999999999999999999999999999999999999", 0, 0, "0"),
            ("-0", 3, 0, "0"),
            ("0e60", 9, 0, "0"),
            ("9223372036854775807", 0, i64::MAX, "9223372036854775807"),
            ("-9223372036854775808", 0, i64::MIN, "-9223372036854775808"),
            ("922337203685477580.7", 1, i64::MAX, "922337203685477580.7"),
            ("1000000000000000000e-18", 9, 1_000_000_000, "1"),
        ] {
            let quantity = Quantity::parse(text, decimals).unwrap();
            assert_eq!((quantity.scaled(), quantity.decimals()), (scaled, decimals), "{text}");
            assert_eq!(quantity.to_string(), shown, "{text}");
        }
    }

    #[test]
    fn wrong_quantities_are_refused() {
        let long = "1".repeat(81);
        for bad in [
            "", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "1e1.5", "NaN", "Infinity", "0x10", "1_000",
            " 1", "\"1\"", "1e５", &long,
        ] {
            assert_eq!(Quantity::parse(bad, 2).unwrap_err().code, "quantity_malformed", "{bad:?}");
        }
        for (text, decimals) in [
            ("9223372036854775808", 0),
            ("9223372036854775807.5", 0),
            ("1e19", 0),
            ("1e10", 9),
            ("1e61", 0),
            ("0e999999999999", 0),
            ("1e999999999999999999999", 0),
            ("1", 10),
            ("1", 255),
        ] {
            assert_eq!(Quantity::parse(text, decimals).unwrap_err().code, "quantity_out_of_range", "{text}");
        }
        assert!(Quantity::from_scaled(1, 10).is_err());
    }

    #[test]
    fn equality_is_of_the_representation() {
        let (plain, fine) = (Quantity::whole(1), Quantity::from_scaled(100, 2).unwrap());
        assert_ne!(plain, fine);
        assert_eq!(plain.exact(), fine.exact());
    }

    proptest! {
        #[test]
        fn text_reads_back(scaled: i64, decimals in 0..=MAX_DECIMALS) {
            let quantity = Quantity::from_scaled(scaled, decimals).unwrap();
            prop_assert_eq!(Quantity::parse(&quantity.to_string(), decimals).unwrap(), quantity);
        }

        #[test]
        fn rounding_is_that_of_exact_numbers(text in "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,14})?", decimals in 0..=MAX_DECIMALS) {
            let scale = Exact::from(10_i64.pow(decimals.into()));
            let expected = (Exact::parse_decimal(&text).unwrap() * scale).round_half_up().unwrap();
            prop_assert_eq!(Quantity::parse(&text, decimals).unwrap().scaled(), expected);
        }
    }
}
