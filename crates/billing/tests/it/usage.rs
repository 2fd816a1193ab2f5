//! Usage and fees in arrears: figures, allowances, minimums, late figures, thresholds, one invoice for all.

use std::collections::BTreeMap;

use billing::{
    credit_note, invoice,
    subscription::{self, AgreedPrice, Agreement, Change, Start, Timing},
    usage::{self, Figure, Post, Taken},
};
use jiff::Timestamp;
use kernel::{Cycle, Exact, Result, UnitPrice, ids::SubscriptionId};
use store::{Mode, Scope};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, customer_in, environment_with, issued, lines, sound, starter},
};

const BOOK: &str = r#"
book = 1
name = "Measured"
currency = "USD"

[features]
users = { name = "Users", kind = "limit", unit = "user" }

[meters]
calls = { name = "Calls", unit = "call" }
storage = { name = "Storage", unit = "GB", aggregation = "max", decimals = 3 }
spend = { name = "Spend", unit = "USD", aggregation = "sum", decimals = 6 }

[plans.team]
name = "Team"
price = { per = "user", month = "10", year = "100" }
limits = { calls = { amount = 1_000, per = "user", policy = "soft" } }

[plans.team.usage]
calls = { every = "month", package = 1_000, price = "0.50" }
storage = { every = "month", price = "0.02" }

[plans.less]
name = "Less"
price = { month = "99", or_less = { percent = "2", of = "spend" } }

[plans.late]
name = "Late"
price = { month = "31", pay_in = "arrears" }

[plans.least]
name = "Least"
price = { month = "100" }
minimum = { month = "500" }
usage = { calls = "0.10" }

[plans.steps]
name = "Steps"
price = { month = "31" }
usage = { calls = "0.0002" }
thresholds = { at = ["200", "500"] }

[addons.support]
name = "Support"
price = { month = "20" }
"#;

pub fn house(test: &TestDb) -> Scope {
    environment_with(test, Mode::Sandbox, "2026-01-01T09:00:00Z", BOOK)
}

pub fn plan(test: &TestDb, scope: &Scope, plan: &str, quantity: Option<i64>) -> SubscriptionId {
    let customer = customer_in(test, scope, "UTC");
    let start = Start { plan: plan.into(), quantity, ..starter(customer.id) };
    ground::start(test, scope, start).unwrap().subscription.id
}

pub fn quantity(text: &str) -> Figure {
    Figure::Quantity(text.parse::<Exact>().unwrap().into())
}

pub fn post_at(
    test: &TestDb,
    scope: &Scope,
    id: SubscriptionId,
    key: &str,
    figure: Figure,
    start: Option<&str>,
) -> Result<Taken> {
    let post = Post {
        key: key.into(),
        groups: BTreeMap::from([(String::new(), figure)]),
        start: start.map(|at| at.parse::<Timestamp>().unwrap()),
        watermark: Some("event 7".into()),
    };
    test.db.write(scope, move |tx| usage::post(tx, id, &post)).wait()
}

pub fn post(test: &TestDb, scope: &Scope, id: SubscriptionId, key: &str, units: &str) -> Taken {
    post_at(test, scope, id, key, quantity(units), None).unwrap()
}

pub fn newest(test: &TestDb, scope: &Scope) -> Vec<String> {
    let newest = test.db.read(scope, |view| invoice::list(view, None, 1)).wait().unwrap();
    lines(test, scope, newest[0].id)
}

#[test]
fn usage_beyond_the_allowance_is_billed_when_the_period_is_over() {
    on_both(ALL, |test| {
        let scope = house(test);
        let id = plan(test, &scope, "team", Some(3));
        post(test, &scope, id, "calls", "1");
        post(test, &scope, id, "calls", "5200"); // replaces what was said before
        post(test, &scope, id, "storage", "12.345");
        advance(test, &scope, "2026-02-01T09:00:00Z").unwrap();
        assert_eq!(
            newest(test, &scope),
            [
                "Calls 2026-01-01..2026-02-01 ×1 1.50", // 2200 beyond 3 × 1000: three packages
                "Storage 2026-01-01..2026-02-01 ×1 0.25", // 0.2469
                "Team 2026-02-01..2026-03-01 ×3 30.00",
            ]
        );
        let sentences = test
            .db
            .read(&scope, |view| {
                let newest = invoice::list(view, None, 1)?[0].id;
                Ok(invoice::lines(view, newest)?[0].explanation.sentences())
            })
            .wait()
            .unwrap();
        assert_eq!(sentences[1..3], ["5200 counted (unit: call)", "counted up to event 7"]);
        // Nothing was posted for February.
        advance(test, &scope, "2026-03-01T09:00:00Z").unwrap();
        assert_eq!(newest(test, &scope)[0], "Calls 2026-02-01..2026-03-01 ×1 0.00");
        sound(test, &scope);
    });
}

#[test]
fn usage_of_a_yearly_plan_is_billed_each_month() {
    on_both(ALL, |test| {
        let scope = house(test);
        let customer = customer_in(test, &scope, "UTC");
        let start =
            Start { plan: "team".into(), cycle: Cycle::YEAR, quantity: Some(1), ..starter(customer.id) };
        let id = ground::start(test, &scope, start).unwrap().subscription.id;
        post(test, &scope, id, "calls", "2500");
        advance(test, &scope, "2026-02-10T09:00:00Z").unwrap();
        assert_eq!(
            newest(test, &scope),
            ["Calls 2026-01-01..2026-02-01 ×1 1.00", "Storage 2026-01-01..2026-02-01 ×1 0.00"]
        );
        // More seats for the second half of February: the most there were count.
        let more = Change { quantity: Some(4), ..Change::default() };
        let change = more.clone();
        test.db.write(&scope, move |tx| subscription::change(tx, id, &change, Timing::Now)).wait().unwrap();
        post(test, &scope, id, "calls", "4500");
        advance(test, &scope, "2027-01-01T09:00:00Z").unwrap();
        let issued = issued(test, &scope);
        assert_eq!(issued.len(), 1 + 1 + 12, "a year, a change and twelve months, the last with the year");
        assert_eq!(newest(test, &scope).len(), 3);
        sound(test, &scope);
    });
}

#[test]
fn a_late_figure_bills_or_credits_the_difference() {
    on_both(ALL, |test| {
        let scope = house(test);
        let id = plan(test, &scope, "team", Some(1));
        post(test, &scope, id, "calls", "3000");
        advance(test, &scope, "2026-02-01T09:00:00Z").unwrap();
        let january = Some("2026-01-01T09:00:00Z");
        let taken = post_at(test, &scope, id, "calls", quantity("6000"), january).unwrap();
        assert!(taken.figure.late && taken.invoice.is_none(), "it waits for the next invoice");
        advance(test, &scope, "2026-03-01T09:00:00Z").unwrap();
        assert_eq!(
            newest(test, &scope),
            [
                "Calls 2026-01-01..2026-02-01 ×1 1.50", // five packages, two were billed
                "Calls 2026-02-01..2026-03-01 ×1 0.00",
                "Storage 2026-02-01..2026-03-01 ×1 0.00",
                "Team 2026-03-01..2026-04-01 ×1 10.00",
            ]
        );
        post_at(test, &scope, id, "calls", quantity("2000"), january).unwrap();
        advance(test, &scope, "2026-04-01T09:00:00Z").unwrap();
        let notes: Vec<String> = test
            .db
            .read(&scope, |view| {
                let invoices = invoice::list(view, None, 10)?;
                let mut all = Vec::new();
                for invoice in &invoices {
                    for note in credit_note::of_invoice(view, invoice.id)? {
                        all.push(format!(
                            "{} {} {}",
                            note.cause.word(),
                            invoice.number.as_deref().unwrap_or_default(),
                            note.totals.total
                        ));
                    }
                }
                Ok(all)
            })
            .wait()
            .unwrap();
        assert_eq!(
            notes,
            ["usage INV-000003 USD 1.50", "usage INV-000002 USD 0.50"],
            "the last billed first"
        );
        let wrong = post_at(test, &scope, id, "calls", quantity("1"), Some("2026-01-02T00:00:00Z"));
        assert_eq!(wrong.unwrap_err().code, "usage_period_unknown");
        // After the end there is no next invoice: it is billed at once.
        test.db.write(&scope, move |tx| subscription::cancel(tx, id, Timing::Now)).wait().unwrap();
        let taken = post_at(test, &scope, id, "calls", quantity("4000"), january).unwrap();
        assert!(taken.invoice.is_some());
        assert_eq!(newest(test, &scope), ["Calls 2026-01-01..2026-02-01 ×1 1.00"]);
        sound(test, &scope);
    });
}

#[test]
fn a_change_of_plan_ends_the_stretch_and_bills_it() {
    on_both(ALL, |test| {
        let scope = house(test);
        let id = plan(test, &scope, "late", None);
        assert_eq!(issued(test, &scope).len(), 0, "a fee in arrears is not billed at the start");
        advance(test, &scope, "2026-01-11T09:00:00Z").unwrap();
        let change = Change { plan: Some("team".into()), quantity: Some(2), ..Change::default() };
        test.db.write(&scope, move |tx| subscription::change(tx, id, &change, Timing::Now)).wait().unwrap();
        assert_eq!(
            newest(test, &scope),
            [
                "Late 2026-01-01..2026-01-11 ×1 10.00", // 10 of 31 days
                "Team 2026-01-11..2026-02-01 ×2 13.55", // 20 × 21 / 31
            ]
        );
        post(test, &scope, id, "calls", "2001");
        test.db.write(&scope, move |tx| subscription::pause(tx, id)).wait().unwrap();
        assert_eq!(
            newest(test, &scope),
            ["Late 2026-01-01..2026-01-11 ×1 10.00", "Team 2026-01-11..2026-02-01 ×2 13.55",],
            "a stretch of no length bills nothing"
        );
        sound(test, &scope);
    });
}

#[test]
fn the_lesser_price_needs_a_complete_figure() {
    on_both(ALL, |test| {
        let scope = house(test);
        let id = plan(test, &scope, "less", None);
        post(test, &scope, id, "spend", "1234.50");
        advance(test, &scope, "2026-02-02T09:00:00Z").unwrap();
        assert_eq!(newest(test, &scope), ["Less 2026-01-01..2026-02-01 ×1 24.69"]);
        post_at(test, &scope, id, "spend", Figure::Incomplete, None).unwrap();
        advance(test, &scope, "2026-03-02T09:00:00Z").unwrap();
        assert_eq!(newest(test, &scope), ["Less 2026-02-01..2026-03-01 ×1 99.00"]);
        post_at(test, &scope, id, "spend", quantity("1000"), Some("2026-02-01T00:00:00Z")).unwrap();
        advance(test, &scope, "2026-04-02T09:00:00Z").unwrap();
        assert_eq!(newest(test, &scope), ["Less 2026-03-01..2026-04-01 ×1 99.00"]);
        sound(test, &scope); // and 79.00 was credited
    });
}

#[test]
fn a_period_comes_to_at_least_its_minimum() {
    on_both(ALL, |test| {
        let scope = house(test);
        let id = plan(test, &scope, "least", None);
        post(test, &scope, id, "calls", "1500");
        advance(test, &scope, "2026-02-01T09:00:00Z").unwrap();
        assert_eq!(
            newest(test, &scope),
            [
                "Calls 2026-01-01..2026-02-01 ×1 150.00",
                "Least, up to the minimum 2026-01-01..2026-02-01 ×1 250.00",
                "Least 2026-02-01..2026-03-01 ×1 100.00",
            ]
        );
        // More usage comes late: it is billed, and as much of the minimum is given back.
        post_at(test, &scope, id, "calls", quantity("5000"), Some("2026-01-01T09:00:00Z")).unwrap();
        post(test, &scope, id, "calls", "4000");
        advance(test, &scope, "2026-03-01T09:00:00Z").unwrap();
        assert_eq!(
            newest(test, &scope)[..3],
            [
                "Calls 2026-01-01..2026-02-01 ×1 350.00",
                "Calls 2026-02-01..2026-03-01 ×1 400.00",
                "Least, up to the minimum 2026-02-01..2026-03-01 ×1 0.00",
            ]
        );
        let credited = test
            .db
            .read(&scope, |view| {
                let second = invoice::list(view, None, 10)?[1].id;
                Ok(credit_note::of_invoice(view, second)?[0].totals.total.to_string())
            })
            .wait()
            .unwrap();
        assert_eq!(credited, "USD 250.00");
        sound(test, &scope);
    });
}

/// What was paid for time before a stretch is none of its fees, and so is what is credited of that.
#[test]
fn a_minimum_counts_credits_of_its_own_fees_only() {
    on_both(ALL, |test| {
        let scope = house(test);
        let customer = customer_in(test, &scope, "UTC");
        let addons = [("support".into(), 1)].into();
        let start = Start { plan: "steps".into(), addons, ..starter(customer.id) };
        let id = ground::start(test, &scope, start).unwrap().subscription.id;
        advance(test, &scope, "2026-01-11T09:00:00Z").unwrap();
        let change = Change { plan: Some("least".into()), ..Change::default() };
        test.db
            .write(&scope, move |tx| subscription::change(tx, id, &change, Timing::Now).map(drop))
            .wait()
            .unwrap();
        advance(test, &scope, "2026-01-21T09:00:00Z").unwrap();
        test.db.write(&scope, move |tx| subscription::cancel(tx, id, Timing::Now).map(drop)).wait().unwrap();
        // Eleven days of 100 a month were paid for and used; ten days of the support that is credited are not among them.
        assert_eq!(
            newest(test, &scope),
            [
                "Calls 2026-01-11..2026-01-22 ×1 0.00",
                "Least, up to the minimum 2026-01-11..2026-01-22 ×1 464.52",
            ]
        );
        sound(test, &scope);
    });
}

#[test]
fn a_threshold_bills_usage_before_the_period_ends() {
    on_both(ALL, |test| {
        let scope = house(test);
        let id = plan(test, &scope, "steps", None);
        advance(test, &scope, "2026-01-06T09:00:00Z").unwrap();
        assert!(post(test, &scope, id, "calls", "999000").invoice.is_none());
        assert!(post(test, &scope, id, "calls", "1000000").invoice.is_some());
        assert_eq!(newest(test, &scope), ["Calls 2026-01-01..2026-01-06 ×1 200.00"]);
        advance(test, &scope, "2026-01-16T09:00:00Z").unwrap();
        assert!(post(test, &scope, id, "calls", "2000000").invoice.is_none());
        assert!(post(test, &scope, id, "calls", "3000000").invoice.is_some());
        assert_eq!(newest(test, &scope), ["Calls 2026-01-01..2026-01-16 ×1 400.00"]);
        post(test, &scope, id, "calls", "3500000");
        advance(test, &scope, "2026-02-01T09:00:00Z").unwrap();
        assert_eq!(
            newest(test, &scope),
            ["Calls 2026-01-01..2026-02-01 ×1 100.00", "Steps 2026-02-01..2026-03-01 ×1 31.00"]
        );
        sound(test, &scope);
    });
}

#[test]
fn all_that_falls_due_for_a_customer_is_one_invoice() {
    on_both(ALL, |test| {
        let scope = house(test);
        let customer = customer_in(test, &scope, "UTC");
        for (plan, quantity) in [("team", Some(2)), ("late", None), ("steps", None)] {
            let start = Start { plan: plan.into(), quantity, ..starter(customer.id) };
            ground::start(test, &scope, start).unwrap();
        }
        let before = issued(test, &scope).len();
        advance(test, &scope, "2026-02-01T09:00:00Z").unwrap();
        assert_eq!(issued(test, &scope).len(), before + 1);
        assert_eq!(newest(test, &scope).len(), 3 + 1 + 2);
        sound(test, &scope);
    });
}

#[test]
fn prices_and_minimums_may_be_agreed_with_a_customer() {
    on_both(ALL, |test| {
        let scope = house(test);
        let customer = customer_in(test, &scope, "UTC");
        let amount = |text: &str| Some(UnitPrice::parse(text).unwrap());
        let agreement = Agreement {
            prices: BTreeMap::from([
                ("team".into(), AgreedPrice { amount: amount("7.5"), percent: None }),
                ("storage".into(), AgreedPrice { amount: amount("0.01"), percent: None }),
            ]),
            minimum: amount("40"),
        };
        let start = Start { plan: "team".into(), quantity: Some(2), agreement, ..starter(customer.id) };
        let id = ground::start(test, &scope, start.clone()).unwrap().subscription.id;
        assert_eq!(newest(test, &scope), ["Team 2026-01-01..2026-02-01 ×2 15.00"]);
        post(test, &scope, id, "storage", "1000");
        advance(test, &scope, "2026-02-01T09:00:00Z").unwrap();
        assert_eq!(
            newest(test, &scope)[1..],
            [
                "Storage 2026-01-01..2026-02-01 ×1 10.00",
                "Team, up to the minimum 2026-01-01..2026-02-01 ×1 15.00",
                "Team 2026-02-01..2026-03-01 ×2 15.00",
            ]
        );
        let mut wrong = start;
        wrong.agreement.prices.insert("nothing".into(), AgreedPrice::default());
        assert_eq!(ground::start(test, &scope, wrong).unwrap_err().code, "price_not_negotiable");
        sound(test, &scope);
    });
}

/// Without proration, with usage that another plan bills by another cycle.
const WHOLE: &str = r#"
book = 1
name = "Whole"
currency = "USD"

[billing]
proration = "none"

[meters]
calls = { name = "Calls", unit = "call" }

[plans.monthly]
name = "Monthly"
price = { year = "100" }
usage = { calls = { every = "month", price = "0.10" } }

[plans.yearly]
name = "Yearly"
price = { year = "200" }
usage = { calls = "0.20" }
minimum = { year = "105" }
"#;

#[test]
fn a_change_without_proration_still_bills_usage_at_the_price_of_its_time() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T00:00:00Z", WHOLE);
        let customer = customer_in(test, &scope, "UTC");
        let start = Start { plan: "monthly".into(), cycle: Cycle::YEAR, ..starter(customer.id) };
        let id = ground::start(test, &scope, start).unwrap().subscription.id;
        let used = |count: i64| {
            let groups = BTreeMap::from([(String::new(), Figure::Quantity(Exact::from(count).into()))]);
            let post = Post { key: "calls".into(), groups, start: None, watermark: None };
            test.db.write(&scope, move |tx| usage::post(tx, id, &post)).wait().unwrap();
        };
        let newest = || {
            let id = test.db.read(&scope, |view| invoice::list(view, None, 1)).wait().unwrap()[0].id;
            lines(test, &scope, id)
        };
        used(10);
        advance(test, &scope, "2026-02-15T00:00:00Z").unwrap();
        assert_eq!(newest(), ["Calls 2026-01-01..2026-02-01 ×1 1.00"]);
        used(20);
        let change = Change { plan: Some("yearly".into()), ..Change::default() };
        test.db.write(&scope, move |tx| subscription::change(tx, id, &change, Timing::Now)).wait().unwrap();
        assert_eq!(newest(), ["Calls 2026-02-01..2026-02-15 ×1 2.00"]);
        used(5);
        test.db.write(&scope, move |tx| subscription::cancel(tx, id, Timing::PeriodEnd)).wait().unwrap();
        advance(test, &scope, "2027-01-02T00:00:00Z").unwrap();
        // 100 of fees, 3 and 1 of usage: one is missing to the minimum of the year.
        assert_eq!(
            newest(),
            [
                "Calls 2026-02-15..2027-01-01 ×1 1.00",
                "Yearly, up to the minimum 2026-02-15..2027-01-01 ×1 1.00"
            ]
        );
        sound(test, &scope);
    });
}
