//! Reading plain decimals: one strict grammar under every amount, price, rate and quantity.

use num_bigint::BigInt;

/// A decimal taken apart: sign, digits before and after the point. Both digit runs may be empty of
/// meaning ("0"), never empty of characters where the grammar asks for one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal<'a> {
    pub negative: bool,
    pub whole: &'a str,
    pub fraction: &'a str,
}

impl<'a> Decimal<'a> {
    /// `-`? digits (`.` digits)? and nothing else: no exponent, no sign "+", no spaces, no separators.
    pub fn split(text: &'a str) -> Option<Self> {
        let (negative, body) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = body.split_once('.').map_or((body, None), |(w, f)| (w, Some(f)));
        let digits = |run: &str| !run.is_empty() && run.bytes().all(|byte| byte.is_ascii_digit());
        (digits(whole) && fraction.is_none_or(digits)).then(|| Self {
            negative,
            whole,
            fraction: fraction.unwrap_or(""),
        })
    }

    /// The value times 10^places, or `None` when it has more decimals than that (zeros do not count)
    /// or does not fit.
    pub fn scaled(self, places: usize) -> Option<i128> {
        let fraction = self.fraction.trim_end_matches('0');
        let missing = u32::try_from(places.checked_sub(fraction.len())?).ok()?;
        let mut value: i128 = 0;
        for digit in self.whole.bytes().chain(fraction.bytes()) {
            value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        }
        let value = value.checked_mul(10_i128.checked_pow(missing)?)?;
        Some(if self.negative { -value } else { value })
    }

    /// The digits without the point, as an integer with the sign.
    pub fn unscaled(self) -> BigInt {
        let digits = format!("{}{}", self.whole, self.fraction);
        let value: BigInt = digits.parse().expect("the digits were checked when the text was split");
        if self.negative { -value } else { value }
    }

    /// How many digits stand after the point, trailing zeros left out.
    pub fn places(self) -> usize {
        self.fraction.trim_end_matches('0').len()
    }
}

/// `value` / 10^places as text, with every place written: `fixed(-5, 2)` is `-0.05`.
pub(crate) fn fixed(value: i128, places: usize) -> String {
    if places == 0 {
        return value.to_string();
    }
    place_point(value < 0, &value.unsigned_abs().to_string(), places)
}

/// Put a decimal point before the last `places` digits.
pub(crate) fn place_point(negative: bool, digits: &str, places: usize) -> String {
    let sign = if negative { "-" } else { "" };
    if places == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    format!("{sign}{whole}.{fraction}")
}

/// The same without trailing zeros, nor the point when nothing follows it.
pub(crate) fn trimmed(value: i128, places: usize) -> String {
    let text = fixed(value, places);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}
