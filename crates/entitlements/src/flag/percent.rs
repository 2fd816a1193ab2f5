//! A share of everybody, in thousandths of a percent.

use std::fmt;

use kernel::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value as Json};

/// 0 to 100 percent with up to three decimals. In JSON a number, such as `12.5`; text is read too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u32);

impl Percent {
    /// Everybody.
    pub const ALL: Self = Self(100_000);

    /// From thousandths of a percent; none above [`Percent::ALL`].
    pub const fn of(thousandths: u32) -> Option<Self> {
        if thousandths <= Self::ALL.0 { Some(Self(thousandths)) } else { None }
    }

    /// In thousandths of a percent, which is how many of the 100,000 buckets.
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    /// Read `12.5`. Error: `percent_malformed`.
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| {
            let detail = "A percentage is a number from 0 to 100 with at most three decimals, such as 12.5.";
            Error::invalid("percent_malformed", detail)
        })
    }

    fn read(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        // JSON writes a whole number as 50.0 at times.
        let part = part.trim_end_matches('0');
        if whole.is_empty() || whole.len() > 3 || part.len() > 3 || !digits(whole) || !digits(part) {
            return None;
        }
        let part: u32 = format!("{part:0<3}").parse().ok()?;
        Self::of(whole.parse::<u32>().ok()? * 1_000 + part)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 1_000, self.0 % 1_000);
        if part == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{part:03}").trim_end_matches('0'))
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 % 1_000 {
            0 => serializer.serialize_u32(self.0 / 1_000),
            // A double has the shortest spelling of three decimals, which is ours.
            _ => serializer.serialize_f64(f64::from(self.0) / 1_000.0),
        }
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Json::deserialize(deserializer)? {
            Json::Number(number) => Number::to_string(&number),
            Json::String(text) => text,
            _ => String::new(),
        };
        Self::parse(&text).map_err(|error| serde::de::Error::custom(error.detail))
    }
}
