//! The worked scenarios of public billing engines, where their file is at hand.
//!
//! Checks every scenario of the schedule and day-count families by the public functions alone. The
//! file is not part of the repository; without it the test says so and passes.

use jiff::{Timestamp, ToSpan, civil::Date};
use kernel::{
    Cycle, CycleUnit, Edge, Exact, MonthDays, Period, ProrationUnit, Schedule, Zone, fraction, units,
};
use serde_json::Value;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/oracles/billing.json");

/// Families whose every scenario must be expressible.
const FAMILIES: &[&str] = &[
    "anchor.month_end",
    "anchor.leap",
    "anchor.year",
    "anchor.bill_cycle_day",
    "anchor.calendar",
    "anchor.stub",
    "anchor.arrears",
    "anchor.change",
    "timezone.day_count",
    "timezone.dst",
    "timezone.billing_day",
    "timezone.proration",
    "proration.fixed_30",
    "proration.fixed_28",
];

#[test]
fn worked_scenarios_of_other_engines_come_out_the_same() {
    let Ok(text) = std::fs::read_to_string(FILE) else {
        eprintln!("no scenario file: 0 scenarios checked");
        return;
    };
    let file: Value = serde_json::from_str(&text).unwrap();
    let scenarios = file["scenarios"].as_array().unwrap();
    let (mut checked, mut passed_over) = (0, Vec::new());
    for scenario in scenarios {
        let topic = scenario["topic"].as_str().unwrap();
        if !FAMILIES.contains(&topic) {
            continue;
        }
        match check(topic, &completed(scenario, scenarios)) {
            true => checked += 1,
            false => passed_over.push(scenario["id"].as_str().unwrap()),
        }
    }
    eprintln!("{checked} scenarios checked, not expressible here: {passed_over:?}");
    assert!(passed_over.is_empty(), "{passed_over:?}");
}

/// The scenario with the givens of the one it is the same as.
fn completed(scenario: &Value, all: &[Value]) -> Value {
    let mut scenario = scenario.clone();
    if let Some(base) = all.iter().find(|other| other["id"] == scenario["given"]["same_as"]) {
        for (key, value) in base["given"].as_object().unwrap() {
            let given = scenario["given"].as_object_mut().unwrap();
            given.entry(key).or_insert_with(|| value.clone());
        }
    }
    scenario
}

/// Checks one scenario; false when nothing in it could be checked.
fn check(topic: &str, scenario: &Value) -> bool {
    let (given, expect) = (&scenario["given"], &scenario["expect"]);
    eprintln!("{}", scenario["id"]);
    match topic {
        "anchor.month_end" | "anchor.leap" | "anchor.year" => check_edges(given, expect),
        "anchor.bill_cycle_day" => check_billing_day(given, expect),
        "anchor.calendar" => check_calendar(given, expect),
        "anchor.stub" => check_stub(given, expect),
        "anchor.arrears" => check_arrears(given, expect),
        "anchor.change" => check_change(given, expect),
        "timezone.day_count" => check_day_count(given, expect),
        "timezone.dst" => check_dst(given, expect),
        "timezone.billing_day" => check_billed_locally(given, expect),
        "timezone.proration" => check_first_week(given, expect),
        "proration.fixed_30" | "proration.fixed_28" => check_fixed_month(given, expect),
        _ => false,
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not text: {value}"))
}
fn date(value: &Value) -> Date {
    text(value).get(..10).unwrap().parse().unwrap()
}
/// Dates mean midnight UTC.
fn instant(value: &Value) -> Timestamp {
    let text = text(value);
    if text.contains('T') { text.parse().unwrap() } else { Zone::utc().start_of_day(date(value)) }
}
fn cycle(given: &Value) -> Cycle {
    match given["period_months"].as_u64() {
        Some(months) => Cycle::new(CycleUnit::Month, months as u16).unwrap(),
        None => given["interval"].as_str().map_or(Cycle::MONTH, |text| Cycle::parse(text).unwrap()),
    }
}
fn day(value: &Value) -> u8 {
    value.as_u64().unwrap() as u8
}
fn zone(value: &Value) -> Zone {
    Zone::parse(text(value)).unwrap()
}
fn local(value: &Value, zone: &Zone) -> Timestamp {
    let local: jiff::civil::DateTime = text(value).parse().unwrap();
    zone.at_time(local.date(), local.time())
}
fn utc_dates(from: Date, to: Date) -> Period {
    let utc = Zone::utc();
    Period { start: Edge::of_date(from, &utc), end: Edge::of_date(to, &utc) }
}
/// `n` periods from the start on, the first perhaps a stub.
fn periods(schedule: &Schedule, start: Timestamp, n: usize) -> Vec<Period> {
    let mut periods = vec![schedule.first_period(start).unwrap()];
    while periods.len() < n {
        let next = schedule.period_at(periods[periods.len() - 1].end.at).unwrap();
        periods.push(next);
    }
    periods
}
fn on_day(start: &Value, billing_day: &Value, cycle: Cycle) -> Schedule {
    Schedule::with_anchor_day(instant(start), day(billing_day), cycle, Zone::utc()).unwrap()
}
fn assert_date_pairs(schedule: &Schedule, start: Timestamp, pairs: &Value) {
    let pairs = pairs.as_array().unwrap();
    for (period, pair) in periods(schedule, start, pairs.len()).iter().zip(pairs) {
        assert_eq!((period.start.date, period.end.date), (date(&pair[0]), date(&pair[1])));
    }
}

fn check_edges(given: &Value, expect: &Value) -> bool {
    if given.get("started").is_some() && given.get("anchor").is_some() {
        return check_wall_time(given, expect);
    }
    if given.get("billing_day").is_some() {
        return check_elapsed(given, expect);
    }
    if given.get("bill_cycle_day").is_some() {
        let schedule = on_day(&given["start"], &given["bill_cycle_day"], cycle(given));
        let first = schedule.first_period(instant(&given["start"])).unwrap();
        assert_eq!(first.end.date, date(&expect["billed_through"]));
        return true;
    }
    if given["billing_time"] == "calendar" {
        return check_calendar_month(given, expect);
    }
    check_anniversary(given, expect)
}

fn check_anniversary(given: &Value, expect: &Value) -> bool {
    let schedule = Schedule::anniversary(instant(&given["anchor"]), cycle(given), Zone::utc());
    let mut checked = false;
    if let Some(dates) = expect["billing_dates"].as_array() {
        let first = schedule.index_at(instant(&dates[0])).unwrap();
        for (n, expected) in (first..).zip(dates) {
            assert_eq!(schedule.edge(n).unwrap().date, date(expected));
        }
        checked = true;
    }
    if let Some(renewal) = expect.get("first_renewal") {
        assert_eq!(schedule.edge(1).unwrap().date, date(renewal));
        checked = true;
    }
    let one = expect.get("service_period_inclusive").map(|pair| vec![pair.clone()]);
    let several = expect["service_periods_inclusive"].as_array().cloned();
    for (n, pair) in (0..).zip(one.or(several).unwrap_or_default()) {
        let period = schedule.period(n).unwrap();
        assert_eq!((period.start.date, period.end.date - 1.day()), (date(&pair[0]), date(&pair[1])));
        checked = true;
    }
    if let Some(invoiced) = expect.get("invoice_date") {
        assert_eq!(schedule.edge(1).unwrap().date, date(invoiced));
    }
    checked
}

fn check_calendar_month(given: &Value, expect: &Value) -> bool {
    let at = instant(&given["bill_at"]);
    let schedule = Schedule::calendar(at, cycle(given), Zone::utc());
    for (n, key) in [(0, "period_inclusive"), (-1, "usage_period_inclusive")] {
        let (period, pair) = (schedule.period(n).unwrap(), &expect[key]);
        assert_eq!((period.start.date, period.end.date - 1.day()), (date(&pair[0]), date(&pair[1])));
    }
    true
}

fn check_wall_time(given: &Value, expect: &Value) -> bool {
    let anchor = instant(&given["anchor"]);
    let schedule =
        Schedule::anniversary(anchor, cycle(given), Zone::utc()).at_wall_time(Zone::utc().time_of(anchor));
    let (start, pairs) = match expect.get("billed_periods") {
        Some(pairs) => (&given["paid_from"], pairs),
        None => (&given["started"], &expect["periods"]),
    };
    let pairs = pairs.as_array().unwrap();
    for (period, pair) in periods(&schedule, instant(start), pairs.len()).iter().zip(pairs) {
        assert_eq!((period.start.at, period.end.at), (instant(&pair[0]), instant(&pair[1])));
    }
    !pairs.is_empty()
}

fn check_elapsed(given: &Value, expect: &Value) -> bool {
    let schedule = on_day(&given["started"], &given["billing_day"], cycle(given));
    let first = schedule.index_at(instant(&given["started"])).unwrap();
    let elapsed = expect["elapsed"].as_object().unwrap();
    for (on, cycles) in elapsed {
        let n = schedule.index_at(Zone::utc().start_of_day(on.parse().unwrap())).unwrap();
        assert_eq!(n - first, cycles.as_i64().unwrap(), "{on}");
    }
    !elapsed.is_empty()
}

fn check_billing_day(given: &Value, expect: &Value) -> bool {
    let schedule = on_day(&given["start"], &given["bill_cycle_day"], cycle(given));
    let first = schedule.first_period(instant(&given["start"])).unwrap();
    assert_eq!(first.end.date, date(&expect["first_cycle_date"]));
    true
}

fn check_calendar(given: &Value, expect: &Value) -> bool {
    let start = instant(&given["started"]);
    let schedule = Schedule::calendar(start, cycle(given), Zone::utc());
    assert_eq!(schedule.next_edge_after(start).unwrap().date, date(&expect["calendar_anchor"]));
    true
}

fn check_stub(given: &Value, expect: &Value) -> bool {
    if expect.get("elapsed").is_some() {
        return check_elapsed(given, expect);
    }
    let start = instant(&given["started"]);
    let schedule = on_day(&given["started"], &given["billing_day"], cycle(given));
    let (stub, whole) = (schedule.first_period(start).unwrap(), schedule.period_at(start).unwrap());
    let pair = &expect["first_period"];
    assert_eq!((stub.start.date, stub.end.date), (date(&pair[0]), date(&pair[1])));
    let share = fraction(ProrationUnit::Day, &Zone::utc(), stub, whole);
    assert_eq!(share.to_decimal_string(9), expect["factor"].to_string());
    true
}

fn check_arrears(given: &Value, expect: &Value) -> bool {
    let start = instant(&given["start"]);
    let schedule = on_day(&given["start"], &given["bill_cycle_day"], Cycle::MONTH);
    assert_date_pairs(&schedule, start, &expect["items"]);
    // Nothing more is due on the target date: the next period has not ended by then.
    let items = expect["items"].as_array().unwrap().len();
    let next = periods(&schedule, start, items + 1)[items];
    assert!(next.end.at > instant(&given["target_date"]));
    true
}

fn check_change(given: &Value, expect: &Value) -> bool {
    let (stub, base) = match given.get("stub_period") {
        Some(pair) => {
            (utc_dates(date(&pair[0]), date(&pair[1])), given["denominator_days"].as_i64().unwrap())
        }
        None => {
            let start = instant(&given["started"]);
            let schedule = on_day(&given["started"], &given["bill_cycle_day"], Cycle::MONTH);
            let stub = schedule.first_period(start).unwrap();
            let pair = &expect["stub_period"];
            assert_eq!((stub.start.date, stub.end.date), (date(&pair[0]), date(&pair[1])));
            assert_date_pairs(&schedule, stub.end.at, &expect["next_periods"]);
            (stub, schedule.period_at(start).unwrap().days())
        }
    };
    let days = units(ProrationUnit::Day, &Zone::utc(), &stub.start, &stub.end);
    let amount =
        Exact::parse_decimal(text(&given["price"])).unwrap() * Exact::ratio(days.into(), base.into());
    let expected = Exact::parse_decimal(&expect["amount"].to_string()).unwrap();
    assert_eq!(amount.to_decimal_string(2), expected.to_decimal_string(2));
    true
}

fn check_day_count(given: &Value, expect: &Value) -> bool {
    let zone = zone(&given["tz"]);
    let (from, to) = (Edge::at(instant(&given["from"]), &zone), Edge::at(instant(&given["to"]), &zone));
    let days = expect["days"].as_i64().unwrap();
    assert_eq!(units(ProrationUnit::Day, &zone, &from, &to), days);
    assert_eq!(Period { start: from, end: to }.days(), days);
    true
}

fn check_dst(given: &Value, expect: &Value) -> bool {
    let zone = zone(&given["customer_tz"]);
    if let Some(events) = given["events_local"].as_array() {
        for (month, expected) in expect["units_by_month"].as_object().unwrap() {
            let first: Date = format!("{month}-01").parse().unwrap();
            let schedule = Schedule::anniversary(zone.start_of_day(first), Cycle::MONTH, zone.clone());
            let period = schedule.period(0).unwrap();
            let inside = events.iter().filter(|event| period.contains(local(event, &zone))).count();
            assert_eq!(inside as i64, expected.as_i64().unwrap(), "{month}");
        }
        return true;
    }
    let started = zone.date_of(local(&given["started_local"], &zone));
    let trial_end = started + given["trial_days"].as_i64().unwrap().days();
    let paid = Schedule::anniversary(zone.start_of_day(trial_end), cycle(given), zone).period(0).unwrap();
    let pair = &expect["first_paid_period"];
    assert_eq!((paid.start.date, paid.end.date), (date(&pair[0]), date(&pair[1])));
    true
}

fn check_billed_locally(given: &Value, expect: &Value) -> bool {
    let (zone, start) = (zone(&given["customer_tz"]), instant(&given["started"]));
    let schedule = Schedule::calendar(start, cycle(given), zone.clone());
    let first = schedule.index_at(start).unwrap();
    for (n, run) in given["billing_job_runs"].as_array().unwrap().iter().enumerate() {
        let run = instant(run);
        assert_eq!(zone.date_of(run), date(&expect["local_dates"][n]));
        let due = schedule.index_at(run).unwrap() - first;
        assert_eq!(due, expect["invoices_after_run"][n].as_i64().unwrap());
    }
    true
}

fn check_first_week(given: &Value, expect: &Value) -> bool {
    let (zone, start) = (zone(&given["customer_tz"]), instant(&given["started_at"]));
    let schedule = Schedule::calendar(start, Cycle::WEEK, zone.clone());
    let (stub, whole) = (schedule.first_period(start).unwrap(), schedule.period_at(start).unwrap());
    let share = fraction(ProrationUnit::Day, &zone, stub, whole);
    let fee = Exact::from(given["price_minor"].as_i64().unwrap()) * share;
    assert_eq!(fee.round_half_up().unwrap(), expect["fee_minor"].as_i64().unwrap());
    true
}

fn check_fixed_month(given: &Value, expect: &Value) -> bool {
    let period = utc_dates(date(&given["from"]), date(&given["to"]));
    let month = given["days_in_month"].as_u64().unwrap_or(30);
    let unit = ProrationUnit::FixedMonth(MonthDays::new(month as u8).unwrap());
    let days = units(unit, &Zone::utc(), &period.start, &period.end);
    assert_eq!(days, expect["days"].as_i64().unwrap());
    if !expect["factor"].is_null() {
        assert_eq!(
            Exact::ratio(days.into(), month.into()).to_decimal_string(9),
            expect["factor"].to_string()
        );
    }
    true
}
