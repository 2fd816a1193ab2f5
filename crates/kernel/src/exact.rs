//! Exact rational numbers: every intermediate amount, with no rounding until someone asks for it.

use std::{
    fmt,
    ops::{Add, Mul, Neg, Sub},
};

use num_bigint::{BigInt, BigUint};
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, ToPrimitive, Zero};

use crate::{
    Error, Result,
    decimal::{Decimal, fixed, place_point},
    rational::Rational,
    text_serde::text_serde,
};

/// The longest text read as a number.
const MAX_TEXT: usize = 40;
/// `Display` writes a decimal up to this many places, and a fraction beyond.
const MAX_SHOWN_PLACES: usize = 20;

/// An exact rational of any size, always in lowest terms.
///
/// Arithmetic never rounds and never overflows. Rounding has a name: [`Exact::round_half_up`] (half
/// away from zero, the rule for amounts) and [`Exact::round_half_even_to`] (the rule for MRR).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exact(Rational);

impl Exact {
    /// 0.
    pub fn zero() -> Self {
        Self(Rational::new(0, 1))
    }

    /// 1.
    pub fn one() -> Self {
        Self(Rational::new(1, 1))
    }

    /// `numerator / denominator`.
    ///
    /// # Panics
    /// When the denominator is not positive: that is a fault of the caller, never of data.
    pub fn ratio(numerator: i128, denominator: i128) -> Self {
        assert!(denominator > 0, "the denominator of a ratio is positive");
        Self(Rational::new(numerator, denominator))
    }

    /// A plain decimal: `-`, digits, and a fraction, the first and last optional; at most 40
    /// characters, no exponent. Error: `number_malformed`.
    pub fn parse_decimal(text: &str) -> Result<Self> {
        Some(text).filter(|text| text.len() <= MAX_TEXT).and_then(Decimal::split).map_or_else(
            || {
                Err(Error::invalid(
                    "number_malformed",
                    "This is not a plain decimal number. Write digits with an optional minus sign and \
                     fraction, such as -12.5, in at most 40 characters.",
                ))
            },
            |decimal| {
                // 38 places are the most a text of that length has, and 10^38 fits.
                let places = decimal.places();
                if let Some(scaled) = decimal.scaled(places) {
                    return Ok(Self(Rational::new(scaled, 10_i128.pow(places as u32))));
                }
                let scale = Pow::pow(BigInt::from(10), decimal.fraction.len());
                Ok(Self(Rational::from_big(BigRational::new(decimal.unscaled(), scale))))
            },
        )
    }

    /// The quotient, or `None` when `divisor` is zero.
    pub fn checked_div(&self, divisor: &Self) -> Option<Self> {
        (!divisor.is_zero()).then(|| Self(self.0.div(&divisor.0)))
    }

    /// Is this 0?
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// Is this below 0?
    pub fn is_negative(&self) -> bool {
        self.0.is_negative()
    }

    /// Is this a whole number?
    pub fn is_integer(&self) -> bool {
        self.0.big().is_integer()
    }

    /// The distance from 0.
    pub fn abs(&self) -> Self {
        if self.is_negative() { -self } else { self.clone() }
    }

    /// The nearest integer, a half going away from zero: 2.5 → 3, −2.5 → −3. The rule for amounts.
    /// Error: `amount_out_of_range` when the result is no i64.
    pub fn round_half_up(&self) -> Result<i64> {
        in_range(&self.0.round_half_away())
    }

    /// Rounded to `places` decimals, a half going to the even neighbour. The rule for stored MRR.
    #[must_use]
    pub fn round_half_even_to(&self, places: u32) -> Self {
        let scale = Pow::pow(BigInt::from(10), places);
        let value = self.0.big();
        let (numerator, denominator) = (value.numer() * &scale, value.denom());
        let (below, rest) = numerator.div_mod_floor(denominator);
        let doubled: BigInt = rest * 2;
        let up = match doubled.cmp(denominator) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => below.is_odd(),
            std::cmp::Ordering::Greater => true,
        };
        Self(Rational::from_big(BigRational::new(if up { below + 1 } else { below }, scale)))
    }

    /// The greatest integer not above this. Error: `amount_out_of_range` when it is no i64.
    pub fn floor(&self) -> Result<i64> {
        in_range(self.0.big().floor().numer())
    }

    /// The least integer not below this. Error: `amount_out_of_range` when it is no i64.
    pub fn ceil(&self) -> Result<i64> {
        in_range(self.0.big().ceil().numer())
    }

    /// Written with exactly `places` decimals, rounded half away from zero, for explanations.
    pub fn to_decimal_string(&self, places: u32) -> String {
        let scale = BigRational::from_integer(Pow::pow(BigInt::from(10), places));
        let rounded = self.0.mul(&Rational::from_big(scale)).round_half_away();
        place_point(rounded.is_negative(), &rounded.magnitude().to_string(), places as usize)
    }

    /// Decimal places needed to write this exactly, when 20 are enough.
    fn terminating_places(&self) -> Option<usize> {
        let value = self.0.big();
        let denominator = value.denom().magnitude();
        let twos = denominator.trailing_zeros().unwrap_or(0) as usize;
        let mut rest = denominator >> twos;
        let mut fives = 0;
        while !rest.is_one() {
            let (quotient, remainder) = rest.div_rem(&BigUint::from(5_u8));
            if !remainder.is_zero() || fives == MAX_SHOWN_PLACES {
                return None;
            }
            (rest, fives) = (quotient, fives + 1);
        }
        Some(twos.max(fives)).filter(|places| *places <= MAX_SHOWN_PLACES)
    }

    /// Reads what `Display` writes: a plain decimal, or `n/d`.
    fn parse_shown(text: &str) -> Result<Self> {
        let Some((numerator, denominator)) = text.split_once('/') else { return Self::parse_decimal(text) };
        let malformed =
            || Error::invalid("number_malformed", "This is neither a decimal number nor a fraction.");
        let (numerator, denominator) = (Self::parse_decimal(numerator)?, Self::parse_decimal(denominator)?);
        numerator.checked_div(&denominator).ok_or_else(malformed)
    }
}

/// What `Display` writes, when all of it fits machine words.
fn shown(numerator: i128, denominator: i128) -> Option<String> {
    let twos = denominator.trailing_zeros() as usize;
    let (mut rest, mut fives) = (denominator >> twos, 0);
    while rest % 5 == 0 {
        (rest, fives) = (rest / 5, fives + 1);
    }
    let places = twos.max(fives);
    if rest != 1 || places > MAX_SHOWN_PLACES {
        return Some(format!("{numerator}/{denominator}"));
    }
    let factor = 10_i128.pow(places as u32) / denominator;
    Some(fixed(numerator.checked_mul(factor)?, places))
}

fn in_range(value: &BigInt) -> Result<i64> {
    value.to_i64().ok_or_else(|| {
        Error::invalid("amount_out_of_range", "The result is too large. Use a smaller quantity or price.")
    })
}

impl From<i64> for Exact {
    fn from(value: i64) -> Self {
        Self(Rational::new(value.into(), 1))
    }
}
impl From<i128> for Exact {
    fn from(value: i128) -> Self {
        Self(Rational::new(value, 1))
    }
}

macro_rules! operator {
    ($trait:ident $method:ident) => {
        impl $trait<&Exact> for &Exact {
            type Output = Exact;
            fn $method(self, other: &Exact) -> Exact {
                Exact(self.0.$method(&other.0))
            }
        }
        impl $trait for Exact {
            type Output = Exact;
            fn $method(self, other: Exact) -> Exact {
                Exact(self.0.$method(&other.0))
            }
        }
        impl $trait<&Exact> for Exact {
            type Output = Exact;
            fn $method(self, other: &Exact) -> Exact {
                Exact(self.0.$method(&other.0))
            }
        }
        impl $trait<Exact> for &Exact {
            type Output = Exact;
            fn $method(self, other: Exact) -> Exact {
                Exact(self.0.$method(&other.0))
            }
        }
    };
}
operator!(Add add);
operator!(Sub sub);
operator!(Mul mul);

impl Neg for Exact {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.neg())
    }
}
impl Neg for &Exact {
    type Output = Exact;
    fn neg(self) -> Exact {
        Exact(self.0.neg())
    }
}
impl std::iter::Sum for Exact {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::zero(), |total, item| total + item)
    }
}

impl fmt::Display for Exact {
    /// The exact decimal when it ends within 20 places, otherwise `n/d` in lowest terms.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.0.small_parts().and_then(|(n, d)| shown(n, d)) {
            return f.write_str(&text);
        }
        match self.terminating_places() {
            Some(places) => f.write_str(&self.to_decimal_string(places as u32)),
            None => write!(f, "{}/{}", self.0.big().numer(), self.0.big().denom()),
        }
    }
}
impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
text_serde!(Exact, Exact::parse_shown);

#[cfg(test)]
mod tests;
