//! What billing reads, and what is kept.

use catalog::Minimums;
use jiff::Timestamp;
use kernel::{Money, ids::CustomerId};
use metering::{
    Options, retention,
    usage::{Charged, Measurement, Span, base, measurements, touched_between},
};
use rating::{Measured, Metered, Share, rate_again, rate_metered};
use testkit::on_both;

use crate::parts::{CONTEXTS, Ground, event, exact, word};

const BOOK: &str = r#"
book = 1
name = "Priced"
currency = "USD"
[meters]
traffic = { name = "Traffic", unit = "GB", aggregation = "sum", property = "gb", decimals = 3, dimensions = ["region"] }
calls = { name = "Calls", unit = "call", dimensions = ["region"] }
credits = { name = "Sales", unit = "USD", aggregation = "sum", decimals = 2 }
[plans.one]
name = "One"
price = { month = "10" }
[plans.one.usage]
eu = { meter = "traffic", name = "Traffic in Europe", price = "0.50", where = { region = "eu" } }
traffic = "1"
calls = { price = "0.10", group_by = ["region"] }
credits = { percent = "2.9", fixed = "0.30", at_most = "5" }
"#;

fn january() -> Span {
    Span::new("2026-01-01T00:00:00Z".parse().unwrap(), "2026-02-01T00:00:00Z".parse().unwrap())
}

/// The measurements of a usage price in January, asked for in February.
fn ask(ground: &Ground, key: &'static str, as_of: Option<i64>) -> Vec<Measurement> {
    let customer: CustomerId = ground.customers.id("customer-a");
    let read = move |view: &mut store::View<'_>| {
        let book = catalog::read("priced.toml", BOOK).unwrap();
        let plan = book.plan("one").unwrap();
        let usage = plan.usage.iter().find(|usage| usage.key == key).unwrap();
        let charged = Charged {
            customer,
            subscription: None,
            unnamed: None,
            book: &book,
            plan,
            usage,
            price: usage.price_in(book.currency),
            span: january(),
        };
        measurements(view, charged, "2026-02-01T00:00:00Z".parse().unwrap(), as_of)
    };
    ground.db.usage().read(&ground.scope, read).wait().unwrap()
}

/// What a measurement costs, less what was billed before.
fn cost(key: &str, measured: &Measured, billed: Option<Money>) -> Money {
    let book = catalog::read("priced.toml", BOOK).unwrap();
    let usage = book.plan("one").unwrap().usage.iter().find(|usage| usage.key == key).unwrap();
    let metered = Metered {
        name: &usage.name,
        place: "plans.one.usage",
        book: 1,
        price: usage.price_in(book.currency).unwrap(),
        measured,
        allowance: None,
        share: Share::Whole,
        minimums: Minimums::Whole,
    };
    match billed {
        None => rate_metered(&metered).unwrap().amount,
        Some(billed) => rate_again(&metered, billed).unwrap().amount,
    }
}

#[test]
fn each_price_gets_its_own_events_and_late_ones_are_a_difference() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let at = Some("2026-01-10T10:00:00Z");
        let traffic = |id: &str, data: &str| event("traffic", id, "customer-a", at, data);
        ground.send(vec![
            traffic("1", r#"{"gb": 3, "region": "eu"}"#),
            traffic("2", r#"{"gb": 4, "region": "us"}"#),
            traffic("3", r#"{"gb": 0.5}"#),
            event("calls", "4", "customer-a", at, r#"{"region": "eu"}"#),
            event("calls", "5", "customer-a", at, r#"{"region": "us"}"#),
            event("calls", "6", "customer-a", at, r#"{"region": "us"}"#),
            event("credits", "7", "customer-a", at, r#"{"value": 1000}"#),
            event("credits", "8", "customer-a", at, r#"{"value": "10.00"}"#),
        ]);
        let eu = &ask(&ground, "eu", None)[0];
        assert_eq!((&eu.measured, eu.events), (&Measured::Quantity(exact("3")), 1));
        let rest = &ask(&ground, "traffic", None)[0];
        assert_eq!(rest.measured, Measured::Quantity(exact("4.5")));
        let calls = ask(&ground, "calls", None);
        let regions: Vec<_> = calls.iter().map(|one| (one.by["region"].as_str(), one.events)).collect();
        assert_eq!(regions, [("eu", 1), ("us", 2)]);
        let sales = &ask(&ground, "credits", None)[0];
        let Measured::Each(each) = &sales.measured else { panic!("{sales:?}") };
        assert_eq!((each.total(), each.events()), (exact("1010"), 2));
        assert_eq!(cost("credits", &sales.measured, None).decimal(), "5.59");

        // Two events come late: the line of the period is billed again, as a difference.
        let billed = cost("eu", &eu.measured, None);
        ground.send(vec![traffic("9", r#"{"gb": 2, "region": "eu"}"#)]);
        let name = metering::event::EventName { source: "test".into(), id: "1".into() };
        ground.metering.void(&ground.scope, &name, false, ground.now()).wait().unwrap();
        let again = &ask(&ground, "eu", None)[0];
        assert_eq!(cost("eu", &again.measured, Some(billed)).decimal(), "-0.50");
        assert_eq!(ask(&ground, "eu", Some(eu.watermark))[0], *eu);
        let mark = eu.watermark;
        let touched = ground
            .db
            .usage()
            .read(&ground.scope, move |view| touched_between(view, mark, mark + 100))
            .wait()
            .unwrap();
        let customer = ground.customers.id("customer-a");
        assert!(touched.iter().all(|one| one.customer == customer && one.meter == "traffic"));
        assert!(touched.iter().all(|one| january().covers(one.hour)));
        assert_eq!(touched.iter().map(|one| one.chunk).max(), Some(again.watermark));
    });
}

#[test]
fn where_something_came_is_said_once_for_many_chunks_and_nothing_is_left_out() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let send = |id: &str, hour: &str| {
            let at = format!("2026-01-10T{hour}:00:00Z");
            ground.send(vec![event("credits", id, "customer-a", Some(&at), r#"{"value": 1}"#)]);
        };
        for (id, hour) in [("1", "10"), ("2", "11"), ("3", "10"), ("4", "12")] {
            send(id, hour);
        }
        let between = |after: i64, to: i64| -> Vec<(i64, String)> {
            let read = move |view: &mut store::View<'_>| touched_between(view, after, to);
            let touched = ground.db.usage().read(&ground.scope, read).wait().unwrap();
            let hour =
                |start: i64| Timestamp::from_microsecond(start).unwrap().to_string()[11..13].to_owned();
            let mut found: Vec<_> =
                touched.into_iter().map(|one| (one.chunk, hour(one.hour.start))).collect();
            found.sort_unstable();
            found
        };
        let hours =
            |all: &[(i64, &str)]| all.iter().map(|(n, hour)| (*n, (*hour).to_owned())).collect::<Vec<_>>();
        assert_eq!(between(0, 3), hours(&[(2, "11"), (3, "10")]));
        assert_eq!(between(3, 6), hours(&[(4, "12")]));
        assert_eq!(between(0, 100), hours(&[(2, "11"), (3, "10"), (4, "12")]));
        assert_eq!(between(4, 7), []);
    });
}

#[test]
fn a_base_is_what_was_counted_so_far_and_incomplete_without_events() {
    on_both(CONTEXTS, |test| {
        let ground = Ground::new(test);
        let customer = ground.customers.id("customer-a");
        let ask = |now: &'static str| {
            let read = move |view: &mut store::View<'_>| {
                let book = catalog::read("priced.toml", BOOK).unwrap();
                base(view, &book, "credits", (customer, None, None), january(), now.parse().unwrap())
            };
            ground.db.usage().read(&ground.scope, read).wait().unwrap().measured
        };
        assert_eq!(ask("2026-02-01T00:00:00Z"), Measured::Incomplete);
        let at = Some("2026-01-10T10:00:00Z");
        ground.send(vec![event("credits", "1", "customer-a", at, r#"{"value": 7.25}"#)]);
        for now in ["2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z"] {
            assert_eq!(ask(now), Measured::Amount { total: exact("7.25"), events: 1 }, "as of {now}");
        }
    });
}

#[test]
fn what_is_older_than_the_retention_goes_and_cannot_come_again() {
    on_both(CONTEXTS, |test| {
        let options = Options { seal_at: 4, kept_days: 30, late_days: 10, ..Options::default() };
        let ground = Ground::with(test, options.clone());
        let old = |n: i32| event("calls", &n.to_string(), "customer-a", Some("2026-01-15T10:00:00Z"), "{}");
        ground.send((0..6).map(old).collect());
        ground.send((6..12).map(old).collect());
        let sweep = || retention::sweep(&ground.db, &ground.scope, &options, ground.now()).unwrap();
        assert_eq!(sweep(), retention::Swept::default());

        let before: Timestamp = ground.now();
        ground.pass(20 * 86_400);
        let new = |n: i32| event("calls", &n.to_string(), "customer-a", None, "{}");
        ground.send((12..20).map(new).collect());
        ground.pass(13 * 86_400);
        let mut swept = sweep();
        assert!(swept.chunks >= 2, "{swept:?}");
        // Names are sealed beside everything else; they go once that has happened.
        while swept.segments == 0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
            swept = sweep();
        }
        // Their names are gone, but their time is too old; newer names are still known.
        assert!(ground.send((0..12).map(old).collect()).iter().all(|receipt| word(receipt) != "accepted"));
        assert!(ground.send((12..20).map(new).collect()).iter().all(|receipt| word(receipt) == "duplicate"));
        let (from, to) = ("2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z");
        assert_eq!(ground.figure("customer-a", "calls", from, to).events, 12);
        assert!(before < ground.now());
    });
}
