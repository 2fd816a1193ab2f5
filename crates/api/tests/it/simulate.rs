//! The past again under another price book.

use std::collections::BTreeMap;

use billing::simulate::{Ask, Simulation, simulate};
use serde_json::{Value as Json, json};
use store::Mode;

use crate::api::{Api, BOOK, House, on_both};

/// A house whose subscription `measured` has used 1,205 calls in its second period, which is billed.
fn house(api: &Api<'_>) -> House {
    let house = api.environment(Mode::Sandbox);
    let event = |n: u32| {
        json!({
            "specversion": "1.0", "id": n.to_string(), "source": "test", "type": "calls", "subject": "measured",
        })
    };
    // One was counted before.
    let events: Vec<Json> = (1..1_205).map(event).collect();
    let call = api.post("/v1/events").key(&house.all).raw(Json::from(events).to_string());
    call.header("Content-Type", "application/cloudevents-batch+json").send().expect(200);
    let to = json!({ "to": "2026-02-12T12:00:00Z" });
    api.post("/v1/sandbox/clock/advance").key(&house.all).json(&to).send().expect(202);
    let kinds = server::job_kinds(&metering::Options::default());
    jobs::Runner::new(api.test.db.clone(), kinds, Vec::new()).run_until_idle().unwrap();
    house
}

fn under(api: &Api<'_>, house: &House, book: &str, plans: &[(&str, &str)]) -> Simulation {
    let book = catalog::read("new.toml", book).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let plans: BTreeMap<String, String> =
        plans.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect();
    let (from, to) = ("2026-01-10T00:00:00Z".parse().unwrap(), "2026-02-10T00:00:00Z".parse().unwrap());
    simulate(&api.test.db, &house.scope, &Ask { book: &book, plans, from, to }).unwrap()
}

fn sums(simulation: &Simulation) -> (i64, i64) {
    let [sums] = simulation.totals.values().collect::<Vec<_>>()[..] else { panic!("{simulation:?}") };
    (sums.billed.minor(), sums.would_be.minor())
}

/// The book without the plan.
fn without() -> String {
    BOOK.replace("[plans.metered]", "[plans.gone]").replace("\"metered\"", "\"gone\"")
}

#[test]
fn the_same_book_comes_to_what_was_billed() {
    on_both(|api| {
        let house = house(api);
        let simulation = under(api, &house, BOOK, &[]);
        let (billed, would_be) = sums(&simulation);
        assert!(billed > 0 && simulation.lines > 3, "{simulation:?}");
        assert_eq!((would_be, &simulation.kept), (billed, &BTreeMap::new()), "{simulation:?}");
    });
}

#[test]
fn other_prices_come_to_what_they_say() {
    on_both(|api| {
        let house = house(api);
        let (before, _) = sums(&under(api, &house, BOOK, &[]));
        // 205 calls beyond the soft limit of 1,000, a cent each: at three cents they are 4.10 more.
        let dearer = BOOK.replace("usage = { calls = \"0.01\" }", "usage = { calls = \"0.03\" }");
        assert_ne!(dearer, BOOK);
        assert_eq!(sums(&under(api, &house, &dearer, &[])), (before, before + 410));
        // 1,200 included: five are left.
        let roomier = BOOK.replace("amount = 1_000, policy = \"soft\"", "amount = 1_200, policy = \"soft\"");
        assert_eq!(sums(&under(api, &house, &roomier, &[])), (before, before - 200));
        // The plan costs 2 more a month; it is paid at the end of it, once in this time.
        let plan =
            BOOK.replace("month = \"10\", pay_in = \"arrears\"", "month = \"12\", pay_in = \"arrears\"");
        assert_eq!(sums(&under(api, &house, &plan, &[])), (before, before + 200));
        // Another plan in its place: 5 flat, nothing for calls.
        let mapped = under(api, &house, &without(), &[("metered", "limited")]);
        assert_eq!(sums(&mapped), (before, before - 205 - 500));
    });
}

#[test]
fn what_has_no_price_stands_as_it_was() {
    on_both(|api| {
        let house = house(api);
        let simulation = under(api, &house, &without(), &[]);
        let (billed, would_be) = sums(&simulation);
        assert_eq!(simulation.kept.get("price_missing"), Some(&1));
        assert_eq!(would_be, billed - 205, "the fee stands, usage has nothing that prices it");
    });
}
