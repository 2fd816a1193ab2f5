//! Trials with each of their endings, and access.

use billing::subscription::{
    Change, Start, State, Timing, cancel, change, convert, extend_trial, find, keep_on, pause, preview,
    reinstate, set_method, suspend,
};
use kernel::{Cycle, ids::SubscriptionId};
use store::{Mode, Scope, facts};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, customer_in, environment_with, issued, lines, sound, starter},
};

const BOOK: &str = r#"
    book = 1
    name = "Tried"
    currency = "USD"
    [trial]
    days = 14
    card_required = false
    reminders = [20, 7, 3, 1]
    at_end = { with_method = "convert", without = "suspend" }
    [features]
    basics = "Basics"
    [plans.free]
    name = "Free"
    price = { month = "0" }
    [plans.paid]
    name = "Paid"
    price = { month = "31" }
    [plans.dear]
    name = "Dear"
    price = { month = "62" }
"#;

/// A trial of Paid from 1 January 2026, 15:00 in New York.
fn trying(test: &TestDb, book: &str, has_method: bool) -> (Scope, SubscriptionId) {
    let scope = environment_with(test, Mode::Sandbox, "2026-01-01T20:00:00Z", book);
    let customer = customer_in(test, &scope, "America/New_York");
    let command = Start { plan: "paid".into(), trial: true, has_method, ..starter(customer.id) };
    let started = ground::start(test, &scope, command).unwrap();
    assert_eq!((started.subscription.state, started.invoice), (State::Trialing, None));
    (scope.clone(), started.subscription.id)
}

fn state(test: &TestDb, scope: &Scope, id: SubscriptionId) -> State {
    test.db.read(scope, move |view| find(view, id)).wait().unwrap().state
}

fn kinds(test: &TestDb, scope: &Scope, prefix: &str) -> Vec<String> {
    let feed = test.db.read(scope, |view| facts::feed(view, 0, 1_000)).wait().unwrap();
    let of_prefix = feed.iter().filter(|fact| fact.kind.starts_with(prefix));
    of_prefix.map(|fact| format!("{} {}", fact.effective, fact.payload)).collect()
}

#[test]
fn a_trial_ends_at_the_first_instant_of_its_last_local_date_and_converts_with_a_method() {
    on_both(ALL, |test| {
        let (scope, id) = trying(test, BOOK, true);
        advance(test, &scope, "2026-01-15T04:59:59Z").unwrap();
        assert_eq!(state(test, &scope, id), State::Trialing);
        advance(test, &scope, "2026-01-15T05:00:00Z").unwrap();
        assert_eq!(state(test, &scope, id), State::Active);
        let invoice =
            test.db.read(&scope, |view| billing::invoice::list(view, None, 1)).wait().unwrap()[0].id;
        assert_eq!(lines(test, &scope, invoice), ["Paid 2026-01-15..2026-02-15 ×1 31.00"]);
        let reminders = kinds(test, &scope, "subscription.trial_reminder");
        assert_eq!(
            reminders,
            [
                r#"2026-01-08T05:00:00Z {"days":7,"trial_end":"2026-01-15T05:00:00Z"}"#,
                r#"2026-01-12T05:00:00Z {"days":3,"trial_end":"2026-01-15T05:00:00Z"}"#,
                r#"2026-01-14T05:00:00Z {"days":1,"trial_end":"2026-01-15T05:00:00Z"}"#,
            ],
            "the one 20 days before would lie before the start"
        );
        advance(test, &scope, "2026-02-16T00:00:00Z").unwrap();
        assert_eq!(issued(test, &scope).len(), 2);
        sound(test, &scope);
    });
}

#[test]
fn without_a_method_it_is_suspended_canceled_or_goes_on_with_another_plan() {
    on_both(ALL, |test| {
        for (without, expected, invoices) in [
            ("\"suspend\"", State::Suspended, 0),
            ("\"cancel\"", State::Canceled, 0),
            ("\"downgrade:free\"", State::Active, 2),
        ] {
            let (scope, id) = trying(test, &BOOK.replace("\"suspend\"", without), false);
            advance(test, &scope, "2026-02-20T00:00:00Z").unwrap();
            assert_eq!(
                (state(test, &scope, id), issued(test, &scope).len()),
                (expected, invoices),
                "{without}"
            );
            sound(test, &scope);
        }
    });
}

#[test]
fn a_yearly_trial_goes_on_by_the_shortest_cycle_of_a_plan_that_is_not_sold_by_the_year() {
    on_both(ALL, |test| {
        let book = BOOK.replace("\"suspend\"", "\"downgrade:free\"");
        let book = book.replace("price = { month = \"31\" }", "price = { month = \"31\", year = \"310\" }");
        for (anchor, period) in
            [("anniversary", "2026-01-15..2026-02-15"), ("calendar", "2026-01-15..2026-02-01")]
        {
            let book = format!("{book}\n[billing]\nanchor = \"{anchor}\"");
            let scope = environment_with(test, Mode::Sandbox, "2026-01-01T20:00:00Z", &book);
            let customer = customer_in(test, &scope, "America/New_York");
            let command =
                Start { plan: "paid".into(), cycle: Cycle::YEAR, trial: true, ..starter(customer.id) };
            let id = ground::start(test, &scope, command).unwrap().subscription.id;
            advance(test, &scope, "2026-01-16T00:00:00Z").unwrap();
            let now = test.db.read(&scope, move |view| find(view, id)).wait().unwrap();
            assert_eq!((now.state, now.plan(), now.schedule.cycle), (State::Active, "free", Cycle::MONTH));
            let invoice =
                test.db.read(&scope, |view| billing::invoice::list(view, None, 1)).wait().unwrap()[0].id;
            assert_eq!(lines(test, &scope, invoice), [format!("Free {period} ×1 0.00")]);
            advance(test, &scope, "2026-04-01T00:00:00Z").unwrap();
            sound(test, &scope);
        }
    });
}

#[test]
fn a_trial_keeps_its_seats_on_a_plan_priced_by_them() {
    on_both(ALL, |test| {
        let book = BOOK.replace("\"suspend\"", "\"downgrade:seats\"");
        let book = format!(
            "{}\n[plans.seats]\nname = \"Seats\"\nprice = {{ per = \"user\", month = \"2\" }}",
            book.replace("price = { month = \"62\" }", "price = { per = \"user\", month = \"62\" }")
        );
        let book = book.replace(
            "basics = \"Basics\"",
            "users = { name = \"Users\", kind = \"limit\", unit = \"user\" }",
        );
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T20:00:00Z", &book);
        let customer = customer_in(test, &scope, "America/New_York");
        let command = Start { plan: "dear".into(), quantity: Some(7), trial: true, ..starter(customer.id) };
        ground::start(test, &scope, command).unwrap();
        advance(test, &scope, "2026-01-16T00:00:00Z").unwrap();
        assert_eq!(issued(test, &scope), ["INV-000001 2026-01-15 USD 14.00"]);
    });
}

#[test]
fn who_pays_after_a_suspension_goes_on_from_that_day() {
    on_both(ALL, |test| {
        let (scope, id) = trying(test, BOOK, false);
        advance(test, &scope, "2026-01-20T12:00:00Z").unwrap();
        assert_eq!(state(test, &scope, id), State::Suspended);
        let back = test.db.write(&scope, move |tx| reinstate(tx, id)).wait().unwrap();
        assert_eq!(lines(test, &scope, back.invoice.unwrap()), ["Paid 2026-01-20..2026-02-20 ×1 31.00"]);
        let again = test.db.write(&scope, move |tx| reinstate(tx, id)).wait().unwrap_err();
        assert_eq!(again.code, "transition_illegal");
        sound(test, &scope);
    });
}

#[test]
fn staff_extend_and_convert_and_the_customer_changes_plan_without_a_charge() {
    on_both(ALL, |test| {
        let (scope, id) = trying(test, BOOK, false);
        for days in [0, 91] {
            let refused = test.db.write(&scope, move |tx| extend_trial(tx, id, days)).wait().unwrap_err();
            assert_eq!(refused.code, "extension_invalid");
        }
        advance(test, &scope, "2026-01-13T12:00:00Z").unwrap();
        test.db.write(&scope, move |tx| extend_trial(tx, id, 10)).wait().unwrap();
        let dear = Change { plan: Some("dear".into()), ..Change::default() };
        let changed = test.db.write(&scope, move |tx| change(tx, id, &dear, Timing::Now)).wait().unwrap();
        assert_eq!((changed.invoice, changed.credit_notes.len()), (None, 0));
        test.db.write(&scope, move |tx| set_method(tx, id, true)).wait().unwrap();
        advance(test, &scope, "2026-01-26T00:00:00Z").unwrap();
        assert_eq!(issued(test, &scope), ["INV-000001 2026-01-25 USD 62.00"]);
        assert_eq!(
            kinds(test, &scope, "subscription.trial_reminder").len(),
            2 + 3,
            "reminded again before the new end"
        );

        let (scope, id) = trying(test, BOOK, false);
        advance(test, &scope, "2026-01-05T12:00:00Z").unwrap();
        let paid = test.db.write(&scope, move |tx| convert(tx, id)).wait().unwrap();
        assert_eq!(lines(test, &scope, paid.invoice.unwrap()), ["Paid 2026-01-05..2026-02-05 ×1 31.00"]);
        advance(test, &scope, "2026-01-20T00:00:00Z").unwrap();
        assert_eq!(issued(test, &scope).len(), 1, "the old end of the trial does nothing");
        sound(test, &scope);
    });
}

#[test]
fn a_kept_anchor_bills_the_days_to_it() {
    on_both(ALL, |test| {
        let (scope, _) = trying(test, &BOOK.replace("days = 14", "days = 14\nkeep_anchor = true"), true);
        advance(test, &scope, "2026-01-15T05:00:00Z").unwrap();
        // 17 of 31 days, to the anchor of 1 February.
        assert_eq!(issued(test, &scope), ["INV-000001 2026-01-15 USD 17.00"]);
        sound(test, &scope);
    });
}

#[test]
fn a_customer_has_one_trial() {
    on_both(ALL, |test| {
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T20:00:00Z", BOOK);
        let customer = customer_in(test, &scope, "UTC");
        let command = Start { plan: "paid".into(), trial: true, ..starter(customer.id) };
        ground::start(test, &scope, command.clone()).unwrap();
        assert_eq!(ground::start(test, &scope, command.clone()).unwrap_err().code, "trial_used");
        let again = command.clone();
        let shown = test.db.read(&scope, move |view| preview(view, &again)).wait().unwrap_err();
        assert_eq!(shown.code, "trial_used", "the preview refuses what the start refuses");
        let card = BOOK.replace("card_required = false", "card_required = true");
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T20:00:00Z", &card);
        let customer = customer_in(test, &scope, "UTC");
        let command = Start { customer: customer.id, ..command };
        assert_eq!(ground::start(test, &scope, command.clone()).unwrap_err().code, "trial_needs_method");
        ground::start(test, &scope, Start { has_method: true, ..command }).unwrap();
    });
}

#[test]
fn a_suspension_stops_what_falls_due_until_it_is_lifted() {
    on_both(ALL, |test| {
        let (scope, id) = trying(test, BOOK, true);
        advance(test, &scope, "2026-01-20T12:00:00Z").unwrap();
        test.db.write(&scope, move |tx| suspend(tx, id)).wait().unwrap();
        let lifted = test.db.write(&scope, move |tx| reinstate(tx, id)).wait().unwrap();
        assert_eq!(lifted.invoice, None, "the period is paid for");
        test.db.write(&scope, move |tx| suspend(tx, id)).wait().unwrap();
        advance(test, &scope, "2026-03-25T12:00:00Z").unwrap();
        assert_eq!(issued(test, &scope).len(), 1);
        let lifted = test.db.write(&scope, move |tx| reinstate(tx, id)).wait().unwrap();
        // 21 of 31 days to the anchor of 15 April.
        assert_eq!(lines(test, &scope, lifted.invoice.unwrap()), ["Paid 2026-03-25..2026-04-15 ×1 21.00"]);
        sound(test, &scope);
    });
}

#[test]
fn what_is_scheduled_in_a_trial_happens_at_its_end() {
    on_both(ALL, |test| {
        let (scope, id) = trying(test, BOOK, true);
        test.db.write(&scope, move |tx| cancel(tx, id, Timing::PeriodEnd)).wait().unwrap();
        test.db.write(&scope, move |tx| keep_on(tx, id)).wait().unwrap();
        test.db.write(&scope, move |tx| cancel(tx, id, Timing::PeriodEnd)).wait().unwrap();
        advance(test, &scope, "2026-03-01T00:00:00Z").unwrap();
        assert_eq!((state(test, &scope, id), issued(test, &scope).len()), (State::Canceled, 0));

        let (scope, id) = trying(test, BOOK, true);
        let dear = Change { plan: Some("dear".into()), ..Change::default() };
        test.db.write(&scope, move |tx| change(tx, id, &dear, Timing::PeriodEnd)).wait().unwrap();
        advance(test, &scope, "2026-01-16T00:00:00Z").unwrap();
        assert_eq!(issued(test, &scope), ["INV-000001 2026-01-15 USD 62.00"]);
        let after = test.db.read(&scope, move |view| find(view, id)).wait().unwrap();
        assert_eq!((after.plan(), after.pending().is_none()), ("dear", true));
        sound(test, &scope);
    });
}

#[test]
fn a_subscription_that_does_not_run_ends_at_once_or_when_it_was_to_end() {
    on_both(ALL, |test| {
        let (scope, id) = trying(test, BOOK, true);
        advance(test, &scope, "2026-01-20T12:00:00Z").unwrap();
        test.db.write(&scope, move |tx| cancel(tx, id, Timing::PeriodEnd)).wait().unwrap();
        let refused = test.db.write(&scope, move |tx| pause(tx, id)).wait().unwrap_err();
        assert_eq!(refused.code, "cancellation_scheduled");
        test.db.write(&scope, move |tx| suspend(tx, id)).wait().unwrap();
        advance(test, &scope, "2026-03-01T12:00:00Z").unwrap();
        let over = test.db.write(&scope, move |tx| reinstate(tx, id)).wait().unwrap();
        assert_eq!((over.subscription.state, over.invoice), (State::Canceled, None));

        let (scope, id) = trying(test, BOOK, false);
        advance(test, &scope, "2026-01-20T12:00:00Z").unwrap();
        let ended = test.db.write(&scope, move |tx| cancel(tx, id, Timing::PeriodEnd)).wait().unwrap();
        assert_eq!(ended.subscription.state, State::Canceled, "a suspended one is canceled at once");
        sound(test, &scope);
    });
}
