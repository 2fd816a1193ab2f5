//! Rates: exact fractions written as percent.

use std::fmt;

use crate::{
    Error, Exact, Result,
    decimal::{Decimal, trimmed},
    text_serde::text_serde,
};

/// Decimal places of the percentage a rate may have.
const PLACES: usize = 10;
/// One per cent, in the unit of the field.
const PERCENT: i64 = 10_000_000_000;
/// 10 000 per cent, in the unit of the field.
const MAX: i64 = 10_000 * PERCENT;

/// A rate such as 2.5 %, from 0 to 10 000 percent with at most 10 decimals, held exactly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(i64);

impl Rate {
    /// Nothing of it.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const WHOLE: Self = Self(100 * PERCENT);

    /// Percent as a plain decimal without a sign: `2.5` is one fortieth. Errors: `rate_malformed` (not
    /// a plain decimal, or more than 10 decimals), `rate_out_of_range` (negative, or above 10000).
    pub fn parse_percent(text: &str) -> Result<Self> {
        let decimal = Some(text).filter(|text| text.len() <= 40).and_then(Decimal::split);
        let decimal = decimal.filter(|decimal| decimal.places() <= PLACES).ok_or_else(|| {
            Error::invalid(
                "rate_malformed",
                "This is not a percentage. Write a plain decimal with at most 10 decimals, such as 2.5.",
            )
        })?;
        Self::from_scaled(decimal.scaled(PLACES).unwrap_or(i128::MAX))
    }

    /// Hundredths of a percent. Error: `rate_out_of_range` above 10 000 percent.
    pub fn from_basis_points(points: u32) -> Result<Self> {
        Self::from_scaled(i128::from(points) * i128::from(PERCENT / 100))
    }

    fn from_scaled(scaled: i128) -> Result<Self> {
        match i64::try_from(scaled) {
            Ok(scaled) if (0..=MAX).contains(&scaled) => Ok(Self(scaled)),
            _ => Err(Error::invalid("rate_out_of_range", "A percentage is between 0 and 10000.")),
        }
    }

    /// Is it nothing?
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The rate as a fraction: 2.5 % is 1/40.
    pub fn exact(self) -> Exact {
        Exact::ratio(self.0.into(), i128::from(PERCENT) * 100)
    }

    /// This rate of `base`, exactly.
    pub fn of(self, base: &Exact) -> Exact {
        self.exact() * base
    }
}

impl fmt::Display for Rate {
    /// The percentage without a sign and without trailing zeros: `2.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&trimmed(self.0.into(), PLACES))
    }
}
impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} %")
    }
}
text_serde!(Rate, Rate::parse_percent);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_becomes_an_exact_fraction() {
        for (text, shown, fraction) in [
            ("2.5", "2.5", Exact::ratio(1, 40)),
            ("19", "19", Exact::ratio(19, 100)),
            ("8.10", "8.1", Exact::ratio(81, 1000)),
            ("0", "0", Exact::zero()),
            ("100.00", "100", Exact::one()),
            ("0.0000000001", "0.0000000001", Exact::ratio(1, 1_000_000_000_000)),
            ("10000", "10000", Exact::from(100_i64)),
        ] {
            let rate = Rate::parse_percent(text).unwrap();
            assert_eq!((rate.to_string().as_str(), rate.exact()), (shown, fraction), "{text}");
            assert_eq!(Rate::parse_percent(&rate.to_string()).unwrap(), rate);
        }
        assert_eq!(Rate::from_basis_points(250).unwrap(), Rate::parse_percent("2.5").unwrap());
        assert_eq!(Rate::parse_percent("33.3").unwrap().of(&Exact::from(10_i64)), Exact::ratio(333, 100));
        assert_eq!((Rate::WHOLE.exact(), Rate::ZERO.exact()), (Exact::one(), Exact::zero()));
    }

    #[test]
    fn wrong_rates_are_refused() {
        for bad in ["", "2,5", "2.5%", "1/3", "1e1", "0.00000000001"] {
            assert_eq!(Rate::parse_percent(bad).unwrap_err().code, "rate_malformed", "{bad}");
        }
        for bad in ["-1", "10000.1", "99999999999999999999999999999999999999"] {
            assert_eq!(Rate::parse_percent(bad).unwrap_err().code, "rate_out_of_range", "{bad}");
        }
        assert!(Rate::from_basis_points(u32::MAX).is_err());
    }

    #[test]
    fn it_travels_as_a_percent_string() {
        let rate: Rate = serde_json::from_str("\"7.25\"").unwrap();
        assert_eq!(serde_json::to_string(&rate).unwrap(), "\"7.25\"");
        assert!(serde_json::from_str::<Rate>("7.25").is_err());
    }
}
