//! Shares of a period: the units a fee is spread over.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{Edge, Exact, Period, Zone, period::days_between, time};

/// What a part of a period is measured in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProrationUnit {
    /// Local calendar days; a day of 23 or 25 hours is one.
    #[default]
    Day,
    /// Elapsed seconds.
    Second,
    /// Days of months that all have 30 (30E/360: the 31st counts as the 30th).
    ThirtyDayMonth,
    /// Not at all: any part costs the whole.
    None,
}

/// How many units lie between two edges. Days are those of `zone`, whatever zone the edges' dates were
/// written in; seconds are whole ones. Units of adjoining parts add up to those of the whole.
pub fn units(unit: ProrationUnit, zone: &Zone, from: &Edge, to: &Edge) -> i64 {
    match unit {
        ProrationUnit::Day => days_between(zone.date_of(from.at), zone.date_of(to.at)),
        // Each end is cut to its second before the difference, so that parts add up.
        ProrationUnit::Second => whole_seconds(to.at) - whole_seconds(from.at),
        ProrationUnit::ThirtyDayMonth => {
            thirty_day_number(zone.date_of(to.at)) - thirty_day_number(zone.date_of(from.at))
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

/// Days since the year 0 in a calendar whose months all have 30.
fn thirty_day_number(date: Date) -> i64 {
    let (year, month, day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
    year * 360 + month * 30 + day.min(30)
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
            assert_eq!(units(ProrationUnit::ThirtyDayMonth, &Zone::utc(), &start, &end), days, "{from} {to}");
        }
    }

    #[test]
    fn shares_of_a_period() {
        let utc = Zone::utc();
        let april = dates(date(2026, 4, 1), date(2026, 5, 1));
        let rest = dates(date(2026, 4, 16), date(2026, 5, 1));
        for (unit, share) in [
            (ProrationUnit::Day, Exact::ratio(1, 2)),
            (ProrationUnit::Second, Exact::ratio(1, 2)),
            (ProrationUnit::ThirtyDayMonth, Exact::ratio(1, 2)),
            (ProrationUnit::None, Exact::one()),
        ] {
            assert_eq!(fraction(unit, &utc, rest, april), share, "{unit:?}");
            assert_eq!(fraction(unit, &utc, april, april), Exact::one(), "{unit:?}");
        }
        let leap = dates(date(2024, 2, 1), date(2024, 3, 1));
        let part = dates(date(2024, 2, 15), date(2024, 3, 1));
        assert_eq!(fraction(ProrationUnit::Day, &utc, part, leap), Exact::ratio(15, 29));
        assert_eq!(fraction(ProrationUnit::ThirtyDayMonth, &utc, part, leap), Exact::ratio(16, 30));
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
    fn units_travel_in_snake_case() {
        let json = serde_json::to_string(&ProrationUnit::ThirtyDayMonth).unwrap();
        assert_eq!(json, "\"thirty_day_month\"");
        assert_eq!(serde_json::from_str::<ProrationUnit>("\"none\"").unwrap(), ProrationUnit::None);
        assert_eq!(ProrationUnit::default(), ProrationUnit::Day);
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            mut ends in prop::collection::vec(0..4_102_444_800_000_000_i64, 3..8),
            name in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kolkata"]),
            unit in prop::sample::select(vec![ProrationUnit::Day, ProrationUnit::Second, ProrationUnit::ThirtyDayMonth]),
        ) {
            ends.sort_unstable();
            let zone = zone(name);
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
