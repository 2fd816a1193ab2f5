//! Coupons, gifts by staff, terms and ramps.

use billing::{
    coupon, invoice,
    subscription::{self, Change, NewTerm, Scheduled, Start, State, Timing},
};
use kernel::{
    Result,
    ids::{CustomerId, SubscriptionId},
};
use store::{Mode, Scope};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, customer_in, environment_with, issued, lines, sound, starter},
};

const BOOK: &str = r#"
book = 1
name = "Offers"
currency = "USD"

[features]
users = { name = "Users", kind = "limit", unit = "user" }

[plans.basic]
name = "Basic"
price = { month = "30", year = "300" }

[plans.team]
name = "Team"
price = { per = "user", month = "10" }

[addons.support]
name = "Support"
price = { month = "20" }

[coupons.fifth]
name = "A fifth off"
code = "FIFTH"
percent = "20"
lasts = "2 periods"
stacks = true

[coupons.ten]
name = "Ten off"
amount = "10"
lasts = "forever"
stacks = true
applies_to = ["basic"]

[coupons.months]
name = "Two months free"
free_months = 2

[coupons.first]
name = "For the first two"
percent = "50"
lasts = "once"
redemptions = 2
"#;

fn house(test: &TestDb) -> Scope {
    environment_with(test, Mode::Sandbox, "2026-01-01T09:00:00Z", BOOK)
}

fn with(customer: CustomerId, coupons: &[&str]) -> Start {
    let coupons = coupons.iter().map(|coupon| (*coupon).to_owned()).collect();
    Start { plan: "basic".into(), coupons, ..starter(customer) }
}

fn begin(test: &TestDb, scope: &Scope, start: impl FnOnce(CustomerId) -> Start) -> Result<SubscriptionId> {
    let customer = customer_in(test, scope, "UTC");
    Ok(ground::start(test, scope, start(customer.id))?.subscription.id)
}

/// The totals of all invoices, oldest first.
fn totals(test: &TestDb, scope: &Scope) -> Vec<String> {
    issued(test, scope).iter().map(|one| one.rsplit(' ').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn coupons_come_off_one_after_the_other_as_long_as_they_last() {
    on_both(ALL, |test| {
        let scope = house(test);
        let id = begin(test, &scope, |customer| Start {
            addons: [("support".to_owned(), 1)].into(),
            ..with(customer, &["fifth", "TEN"])
        });
        assert_eq!(id.unwrap_err().code, "coupon_unknown", "a key is not a code");
        begin(test, &scope, |customer| Start {
            addons: [("support".to_owned(), 1)].into(),
            ..with(customer, &["fifth", "ten"])
        })
        .unwrap();
        let first = test.db.read(&scope, |view| invoice::list(view, None, 1)).wait().unwrap()[0].id;
        assert_eq!(
            lines(test, &scope, first),
            // 30 − 6 − 10, and 20 − 4.
            ["Basic 2026-01-01..2026-02-01 ×1 14.00", "Support 2026-01-01..2026-02-01 ×1 16.00"]
        );
        advance(test, &scope, "2026-03-02T09:00:00Z").unwrap();
        assert_eq!(totals(test, &scope), ["30.00", "30.00", "40.00"], "two periods, then only ten off");
        sound(test, &scope);
    });
}

#[test]
fn a_running_coupon_reduces_a_change_and_credit_follows_what_was_paid() {
    on_both(ALL, |test| {
        let scope = house(test);
        let id = begin(test, &scope, |customer| with(customer, &["FIFTH"])).unwrap();
        advance(test, &scope, "2026-01-16T09:00:00Z").unwrap();
        let change = Change { plan: Some("team".into()), quantity: Some(10), ..Change::default() };
        test.db.write(&scope, move |tx| subscription::change(tx, id, &change, Timing::Now)).wait().unwrap();
        let newest = test.db.read(&scope, |view| invoice::list(view, None, 1)).wait().unwrap()[0].clone();
        // 100 × 16/31 = 51.61 less a fifth; 24 × 16/31 credited.
        assert_eq!(newest.totals.total.decimal(), "41.29");
        assert_eq!(newest.credit.decimal(), "12.39");
        sound(test, &scope);
    });
}

#[test]
fn free_months_are_free_whatever_the_cycle() {
    on_both(ALL, |test| {
        let scope = house(test);
        begin(test, &scope, |customer| with(customer, &["months"])).unwrap();
        begin(test, &scope, |customer| Start { cycle: kernel::Cycle::YEAR, ..with(customer, &["months"]) })
            .unwrap();
        assert_eq!(totals(test, &scope), ["0.00", "250.00"]);
        advance(test, &scope, "2026-03-02T09:00:00Z").unwrap();
        assert_eq!(totals(test, &scope), ["0.00", "250.00", "0.00", "30.00"]);
        sound(test, &scope);
    });
}

#[test]
fn a_coupon_is_redeemed_as_often_as_it_may_be() {
    on_both(ALL, |test| {
        let scope = house(test);
        let customer = customer_in(test, &scope, "UTC");
        let first = ground::start(test, &scope, with(customer.id, &["first"])).unwrap().subscription.id;
        let again = ground::start(test, &scope, with(customer.id, &["first"])).unwrap_err();
        assert_eq!(again.code, "coupon_used_up", "once for each customer");
        begin(test, &scope, |customer| with(customer, &["first"])).unwrap();
        let third = begin(test, &scope, |customer| with(customer, &["first"])).unwrap_err();
        assert_eq!(third.code, "coupon_used_up");
        let redeemed =
            test.db.read(&scope, |view| coupon::of_coupon(view, "first", None, 10)).wait().unwrap();
        assert_eq!(redeemed.iter().map(|one| one.ordinal).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(redeemed[1].subscription, first);
        for (named, code) in [
            (&["first", "fifth"][..], "coupon_not_stackable"),
            (&["fifth", "FIFTH"], "coupon_twice"),
            (&["nothing"], "coupon_unknown"),
        ] {
            let refused = begin(test, &scope, |customer| with(customer, named)).unwrap_err();
            assert_eq!(refused.code, code);
        }
        let team = begin(test, &scope, |customer| Start {
            plan: "team".into(),
            quantity: Some(1),
            ..with(customer, &["ten"])
        });
        assert_eq!(team.unwrap_err().code, "coupon_not_for_plan");
        sound(test, &scope);
    });
}

#[test]
fn staff_give_a_subscription_away_and_take_that_back() {
    on_both(ALL, |test| {
        let scope = house(test);
        let id = begin(test, &scope, |customer| with(customer, &[])).unwrap();
        let until = Some("2026-03-15".parse().unwrap());
        test.db.write(&scope, move |tx| coupon::comp(tx, id, until)).wait().unwrap();
        let again = test.db.write(&scope, move |tx| coupon::comp(tx, id, None)).wait();
        assert_eq!(again.unwrap_err().code, "coupon_twice");
        advance(test, &scope, "2026-04-02T09:00:00Z").unwrap();
        assert_eq!(totals(test, &scope), ["30.00", "0.00", "0.00", "30.00"]);
        test.db.write(&scope, move |tx| coupon::redeem(tx, id, "fifth")).wait().unwrap();
        test.db.write(&scope, move |tx| coupon::take_away(tx, id, "fifth")).wait().unwrap();
        advance(test, &scope, "2026-05-02T09:00:00Z").unwrap();
        assert_eq!(totals(test, &scope).last().unwrap(), "30.00");
        sound(test, &scope);
    });
}

#[test]
fn a_term_expires_or_is_followed_by_another() {
    on_both(ALL, |test| {
        let scope = house(test);
        let term = |renews| Some(NewTerm { months: 3, renews });
        let ends =
            begin(test, &scope, |customer| Start { term: term(false), ..with(customer, &[]) }).unwrap();
        let goes_on =
            begin(test, &scope, |customer| Start { term: term(true), ..with(customer, &[]) }).unwrap();
        let of = |id| test.db.read(&scope, move |view| subscription::find(view, id)).wait().unwrap();
        // Canceled for the end of what was agreed: that is the term's, not the period's.
        test.db.write(&scope, move |tx| subscription::cancel(tx, goes_on, Timing::PeriodEnd)).wait().unwrap();
        assert_eq!(of(goes_on).ends.unwrap().to_string(), "2026-04-01T00:00:00Z");
        test.db.write(&scope, move |tx| subscription::keep_on(tx, goes_on)).wait().unwrap();
        advance(test, &scope, "2026-04-02T09:00:00Z").unwrap();
        assert_eq!(of(ends).state, State::Expired);
        let kept = of(goes_on);
        assert_eq!((kept.state, kept.term.unwrap().ends.to_string()), (State::Active, "2026-07-01".into()));
        let wrong = begin(test, &scope, |customer| Start {
            term: Some(NewTerm { months: 121, renews: false }),
            ..with(customer, &[])
        });
        assert_eq!(wrong.unwrap_err().code, "term_invalid");
        sound(test, &scope);
    });
}

#[test]
fn a_ramp_changes_the_price_step_by_step() {
    on_both(ALL, |test| {
        let scope = house(test);
        let step = |on: &str, quantity| Scheduled {
            offered: false,
            on: on.parse().unwrap(),
            change: Change { quantity: Some(quantity), ..Change::default() },
        };
        let id = begin(test, &scope, |customer| Start {
            plan: "team".into(),
            quantity: Some(5),
            // The second comes about at the first end of a period after its date.
            ramp: vec![step("2026-03-15", 20), step("2026-02-01", 10)],
            ..with(customer, &[])
        })
        .unwrap();
        // A change for the end of the period leaves the later steps.
        let change = Change { quantity: Some(7), ..Change::default() };
        test.db
            .write(&scope, move |tx| subscription::change(tx, id, &change, Timing::PeriodEnd))
            .wait()
            .unwrap();
        advance(test, &scope, "2026-05-02T09:00:00Z").unwrap();
        assert_eq!(totals(test, &scope), ["50.00", "70.00", "70.00", "200.00", "200.00"]);
        sound(test, &scope);
    });
}
