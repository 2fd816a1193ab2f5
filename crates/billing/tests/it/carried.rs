//! Invoices over so little that they wait for the next one.

use billing::{
    bill_run, credit_note,
    invoice::{self, Invoice, State},
    subscription::{self, Change, Start, Timing, cancel, change, pause, preview_change},
    usage::{self, Figure, Post},
};
use jiff::Timestamp;
use kernel::{Cycle, Exact, ids::SubscriptionId};
use store::{Mode, Scope, Tx};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, customer_in, environment_with, lines, sound, starter},
};

const BOOK: &str = r#"
    book = 1
    name = "Tiny"
    currency = "USD"
    [billing]
    carry_over = { below = "5", periods = 2 }
    [features]
    basics = "Basics"
    [meters]
    calls = { name = "Calls", unit = "call" }
    [plans.starter]
    name = "Starter"
    price = { month = "2" }
    usage = { calls = "0.01" }
    [plans.large]
    name = "Large"
    price = { month = "31" }
    [addons.setup]
    name = "Setup"
    price = { once = "1" }
"#;

fn house(test: &TestDb) -> (Scope, SubscriptionId) {
    let scope = environment_with(test, Mode::Sandbox, "2026-01-01T00:00:00Z", BOOK);
    let customer = customer_in(test, &scope, "UTC").id;
    let id = ground::start(test, &scope, starter(customer)).unwrap().subscription.id;
    (scope, id)
}

fn all(test: &TestDb, scope: &Scope) -> Vec<Invoice> {
    let mut all = test.db.read(scope, |view| invoice::list(view, None, 100)).wait().unwrap();
    all.sort_by_key(|one| (one.number.is_none(), one.number.clone()));
    all
}

/// Number or `waits`, and what it comes to.
fn stand(test: &TestDb, scope: &Scope) -> Vec<String> {
    let text = |one: &Invoice| {
        let name = one.number.clone().unwrap_or_else(|| format!("waits {}", one.carried.unwrap_or(0)));
        format!("{name} {}", one.totals.total.decimal())
    };
    all(test, scope).iter().map(text).collect()
}

/// What a dry run says is issued up to an instant.
fn foreseen(test: &TestDb, scope: &Scope, until: &str) -> Vec<String> {
    let until: Timestamp = until.parse().unwrap();
    let look = move |view: &mut store::View<'_>| bill_run::forecast(view, Timestamp::MIN, until, 100);
    let found = test.db.read(scope, look).wait().unwrap();
    found.documents.iter().map(|one| one.totals.total.decimal()).collect()
}

#[test]
fn what_is_too_little_waits_is_explained_and_waits_so_often() {
    on_both(ALL, |test| {
        let (scope, id) = house(test);
        assert_eq!(stand(test, &scope), ["INV-000001 2.00"], "a start is billed at once");
        assert_eq!(foreseen(test, &scope, "2026-05-02T00:00:00Z"), ["6.00"], "as it comes about");
        advance(test, &scope, "2026-02-02T00:00:00Z").unwrap();
        assert_eq!(stand(test, &scope), ["INV-000001 2.00", "waits 1 2.00"]);
        assert_eq!(foreseen(test, &scope, "2026-05-02T00:00:00Z"), ["6.00"]);
        advance(test, &scope, "2026-03-02T00:00:00Z").unwrap();
        assert_eq!(stand(test, &scope), ["INV-000001 2.00", "waits 2 4.00"]);
        advance(test, &scope, "2026-04-02T00:00:00Z").unwrap();
        assert_eq!(stand(test, &scope), ["INV-000001 2.00", "INV-000002 6.00"], "not a third time");
        let issued = all(test, &scope).pop().unwrap();
        assert_eq!(issued.carried, None);
        let shown = lines(test, &scope, issued.id);
        assert_eq!(
            shown,
            [
                "Calls, carried over from 2026-02-01 2026-01-01..2026-02-01 ×1 0.00",
                "Starter, carried over from 2026-02-01 2026-02-01..2026-03-01 ×1 2.00",
                "Calls, carried over from 2026-03-01 2026-02-01..2026-03-01 ×1 0.00",
                "Starter, carried over from 2026-03-01 2026-03-01..2026-04-01 ×1 2.00",
                "Calls 2026-03-01..2026-04-01 ×1 0.00",
                "Starter 2026-04-01..2026-05-01 ×1 2.00",
            ]
        );
        // Enough is issued at once, with what waited.
        advance(test, &scope, "2026-05-02T00:00:00Z").unwrap();
        post(test, &scope, id, 400, None);
        advance(test, &scope, "2026-06-02T00:00:00Z").unwrap();
        assert_eq!(stand(test, &scope).last().unwrap(), "INV-000003 8.00");
        sound(test, &scope);
    });
}

fn post(test: &TestDb, scope: &Scope, id: SubscriptionId, units: i64, start: Option<&str>) {
    let start = start.map(|text| text.parse().unwrap());
    let groups = [(String::new(), Figure::Quantity(Exact::from(units).into()))].into();
    let post = Post { key: "calls".into(), groups, start, watermark: None };
    test.db.write(scope, move |tx| usage::post(tx, id, &post).map(drop)).wait().unwrap();
}

#[test]
fn the_end_a_change_and_staff_issue_what_waits() {
    on_both(ALL, |test| {
        // At the end of the subscription.
        let (scope, id) = house(test);
        advance(test, &scope, "2026-02-02T00:00:00Z").unwrap();
        test.db.write(&scope, move |tx| cancel(tx, id, Timing::PeriodEnd).map(drop)).wait().unwrap();
        assert_eq!(foreseen(test, &scope, "2026-05-02T00:00:00Z"), ["2.00"]);
        advance(test, &scope, "2026-03-02T00:00:00Z").unwrap();
        assert_eq!(stand(test, &scope), ["INV-000001 2.00", "INV-000002 2.00"]);
        sound(test, &scope);
    });
    on_both(ALL, |test| {
        // A change credits what was billed, so that is issued first; the preview says the same.
        let (scope, id) = house(test);
        advance(test, &scope, "2026-02-15T00:00:00Z").unwrap();
        let upgrade = Change { plan: Some("large".into()), ..Change::default() };
        let shown = upgrade.clone();
        let shown =
            test.db.read(&scope, move |view| preview_change(view, id, &shown, Timing::Now)).wait().unwrap();
        let done = test.db.write(&scope, move |tx| change(tx, id, &upgrade, Timing::Now)).wait().unwrap();
        assert_eq!(shown.credited.decimal(), "1.00");
        let note = done.credit_notes[0];
        let note = test.db.read(&scope, move |view| credit_note::find(view, note)).wait().unwrap();
        assert_eq!(note.totals.total, shown.credited);
        assert_eq!(stand(test, &scope), ["INV-000001 2.00", "INV-000002 2.00", "INV-000003 15.50"]);
        sound(test, &scope);
    });
    on_both(ALL, |test| {
        let (scope, id) = house(test);
        advance(test, &scope, "2026-02-15T00:00:00Z").unwrap();
        test.db.write(&scope, move |tx| pause(tx, id).map(drop)).wait().unwrap();
        assert_eq!(stand(test, &scope), ["INV-000001 2.00", "INV-000002 2.00", "INV-000003 0.00"]);
        sound(test, &scope);
    });
    on_both(ALL, |test| {
        let (scope, _) = house(test);
        advance(test, &scope, "2026-02-15T00:00:00Z").unwrap();
        let waits = all(test, &scope).pop().unwrap();
        assert_eq!((waits.state, waits.carried), (State::Draft, Some(1)));
        let issued =
            test.db.write(&scope, move |tx: &mut Tx<'_>| invoice::finalize(tx, waits.id)).wait().unwrap();
        assert_eq!(issued.number.as_deref(), Some("INV-000002"));
        advance(test, &scope, "2026-03-15T00:00:00Z").unwrap();
        assert_eq!(stand(test, &scope)[2], "waits 1 2.00", "it begins anew");
        sound(test, &scope);
    });
}

#[test]
fn what_is_charged_once_and_late_figures_are_not_lost_with_it() {
    on_both(ALL, |test| {
        let (scope, id) = house(test);
        let setup = billing::charge::NewCharge { key: Some("setup".into()), ..Default::default() };
        let add = move |tx: &mut Tx<'_>| {
            billing::charge::add(tx, id, &setup, billing::charge::BillWith::NextInvoice).map(drop)
        };
        test.db.write(&scope, add).wait().unwrap();
        post(test, &scope, id, 100, None);
        advance(test, &scope, "2026-02-02T00:00:00Z").unwrap();
        assert_eq!(stand(test, &scope)[1], "waits 1 4.00");
        // Less was used after all: what waits is issued, and the difference credited with the next run.
        post(test, &scope, id, 40, Some("2026-01-01T00:00:00Z"));
        assert_eq!(stand(test, &scope)[1], "INV-000002 4.00");
        advance(test, &scope, "2026-03-02T00:00:00Z").unwrap();
        let notes = test.db.read(&scope, move |view| credit_note::of_subscription(view, id, None, 9));
        let credited: Vec<_> = notes.wait().unwrap().iter().map(|note| note.totals.total.decimal()).collect();
        assert_eq!(credited, ["0.60"]);
        let charges =
            test.db.read(&scope, move |view| billing::charge::of_subscription(view, id, 9)).wait().unwrap();
        assert!(charges[0].invoice.is_some(), "billed once");
        sound(test, &scope);
    });
}

#[test]
fn two_subscriptions_share_what_waits() {
    on_both(ALL, |test| {
        let (scope, id) = house(test);
        let customer =
            test.db.read(&scope, move |view| subscription::find(view, id)).wait().unwrap().customer;
        let other = Start {
            start: Some("2026-01-10T00:00:00Z".parse().unwrap()),
            ..Start::of(customer, "starter", Cycle::MONTH)
        };
        ground::start(test, &scope, other).unwrap();
        advance(test, &scope, "2026-02-11T00:00:00Z").unwrap();
        // 10 January: 2.00 waits. 1 February: 2.00 more, still below. 10 February: enough.
        assert_eq!(stand(test, &scope), ["INV-000001 2.00", "INV-000002 6.00"]);
        advance(test, &scope, "2026-03-02T00:00:00Z").unwrap();
        assert_eq!(stand(test, &scope).last().unwrap(), "waits 1 2.00");
        sound(test, &scope);
    });
}
