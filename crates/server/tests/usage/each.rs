//! A price that looks at each transaction: they are taken one after the other, in the order of their times, and none is kept.

use std::collections::BTreeMap;

use billing::{
    subscription::{self, AgreedPrice},
    usage::{self, Figure},
};
use kernel::{Cycle, Rate};
use metering::event::{EventName, NewEvent, Receipt};
use server::CONTEXTS;
use testkit::on_both;

use crate::{BOOK, Ground};

const SPEND: &str = r#"[meters]
spend = { name = "Spend", unit = "USD", aggregation = "sum", decimals = 2, dimensions = ["shop"] }"#;
/// The first two are free up to 100 in all; what is charged costs at most 5.
const PRICE: &str =
    r#"usage = { spend = { percent = "10", free_amount = "100", free_events = 2, at_most = "5" } }"#;

fn spent(id: &str, time: &str, shop: &str, value: &str) -> NewEvent {
    NewEvent {
        source: "spend".into(),
        id: id.into(),
        meter: "spend".into(),
        subject: "acme".into(),
        at: Some(time.parse().unwrap()),
        data: Some(serde_json::from_str(&format!(r#"{{"value":"{value}","shop":"{shop}"}}"#)).unwrap()),
    }
}

#[test]
fn transactions_cost_by_the_order_of_their_times_whenever_they_came() {
    for agreed in [None, Some("20")] {
        on_both(CONTEXTS, |test| {
            let book = BOOK.replace("[meters]", SPEND).replace(r#"usage = { calls = "0.50" }"#, PRICE);
            let ground = Ground::on(test, &book, move |acme| {
                let mut start = subscription::Start::of(acme, "metered", Cycle::MONTH);
                let percent = agreed.map(|percent| Rate::parse_percent(percent).unwrap());
                start.agreement.prices = percent
                    .map(|percent| ("spend".to_owned(), AgreedPrice { amount: None, percent: Some(percent) }))
                    .into_iter()
                    .collect::<BTreeMap<_, _>>();
                start
            });
            let send = |event: NewEvent| {
                let receipts = ground.metering.ingest(&ground.scope, vec![event], false, ground.now());
                assert_eq!(receipts.wait().unwrap(), [Receipt::Accepted]);
            };
            ground.advance("2026-01-20T00:00:00Z");
            // The last ones come first, in two shops and within an hour.
            send(spent("d", "2026-01-10T10:30:00Z", "b", "1000"));
            send(spent("c", "2026-01-10T10:20:00Z", "a", "10"));
            send(spent("gone", "2026-01-01T01:00:00Z", "a", "99"));
            send(spent("b", "2026-01-10T10:10:00Z", "b", "7"));
            send(spent("a", "2026-01-02T00:00:00Z", "a", "60"));
            let name = EventName { source: "spend".into(), id: "gone".into() };
            ground.metering.void(&ground.scope, &name, false, ground.now()).wait().unwrap();
            // It is a over 60 and then b over 40, together all that is free.
            let moved = spent("b", "2026-01-10T10:10:00Z", "b", "40");
            ground.metering.correct(&ground.scope, moved, false, ground.now()).wait().unwrap();
            ground.advance("2026-02-01T00:00:00Z");
            let (ten, most) = if agreed.is_some() { (200, 500) } else { (100, 500) };
            assert_eq!(ground.cents(), [ten + most]);
            let id = ground.id;
            let read = test.db.read(&ground.scope, move |view| usage::history(view, id, 1)).wait().unwrap();
            let Figure::Each(each) = &read[0].groups[""] else { panic!("{read:?}") };
            assert_eq!((each.total().to_string(), each.events()), ("1110".to_owned(), 4));

            // One from before all of them takes what was free from b, whose 40 are then charged.
            send(spent("late", "2026-01-01T00:00:00Z", "b", "1"));
            assert_eq!(ground.follow().late, 1);
            ground.advance("2026-03-01T00:00:00Z");
            let forty = if agreed.is_some() { 500 } else { 400 };
            assert_eq!(ground.cents().iter().sum::<i64>(), ten + most + forty);
            let proof = server::reconcile(&test.db, &ground.scope, 90).unwrap().proof;
            assert_eq!(proof.named, []);
        });
    }
}
