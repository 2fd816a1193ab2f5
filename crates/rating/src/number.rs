//! Exact numbers as explanations keep them.

use std::{fmt, ops::Deref};

use kernel::Exact;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// More digits than this no explanation has.
const MAX_DIGITS: usize = 400;
/// So many digits fit an i128.
const CHUNK: usize = 38;

/// An exact number of any length: a decimal, or a fraction `n/d` when it does not end.
#[derive(Clone, PartialEq, Eq)]
pub struct Number(Exact);

impl Number {
    /// The number `Display` wrote as `text`; none when it is no number.
    pub fn parse(text: &str) -> Option<Self> {
        parse(text).map(Self)
    }
}

impl From<Exact> for Number {
    fn from(exact: Exact) -> Self {
        Self(exact)
    }
}

impl From<&Exact> for Number {
    fn from(exact: &Exact) -> Self {
        Self(exact.clone())
    }
}

impl Deref for Number {
    type Target = Exact;

    fn deref(&self) -> &Exact {
        &self.0
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map(Self).ok_or_else(|| D::Error::custom(format!("{text:?} is no number")))
    }
}

/// What `Display` writes for an exact number, however long.
pub(crate) fn parse(text: &str) -> Option<Exact> {
    match text.split_once('/') {
        Some((numerator, denominator)) => decimal(numerator)?.checked_div(&decimal(denominator)?),
        None => decimal(text),
    }
}

fn decimal(text: &str) -> Option<Exact> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let value = match short(digits) {
        Some(value) => value,
        None => natural(whole)? + natural(fraction)?.checked_div(&power_of_ten(fraction.len()))?,
    };
    Some(if digits.len() < text.len() { -value } else { value })
}

/// A whole number that fits machine words.
fn short(digits: &str) -> Option<Exact> {
    let fits = (1..=CHUNK).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| digits.parse().ok().map(|whole: i128| Exact::from(whole)))?
}

fn natural(digits: &str) -> Option<Exact> {
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut value = Exact::zero();
    for chunk in digits.as_bytes().chunks(CHUNK) {
        let number: i128 = std::str::from_utf8(chunk).ok()?.parse().ok()?;
        value = value * power_of_ten(chunk.len()) + Exact::from(number);
    }
    Some(value)
}

fn power_of_ten(places: usize) -> Exact {
    std::iter::repeat_n(Exact::from(10_i64), places).fold(Exact::one(), |power, ten| power * ten)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn anything_else_is_no_number() {
        for bad in ["", "-", ".5", "5.", "1/0", "1/", "1e3", "+1", "1 ", "--1", &"1".repeat(MAX_DIGITS + 1)] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn numbers_of_any_length_read_back(parts in prop::collection::vec((any::<i128>(), 1..=i128::MAX), 1..4)) {
            let number = parts.iter().fold(Exact::one(), |number, (n, d)| number * Exact::ratio(*n, *d));
            prop_assert_eq!(parse(&number.to_string()), Some(number));
        }
    }
}
