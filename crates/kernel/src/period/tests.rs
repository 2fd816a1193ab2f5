use jiff::{SignedDuration, civil::date};
use proptest::prelude::*;

use super::*;
use crate::{ProrationUnit, units};

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}
fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
fn cycle(text: &str) -> Cycle {
    Cycle::parse(text).unwrap()
}
/// The dates of edges `from` to `to`, both included.
fn dates(schedule: &Schedule, from: i64, to: i64) -> String {
    let dates: Vec<String> = (from..=to).map(|n| schedule.edge(n).unwrap().date.to_string()).collect();
    dates.join(" ")
}
fn anniversary(start: &str, text: &str) -> Schedule {
    Schedule::anniversary(at(&format!("{start}T00:00:00Z")), cycle(text), Zone::utc())
}

#[test]
fn a_short_month_clamps_and_the_next_long_one_returns_to_the_anchor() {
    for (start, text, expected) in [
        ("2023-01-31", "month", "2023-01-31 2023-02-28 2023-03-31 2023-04-30 2023-05-31"),
        ("2024-01-31", "month", "2024-01-31 2024-02-29 2024-03-31 2024-04-30 2024-05-31"),
        ("2023-01-30", "month", "2023-01-30 2023-02-28 2023-03-30 2023-04-30 2023-05-30"),
        ("2023-02-28", "month", "2023-02-28 2023-03-28 2023-04-28 2023-05-28 2023-06-28"),
        ("2023-11-30", "quarter", "2023-11-30 2024-02-29 2024-05-30 2024-08-30 2024-11-30"),
        ("2023-08-31", "half_year", "2023-08-31 2024-02-29 2024-08-31 2025-02-28 2025-08-31"),
        ("2024-02-29", "year", "2024-02-29 2025-02-28 2026-02-28 2027-02-28 2028-02-29"),
        ("2024-01-31", "year", "2024-01-31 2025-01-31 2026-01-31 2027-01-31 2028-01-31"),
        ("2024-02-29", "2 years", "2024-02-29 2026-02-28 2028-02-29 2030-02-28 2032-02-29"),
        ("2025-12-31", "18 months", "2025-12-31 2027-06-30 2028-12-31 2030-06-30 2031-12-31"),
        ("2026-02-27", "week", "2026-02-27 2026-03-06 2026-03-13 2026-03-20 2026-03-27"),
        ("2024-02-28", "day", "2024-02-28 2024-02-29 2024-03-01 2024-03-02 2024-03-03"),
        ("2026-01-01", "30 days", "2026-01-01 2026-01-31 2026-03-02 2026-04-01 2026-05-01"),
    ] {
        assert_eq!(dates(&anniversary(start, text), 0, 4), expected, "{start} {text}");
    }
    assert_eq!(
        dates(&anniversary("2024-03-31", "month"), -3, 0),
        "2023-12-31 2024-01-31 2024-02-29 2024-03-31"
    );
    assert_eq!(dates(&anniversary("2024-02-29", "year"), -4, -3), "2020-02-29 2021-02-28");
}

#[test]
fn no_edge_depends_on_the_one_before() {
    let schedule = anniversary("2024-01-31", "month");
    for years in [-50, 100, 975] {
        let edge = schedule.edge(years * 12).unwrap();
        assert_eq!((edge.date.month(), edge.date.day()), (1, 31));
    }
    assert_eq!(dates(&schedule, 12 * 100 + 1, 12 * 100 + 1), "2124-02-29");
}

#[test]
fn calendar_schedules_start_at_the_head_of_the_unit() {
    for (start, text, anchor, next) in [
        ("2024-01-15", "month", "2024-01-01", "2024-02-01"),
        ("2024-02-15", "quarter", "2024-01-01", "2024-04-01"),
        ("2024-12-31", "quarter", "2024-10-01", "2025-01-01"),
        ("2024-03-20", "half_year", "2024-01-01", "2024-07-01"),
        ("2024-10-05", "half_year", "2024-07-01", "2025-01-01"),
        ("2024-05-10", "year", "2024-01-01", "2025-01-01"),
        ("2024-05-10", "2 years", "2024-01-01", "2026-01-01"),
        ("2024-08-10", "2 months", "2024-07-01", "2024-09-01"),
        ("2024-08-10", "5 months", "2024-08-01", "2025-01-01"),
        ("2024-08-10", "18 months", "2024-08-01", "2026-02-01"),
        ("2026-11-20", "week", "2026-11-16", "2026-11-23"),
        ("2026-11-23", "week", "2026-11-23", "2026-11-30"),
        ("2026-11-22", "2 weeks", "2026-11-16", "2026-11-30"),
        ("2026-11-20", "day", "2026-11-20", "2026-11-21"),
    ] {
        let start = at(&format!("{start}T12:00:00Z"));
        let schedule = Schedule::calendar(start, cycle(text), Zone::utc());
        let first = schedule.first_period(start).unwrap();
        assert_eq!(schedule.anchor.to_string(), anchor, "{start} {text}");
        assert_eq!((first.start.at, first.end.date.to_string().as_str()), (start, next), "{start} {text}");
    }
}

#[test]
fn the_calendar_is_that_of_the_zone() {
    let start = at("2026-01-31T20:00:00Z");
    let tokyo = Schedule::calendar(start, Cycle::MONTH, zone("Asia/Tokyo"));
    assert_eq!(tokyo.anchor, date(2026, 2, 1));
    assert_eq!(tokyo.next_edge_after(start).unwrap().at.to_string(), "2026-02-28T15:00:00Z");
    let new_york = Schedule::calendar(start, Cycle::MONTH, zone("America/New_York"));
    assert_eq!(new_york.next_edge_after(start).unwrap().at.to_string(), "2026-02-01T05:00:00Z");
    // A Sunday in Berlin is a Monday in Auckland already.
    let auckland = Schedule::calendar(at("2026-11-22T12:00:00Z"), Cycle::WEEK, zone("Pacific/Auckland"));
    assert_eq!(auckland.anchor, date(2026, 11, 23));
}

#[test]
fn a_billing_day_is_kept_even_when_the_first_month_is_too_short_for_it() {
    for (start, day, text, expected) in [
        ("2012-02-16", 30, "month", "2012-02-29 2012-03-30 2012-04-30"),
        ("2012-01-31", 30, "month", "2012-02-29 2012-03-30 2012-04-30"),
        ("2012-01-31", 30, "year", "2013-01-30 2014-01-30 2015-01-30"),
        ("2012-02-16", 14, "month", "2012-03-14 2012-04-14 2012-05-14"),
        ("2012-07-16", 15, "month", "2012-08-15 2012-09-15 2012-10-15"),
        ("2012-04-30", 31, "month", "2012-05-31 2012-06-30 2012-07-31"),
        ("2012-04-29", 31, "month", "2012-04-30 2012-05-31 2012-06-30"),
        ("2025-02-10", 31, "quarter", "2025-02-28 2025-05-31 2025-08-31"),
        ("2025-02-10", 31, "year", "2025-02-28 2026-02-28 2027-02-28"),
        ("2027-02-10", 29, "year", "2027-02-28 2028-02-29 2029-02-28"),
        ("2025-06-10", 31, "year", "2025-06-30 2026-06-30 2027-06-30"),
        ("2025-06-10", 31, "2 months", "2025-06-30 2025-08-31 2025-10-31"),
        ("2025-10-08", 1, "quarter", "2026-01-01 2026-04-01 2026-07-01"),
    ] {
        let start = at(&format!("{start}T00:00:00Z"));
        let schedule = Schedule::with_anchor_day(start, day, cycle(text), Zone::utc()).unwrap();
        let first = schedule.index_at(start).unwrap() + 1;
        assert_eq!(schedule.first_period(start).unwrap().end, schedule.edge(first).unwrap());
        assert_eq!(dates(&schedule, first, first + 2), expected, "{start} {day} {text}");
    }
    for (day, text) in [(0, "month"), (32, "month"), (15, "week"), (15, "day")] {
        let refused = Schedule::with_anchor_day(at("2026-01-01T00:00:00Z"), day, cycle(text), Zone::utc());
        assert_eq!(refused.unwrap_err().code, "anchor_day_invalid");
    }
}

#[test]
fn the_first_period_runs_from_the_start_itself() {
    let start = at("2026-01-31T15:30:00Z");
    let schedule = Schedule::anniversary(start, Cycle::MONTH, zone("Europe/Berlin"));
    let first = schedule.first_period(start).unwrap();
    assert_eq!(
        (first.start, first.end.at),
        (Edge { date: date(2026, 1, 31), at: start }, at("2026-02-27T23:00:00Z"))
    );
    assert_eq!(first.days(), 28);
    assert!(first.contains(start) && !first.contains(first.end.at));
    // Started on an edge, it is a whole period.
    let on_edge = schedule.edge(0).unwrap().at;
    assert_eq!(schedule.first_period(on_edge).unwrap(), schedule.period(0).unwrap());
    // One tick before an edge there is a stub of one tick.
    let before = at("2026-02-27T22:59:59.999999Z");
    assert_eq!(schedule.first_period(before).unwrap().end, schedule.edge(1).unwrap());
}

#[test]
fn a_stub_is_a_share_of_the_whole_period_it_ends() {
    for (start, day, text, end, share) in [
        ("2026-02-10", 1, "quarter", "2026-05-01", crate::Exact::ratio(80, 89)),
        ("2026-02-10", 15, "month", "2026-02-15", crate::Exact::ratio(5, 31)),
        ("2026-06-01", 31, "month", "2026-06-30", crate::Exact::ratio(29, 30)),
        ("2026-09-20", 1, "year", "2027-09-01", crate::Exact::ratio(346, 365)),
    ] {
        let start = at(&format!("{start}T10:00:00Z"));
        let schedule = Schedule::with_anchor_day(start, day, cycle(text), Zone::utc()).unwrap();
        let (stub, whole) = (schedule.first_period(start).unwrap(), schedule.period_at(start).unwrap());
        assert_eq!(stub.end.date.to_string(), end);
        assert_eq!(crate::fraction(ProrationUnit::Day, &Zone::utc(), stub, whole), share, "{end}");
    }
}

#[test]
fn with_a_wall_time_edges_keep_it_across_changes_of_clocks() {
    let start = at("2026-01-29T01:30:00.000001Z");
    let berlin = zone("Europe/Berlin");
    let schedule =
        Schedule::anniversary(start, Cycle::MONTH, berlin.clone()).at_wall_time(berlin.time_of(start));
    let instants: Vec<String> = (0..4).map(|n| schedule.edge(n).unwrap().at.to_string()).collect();
    // On 29 March there is no half past two: the edge moves on by the hour that is skipped.
    assert_eq!(
        instants,
        [
            "2026-01-29T01:30:00.000001Z",
            "2026-02-28T01:30:00.000001Z",
            "2026-03-29T01:30:00.000001Z",
            "2026-04-29T00:30:00.000001Z"
        ]
    );
    assert_eq!(schedule.first_period(start).unwrap(), schedule.period(0).unwrap());
    assert_eq!(schedule.index_at(start - SignedDuration::from_micros(1)).unwrap(), -1);
}

#[test]
fn days_of_23_and_25_hours_are_one_day() {
    let berlin = zone("Europe/Berlin");
    let daily =
        Schedule { anchor: date(2026, 1, 1), cycle: Cycle::DAY, zone: berlin.clone(), wall_time: None };
    for (noon, hours) in
        [("2026-03-29T12:00:00Z", 23), ("2026-10-25T12:00:00Z", 25), ("2026-07-01T12:00:00Z", 24)]
    {
        let period = daily.period_at(at(noon)).unwrap();
        assert_eq!(period.days(), 1);
        assert_eq!(units(ProrationUnit::Day, &berlin, &period.start, &period.end), 1);
        assert_eq!(units(ProrationUnit::Second, &berlin, &period.start, &period.end), hours * 3600);
    }
}

#[test]
fn edges_stand_at_the_first_instant_where_clocks_skip_midnight() {
    for (name, anchor, n, instant) in [
        ("America/Sao_Paulo", date(2018, 10, 4), 1, "2018-11-04T03:00:00Z"),
        ("America/Sao_Paulo", date(2018, 10, 3), 1, "2018-11-03T03:00:00Z"),
        ("Asia/Beirut", date(2026, 1, 29), 2, "2026-03-28T22:00:00Z"),
        ("America/St_Johns", date(2010, 10, 7), 1, "2010-11-07T02:30:00Z"),
    ] {
        let schedule = Schedule { anchor, cycle: Cycle::MONTH, zone: zone(name), wall_time: None };
        let edge = schedule.edge(n).unwrap();
        assert_eq!(edge.at.to_string(), instant, "{name}");
        assert_eq!(schedule.index_at(edge.at).unwrap(), n);
        assert_eq!(schedule.index_at(edge.at - SignedDuration::from_micros(1)).unwrap(), n - 1);
    }
}

#[test]
fn a_date_the_zone_left_out_is_an_empty_day_no_instant_falls_in() {
    let apia = zone("Pacific/Apia");
    let daily =
        Schedule { anchor: date(2011, 12, 28), cycle: Cycle::DAY, zone: apia.clone(), wall_time: None };
    let missing = daily.period(2).unwrap();
    assert_eq!((missing.start.date, missing.is_empty()), (date(2011, 12, 30), true));
    let moment = missing.start.at;
    assert_eq!(daily.index_at(moment).unwrap(), 3);
    assert_eq!(daily.index_at(moment - SignedDuration::from_micros(1)).unwrap(), 1);
    let after_29th = daily.next_edge_after(daily.edge(1).unwrap().at).unwrap();
    assert_eq!(after_29th.at, moment, "the next edge is a later instant");
    // A month anchored on the 30th begins with the 31st, and later edges return to the 30th.
    let monthly = Schedule { cycle: Cycle::MONTH, anchor: date(2011, 11, 30), ..daily };
    assert_eq!(monthly.edge(1).unwrap(), Edge { date: date(2011, 12, 30), at: moment });
    assert_eq!(monthly.edge(2).unwrap(), Edge::of_date(date(2012, 1, 30), &apia));
    assert_eq!(monthly.index_at(moment).unwrap(), 1);
}

#[test]
fn the_hour_that_comes_twice_across_midnight_belongs_to_the_day_already_begun() {
    // In Newfoundland clocks went back from 00:01 to 23:01 of the day before.
    for (anchor, cycle, in_repeated_hour) in [
        (date(2010, 11, 6), Cycle::DAY, "2010-11-07T02:45:00Z"),
        (date(2009, 10, 1), Cycle::MONTH, "2009-11-01T02:45:00Z"),
    ] {
        let schedule = Schedule { anchor, cycle, zone: zone("America/St_Johns"), wall_time: None };
        let instant = at(in_repeated_hour);
        assert!(schedule.edge(1).unwrap().at < instant);
        assert!(schedule.zone.date_of(instant) < schedule.edge(1).unwrap().date);
        assert_eq!(schedule.index_at(instant).unwrap(), 1);
    }
}

#[test]
fn the_day_before_a_date_left_out_lasts_until_the_wall_time_after_it() {
    let schedule = Schedule {
        anchor: date(2011, 12, 29),
        cycle: Cycle::DAY,
        zone: zone("Pacific/Apia"),
        wall_time: Some(Time::constant(12, 0, 0, 0)),
    };
    let morning_of_the_31st = schedule.zone.at_time(date(2011, 12, 31), Time::constant(5, 0, 0, 0));
    assert_eq!(schedule.index_at(morning_of_the_31st).unwrap(), 0);
    assert_eq!(schedule.index_at(schedule.edge(1).unwrap().at).unwrap(), 2);
}

#[test]
fn times_outside_the_calendar_are_refused() {
    let schedule = anniversary("2026-01-31", "month");
    let code = |result: Result<Edge>| result.unwrap_err().code;
    assert_eq!(schedule.edge(12 * 973 + 11).unwrap().date, date(2999, 12, 31));
    for n in [12 * 974, -12 * 57, i64::MAX, i64::MIN, i64::MAX / 2] {
        assert_eq!(code(schedule.edge(n)), "time_out_of_range", "{n}");
        assert_eq!(
            code(anniversary("2026-01-31", "week").edge(n.saturating_mul(7))),
            "time_out_of_range",
            "{n}"
        );
    }
    assert_eq!(schedule.period(i64::MAX).unwrap_err().code, "time_out_of_range");
    assert_eq!(schedule.index_at(at("1969-12-31T00:00:00Z")).unwrap_err().code, "time_out_of_range");
    assert_eq!(schedule.index_at(at("3000-01-01T00:00:00Z")).unwrap_err().code, "time_out_of_range");
    // The edge before an early instant may itself lie too early: the index is still known.
    assert_eq!(anniversary("2026-06-01", "year").index_at(at("1970-02-01T00:00:00Z")).unwrap(), -57);
    assert_eq!(
        code(anniversary("2999-12-31", "year").next_edge_after(at("2999-12-31T00:00:00Z"))),
        "time_out_of_range"
    );
}

const ZONES: &[&str] = &[
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Havana",
    "Pacific/Chatham",
    "Antarctica/Troll",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "America/Nuuk",
    "Africa/Casablanca",
    "Asia/Gaza",
];

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let unit = prop::sample::select(vec![CycleUnit::Day, CycleUnit::Week, CycleUnit::Month, CycleUnit::Year]);
    let cycle = (unit, prop_oneof![Just(1), Just(3), 1..=120_u16])
        .prop_map(|(unit, count)| Cycle::new(unit, count).unwrap());
    let anchor = (1971..2100_i16, 1..=12_i8, prop_oneof![1..=28_i8, 29..=31_i8])
        .prop_map(|(year, month, day)| with_day(date(year, month, 1), day));
    let time =
        prop::option::of((0..24_i8, 0..60_i8, 0..60_i8).prop_map(|(h, m, s)| Time::constant(h, m, s, 0)));
    (anchor, cycle, prop::sample::select(ZONES), time).prop_map(|(anchor, cycle, name, wall_time)| Schedule {
        anchor,
        cycle,
        zone: zone(name),
        wall_time,
    })
}

/// Instants of living memory and of the near future, where zones change.
fn any_instant() -> impl Strategy<Value = Timestamp> {
    (0..4_102_444_800_000_000_i64).prop_map(|micros| Timestamp::from_microsecond(micros).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn edges_ascend(schedule in any_schedule(), n in -300..300_i64) {
        let (Some(edge), Some(next)) = (schedule.raw_edge(n), schedule.raw_edge(n + 1)) else { return Ok(()) };
        prop_assert!(edge.date < next.date);
        // Two edges meet only where the zone left the earlier one's date out.
        let left_out = schedule.zone.date_of(schedule.zone.start_of_day(edge.date)) != edge.date;
        prop_assert!(edge.at < next.at || (left_out && edge.at == next.at));
    }

    #[test]
    fn an_edge_lies_on_its_clamped_day_whatever_its_number(schedule in any_schedule(), n in -300..300_i64) {
        let Some(edge) = schedule.raw_edge(n) else { return Ok(()) };
        match schedule.cycle.length() {
            Length::Months(months) => {
                prop_assert_eq!(edge.date.day(), schedule.anchor.day().min(edge.date.days_in_month()));
                prop_assert_eq!(month_number(edge.date) - month_number(schedule.anchor), n * months);
            }
            Length::Days(days) => prop_assert_eq!(days_between(schedule.anchor, edge.date), n * days),
        }
        if schedule.wall_time.is_none() {
            prop_assert_eq!(edge.at, schedule.zone.start_of_day(edge.date));
        }
    }

    #[test]
    fn the_index_is_the_inverse_of_the_edge(schedule in any_schedule(), instant in any_instant()) {
        let n = schedule.index_at(instant).unwrap();
        prop_assert!(schedule.raw_edge(n).unwrap().at <= instant);
        prop_assert!(instant < schedule.raw_edge(n + 1).unwrap().at);
        let tick = SignedDuration::from_micros(1);
        if let Ok(edge) = schedule.edge(n) {
            prop_assert_eq!(schedule.index_at(edge.at).unwrap(), n);
            if edge.at > time::FIRST_INSTANT {
                prop_assert!(schedule.index_at(edge.at - tick).unwrap() < n);
            }
            if let Ok(period) = schedule.period_at(instant) {
                prop_assert!(period.contains(instant) && !period.is_empty());
                prop_assert_eq!(schedule.next_edge_after(instant).unwrap(), period.end);
            }
        }
    }

    #[test]
    fn schedules_made_from_a_start_cover_it(start in any_instant(), day in 1..=31_u8, schedule in any_schedule()) {
        let Schedule { cycle, zone, .. } = schedule;
        let mut made = vec![Schedule::anniversary(start, cycle, zone.clone()), Schedule::calendar(start, cycle, zone.clone())];
        if cycle.months().is_some() {
            let by_day = Schedule::with_anchor_day(start, day, cycle, zone.clone()).unwrap();
            let first = by_day.first_period(start).unwrap().end.date;
            prop_assert_eq!(first.day(), (day as i8).min(first.days_in_month()), "the billing day is not forgotten");
            made.push(by_day);
        }
        for schedule in made {
            let first = schedule.first_period(start).unwrap();
            prop_assert_eq!(first.start, Edge::at(start, &zone));
            prop_assert!(first.contains(start));
            let n = schedule.index_at(first.end.at).unwrap();
            prop_assert_eq!(schedule.edge(n).unwrap().at, first.end.at);
        }
    }
}
