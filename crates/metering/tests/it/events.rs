//! Events come in once, whatever happens.

use std::collections::BTreeSet;

use jiff::Timestamp;
use metering::{
    Options,
    event::{EventName, NewEvent},
    log,
    usage::{self, Grain, Span, Subject},
};
use testkit::on_both;

use crate::parts::{CONTEXTS, Ground, event, exact, word};

const DAY: (&str, &str) = ("2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z");

fn words(receipts: &[metering::event::Receipt]) -> Vec<&str> {
    receipts.iter().map(word).collect()
}

#[test]
fn the_last_events_of_a_busy_hour_are_told_without_the_voided_ones() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let mut next = 0;
        // Chunks of many sizes, then many of one event each.
        for size in [2_500, 700, 40].into_iter().chain([1; 30]) {
            let one = |number: i64| {
                let at = format!("2026-01-15T10:{:02}:{:02}Z", number / 60 % 60, number % 60);
                event("calls", &number.to_string(), "customer-a", Some(&at), "{}")
            };
            ground.send((next..next + size).map(one).collect());
            next += size;
        }
        for number in [3_269, 3_265, 3_000] {
            let name = EventName { source: "test".to_owned(), id: number.to_string() };
            assert!(ground.metering.void(&ground.scope, &name, false, ground.now()).wait().unwrap().changed);
        }
        let (customer, meter) = (ground.customers.id("customer-a"), ground.customers.meter("calls"));
        let last = ground.db.usage().read(&ground.scope, move |view| {
            let subject = Subject { customer, subscription: None, unnamed: None, meter: &meter };
            usage::last_events(view, subject, Span::new(DAY.0.parse().unwrap(), DAY.1.parse().unwrap()), 50)
        });
        let last = last.wait().unwrap();
        assert_eq!(last.len(), 50);
        assert!(last.is_sorted_by_key(|(_, entry)| std::cmp::Reverse(entry.at)));
        let names: BTreeSet<&str> = last.iter().map(|(_, entry)| entry.name.id.as_str()).collect();
        assert!(!names.contains("3269") && !names.contains("3265") && !names.contains("3000"), "{names:?}");
    });
}

#[test]
fn a_bad_event_does_not_sink_its_batch() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let at = Some("2026-01-15T10:00:00Z");
        let receipts = ground.send(vec![
            event("traffic", "1", "customer-a", at, r#"{"gb": 1.5, "region": "eu"}"#),
            event("traffic", "1", "customer-a", at, r#"{"gb": 1.5, "region": "eu"}"#),
            event("traffic", "1", "customer-a", at, r#"{"gb": 2.5, "region": "eu"}"#),
            event("nothing", "2", "customer-a", at, "{}"),
            event("traffic", "3", "nobody", at, r#"{"gb": 1}"#),
            event("traffic", "4", "customer-a", at, "{}"),
            event("traffic", "5", "customer-a", at, r#"{"gb": "NaN"}"#),
            event("traffic", "6", "customer-a", at, r#"{"gb": 1e308}"#),
            event("traffic", "7", "customer-a", at, r#"{"gb": "0.0005"}"#),
            event("traffic", "8", "customer-a", at, r#"{"gb": 12345678901234567890}"#),
            event("traffic", "9", "customer-a", Some("1970-01-01T00:00:00Z"), r#"{"gb": 1}"#),
            event("traffic", "10", "customer-a", Some("9999-01-01T00:00:00Z"), r#"{"gb": 1}"#),
            event("traffic", "11", "customer-a", Some("2026-02-15T00:00:00Z"), r#"{"gb": 1}"#),
            event("traffic", "", "customer-a", at, r#"{"gb": 1}"#),
            event("traffic", "12", "customer-a", at, r#"{"gb": 1, "region": ["eu"]}"#),
            event("traffic", "13", "customer-a", at, "[1]"),
        ]);
        assert_eq!(
            words(&receipts),
            [
                "accepted",
                "duplicate",
                "differs",
                "meter_unknown",
                "subject_unknown",
                "property_missing",
                "quantity_malformed",
                "quantity_out_of_range",
                "accepted",
                "quantity_out_of_range",
                "too_old",
                "time_out_of_range",
                "in_the_future",
                "event_name_malformed",
                "dimension_malformed",
                "data_malformed",
            ]
        );
        let figure = ground.figure("customer-a", "traffic", DAY.0, DAY.1);
        assert_eq!((figure.events, figure.value), (2, exact("1.501")));
    });
}

#[test]
fn a_name_counts_once_across_restarts_and_segments() {
    on_both(CONTEXTS, |test| {
        let options = Options { seal_at: 40, ..Options::default() };
        let mut ground = Ground::with(test, options.clone());
        let batch = |number: usize| -> Vec<NewEvent> {
            let at = format!("2026-01-15T{:02}:00:00Z", number % 12);
            (0..25).map(|n| event("calls", &format!("{number}-{n}"), "customer-a", Some(&at), "{}")).collect()
        };
        for number in 0..8 {
            assert!(ground.send(batch(number)).iter().all(|receipt| word(receipt) == "accepted"));
            if number % 3 == 2 {
                ground.metering = ground.other(&test.db, "local", options.clone());
            }
            for repeat in 0..=number {
                assert!(ground.send(batch(repeat)).iter().all(|receipt| word(receipt) == "duplicate"));
            }
        }
        ground.metering = ground.other(&test.db, "local", options);
        let again: BTreeSet<String> = (0..8)
            .flat_map(|number| ground.send(batch(number)))
            .map(|receipt| word(&receipt).to_owned())
            .collect();
        assert_eq!(again.into_iter().collect::<Vec<_>>(), ["duplicate"]);
        assert_eq!(ground.figure("customer-a", "calls", DAY.0, DAY.1).events, 200);
    });
}

#[test]
fn many_senders_at_once_are_each_counted_once() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let accepted: usize = std::thread::scope(|threads| {
            let senders: Vec<_> = (0..8)
                .map(|sender| {
                    let ground = &ground;
                    threads.spawn(move || {
                        let ids = (0..50).map(|n| format!("{}", (n + sender * 20) % 120));
                        let events = ids
                            .map(|id| event("calls", &id, "customer-a", None, r#"{"region": "eu"}"#))
                            .collect();
                        ground.send(events).iter().filter(|receipt| word(receipt) == "accepted").count()
                    })
                })
                .collect();
            senders.into_iter().map(|sender| sender.join().unwrap()).sum()
        });
        assert_eq!(accepted, 120);
        assert_eq!(ground.figure("customer-a", "calls", DAY.0, DAY.1).events, 120);
    });
}

#[test]
fn usage_is_told_by_dimension_subscription_hour_and_day() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let send = |id: &str, subject: &str, at: &str, data: &str| {
            assert_eq!(words(&ground.send(vec![event("calls", id, subject, Some(at), data)])), ["accepted"]);
        };
        send("1", "customer-a", "2026-01-13T22:59:59.999999Z", r#"{"region": "eu"}"#);
        send("2", "customer-a", "2026-01-13T23:00:00Z", r#"{"region": "eu"}"#);
        send("3", "customer-a/sub", "2026-01-14T12:00:00Z", r#"{"region": "us"}"#);
        send("4", "customer-a", "2026-01-14T22:30:00Z", "{}");
        let (customer, meter) = (ground.customers.id("customer-a"), ground.customers.meter("calls"));
        let subscription = ground.customers.account("customer-a").agreements[0].subscription;
        let (from, to): (Timestamp, Timestamp) =
            ("2026-01-12T23:00:00Z".parse().unwrap(), "2026-01-14T23:00:00Z".parse().unwrap());
        let zone = kernel::Zone::parse("Europe/Berlin").unwrap();
        let read = move |view: &mut store::View<'_>| {
            let subject = Subject { customer, subscription: None, unnamed: None, meter: &meter };
            let history = usage::history(view, subject, Grain::Day, &zone, (from, to), to)?;
            let by = ["region".to_owned()];
            let groups = usage::figures(view, subject, |_| true, &by, Span::new(from, to), to, None)?;
            let other = Subject { subscription: Some(kernel::Id::from_uuid(uuid::Uuid::nil())), ..subject };
            let without = usage::figure(view, other, Span::new(from, to), to)?;
            let behind = usage::events(view, subject, |_| true, Span::new(from, to), None, None, 3)?;
            let rest = usage::events(view, subject, |_| true, Span::new(from, to), None, behind.1, 3)?;
            Ok((history, groups, without, behind, rest))
        };
        let (history, groups, without, (first, cursor), (rest, end)) =
            ground.db.usage().read(&ground.scope, read).wait().unwrap();
        assert_eq!(history.iter().map(|(_, figure)| figure.events).collect::<Vec<_>>(), [1, 3]);
        let regions: Vec<_> = groups
            .iter()
            .map(|group| (group.by.get("region").map(String::as_str), group.figure.events))
            .collect();
        assert_eq!(regions, [(None, 1), (Some("eu"), 2), (Some("us"), 1)]);
        assert_eq!(without.events, 3);
        let of_subscription =
            ground.figure_of("customer-a", Some(subscription), "calls", Span::new(from, to));
        assert_eq!(of_subscription.events, 4);
        let ids: Vec<&str> = first.iter().chain(&rest).map(|(_, entry)| entry.name.id.as_str()).collect();
        assert_eq!((ids, cursor.is_some(), end), (vec!["1", "2", "3", "4"], true, None));
    });
}

#[test]
fn a_figure_as_of_an_earlier_moment_does_not_change() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let at = Some("2026-01-15T10:00:00Z");
        ground.send(vec![event("traffic", "1", "customer-a", at, r#"{"gb": 1}"#)]);
        let read = |as_of: Option<i64>| {
            let (customer, meter) = (ground.customers.id("customer-a"), ground.customers.meter("traffic"));
            let span = Span::new(DAY.0.parse().unwrap(), DAY.1.parse().unwrap());
            let now = ground.now();
            let read = move |view: &mut store::View<'_>| {
                let subject = Subject { customer, subscription: None, unnamed: None, meter: &meter };
                let groups = usage::figures(view, subject, |_| true, &[], span, now, as_of)?;
                Ok((groups[0].figure.value.clone(), usage::watermark(view)?))
            };
            ground.db.usage().read(&ground.scope, read).wait().unwrap()
        };
        let (before, mark) = read(None);
        ground.send(vec![event("traffic", "2", "customer-a", at, r#"{"gb": 2}"#)]);
        let name = EventName { source: "test".into(), id: "1".into() };
        ground.metering.void(&ground.scope, &name, false, ground.now()).wait().unwrap();
        assert_eq!(read(None).0, exact("2"));
        assert_eq!((read(Some(mark)).0, before), (exact("1"), exact("1")));
    });
}

#[test]
fn the_log_is_read_in_the_order_events_were_accepted() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        for n in 0..5 {
            let hour = format!("2026-01-15T0{}:00:00Z", 5 - n);
            ground.send(vec![event(
                "calls",
                &n.to_string(),
                "customer-a",
                Some(&hour),
                r#"{"note": "kept"}"#,
            )]);
        }
        let mut after = 0;
        let mut ids = Vec::new();
        loop {
            let page = ground
                .db
                .usage()
                .read(&ground.scope, move |view| log::chunks_after(view, after, 2))
                .wait()
                .unwrap();
            let Some(last) = page.last() else { break };
            after = last.n;
            ids.extend(
                page.into_iter().flat_map(|chunk| chunk.entries).map(|entry| (entry.name.id, entry.data)),
            );
        }
        assert_eq!(ids.len(), 5);
        assert!(
            ids.iter()
                .enumerate()
                .all(|(n, (id, data))| *id == n.to_string() && data == r#"{"note": "kept"}"#)
        );
    });
}

#[test]
fn ten_thousand_values_of_a_dimension_are_no_trouble() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::with(test, Options { memory: 100_000, ..Options::default() });
        let at = Some("2026-01-15T10:00:00Z");
        for part in 0..5 {
            let events = (0..2_000)
                .map(|n| {
                    let id = format!("{part}-{n}");
                    let data = format!(r#"{{"gb": 1, "region": "r{id}"}}"#);
                    event("traffic", &id, "customer-a", at, &data)
                })
                .collect();
            assert!(ground.send(events).iter().all(|receipt| word(receipt) == "accepted"));
        }
        assert_eq!(ground.figure("customer-a", "traffic", DAY.0, DAY.1).value, exact("10000"));
    });
}

#[test]
fn asking_never_waits_so_that_it_can_be_done_in_async_code() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let receipts = runtime.block_on(async {
            let events = vec![
                event("calls", "1", "customer-a", None, "{}"),
                event("calls", "2", "nobody", None, "{}"),
            ];
            let first =
                ground.metering.ingest(&ground.scope, events.clone(), false, ground.now()).await.unwrap();
            let again = ground.metering.ingest(&ground.scope, events, false, ground.now()).await.unwrap();
            [first, again].concat()
        });
        assert_eq!(words(&receipts), ["accepted", "subject_unknown", "duplicate", "subject_unknown"]);
    });
}
