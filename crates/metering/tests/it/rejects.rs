//! What is rejected is kept for staff to look at, and never much of it.

use metering::{
    event::wire,
    reject::{self, Rejected},
    retention,
};
use testkit::on_both;

use crate::parts::{CONTEXTS, Ground, event, word};

fn rejected(ground: &Ground) -> Vec<Rejected> {
    ground.metering.keep_rejected().unwrap();
    ground.db.usage().read(&ground.scope, |view| reject::list(view, None, 2_000)).wait().unwrap()
}

#[test]
fn values_outside_of_the_range_of_the_book_are_rejected() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let doses =
            |id: &str, value: &str| event("doses", id, "customer-a", None, &format!("{{\"value\":{value}}}"));
        let receipts = ground.send(vec![
            doses("1", "0"),
            doses("2", "1000.5"),
            doses("3", "1000.5004"),
            doses("4", "1000.501"),
            doses("5", "-0.001"),
        ]);
        let words: Vec<&str> = receipts.iter().map(word).collect();
        // The value is rounded to the meter's decimals before it is looked at.
        assert_eq!(words, ["accepted", "accepted", "accepted", "value_out_of_range", "value_out_of_range"]);
        let metering::event::Receipt::Rejected(error) = &receipts[3] else { panic!("{receipts:?}") };
        let wanted = "The meter doses takes values from 0 to 1000.5, and this one is 1000.501.";
        assert!(error.detail.starts_with(wanted), "{error:?}");
        assert_eq!(error.fields[0].pointer, "/data/value");
        // A consume of such a value is refused too, and nothing is kept: whoever asked has the answer.
        let refused = ground.metering.consume(&ground.scope, doses("6", "2000"), ground.now()).wait();
        assert_eq!(refused.unwrap_err().code, "value_out_of_range");
        let kept = rejected(&ground);
        assert_eq!((kept.len(), kept[0].events, kept[0].event.as_str()), (1, 2, "5"));
    });
}

#[test]
fn rejections_of_one_sort_are_one_with_the_last_event() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let nobody = |id: &str| event("calls", id, "nobody", None, "{\"region\":\"eu\"}");
        ground.send(vec![nobody("1"), nobody("2")]);
        let first = ground.now().as_microsecond();
        let kept = rejected(&ground);
        assert_eq!((kept.len(), kept[0].events, kept[0].first, kept[0].last), (1, 2, first, first));
        ground.pass(60);
        let old = event("calls", "4", "customer-a", Some("2020-01-01T00:00:00Z"), "{}");
        let unknown = event("nothing", "5", "customer-a", None, "{}");
        ground.send(vec![nobody("3"), event("calls", "ok", "customer-a", None, "{}"), old, unknown]);
        let no_event = wire::cloud_event("{\"id\":\"6\"}").unwrap_err();
        ground.metering.note_unread(&ground.scope, &no_event, ground.now());
        let kept = rejected(&ground);
        let mut codes: Vec<(&str, u64)> =
            kept.iter().map(|one| (one.sort.code.as_str(), one.events)).collect();
        codes.sort_unstable();
        assert_eq!(
            codes,
            [("event_malformed", 1), ("meter_unknown", 1), ("subject_unknown", 3), ("too_old", 1)]
        );
        let one = |code: &str| kept.iter().find(|one| one.sort.code == code).unwrap();
        let nobody = one("subject_unknown");
        assert_eq!((nobody.first, nobody.last), (first, ground.now().as_microsecond()));
        assert_eq!((nobody.event.as_str(), nobody.sort.subject.as_str()), ("3", "nobody"));
        assert_eq!(
            (nobody.content.as_str(), nobody.sort.pointer.as_str()),
            ("{\"region\":\"eu\"}", "/subject")
        );
        assert_eq!(one("event_malformed").content, "{\"id\":\"6\"}");
        assert_eq!(one("meter_unknown").sort.meter, "nothing");
    });
}

#[test]
fn a_flood_of_bad_events_stays_small() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        for round in 0..5 {
            let bad = |n: u32| event("calls", "1", &format!("nobody-{round}-{n}"), None, "{}");
            ground.send((0..400).map(bad).collect());
            ground.pass(1);
            rejected(&ground);
        }
        let kept = rejected(&ground);
        assert_eq!(kept.len(), reject::MOST as usize);
        // Those seen last are kept.
        assert!(kept[..400].iter().all(|one| one.sort.subject.starts_with("nobody-4-")));
        assert!(kept.iter().all(|one| !one.sort.subject.starts_with("nobody-0-")));
        // And nothing for ever.
        let later = ground.now() + jiff::SignedDuration::from_hours(24 * (reject::DAYS + 1));
        retention::sweep(&ground.db, &ground.scope, &metering::Options::default(), later).unwrap();
        assert_eq!(rejected(&ground), []);
    });
}

#[test]
fn of_very_many_sorts_at_once_every_event_is_counted() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let bad = |n: u32| event("calls", "1", &format!("nobody-{n}"), None, "{}");
        for _ in 0..2 {
            ground.send((0..700).map(bad).collect());
        }
        let kept = rejected(&ground);
        assert_eq!((kept.len(), kept.iter().map(|one| one.events).sum::<u64>()), (501, 1_400));
        let others = kept.iter().find(|one| one.sort.code == reject::OTHERS).unwrap();
        assert_eq!((others.events, others.sort.subject.as_str()), (400, ""));
        assert!(others.detail.contains("more than 500 reasons"), "{}", others.detail);
    });
}

#[test]
fn texts_a_database_cannot_hold_are_kept_all_the_same() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let mut bad = event("calls", "1", "customer-a", None, "{}");
        bad.source = "so\0urce".to_owned();
        bad.meter = "ä".repeat(1_000);
        assert_eq!(word(&ground.send(vec![bad])[0]), "event_name_malformed");
        let kept = rejected(&ground);
        assert_eq!((kept[0].sort.source.as_str(), kept[0].sort.meter.len()), ("so urce", 256));
    });
}
