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
        let void = |id: &str| ground.metering.void(&ground.scope, &name(id), ground.now()).wait();
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
        let correct = |new| ground.metering.correct(&ground.scope, new, ground.now()).wait();
        assert!(correct(event("traffic", "1", "customer-a", None, &data("4"))).unwrap().changed);
        assert_eq!(ground.figure("customer-a", "traffic", DAY.0, DAY.1).value, exact("5"));
        // To another hour and another customer.
        let moved = event("traffic", "1", "customer-b", Some("2026-01-14T10:00:00Z"), &data("6"));
        assert!(correct(moved).unwrap().changed);
        assert_eq!(ground.figure("customer-a", "traffic", DAY.0, DAY.1).value, exact("1"));
        assert_eq!(ground.figure("customer-b", "traffic", EARLIER.0, EARLIER.1).value, exact("6"));
        assert_eq!(word(&ground.send(vec![first])[0]), "duplicate");
        assert!(ground.metering.void(&ground.scope, &name("1"), ground.now()).wait().unwrap().changed);
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
        assert!(ground.metering.correct(&ground.scope, moved, ground.now()).wait().unwrap().changed);
        let figure = ground.figure("customer-b", "traffic", DAY.0, DAY.1);
        assert_eq!((figure.events, figure.value), (2, exact("3")));
    });
}
