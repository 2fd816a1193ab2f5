//! The past again under another price book: what was billed, for everything a subscription can go through.

use billing::{
    simulate::{Ask, Simulation, simulate},
    subscription::{self, AgreedPrice, Agreement, Change, Start, Timing},
};
use kernel::{Cycle, UnitPrice};
use server::CONTEXTS;
use store::Tx;
use testkit::on_both;

use crate::Ground;

const BOOK: &str = r#"
book = 1
name = "Test"
currency = "USD"

[meters]
calls = { name = "Calls", unit = "call", dimensions = ["region"] }

[features]
users = { name = "Users", kind = "limit", unit = "user" }

[plans.early]
name = "Early"
price = { month = "10", year = "100" }
usage = { calls = { package = 2, price = "1" } }
thresholds = { at = ["2"] }

[plans.seats]
name = "Seats"
price = { per = "user", month = "10", year = "100" }
limits = { calls = { amount = 2, per = "user", policy = "soft" } }
usage = { calls = "0.50" }

[plans.monthly]
name = "Monthly"
price = { month = "10", year = "100" }
usage = { calls = { every = "month", price = "0.50" } }

[plans.committed]
name = "Committed"
price = { month = "10", year = "100" }
usage = { calls = "0.50" }
minimum = { month = "31" }

[addons.calls]
name = "More calls"
price = { per = "pack", month = "1" }
raises = { calls = 1 }

[addons.help]
name = "Help"
price = { per = "hour", month = "7" }
"#;

const PLANS: [&str; 4] = ["early", "seats", "monthly", "committed"];
const KNOBS: [&str; 3] = ["", "[billing]\nminimums = \"prorated\"", "[billing]\nproration = \"none\""];

/// Use so many calls at a time.
fn calls(ground: &Ground<'_>, time: &str, count: usize) {
    for n in 0..count {
        ground.send(&format!("{time} {n}"), "acme", time, "eu");
    }
    ground.follow();
}

fn to(ground: &Ground<'_>, work: fn(&mut Tx<'_>, kernel::ids::SubscriptionId) -> kernel::Result<()>) {
    billing::usage::catch_up_waiting(&ground.test.db, &ground.scope, &ground.id.to_string()).unwrap();
    let id = ground.id;
    if let Err(error) = ground.test.db.write(&ground.scope, move |tx| work(tx, id)).wait() {
        // Only one plan is sold by seats, and one is changed to in the end.
        assert!(["quantity_invalid", "nothing_changes"].contains(&error.code), "{error:?}");
    }
}

fn change(tx: &mut Tx<'_>, id: kernel::ids::SubscriptionId, change: Change) -> kernel::Result<()> {
    subscription::change(tx, id, &change, Timing::Now).map(drop)
}

/// What happened in a year, as far as the state of the subscription allowed it.
fn live(ground: &Ground<'_>) {
    ground.advance("2026-01-05T00:00:00Z");
    calls(ground, "2026-01-04T00:00:00Z", 3);
    ground.advance("2026-01-12T00:00:00Z");
    calls(ground, "2026-01-11T00:00:00Z", 5);
    to(ground, |tx, id| change(tx, id, Change { quantity: Some(3), ..Change::default() }));
    ground.advance("2026-02-10T00:00:00Z");
    calls(ground, "2026-02-04T00:00:00Z", 9);
    to(ground, |tx, id| {
        let addons = [("calls".to_owned(), 2), ("help".to_owned(), 1)].into();
        change(tx, id, Change { addons, ..Change::default() })
    });
    ground.advance("2026-02-20T00:00:00Z");
    to(ground, |tx, id| change(tx, id, Change { quantity: Some(2), ..Change::default() }));
    calls(ground, "2026-02-19T00:00:00Z", 4);
    // What comes late, for the month before.
    calls(ground, "2026-01-30T00:00:00Z", 4);
    ground.advance("2026-03-12T00:00:00Z");
    calls(ground, "2026-03-10T00:00:00Z", 8);
    // By the year from now on: a new period and a new anchor.
    to(ground, |tx, id| change(tx, id, Change { cycle: Some(Cycle::YEAR), ..Change::default() }));
    calls(ground, "2026-03-12T00:00:00Z", 7);
    ground.advance("2026-05-20T00:00:00Z");
    calls(ground, "2026-05-19T00:00:00Z", 12);
    to(ground, |tx, id| change(tx, id, Change { plan: Some("committed".into()), ..Change::default() }));
    calls(ground, "2026-05-20T00:00:00Z", 6);
    ground.advance("2026-06-02T00:00:00Z");
    to(ground, |tx, id| subscription::cancel(tx, id, Timing::Now).map(drop));
    ground.advance("2026-07-02T00:00:00Z");
}

/// What was billed in the year, under another book.
pub fn under(ground: &Ground<'_>, book: &str) -> Simulation {
    let book = catalog::read("other.toml", book).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let (from, to) = ("2026-01-01T00:00:00Z".parse().unwrap(), "2027-01-01T00:00:00Z".parse().unwrap());
    let ask = Ask { book: &book, plans: [].into(), from, to };
    simulate(&ground.test.db, &ground.scope, &ask).unwrap()
}

/// The cents that were billed, and that would have been.
pub fn sums(simulation: &Simulation) -> (i64, i64) {
    let [sums] = simulation.totals.values().collect::<Vec<_>>()[..] else { panic!("{simulation:?}") };
    (sums.billed.minor(), sums.would_be.minor())
}

/// Other prices, other packages, more included, minimums where there were none, nothing billed early.
fn other() -> String {
    let changes = [
        (
            "price = { month = \"10\", year = \"100\" }\nusage = { calls = { package = 2, price = \"1\" } }\nthresholds = { at = [\"2\"] }",
            "price = { month = \"12\", year = \"110\" }\nusage = { calls = { package = 3, price = \"2\" } }\nminimum = { month = \"15\" }",
        ),
        (
            "price = { per = \"user\", month = \"10\", year = \"100\" }",
            "price = { per = \"user\", month = \"8\", year = \"90\" }",
        ),
        ("amount = 2, per", "amount = 1, per"),
        ("every = \"month\", price = \"0.50\"", "every = \"month\", price = \"0.70\", free = 2"),
        ("minimum = { month = \"31\" }", "minimum = { month = \"20\" }"),
        ("raises = { calls = 1 }", "raises = { calls = 2 }"),
        ("month = \"7\"", "month = \"9\""),
    ];
    changes.iter().fold(BOOK.to_owned(), |book, (from, to)| {
        assert!(book.contains(from), "{from}");
        book.replace(from, to)
    })
}

fn lived<'t>(test: &'t testkit::TestDb, plan: &'static str, book: &str) -> Ground<'t> {
    let quantity = (plan == "seats").then_some(1);
    let start = move |acme| Start { quantity, ..Start::of(acme, plan, Cycle::MONTH) };
    let ground = Ground::on(test, book, start);
    live(&ground);
    ground
}

#[test]
fn whatever_a_subscription_goes_through_its_own_book_comes_to_what_was_billed() {
    on_both(CONTEXTS, |test| {
        for plan in PLANS {
            for knobs in KNOBS {
                let book = format!("{BOOK}\n{knobs}\n");
                let ground = lived(test, plan, &book);
                let (billed, would_be) = sums(&under(&ground, &book));
                assert!(billed > 5_000, "{plan} {knobs}: {billed}");
                assert_eq!(would_be, billed, "{plan} {knobs}");
                assert_eq!(server::reconcile(&test.db, &ground.scope, 400).unwrap().proof.named, []);
            }
        }
    });
}

/// The strongest thing to say of a simulation: what the other book bills whoever lives the same life under it. The shares
/// that were credited are those of rounded amounts, so that each line may be a cent apart.
#[test]
fn another_book_comes_to_what_it_bills_for_the_same_life() {
    let test = testkit::TestDb::sqlite(CONTEXTS);
    for plan in PLANS {
        for knobs in KNOBS {
            let (book, other) = (format!("{BOOK}\n{knobs}\n"), format!("{}\n{knobs}\n", other()));
            let simulation = under(&lived(&test, plan, &book), &other);
            let (billed, would_be) = sums(&simulation);
            let (real, _) = sums(&under(&lived(&test, plan, &other), &other));
            assert_ne!(real, billed, "{plan} {knobs}");
            assert!(would_be.abs_diff(real) <= simulation.lines, "{plan} {knobs}: {would_be}, not {real}");
        }
    }
}

/// What was agreed for a usage price counts under another book too, unless that has a price of another kind.
#[test]
fn what_was_agreed_apart_stays_agreed() {
    let test = testkit::TestDb::sqlite(CONTEXTS);
    let agreed = AgreedPrice { amount: Some(UnitPrice::parse("0.25").unwrap()), percent: None };
    let agreement = Agreement { prices: [("calls".to_owned(), agreed)].into(), minimum: None };
    let start = move |acme| {
        let agreement = agreement.clone();
        Start { quantity: Some(1), agreement, ..Start::of(acme, "seats", Cycle::MONTH) }
    };
    let ground = Ground::on(&test, BOOK, start);
    calls(&ground, "2026-01-01T00:00:00Z", 6);
    ground.advance("2026-02-02T00:00:00Z");
    // Two periods of ten, and four calls beyond the two that are included.
    assert_eq!(sums(&under(&ground, BOOK)), (2_100, 2_100));
    let more = BOOK.replace("amount = 2, per", "amount = 1, per");
    assert_eq!(sums(&under(&ground, &more)), (2_100, 2_125));
    let tiers = "usage = { calls = { graduated = [{ up_to = 2, price = \"1\" }, { price = \"2\" }] } }\n\n[plans.monthly]";
    let tiers = BOOK.replace("usage = { calls = \"0.50\" }\n\n[plans.monthly]", tiers);
    assert_ne!(tiers, BOOK);
    assert_eq!(sums(&under(&ground, &tiers)), (2_100, 2_600));
}
