//! Voided and corrected events.

use metering::{Options, event::EventName};
use testkit::on_both;

use crate::parts::{CONTEXTS, Ground, event, exact, word};

const DAY: (&str, &str) = ("2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z");
const EARLIER: (&str, &str) = ("2026-01-14T00:00:00Z", "2026-01-15T00:00:00Z");

fn name(id: &str) -> EventName {
    EventName { source: "test".to_owned(), id: id.to_owned() }
}

#[test]
fn a_voided_event_does_not_count_and_stays_known() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let at = Some("2026-01-15T10:00:00Z");
        let sent = [("1", "3"), ("2", "7"), ("3", "5")]
            .map(|(id, gb)| event("peak", id, "customer-a", at, &format!(r#"{{"gb": {gb}}}"#)));
        ground.send(sent.to_vec());
        let void = |id: &str| ground.metering.void(&ground.scope, &name(id), false, ground.now()).wait();
        assert!(void("2").unwrap().changed);
        assert_eq!(ground.figure("customer-a", "peak", DAY.0, DAY.1).value, exact("5"));
        assert!(!void("2").unwrap().changed);
        assert_eq!(void("9").unwrap_err().code, "event_unknown");
        assert_eq!(word(&ground.send(sent.to_vec())[1]), "duplicate");
        assert_eq!(ground.figure("customer-a", "peak", DAY.0, DAY.1).events, 2);
    });
}

#[test]
fn a_corrected_event_counts_as_corrected_and_can_be_corrected_again() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let data = |gb: &str| format!(r#"{{"gb": {gb}, "region": "eu"}}"#);
        let at = Some("2026-01-15T10:00:00Z");
        let first = event("traffic", "1", "customer-a", at, &data("3"));
        ground.send(vec![first.clone(), event("traffic", "2", "customer-a", at, &data("1"))]);
        let correct = |new| ground.metering.correct(&ground.scope, new, false, ground.now()).wait();
        assert!(correct(event("traffic", "1", "customer-a", None, &data("4"))).unwrap().changed);
        assert_eq!(ground.figure("customer-a", "traffic", DAY.0, DAY.1).value, exact("5"));
        // To another hour and another customer.
        let moved = event("traffic", "1", "customer-b", Some("2026-01-14T10:00:00Z"), &data("6"));
        assert!(correct(moved).unwrap().changed);
        assert_eq!(ground.figure("customer-a", "traffic", DAY.0, DAY.1).value, exact("1"));
        assert_eq!(ground.figure("customer-b", "traffic", EARLIER.0, EARLIER.1).value, exact("6"));
        assert_eq!(word(&ground.send(vec![first])[0]), "duplicate");
        assert!(ground.metering.void(&ground.scope, &name("1"), false, ground.now()).wait().unwrap().changed);
        assert_eq!(ground.figure("customer-b", "traffic", EARLIER.0, EARLIER.1).events, 0);
        let late = correct(event("traffic", "1", "customer-a", None, &data("4")));
        assert_eq!(late.unwrap_err().code, "event_voided");
    });
}

#[test]
fn a_correction_without_a_time_joins_the_events_of_its_hour_there() {
    on_both(CONTEXTS, |test| {
        let mut ground = Ground::new(test);
        let at = Some("2026-01-15T10:00:00Z");
        let there = event("traffic", "1", "customer-b", at, r#"{"gb": 1}"#);
        ground.send(vec![there, event("traffic", "2", "customer-a", at, r#"{"gb": 2}"#)]);
        // Nothing is in memory, and it is another hour.
        ground.metering = ground.other(&test.db, "local", Options::default());
        ground.pass(7_200);
        let moved = event("traffic", "2", "customer-b", None, r#"{"gb": 2}"#);
        assert!(ground.metering.correct(&ground.scope, moved, false, ground.now()).wait().unwrap().changed);
        let figure = ground.figure("customer-b", "traffic", DAY.0, DAY.1);
        assert_eq!((figure.events, figure.value), (2, exact("3")));
    });
}

#[test]
fn what_is_closed_is_changed_by_staff_only_and_moved_to_times_that_are_taken() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let at = Some("2026-01-15T10:00:00Z");
        let data = |gb: &str| format!(r#"{{"gb": {gb}}}"#);
        let of = |id: &str, at, gb| event("traffic", id, "customer-a", at, &data(gb));
        ground.send(vec![of("1", at, "3"), of("2", at, "4"), of("3", at, "5")]);
        let correct = |new, staff| {
            let changed = ground.metering.correct(&ground.scope, new, staff, ground.now()).wait();
            changed
                .map_or_else(|error| error.code, |changed| if changed.changed { "changed" } else { "same" })
        };
        let void = |id: &str, staff| {
            let changed = ground.metering.void(&ground.scope, &name(id), staff, ground.now()).wait();
            changed
                .map_or_else(|error| error.code, |changed| if changed.changed { "changed" } else { "same" })
        };
        // A new time is one that could have been sent.
        for (time, word) in [
            ("1971-01-01T00:00:00Z", "too_old"),
            ("2025-10-01T00:00:00Z", "too_old"),
            ("2027-01-15T00:00:00Z", "in_the_future"),
        ] {
            assert_eq!(correct(of("1", Some(time), "3"), false), word, "{time}");
        }
        assert_eq!(correct(of("1", Some("1971-01-01T00:00:00Z"), "3"), true), "too_old");
        assert_eq!(correct(of("1", Some("2027-01-15T00:00:00Z"), "3"), true), "in_the_future");
        assert_eq!(ground.figure("customer-a", "traffic", DAY.0, DAY.1).value, exact("12"));
        assert_eq!(correct(of("1", Some("2025-10-01T00:00:00Z"), "3"), true), "changed");
        assert_eq!(ground.figure("customer-a", "traffic", DAY.0, DAY.1).value, exact("9"));

        ground.pass(91 * 86_400);
        for word in [void("2", false), correct(of("2", None, "9"), false), correct(of("1", None, "9"), false)]
        {
            assert_eq!(word, "permission_missing");
        }
        let now = ground.now().to_string();
        assert_eq!(
            correct(of("2", Some(&now), "4"), false),
            "permission_missing",
            "it would leave what is closed"
        );
        assert_eq!(ground.figure("customer-a", "traffic", DAY.0, DAY.1).value, exact("9"));
        assert_eq!((void("2", true), correct(of("3", None, "6"), true)), ("changed", "changed"));
        assert_eq!(void("2", false), "same");
        assert_eq!(ground.figure("customer-a", "traffic", DAY.0, DAY.1).value, exact("6"));
        ground.pass(400 * 86_400);
        assert_eq!((void("3", false), void("3", true)), ("permission_missing", "too_old"));
    });
}
