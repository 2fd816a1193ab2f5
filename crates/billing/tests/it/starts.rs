//! Starting subscriptions: what is previewed, what is billed, what is refused.

use std::collections::BTreeMap;

use billing::subscription::{BillFrom, Start, find, preview};
use kernel::{Currency, Cycle};
use store::Mode;
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, customer_in, environment, environment_with, issued, lines, sound, starter},
};

#[test]
fn the_first_period_is_billed_in_advance_as_previewed() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-31T10:00:00Z");
        let customer = customer_in(test, &scope, "America/New_York");
        let command = Start {
            addons: BTreeMap::from([
                ("extra_user".into(), 6),
                ("extra_storage".into(), 3),
                ("extra_plant".into(), 0),
            ]),
            ..starter(customer.id)
        };
        let shown = {
            let command = command.clone();
            test.db.read(&scope, move |view| preview(view, &command)).wait().unwrap()
        };
        let started = ground::start(test, &scope, command).unwrap();
        let invoice = started.invoice.unwrap();
        assert_eq!(
            lines(test, &scope, invoice),
            [
                "Starter 2026-01-31..2026-02-28 ×1 49.00",
                "Extra storage 2026-01-31..2026-02-28 ×3 1.50",
                "Extra user 2026-01-31..2026-02-28 ×6 30.00",
            ]
        );
        assert_eq!(issued(test, &scope), ["INV-000001 2026-01-31 USD 80.50"]);
        let (draft, totals) = shown.invoice.unwrap();
        assert_eq!(totals.total.decimal(), "80.50");
        let stored = test.db.read(&scope, move |view| billing::invoice::lines(view, invoice)).wait().unwrap();
        for (shown, stored) in draft.lines.iter().zip(&stored) {
            assert_eq!(
                (shown.amount, &shown.explanation, shown.period),
                (stored.amount, &stored.explanation, stored.period)
            );
        }
        // 31 January in New York begins at 05:00 UTC, so does 28 February.
        assert_eq!(shown.next_due.at.to_string(), "2026-02-28T05:00:00Z");
        let id = started.subscription.id;
        let found = test.db.read(&scope, move |view| find(view, id)).wait().unwrap();
        assert_eq!(found, started.subscription);
        sound(test, &scope);
    });
}

#[test]
fn a_yearly_plan_pays_monthly_add_ons_for_the_year() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2024-02-29T12:00:00Z");
        let customer = customer_in(test, &scope, "UTC");
        let command = Start {
            plan: "professional".into(),
            cycle: Cycle::YEAR,
            addons: BTreeMap::from([("extra_plant".into(), 2)]),
            ..starter(customer.id)
        };
        let started = ground::start(test, &scope, command).unwrap();
        assert_eq!(
            lines(test, &scope, started.invoice.unwrap()),
            [
                "Professional 2024-02-29..2025-02-28 ×1 2149.00",
                "Extra plant 2024-02-29..2025-02-28 ×2 600.00"
            ]
        );
    });
}

#[test]
fn a_calendar_book_bills_the_days_to_the_first() {
    const BOOK: &str = r#"
        book = 1
        name = "Calendar"
        currency = "USD"
        [billing]
        anchor = "calendar"
        [features]
        users = { name = "Users", kind = "limit", unit = "user" }
        [plans.team]
        name = "Team"
        price = { per = "user", month = "10" }
        includes = {}
    "#;
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-17T08:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "UTC");
        let command = Start { plan: "team".into(), quantity: Some(3), ..starter(customer.id) };
        ground::start(test, &scope, command).unwrap();
        ground::advance(test, &scope, "2026-02-10T00:00:00Z").unwrap();
        // 15 of 31 days of 30 dollars: 14.516…
        assert_eq!(
            issued(test, &scope),
            ["INV-000001 2026-01-17 USD 14.52", "INV-000002 2026-02-01 USD 30.00"]
        );
        sound(test, &scope);
    });
}

#[test]
fn a_start_in_the_past_bills_from_where_it_is_told() {
    on_both(ALL, |test| {
        for (bill_from, at_once, after) in [
            (BillFrom::Start, vec!["2025-11-15..2025-12-15"], 3),
            (BillFrom::CurrentPeriod, vec!["2026-01-15..2026-02-15"], 1),
            (BillFrom::NextPeriod, vec![], 0),
        ] {
            let scope = environment(test, Mode::Sandbox, "2026-01-20T00:00:00Z");
            let customer = customer_in(test, &scope, "UTC");
            let start = Some("2025-11-15T09:00:00Z".parse().unwrap());
            let started =
                ground::start(test, &scope, Start { start, bill_from, ..starter(customer.id) }).unwrap();
            let periods: Vec<String> = started
                .invoice
                .map(|id| lines(test, &scope, id))
                .unwrap_or_default()
                .iter()
                .map(|line| line.split(' ').nth(1).unwrap().to_owned())
                .collect();
            assert_eq!(periods, at_once);
            // Missed periods are caught up with in order as soon as due work runs.
            ground::advance(test, &scope, "2026-01-20T00:00:00Z").unwrap();
            assert_eq!(issued(test, &scope).len(), after);
            ground::advance(test, &scope, "2026-02-15T00:00:00Z").unwrap();
            assert_eq!(issued(test, &scope).len(), after + 1);
            sound(test, &scope);
        }
    });
}

#[test]
fn what_cannot_be_sold_is_refused_with_its_field() {
    let test = TestDb::sqlite(ALL);
    let scope = environment(&test, Mode::Sandbox, "2026-01-31T10:00:00Z");
    let customer = customer_in(&test, &scope, "UTC");
    let with = |change: fn(&mut Start)| {
        let mut command = starter(customer.id);
        change(&mut command);
        let error = ground::start(&test, &scope, command).unwrap_err();
        (error.code, error.fields.first().map(|field| field.pointer.clone()).unwrap_or_default())
    };
    let yen = |command: &mut Start| command.currency = Some(Currency::parse("JPY").unwrap());
    assert_eq!(with(|c| c.plan = "startr".into()), ("plan_unknown", "/plan".into()));
    assert_eq!(with(|c| c.cycle = Cycle::WEEK), ("price_missing", "/cycle".into()));
    assert_eq!(with(yen), ("price_missing", "/cycle".into()));
    assert_eq!(with(|c| c.quantity = Some(2)), ("quantity_invalid", "/quantity".into()));
    assert_eq!(with(|c| c.addons = [("extra".into(), 1)].into()), ("addon_unknown", "/addons/extra".into()));
    let too_many = |c: &mut Start| c.addons = [("extra_user".into(), i64::MAX)].into();
    assert_eq!(with(too_many), ("quantity_invalid", "/addons/extra_user".into()));
    assert_eq!(with(|c| c.addons = [("extra_user".into(), -1)].into()).0, "quantity_invalid");
    let enterprise = |c: &mut Start| {
        c.plan = "enterprise".into();
        c.addons = [("extra_user".into(), 1)].into();
    };
    assert_eq!(with(enterprise), ("addon_not_for_plan", "/addons/extra_user".into()));
    let tomorrow = |c: &mut Start| {
        c.start = Some("2026-02-01T00:00:00Z".parse().unwrap());
        c.bill_from = BillFrom::NextPeriod;
    };
    assert_eq!(with(tomorrow), ("start_invalid", "/start".into()));
    let ancient = |c: &mut Start| c.start = Some("1969-12-31T00:00:00Z".parse().unwrap());
    assert_eq!(with(ancient), ("time_out_of_range", "/start".into()));
    assert_eq!(with(|c| c.customer = kernel::Id::from_uuid(uuid::Uuid::max())).0, "not_found");
    assert_eq!(with(|c| c.external_id = Some("a b".into())).0, "external_id_malformed");
    assert_eq!(issued(&test, &scope), Vec::<String>::new(), "nothing of it was kept");
}

#[test]
fn an_external_id_names_one_subscription() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-31T10:00:00Z");
        let customer = customer_in(test, &scope, "UTC");
        let command = Start { external_id: Some("S-1".into()), ..starter(customer.id) };
        let first = ground::start(test, &scope, command.clone()).unwrap().subscription.id;
        assert_eq!(ground::start(test, &scope, command).unwrap_err().code, "external_id_taken");
        let found = test.db.read(&scope, |view| billing::subscription::resolve(view, "ext:S-1")).wait();
        assert_eq!(found.unwrap(), first);
        assert_eq!(issued(test, &scope).len(), 1);
    });
}
