//! Figures that are measured are as large as their events make them.

use billing::subscription;
use kernel::Cycle;
use metering::event::{NewEvent, Receipt};
use server::CONTEXTS;
use testkit::on_both;

use crate::{BOOK, Ground};

/// More values of a dimension than somebody may post by hand, one of them with a long name.
const VALUES: usize = 1_002;

fn send_many(ground: &Ground<'_>, time: &str) {
    let call = |n: usize| {
        let region = if n == 0 { "x".repeat(120) } else { n.to_string() };
        let data = format!(r#"{{"region":"{region}","city":"{}"}}"#, "y".repeat(120));
        NewEvent {
            source: "many".into(),
            id: n.to_string(),
            meter: "calls".into(),
            subject: "acme".into(),
            at: Some(time.parse().unwrap()),
            data: Some(serde_json::from_str(&data).unwrap()),
        }
    };
    let events = (0..VALUES).map(call).collect();
    let receipts = ground.metering.ingest(&ground.scope, events, false, ground.now()).wait().unwrap();
    assert!(receipts.iter().all(|one| *one == Receipt::Accepted), "{receipts:?}");
}

fn by_two() -> String {
    let both = BOOK.replace(r#"dimensions = ["region"]"#, r#"dimensions = ["region", "city"]"#);
    both.replace(r#"group_by = ["region"]"#, r#"group_by = ["region", "city"]"#)
}

#[test]
fn what_comes_late_is_billed_whatever_groups_it_has() {
    on_both(CONTEXTS, |test| {
        let ground =
            Ground::on(test, &by_two(), |acme| subscription::Start::of(acme, "grouped", Cycle::MONTH));
        ground.send("1", "acme", "2026-01-01T00:00:00Z", "eu");
        ground.advance("2026-02-01T00:00:00Z");
        assert_eq!(ground.cents(), [50]);
        send_many(&ground, "2026-01-15T12:00:00Z");
        let followed = ground.follow();
        assert_eq!((followed.late, followed.refused), (1, 0));
        ground.advance("2026-03-01T00:00:00Z");
        let late: i64 = ground.cents().iter().skip(1).sum();
        assert_eq!(late, 50 * VALUES as i64);
    });
}

#[test]
fn a_plan_with_thresholds_follows_whatever_groups_there_are() {
    on_both(CONTEXTS, |test| {
        let book =
            by_two().replace("name = \"Grouped\"\n", "name = \"Grouped\"\nthresholds = { at = [\"100\"] }\n");
        let ground = Ground::on(test, &book, |acme| subscription::Start::of(acme, "grouped", Cycle::MONTH));
        ground.advance("2026-01-02T00:00:00Z");
        send_many(&ground, "2026-01-01T00:00:00Z");
        assert_eq!(ground.follow().refused, 0);
        assert_eq!(ground.cents().iter().sum::<i64>(), 50 * VALUES as i64, "the threshold was reached");
        assert_eq!(ground.follow().hours, 0, "and the log was read");
    });
}

/// A price that looks at each of very many events is applied when they are billed, not whenever one came.
#[test]
fn what_is_read_event_by_event_is_measured_again_and_again_only_while_it_is_little() {
    on_both(CONTEXTS, |test| {
        let spend =
            "[meters]\nspend = { name = \"Spend\", unit = \"USD\", aggregation = \"sum\", decimals = 2 }";
        let price = r#"usage = { spend = { percent = "2.9", at_least = "0.50" } }"#;
        let book = BOOK.replace("[meters]", spend).replace(r#"usage = { calls = "0.50" }"#, price);
        let ground = Ground::on(test, &book, |acme| subscription::Start::of(acme, "metered", Cycle::MONTH));
        ground.advance("2026-01-02T00:00:00Z");
        let send = |from: usize, to: usize| {
            let spent = |n: usize| NewEvent {
                source: "spend".into(),
                id: n.to_string(),
                meter: "spend".into(),
                subject: "acme".into(),
                at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
                data: Some(serde_json::from_str(r#"{"value":"1.00"}"#).unwrap()),
            };
            let events = (from..to).map(spent).collect();
            let receipts = ground.metering.ingest(&ground.scope, events, false, ground.now()).wait().unwrap();
            assert!(receipts.iter().all(|one| *one == Receipt::Accepted), "{:?}", receipts[0]);
            ground.follow();
        };
        let measured = || {
            let id = ground.id;
            let figures = test.db.read(&ground.scope, move |view| billing::usage::history(view, id, 10));
            let figures = figures.wait().unwrap();
            figures
                .iter()
                .filter_map(|one| one.groups[""].total())
                .map(|total| total.to_string())
                .collect::<Vec<_>>()
        };
        send(0, 3);
        assert_eq!(measured(), ["3"]);
        send(3, 10_003);
        assert_eq!(measured(), ["3"], "too much to read each time");
        ground.advance("2026-02-01T00:00:00Z");
        assert_eq!(measured(), ["10003"]);
        assert_eq!(ground.cents(), [50 * 10_003]);
    });
}
