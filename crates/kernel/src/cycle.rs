//! Billing cycles: how long a period is, in calendar units.

use std::fmt;

use crate::{Error, Result, text_serde::text_serde};

/// The calendar unit of a [`Cycle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CycleUnit {
    /// Local calendar days.
    Day,
    /// Seven local calendar days.
    Week,
    /// Calendar months.
    Month,
    /// Twelve calendar months.
    Year,
}

/// A number of calendar units, 1 to 120. Twelve months and one year are the same cycle.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cycle {
    unit: CycleUnit,
    count: u16,
}

/// A cycle in the one of two measures it is exact in.
#[derive(Clone, Copy)]
pub(crate) enum Length {
    Months(i64),
    Days(i64),
}

/// The most units in one cycle.
const MAX_COUNT: u16 = 120;

impl Cycle {
    /// One day.
    pub const DAY: Self = Self { unit: CycleUnit::Day, count: 1 };
    /// One week.
    pub const WEEK: Self = Self { unit: CycleUnit::Week, count: 1 };
    /// One month.
    pub const MONTH: Self = Self { unit: CycleUnit::Month, count: 1 };
    /// Three months.
    pub const QUARTER: Self = Self { unit: CycleUnit::Month, count: 3 };
    /// Six months.
    pub const HALF_YEAR: Self = Self { unit: CycleUnit::Month, count: 6 };
    /// One year.
    pub const YEAR: Self = Self { unit: CycleUnit::Year, count: 1 };

    /// `count` units; months in whole dozens become years. Error: `cycle_malformed` when the count is
    /// not 1 to 120.
    pub fn new(unit: CycleUnit, count: u16) -> Result<Self> {
        if !(1..=MAX_COUNT).contains(&count) {
            return Err(malformed());
        }
        if unit == CycleUnit::Month && count.is_multiple_of(12) {
            return Ok(Self { unit: CycleUnit::Year, count: count / 12 });
        }
        Ok(Self { unit, count })
    }

    /// `day`, `week`, `month`, `quarter`, `half_year`, `year`, or a count and a unit: `2 weeks`,
    /// `18 months`, `3 years`. Error: `cycle_malformed`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "quarter" => return Ok(Self::QUARTER),
            "half_year" => return Ok(Self::HALF_YEAR),
            _ => {}
        }
        let (count, unit) = text.split_once(' ').unwrap_or(("1", text));
        let digits = count.bytes().all(|byte| byte.is_ascii_digit()) && !count.starts_with('0');
        let count =
            Some(count).filter(|_| digits).and_then(|count| count.parse().ok()).ok_or_else(malformed)?;
        let unit = match unit.strip_suffix('s').filter(|_| text.contains(' ')).unwrap_or(unit) {
            "day" => CycleUnit::Day,
            "week" => CycleUnit::Week,
            "month" => CycleUnit::Month,
            "year" => CycleUnit::Year,
            _ => return Err(malformed()),
        };
        Self::new(unit, count)
    }

    /// The calendar unit.
    pub const fn unit(self) -> CycleUnit {
        self.unit
    }

    /// How many units, 1 to 120.
    pub const fn count(self) -> u16 {
        self.count
    }

    /// Its length in months, for cycles of months and years.
    pub const fn months(self) -> Option<u32> {
        match self.length() {
            Length::Months(months) => Some(months as u32),
            Length::Days(_) => None,
        }
    }

    /// Its length in days, for cycles of days and weeks.
    pub const fn days(self) -> Option<u32> {
        match self.length() {
            Length::Days(days) => Some(days as u32),
            Length::Months(_) => None,
        }
    }

    pub(crate) const fn length(self) -> Length {
        let count = self.count as i64;
        match self.unit {
            CycleUnit::Day => Length::Days(count),
            CycleUnit::Week => Length::Days(count * 7),
            CycleUnit::Month => Length::Months(count),
            CycleUnit::Year => Length::Months(count * 12),
        }
    }
}

fn malformed() -> Error {
    Error::invalid(
        "cycle_malformed",
        "This is not a billing cycle. Use day, week, month, quarter, half_year, year, or 1 to 120 of a unit, \
         such as \"2 weeks\".",
    )
}

impl fmt::Display for Cycle {
    /// The one spelling of each cycle.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            CycleUnit::Month if self.count == 3 => return f.pad("quarter"),
            CycleUnit::Month if self.count == 6 => return f.pad("half_year"),
            CycleUnit::Day => "day",
            CycleUnit::Week => "week",
            CycleUnit::Month => "month",
            CycleUnit::Year => "year",
        };
        match self.count {
            1 => f.pad(unit),
            count => f.pad(&format!("{count} {unit}s")),
        }
    }
}
impl fmt::Debug for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
text_serde!(Cycle, Cycle::parse);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_has_one_spelling() {
        for (text, shown, months, days) in [
            ("day", "day", None, Some(1)),
            ("1 day", "day", None, Some(1)),
            ("30 days", "30 days", None, Some(30)),
            ("week", "week", None, Some(7)),
            ("2 weeks", "2 weeks", None, Some(14)),
            ("month", "month", Some(1), None),
            ("3 months", "quarter", Some(3), None),
            ("quarter", "quarter", Some(3), None),
            ("6 months", "half_year", Some(6), None),
            ("half_year", "half_year", Some(6), None),
            ("12 months", "year", Some(12), None),
            ("year", "year", Some(12), None),
            ("1 years", "year", Some(12), None),
            ("24 months", "2 years", Some(24), None),
            ("18 months", "18 months", Some(18), None),
            ("120 years", "120 years", Some(1440), None),
        ] {
            let cycle = Cycle::parse(text).unwrap();
            assert_eq!(
                (cycle.to_string().as_str(), cycle.months(), cycle.days()),
                (shown, months, days),
                "{text}"
            );
        }
    }

    #[test]
    fn every_cycle_reads_back() {
        for unit in [CycleUnit::Day, CycleUnit::Week, CycleUnit::Month, CycleUnit::Year] {
            for count in 1..=120 {
                let cycle = Cycle::new(unit, count).unwrap();
                assert_eq!(Cycle::parse(&cycle.to_string()).unwrap(), cycle);
                let json = serde_json::to_string(&cycle).unwrap();
                assert_eq!(serde_json::from_str::<Cycle>(&json).unwrap(), cycle);
            }
        }
        assert_eq!(Cycle::new(CycleUnit::Month, 3).unwrap(), Cycle::QUARTER);
        assert_eq!(Cycle::new(CycleUnit::Month, 6).unwrap(), Cycle::HALF_YEAR);
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "monthly",
            "months",
            "days",
            "0 days",
            "121 days",
            "-1 months",
            "01 months",
            "1.5 months",
            "2 quarters",
            "3  months",
            " month",
            "month ",
            "MONTH",
            "2 monthss",
            "99999999999 days",
            "quarters",
            "2 half_years",
        ] {
            assert_eq!(Cycle::parse(bad).unwrap_err().code, "cycle_malformed", "{bad}");
        }
        assert!(Cycle::new(CycleUnit::Day, 0).is_err() && Cycle::new(CycleUnit::Day, 121).is_err());
    }
}
