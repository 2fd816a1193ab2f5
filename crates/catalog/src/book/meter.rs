//! Meters, and the limits plans set on them.

use std::fmt;

use kernel::{Error, Exact, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Something that is measured from events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meter {
    /// Names it in programs and in events.
    pub key: String,
    /// Names it on pages.
    pub name: String,
    /// One of what it counts, as shown: "operation", "GB", "USD".
    pub unit: String,
    /// How events become a quantity.
    pub aggregation: Aggregation,
    /// The property of an event that is aggregated; none: its `value`. A count looks at none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// Decimals a quantity keeps, 0–9; it never changes.
    pub decimals: u8,
    /// Properties of an event by which usage can be told apart, priced and grouped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<String>,
    /// The least value an event may bring, in the meter's unit; one below it is rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Exact>,
    /// The greatest value an event may bring, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Exact>,
    /// How much more than usual is told of; none: nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<Jump>,
    /// It is kept in double entry: each accepted quantity is posted a second time beside the tallies, and the sums are
    /// proven every night.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub critical: bool,
}

/// When a customer's use of a day is so far above the usual that somebody is told: it is more than `times` the
/// average of the seven days before, and more than `floor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jump {
    /// How many times the average, at least 2.
    pub times: u32,
    /// So much in a day is never worth telling, in the meter's unit.
    pub floor: Exact,
}

impl Jump {
    /// The floor when the book says none.
    pub const FLOOR: i64 = 100;
}

impl fmt::Display for Jump {
    /// `more than 10 times the usual day, from 100`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} times the usual day, from {}", self.times, self.floor)
    }
}

/// How events become a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// How many events there were.
    Count,
    /// The sum of their values.
    Sum,
    /// The greatest value.
    Max,
    /// The least value.
    Min,
    /// How many different values there were.
    Unique,
    /// The last value.
    Latest,
    /// Each value weighted by how long it stood, over the length of the period.
    TimeWeighted,
}

/// How much of a meter a plan includes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// So many of the meter's units, for each of `per` when there is one.
    pub amount: Exact,
    /// Multiplied by the quantity bought of this unit, which is the unit the plan is priced per.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    /// What happens at the limit.
    pub policy: LimitPolicy,
    /// Over what time usage is counted.
    pub window: Window,
    /// Whose usage is counted together.
    pub scope: LimitScope,
    /// Percentages of the limit whose reaching is told, rising; none: [`Limit::ALERTS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Vec<u16>>,
}

impl Limit {
    /// The percentages that are told when the book says nothing.
    pub const ALERTS: [u16; 2] = [80, 100];

    /// The percentages of the limit whose reaching is told.
    pub fn alerts(&self) -> &[u16] {
        self.alerts.as_deref().unwrap_or(&Self::ALERTS)
    }

    /// The limit of a subscription with so many units of what the plan is priced per.
    pub fn amount_for(&self, quantity: &Exact) -> Exact {
        match self.per {
            Some(_) => &self.amount * quantity,
            None => self.amount.clone(),
        }
    }
}

/// How fast something may be done: so often in a span of time on the average, and so often at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How often in `per`, at least once.
    pub requests: u32,
    /// A second, minute, hour or day.
    pub per: RateSpan,
    /// How often at once, at least once.
    pub burst: u32,
}

/// The span of time of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateSpan {
    /// 1 second.
    Second,
    /// 60 seconds.
    Minute,
    /// 3,600 seconds.
    Hour,
    /// 86,400 seconds.
    Day,
}

impl RateSpan {
    /// Every span with its word.
    pub const ALL: [(&'static str, Self); 4] =
        [("second", Self::Second), ("minute", Self::Minute), ("hour", Self::Hour), ("day", Self::Day)];

    /// How many seconds it is.
    pub const fn seconds(self) -> u32 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }
}

impl fmt::Display for RateLimit {
    /// `10 each second, 20 at once`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = RateSpan::ALL.iter().find(|(_, span)| *span == self.per).map_or("", |(word, _)| word);
        write!(f, "{} each {word}, {} at once", self.requests, self.burst)
    }
}

/// What happens at a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitPolicy {
    /// What goes beyond is refused.
    Hard,
    /// What goes beyond is allowed, and billed by the meter's price: the limit is included in the plan.
    Soft,
    /// What goes beyond is allowed and only reported.
    Warn,
}

/// Whose usage a limit counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitScope {
    /// The customer's.
    Customer,
    /// Each of the customer's users'.
    User,
    /// Each seat's.
    Seat,
    /// Each API key's.
    Key,
}

/// Over what time a limit counts. In JSON its text: `"period"`, `"day"`, `"rolling 5 hours"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The period the meter is billed for, or of the plan when it has no price.
    Period,
    /// The calendar unit in the customer's zone.
    Calendar(WindowUnit),
    /// So many units up to now.
    Rolling {
        /// How many, 1–1000.
        count: u16,
        /// Minutes, hours, days or weeks.
        unit: WindowUnit,
    },
}

/// A unit of time of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowUnit {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// A local day; rolling, 24 hours.
    Day,
    /// From Monday; rolling, 7 × 24 hours.
    Week,
    /// A calendar month; not rolling.
    Month,
    /// A calendar year; not rolling.
    Year,
}

impl WindowUnit {
    const ALL: [(&'static str, Self); 6] = [
        ("minute", Self::Minute),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("year", Self::Year),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, unit)| *unit == self).map_or("period", |(word, _)| word)
    }

    /// Seconds in one of it, where that is always the same.
    const fn seconds(self) -> Option<u32> {
        match self {
            Self::Minute => Some(60),
            Self::Hour => Some(3_600),
            Self::Day => Some(86_400),
            Self::Week => Some(604_800),
            Self::Month | Self::Year => None,
        }
    }
}

impl Window {
    /// The words of the calendar windows, for hints.
    pub(super) const WORDS: [&'static str; 8] =
        ["period", "minute", "hour", "day", "week", "month", "year", "rolling 24 hours"];

    /// `period`, `day`, …, `rolling 5 hours`. Error: `window_malformed`.
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| {
            Error::invalid(
                "window_malformed",
                "A window is \"period\", a calendar unit such as \"day\", or a time up to now such as \
                 \"rolling 5 hours\".",
            )
        })
    }

    fn read(text: &str) -> Option<Self> {
        let unit =
            |word: &str| WindowUnit::ALL.iter().find(|(known, _)| *known == word).map(|(_, unit)| *unit);
        let Some(rolling) = text.strip_prefix("rolling ") else {
            return if text == "period" { Some(Self::Period) } else { unit(text).map(Self::Calendar) };
        };
        let (count, word) = rolling.split_once(' ').unwrap_or(("1", rolling));
        let unit = unit(word.strip_suffix('s').unwrap_or(word)).filter(|unit| unit.seconds().is_some())?;
        let plain = !count.starts_with('0') && count.bytes().all(|byte| byte.is_ascii_digit());
        let count = count.parse().ok().filter(|count| plain && (1..=1000).contains(count))?;
        Some(Self::Rolling { count, unit })
    }

    /// How many seconds a rolling window reaches back.
    pub fn rolling_seconds(self) -> Option<u32> {
        match self {
            Self::Rolling { count, unit } => Some(u32::from(count) * unit.seconds()?),
            Self::Period | Self::Calendar(_) => None,
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Period => f.write_str("period"),
            Self::Calendar(unit) => f.write_str(unit.word()),
            Self::Rolling { count: 1, unit } => write!(f, "rolling {}", unit.word()),
            Self::Rolling { count, unit } => write!(f, "rolling {count} {}s", unit.word()),
        }
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| serde::de::Error::custom(error.detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_one_spelling() {
        for (text, shown, seconds) in [
            ("period", "period", None),
            ("day", "day", None),
            ("year", "year", None),
            ("rolling hour", "rolling hour", Some(3_600)),
            ("rolling 1 hours", "rolling hour", Some(3_600)),
            ("rolling 5 hours", "rolling 5 hours", Some(18_000)),
            ("rolling 1000 weeks", "rolling 1000 weeks", Some(604_800_000)),
        ] {
            let window = Window::parse(text).unwrap();
            assert_eq!((window.to_string().as_str(), window.rolling_seconds()), (shown, seconds), "{text}");
            let json = serde_json::to_string(&window).unwrap();
            assert_eq!(serde_json::from_str::<Window>(&json).unwrap(), window);
        }
        for bad in
            ["", "days", "rolling", "rolling 0 hours", "rolling 1001 days", "rolling 1 month", "5 hours"]
        {
            assert_eq!(Window::parse(bad).unwrap_err().code, "window_malformed", "{bad}");
        }
    }
}
