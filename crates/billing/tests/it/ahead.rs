//! Subscriptions that begin later, usage that waits for late figures, and customers who move.

use std::collections::BTreeMap;

use billing::{
    bill_run::{self, What},
    charge::NewCharge,
    coupon, customers, invoice,
    subscription::{self, Change, Start, State, Subscription, Timing},
    usage::{self, Figure, Post},
};
use identity::customer::Edit;
use jiff::Timestamp;
use kernel::{
    Exact, Result, Zone,
    ids::{CustomerId, SubscriptionId},
};
use store::{Mode, Reason, Scope};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, customer_in, environment, environment_with, issued, lines, sound, starter},
};

const BOOK: &str = r#"
book = 1
name = "Ahead"
currency = "USD"

[billing]
anchor = "calendar"
usage_grace = "2 days"

[meters]
calls = { name = "Calls", unit = "call" }

[plans.basic]
name = "Basic"
price = { month = "31" }

[plans.metered]
name = "Metered"
price = { month = "10", year = "100" }
usage = { calls = "0.01" }

[plans.rhythm]
name = "Rhythm"
price = { year = "100" }

[plans.rhythm.usage]
calls = { every = "month", package = 100, price = "1" }

[addons.setup]
name = "Setup"
price = { once = "250" }

[coupons.half]
name = "Half off"
percent = "50"
lasts = "2 periods"
"#;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn find(test: &TestDb, scope: &Scope, id: SubscriptionId) -> Subscription {
    test.db.read(scope, move |view| subscription::find(view, id)).wait().unwrap()
}

/// The lines of the newest invoice.
fn newest(test: &TestDb, scope: &Scope) -> Vec<String> {
    let id = test.db.read(scope, |view| invoice::list(view, None, 1)).wait().unwrap()[0].id;
    lines(test, scope, id)
}

fn post(
    test: &TestDb,
    scope: &Scope,
    id: SubscriptionId,
    count: i64,
    start: Option<Timestamp>,
) -> Result<usage::Taken> {
    let groups = BTreeMap::from([(String::new(), Figure::Quantity(Exact::from(count).into()))]);
    let post = Post { key: "calls".into(), groups, start, watermark: None };
    test.db.write(scope, move |tx| usage::post(tx, id, &post)).wait()
}

#[test]
fn a_subscription_that_begins_later_is_billed_then_as_previewed() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-31T09:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "America/New_York");
        let start = Start {
            plan: "basic".into(),
            start: Some(at("2026-03-16T04:00:00Z")),
            coupons: vec!["half".into()],
            charges: vec![NewCharge { key: Some("setup".into()), ..NewCharge::default() }],
            ..starter(customer.id)
        };
        let wish = start.clone();
        let preview = test.db.read(&scope, move |view| subscription::preview(view, &wish)).wait().unwrap();
        let started = ground::start(test, &scope, start).unwrap();
        assert_eq!((started.subscription.state, started.invoice), (State::Scheduled, None));
        let id = started.subscription.id;

        let until = at("2026-03-31T00:00:00Z");
        let foreseen = test
            .db
            .read(&scope, move |view| bill_run::forecast(view, Timestamp::MIN, until, 10))
            .wait()
            .unwrap();
        let what: Vec<_> = foreseen.events.iter().map(|event| (event.what, event.at)).collect();
        assert_eq!(what, [(What::Start, at("2026-03-16T04:00:00Z"))]);

        advance(test, &scope, "2026-03-16T03:59:59Z").unwrap();
        assert_eq!(issued(test, &scope).len(), 0);
        advance(test, &scope, "2026-03-17T00:00:00Z").unwrap();
        let running = find(test, &scope, id);
        assert_eq!((running.state, running.discounts[0].left), (State::Active, Some(1)));
        // 16 of the 31 days of March, and the setup; half off.
        assert_eq!(
            newest(test, &scope),
            ["Setup 2026-03-16..2026-03-16 ×1 125.00", "Basic 2026-03-16..2026-04-01 ×1 8.00"]
        );
        let billed = test.db.read(&scope, |view| invoice::list(view, None, 10)).wait().unwrap();
        let (draft, totals) = preview.invoice.unwrap();
        assert_eq!((draft.due, totals), (billed[0].due, billed[0].totals));
        assert_eq!(foreseen.documents[0].totals, totals);
        sound(test, &scope);
    });
}

#[test]
fn what_has_not_begun_can_only_be_canceled_and_costs_nothing() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-31T09:00:00Z");
        let customer = customer_in(test, &scope, "UTC");
        let later = Start { start: Some(at("2026-02-10T00:00:00Z")), ..starter(customer.id) };
        let trial = Start { trial: true, ..later.clone() };
        assert_eq!(ground::start(test, &scope, trial).unwrap_err().code, "start_invalid");
        let id = ground::start(test, &scope, later).unwrap().subscription.id;
        let change = Change { plan: Some("professional".into()), ..Change::default() };
        let refused =
            test.db.write(&scope, move |tx| subscription::change(tx, id, &change, Timing::Now)).wait();
        assert_eq!(refused.unwrap_err().code, "transition_illegal");
        let pause = test.db.write(&scope, move |tx| subscription::pause(tx, id)).wait();
        assert_eq!(pause.unwrap_err().code, "transition_illegal");
        test.db.write(&scope, move |tx| subscription::cancel(tx, id, Timing::PeriodEnd)).wait().unwrap();
        assert_eq!(find(test, &scope, id).state, State::Canceled);
        advance(test, &scope, "2026-04-01T00:00:00Z").unwrap();
        assert_eq!(issued(test, &scope).len(), 0);
        sound(test, &scope);
    });
}

#[test]
fn usage_waits_for_late_figures() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T00:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "UTC");
        let coupons = vec!["half".into()];
        let start = Start { plan: "metered".into(), coupons, ..starter(customer.id) };
        let id = ground::start(test, &scope, start).unwrap().subscription.id;
        post(test, &scope, id, 100, None).unwrap();
        advance(test, &scope, "2026-02-01T12:00:00Z").unwrap();
        assert_eq!(newest(test, &scope), ["Metered 2026-02-01..2026-03-01 ×1 5.00"], "the fee is on time");
        assert_eq!(find(test, &scope, id).next_due().at, at("2026-02-03T00:00:00Z"));

        // A late figure of January, and one of February.
        let january = Some(at("2026-01-01T00:00:00Z"));
        assert!(!post(test, &scope, id, 300, january).unwrap().figure.late);
        post(test, &scope, id, 1_000, None).unwrap();
        advance(test, &scope, "2026-02-04T00:00:00Z").unwrap();
        assert_eq!(newest(test, &scope), ["Calls 2026-01-01..2026-02-01 ×1 1.50"], "half of 3.00");
        let left = find(test, &scope, id).discounts[0].left;
        assert_eq!(left, Some(0), "fee and usage of a period share a use of a coupon");

        // Later still: the next invoice has the difference.
        assert!(post(test, &scope, id, 500, january).unwrap().figure.late);
        advance(test, &scope, "2026-03-01T12:00:00Z").unwrap();
        assert_eq!(
            newest(test, &scope),
            ["Calls 2026-01-01..2026-02-01 ×1 2.00", "Metered 2026-03-01..2026-04-01 ×1 10.00"]
        );
        test.db.write(&scope, move |tx| subscription::cancel(tx, id, Timing::PeriodEnd)).wait().unwrap();
        post(test, &scope, id, 700, None).unwrap();
        advance(test, &scope, "2026-04-01T12:00:00Z").unwrap();
        assert_eq!(find(test, &scope, id).state, State::Canceled);
        assert_eq!(newest(test, &scope), ["Calls 2026-02-01..2026-03-01 ×1 10.00"]);
        advance(test, &scope, "2026-05-01T00:00:00Z").unwrap();
        assert_eq!(newest(test, &scope), ["Calls 2026-03-01..2026-04-01 ×1 7.00"], "also after the end");
        assert_eq!(find(test, &scope, id).falls_due(), None);
        sound(test, &scope);
    });
}

#[test]
fn usage_with_a_cycle_of_its_own_waits_as_well() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T00:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "UTC");
        let start = Start { plan: "rhythm".into(), cycle: kernel::Cycle::YEAR, ..starter(customer.id) };
        let id = ground::start(test, &scope, start).unwrap().subscription.id;
        post(test, &scope, id, 10, None).unwrap();
        advance(test, &scope, "2026-02-02T00:00:00Z").unwrap();
        assert_eq!(issued(test, &scope).len(), 1);
        post(test, &scope, id, 250, Some(at("2026-01-01T00:00:00Z"))).unwrap();
        let until = at("2026-04-01T00:00:00Z");
        let foreseen = move |view: &mut store::View<'_>| bill_run::forecast(view, Timestamp::MIN, until, 10);
        let foreseen = test.db.read(&scope, foreseen).wait().unwrap();
        let totals: Vec<_> = foreseen.documents.iter().map(|one| one.totals.total.minor()).collect();
        assert_eq!(totals, [300, 0], "what was used in January is foreseen once");
        advance(test, &scope, "2026-02-10T00:00:00Z").unwrap();
        assert_eq!(newest(test, &scope), ["Calls 2026-01-01..2026-02-01 ×1 3.00"]);
        advance(test, &scope, "2027-01-10T00:00:00Z").unwrap();
        assert_eq!(issued(test, &scope).len(), 1 + 12 + 1, "twelve months of usage, and the second year");
        sound(test, &scope);
    });
}

fn move_to(test: &TestDb, scope: &Scope, customer: CustomerId, zone: &str) {
    let edit = Edit { zone: Some(Zone::parse(zone).unwrap()), ..Edit::default() };
    test.db.write(scope, move |tx| customers::change(tx, customer, edit.clone()).map(drop)).wait().unwrap();
}

#[test]
fn a_customers_new_zone_counts_from_the_next_period_on() {
    on_both(ALL, |test| {
        for (from, to, ends) in [
            ("UTC", "America/New_York", "2026-03-01T05:00:00Z"),
            ("America/New_York", "Asia/Tokyo", "2026-02-28T15:00:00Z"),
            ("Etc/GMT+12", "Pacific/Kiritimati", "2026-02-28T10:00:00Z"),
        ] {
            let scope = environment(test, Mode::Sandbox, "2026-01-01T13:00:00Z");
            let customer = customer_in(test, &scope, from);
            let follows = ground::start(test, &scope, starter(customer.id)).unwrap().subscription;
            let own = Start { zone: Some(Zone::parse("Europe/Berlin").unwrap()), ..starter(customer.id) };
            let own = ground::start(test, &scope, own).unwrap().subscription;
            move_to(test, &scope, customer.id, to);
            let same = find(test, &scope, follows.id);
            assert_eq!((&same.period, &same.schedule), (&follows.period, &follows.schedule), "it goes on");
            advance(test, &scope, "2026-02-15T00:00:00Z").unwrap();
            let renewed = find(test, &scope, follows.id);
            assert_eq!(renewed.period.start, follows.period.end, "{from} to {to}");
            assert_eq!(renewed.period.end.at, at(ends), "{from} to {to}");
            assert_eq!(renewed.schedule.zone.name(), to);
            assert_eq!(find(test, &scope, own.id).schedule.zone.name(), "Europe/Berlin");
            let all = issued(test, &scope);
            assert!(all.iter().all(|one| one.ends_with("USD 49.00")), "{all:?}");
            advance(test, &scope, "2026-04-15T00:00:00Z").unwrap();
            let dates: Vec<_> = issued(test, &scope).iter().map(|one| one[11..21].to_owned()).collect();
            assert_eq!(dates.len(), 8, "{dates:?}");
            sound(test, &scope);
        }
    });
}

#[test]
fn voiding_an_invoice_gives_back_the_uses_of_its_coupons() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T00:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "UTC");
        let start = Start { plan: "basic".into(), coupons: vec!["half".into()], ..starter(customer.id) };
        let started = ground::start(test, &scope, start).unwrap();
        let (id, first) = (started.subscription.id, started.invoice.unwrap());
        advance(test, &scope, "2026-02-02T00:00:00Z").unwrap();
        let left = || find(test, &scope, id).discounts[0].left;
        assert_eq!(left(), Some(0), "two invoices had it");
        let void =
            move |tx: &mut store::Tx<'_>| invoice::void(tx, first, &Reason::parse("duplicate")?).map(drop);
        test.db.write(&scope, void).wait().unwrap();
        assert_eq!(left(), Some(1));
        advance(test, &scope, "2026-03-02T00:00:00Z").unwrap();
        assert_eq!(newest(test, &scope), ["Basic 2026-03-01..2026-04-01 ×1 15.50"]);
        assert_eq!(left(), Some(0));
        // What staff took away does not come back.
        test.db.write(&scope, move |tx| coupon::take_away(tx, id, "half").map(drop)).wait().unwrap_err();
        advance(test, &scope, "2026-04-02T00:00:00Z").unwrap();
        assert_eq!(newest(test, &scope), ["Basic 2026-04-01..2026-05-01 ×1 31.00"]);
        sound(test, &scope);
    });
}
