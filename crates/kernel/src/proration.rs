//! Shares of a period: the units a fee is spread over.

use std::fmt;

use jiff::{Timestamp, civil::Date};

use crate::{Edge, Error, Exact, Period, Result, Zone, period::days_between, text_serde::text_serde, time};

/// What a part of a period is measured in. In text and in JSON `day`, `second`, `none`, `thirty_day_month` for
/// months of 30 days, and for months of another number of days such as `28_day_month`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProrationUnit {
    /// Local calendar days; a day of 23 or 25 hours is one.
    #[default]
    Day,
    /// Elapsed seconds.
    Second,
    /// Days of months that all have the same number; later days of a month count as its last (with 30 days this is
    /// 30E/360).
    FixedMonth(MonthDays),
    /// Not at all: any part costs the whole.
    None,
}

/// The days of a month where all have the same number: 28–31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MonthDays(u8);

impl MonthDays {
    /// The fewest there can be: of February.
    pub const LEAST: u8 = 28;
    /// The most there can be.
    pub const MOST: u8 = 31;
    /// What most contracts with such months say.
    pub const THIRTY: Self = Self(30);

    /// None when it is not 28, 29, 30 or 31.
    pub const fn new(days: u8) -> Option<Self> {
        if days >= Self::LEAST && days <= Self::MOST { Some(Self(days)) } else { None }
    }

    /// How many there are.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl ProrationUnit {
    /// Days of months that all have 30.
    pub const THIRTY_DAY_MONTH: Self = Self::FixedMonth(MonthDays::THIRTY);

    /// The unit by its word. Error: `proration_malformed`.
    pub fn parse(text: &str) -> Result<Self> {
        let fixed = || {
            let days = text.strip_suffix("_day_month")?.parse().ok().and_then(MonthDays::new)?;
            Some(Self::FixedMonth(days))
        };
        let unit = match text {
            "day" => Some(Self::Day),
            "second" => Some(Self::Second),
            "none" => Some(Self::None),
            "thirty_day_month" => Some(Self::THIRTY_DAY_MONTH),
            _ => fixed(),
        };
        // Each unit has one word.
        unit.filter(|unit| unit.to_string() == text).ok_or_else(|| {
            Error::invalid(
                "proration_malformed",
                "A part of a period is measured in day, second, thirty_day_month, none, or in months of another \
                 number of days such as 28_day_month.",
            )
        })
    }

    /// Whether it counts whole days, of the calendar or of months of a fixed number of them.
    pub const fn counts_days(self) -> bool {
        matches!(self, Self::Day | Self::FixedMonth(_))
    }
}

impl fmt::Display for ProrationUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day => f.write_str("day"),
            Self::Second => f.write_str("second"),
            Self::FixedMonth(MonthDays::THIRTY) => f.write_str("thirty_day_month"),
            Self::FixedMonth(days) => write!(f, "{}_day_month", days.get()),
            Self::None => f.write_str("none"),
        }
    }
}
text_serde!(ProrationUnit, ProrationUnit::parse);

/// How many units lie between two edges. Days are those of `zone`, whatever zone the edges' dates were
/// written in; seconds are whole ones. Units of adjoining parts add up to those of the whole.
pub fn units(unit: ProrationUnit, zone: &Zone, from: &Edge, to: &Edge) -> i64 {
    match unit {
        ProrationUnit::Day => days_between(zone.date_of(from.at), zone.date_of(to.at)),
        // Each end is cut to its second before the difference, so that parts add up.
        ProrationUnit::Second => whole_seconds(to.at) - whole_seconds(from.at),
        ProrationUnit::FixedMonth(days) => {
            day_number(zone.date_of(to.at), days) - day_number(zone.date_of(from.at), days)
        }
        ProrationUnit::None => 1,
    }
}

/// The exact share of `whole` that `part` is; 1 with [`ProrationUnit::None`].
///
/// A whole too short to hold one unit is not divided: any part of it is all of it, an empty part is
/// nothing.
pub fn fraction(unit: ProrationUnit, zone: &Zone, part: Period, whole: Period) -> Exact {
    if unit == ProrationUnit::None {
        return Exact::one();
    }
    match units(unit, zone, &whole.start, &whole.end) {
        base @ 1.. => Exact::ratio(units(unit, zone, &part.start, &part.end).into(), base.into()),
        _ if part.is_empty() => Exact::zero(),
        _ => Exact::one(),
    }
}

fn whole_seconds(at: Timestamp) -> i64 {
    time::micros(at).div_euclid(1_000_000)
}

/// Days since the year 0 in a calendar whose months all have so many.
fn day_number(date: Date, days: MonthDays) -> i64 {
    let (year, month, day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
    let days = i64::from(days.get());
    (year * 12 + month) * days + day.min(days)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::parse(name).unwrap()
    }
    fn edge(text: &str, zone: &Zone) -> Edge {
        Edge::at(text.parse().unwrap(), zone)
    }
    fn dates(from: Date, to: Date) -> Period {
        Period { start: Edge::of_date(from, &Zone::utc()), end: Edge::of_date(to, &Zone::utc()) }
    }

    #[test]
    fn days_are_local_dates_apart() {
        for (name, from, to, days) in [
            ("UTC", "2024-05-01T00:00:00Z", "2024-05-05T00:00:00Z", 4),
            ("America/New_York", "2024-11-02T00:00:00Z", "2024-11-04T00:00:00Z", 2),
            ("Asia/Tokyo", "2024-07-15T12:30:00Z", "2024-07-16T08:15:00Z", 1),
            ("Asia/Tokyo", "2024-07-15T14:59:59Z", "2024-07-15T15:00:00Z", 1),
            ("Europe/Berlin", "2024-05-01T08:00:00Z", "2024-05-01T17:00:00Z", 0),
            ("Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 1),
            ("Europe/Berlin", "2024-05-02T08:00:00Z", "2024-05-01T08:00:00Z", -1),
        ] {
            let zone = zone(name);
            let (from, to) = (edge(from, &zone), edge(to, &zone));
            assert_eq!(units(ProrationUnit::Day, &zone, &from, &to), days, "{name}");
        }
    }

    #[test]
    fn seconds_are_whole_ones() {
        let utc = Zone::utc();
        for (from, to, seconds) in [
            ("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z", 31_536_000),
            ("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z", 31_622_400),
            ("2026-01-01T00:00:00.999999Z", "2026-01-01T00:00:01.000000Z", 1),
            ("2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:00.999999Z", 0),
        ] {
            assert_eq!(
                units(ProrationUnit::Second, &utc, &edge(from, &utc), &edge(to, &utc)),
                seconds,
                "{from}"
            );
        }
    }

    #[test]
    fn every_month_counts_thirty_days() {
        for (from, to, days) in [
            (date(2023, 5, 23), date(2023, 6, 15), 22),
            (date(2024, 2, 23), date(2024, 3, 15), 22),
            (date(2023, 5, 15), date(2023, 5, 23), 8),
            (date(2024, 2, 1), date(2024, 3, 1), 30),
            (date(2024, 1, 31), date(2024, 3, 31), 60),
            (date(2024, 1, 30), date(2024, 1, 31), 0),
            (date(2024, 3, 1), date(2025, 3, 1), 360),
        ] {
            let Period { start, end } = dates(from, to);
            assert_eq!(
                units(ProrationUnit::THIRTY_DAY_MONTH, &Zone::utc(), &start, &end),
                days,
                "{from} {to}"
            );
        }
    }

    #[test]
    fn months_have_as_many_days_as_the_book_says() {
        let unit = |days| ProrationUnit::FixedMonth(MonthDays::new(days).unwrap());
        for (from, to, days, counted) in [
            // Kill Bill's case of months of 28 days.
            (date(2023, 5, 23), date(2023, 6, 15), 28, 20),
            (date(2026, 1, 29), date(2026, 1, 31), 28, 0),
            (date(2026, 2, 1), date(2026, 3, 1), 31, 31),
            (date(2026, 2, 28), date(2026, 3, 1), 31, 4),
            (date(2026, 1, 1), date(2027, 1, 1), 28, 336),
            (date(2026, 1, 1), date(2027, 1, 1), 29, 348),
        ] {
            let Period { start, end } = dates(from, to);
            assert_eq!(units(unit(days), &Zone::utc(), &start, &end), counted, "{from} {to} {days}");
        }
        assert!([0, 27, 32, 255].into_iter().all(|days| MonthDays::new(days).is_none()));
        let of_days = [ProrationUnit::Day, unit(28), ProrationUnit::THIRTY_DAY_MONTH];
        assert!(of_days.into_iter().all(ProrationUnit::counts_days));
        assert!(![ProrationUnit::Second, ProrationUnit::None].into_iter().any(ProrationUnit::counts_days));
    }

    #[test]
    fn shares_of_a_period() {
        let utc = Zone::utc();
        let april = dates(date(2026, 4, 1), date(2026, 5, 1));
        let rest = dates(date(2026, 4, 16), date(2026, 5, 1));
        for (unit, share) in [
            (ProrationUnit::Day, Exact::ratio(1, 2)),
            (ProrationUnit::Second, Exact::ratio(1, 2)),
            (ProrationUnit::THIRTY_DAY_MONTH, Exact::ratio(1, 2)),
            (ProrationUnit::None, Exact::one()),
        ] {
            assert_eq!(fraction(unit, &utc, rest, april), share, "{unit:?}");
            assert_eq!(fraction(unit, &utc, april, april), Exact::one(), "{unit:?}");
        }
        let leap = dates(date(2024, 2, 1), date(2024, 3, 1));
        let part = dates(date(2024, 2, 15), date(2024, 3, 1));
        assert_eq!(fraction(ProrationUnit::Day, &utc, part, leap), Exact::ratio(15, 29));
        assert_eq!(fraction(ProrationUnit::THIRTY_DAY_MONTH, &utc, part, leap), Exact::ratio(16, 30));
    }

    #[test]
    fn a_whole_without_a_unit_is_not_divided() {
        let utc = Zone::utc();
        let morning =
            Period { start: edge("2026-04-01T08:00:00Z", &utc), end: edge("2026-04-01T12:00:00Z", &utc) };
        let nothing = Period { start: morning.end, end: morning.end };
        assert_eq!(fraction(ProrationUnit::Day, &utc, morning, morning), Exact::one());
        assert_eq!(fraction(ProrationUnit::Day, &utc, nothing, morning), Exact::zero());
    }

    #[test]
    fn each_unit_has_one_word() {
        for word in
            ["day", "second", "thirty_day_month", "none", "28_day_month", "29_day_month", "31_day_month"]
        {
            let unit = ProrationUnit::parse(word).unwrap();
            assert_eq!(unit.to_string(), word);
            assert_eq!(serde_json::to_string(&unit).unwrap(), format!("\"{word}\""));
            assert_eq!(serde_json::from_str::<ProrationUnit>(&format!("\"{word}\"")).unwrap(), unit);
        }
        assert_eq!(ProrationUnit::parse("thirty_day_month").unwrap(), ProrationUnit::THIRTY_DAY_MONTH);
        assert_eq!(ProrationUnit::default(), ProrationUnit::Day);
        for wrong in
            ["", "Day", "30_day_month", "028_day_month", "+28_day_month", "27_day_month", "32_day_month"]
        {
            assert_eq!(ProrationUnit::parse(wrong).unwrap_err().code, "proration_malformed", "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            mut ends in prop::collection::vec(0..4_102_444_800_000_000_i64, 3..8),
            name in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kolkata"]),
            unit in prop::sample::select(vec!["day", "second", "28_day_month", "29_day_month", "thirty_day_month", "31_day_month"]),
        ) {
            ends.sort_unstable();
            let (zone, unit) = (zone(name), ProrationUnit::parse(unit).unwrap());
            let edges: Vec<Edge> =
                ends.iter().map(|micros| Edge::at(Timestamp::from_microsecond(*micros).unwrap(), &zone)).collect();
            let whole = Period { start: edges[0], end: edges[edges.len() - 1] };
            let parts: Vec<Period> = edges.windows(2).map(|pair| Period { start: pair[0], end: pair[1] }).collect();
            let counted: i64 = parts.iter().map(|part| units(unit, &zone, &part.start, &part.end)).sum();
            prop_assert_eq!(counted, units(unit, &zone, &whole.start, &whole.end));
            if counted > 0 {
                let shares: Exact = parts.iter().map(|part| fraction(unit, &zone, *part, whole)).sum();
                prop_assert_eq!(shares, Exact::one());
            }
        }
    }
}
