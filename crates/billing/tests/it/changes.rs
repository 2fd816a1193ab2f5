//! Changing, canceling, pausing and resuming.

use std::collections::BTreeMap;

use billing::subscription::{
    Change, Changed, Start, State, Timing, cancel, change, find, keep_on, pause, preview_change, resume,
};
use kernel::{Cycle, Result, ids::SubscriptionId};
use store::{Mode, Scope};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, customer_in, environment, environment_with, issued, lines, sound, starter},
};

/// Plans whose figures are easy to follow: 31 dollars in January is a dollar a day.
const BOOK: &str = r#"
    book = 1
    name = "Days"
    currency = "USD"
    [billing]
    proration = "day"
    [features]
    users = { name = "Users", kind = "limit", unit = "user" }
    [plans.small]
    name = "Small"
    price = { month = "31", year = "365" }
    [plans.large]
    name = "Large"
    price = { month = "62", year = "730" }
    [plans.free]
    name = "Free"
    price = { month = "0" }
    [plans.team]
    name = "Team"
    price = { per = "user", month = "3.10" }
    [addons.extra]
    name = "Extra"
    price = { per = "user", month = "6.20" }
    raises = { users = 1 }
    plans = ["small", "large"]
"#;

fn book(knobs: &str) -> String {
    BOOK.replace("proration = \"day\"", knobs)
}

/// A subscription to Small from 1 January 2026, in UTC.
fn small(test: &TestDb, knobs: &str) -> (Scope, SubscriptionId) {
    let scope = environment_with(test, Mode::Sandbox, "2026-01-01T09:00:00Z", &book(knobs));
    let customer = customer_in(test, &scope, "UTC");
    let command =
        Start { plan: "small".into(), addons: BTreeMap::from([("extra".into(), 1)]), ..starter(customer.id) };
    (scope.clone(), ground::start(test, &scope, command).unwrap().subscription.id)
}

fn make(
    test: &TestDb,
    scope: &Scope,
    id: SubscriptionId,
    command: Change,
    timing: Timing,
) -> Result<Changed> {
    test.db.write(scope, move |tx| change(tx, id, &command, timing)).wait()
}

fn plan(key: &str) -> Change {
    Change { plan: Some(key.into()), ..Change::default() }
}

fn now(test: &TestDb, scope: &Scope, id: SubscriptionId, command: Change) -> Changed {
    make(test, scope, id, command, Timing::Now).unwrap()
}

/// The credit notes of a change, as `amount of description start..end`.
fn credits(test: &TestDb, scope: &Scope, changed: &Changed) -> Vec<String> {
    let notes = changed.credit_notes.clone();
    test.db
        .read(scope, move |view| {
            let mut text = Vec::new();
            for note in &notes {
                for line in billing::credit_note::lines(view, *note)? {
                    let credit = line.credit;
                    let (start, end) = (credit.period.start.date, credit.period.end.date);
                    text.push(format!("{} {} {start}..{end}", credit.amount.decimal(), credit.description));
                }
            }
            Ok(text)
        })
        .wait()
        .unwrap()
}

fn charged(test: &TestDb, scope: &Scope, changed: &Changed) -> Vec<String> {
    changed.invoice.map(|id| lines(test, scope, id)).unwrap_or_default()
}

/// Total, credit used and what is due of the newest invoice.
fn newest(test: &TestDb, scope: &Scope) -> (String, String, String) {
    let invoice = test.db.read(scope, |view| billing::invoice::list(view, None, 1)).wait().unwrap().remove(0);
    (invoice.totals.total.decimal(), invoice.credit.decimal(), invoice.amount_due().unwrap().decimal())
}

#[test]
fn an_upgrade_credits_what_is_not_used_and_charges_the_rest_as_previewed() {
    on_both(ALL, |test| {
        let (scope, id) = small(test, "");
        advance(test, &scope, "2026-01-11T15:00:00Z").unwrap();
        let shown = test
            .db
            .read(&scope, move |view| preview_change(view, id, &plan("large"), Timing::Now))
            .wait()
            .unwrap();
        let changed = now(test, &scope, id, plan("large"));
        assert_eq!(credits(test, &scope, &changed), ["21.00 Small 2026-01-11..2026-02-01"]);
        assert_eq!(charged(test, &scope, &changed), ["Large 2026-01-11..2026-02-01 ×1 42.00"]);
        assert_eq!(newest(test, &scope), ("42.00".into(), "21.00".into(), "21.00".into()));
        let (draft, totals) = shown.invoice.unwrap();
        let invoice = changed.invoice.unwrap();
        let stored = test.db.read(&scope, move |view| billing::invoice::lines(view, invoice)).wait().unwrap();
        assert_eq!(
            (draft.lines, totals.total.decimal(), shown.credited.decimal()),
            (stored, "42.00".into(), "21.00".into())
        );
        advance(test, &scope, "2026-02-02T00:00:00Z").unwrap();
        let next = test.db.read(&scope, |view| billing::invoice::list(view, None, 1)).wait().unwrap()[0].id;
        assert_eq!(
            lines(test, &scope, next),
            ["Large 2026-02-01..2026-03-01 ×1 62.00", "Extra 2026-02-01..2026-03-01 ×1 6.20"]
        );
        sound(test, &scope);
    });
}

#[test]
fn a_second_upgrade_credits_what_the_first_one_billed() {
    on_both(ALL, |test| {
        let (scope, id) = small(test, "");
        advance(test, &scope, "2026-01-11T15:00:00Z").unwrap();
        now(test, &scope, id, plan("large"));
        advance(test, &scope, "2026-01-21T08:00:00Z").unwrap();
        let changed = now(test, &scope, id, plan("small"));
        assert_eq!(credits(test, &scope, &changed), ["22.00 Large 2026-01-21..2026-02-01"]);
        assert_eq!(charged(test, &scope, &changed), ["Small 2026-01-21..2026-02-01 ×1 11.00"]);
        // 21 of the first credit paid the first change whole; 11 of this one pay this one, 11 are left.
        assert_eq!(newest(test, &scope), ("11.00".into(), "11.00".into(), "0.00".into()));
        advance(test, &scope, "2026-02-01T00:00:00Z").unwrap();
        assert_eq!(newest(test, &scope), ("37.20".into(), "11.00".into(), "26.20".into()));
        sound(test, &scope);
    });
}

#[test]
fn quantities_and_add_ons_change_alone_at_the_price_agreed_to() {
    on_both(ALL, |test| {
        let (scope, id) = small(test, "");
        let dearer = book("").replace("6.20", "9.90");
        test.db
            .write(&scope, move |tx| catalog::version::apply(tx, "book.toml", &dearer).map(drop))
            .wait()
            .unwrap();
        advance(test, &scope, "2026-01-11T15:00:00Z").unwrap();
        let more = Change { addons: BTreeMap::from([("extra".into(), 3)]), ..Change::default() };
        let changed = now(test, &scope, id, more);
        assert_eq!(credits(test, &scope, &changed), ["4.20 Extra 2026-01-11..2026-02-01"]);
        assert_eq!(charged(test, &scope, &changed), ["Extra 2026-01-11..2026-02-01 ×3 12.60"]);
        let none = Change { addons: BTreeMap::from([("extra".into(), 0)]), ..Change::default() };
        let changed = now(test, &scope, id, none);
        assert_eq!(credits(test, &scope, &changed), ["12.60 Extra 2026-01-11..2026-02-01"]);
        assert_eq!((charged(test, &scope, &changed), changed.invoice), (vec![], None));
        let again = make(
            test,
            &scope,
            id,
            Change { addons: BTreeMap::from([("extra".into(), 0)]), ..Change::default() },
            Timing::Now,
        );
        assert_eq!(again.unwrap_err().code, "nothing_changes");
        sound(test, &scope);
    });
}

#[test]
fn an_add_on_the_new_plan_does_not_take_ends_with_the_old_one() {
    on_both(ALL, |test| {
        let (scope, id) = small(test, "");
        advance(test, &scope, "2026-01-11T15:00:00Z").unwrap();
        let changed = now(test, &scope, id, Change { quantity: Some(10), ..plan("team") });
        assert_eq!(
            credits(test, &scope, &changed),
            ["21.00 Small 2026-01-11..2026-02-01", "4.20 Extra 2026-01-11..2026-02-01"]
        );
        assert_eq!(charged(test, &scope, &changed), ["Team 2026-01-11..2026-02-01 ×10 21.00"]);
        assert_eq!(newest(test, &scope), ("21.00".into(), "21.00".into(), "0.00".into()));
        let free = now(test, &scope, id, plan("free"));
        assert_eq!(credits(test, &scope, &free), ["21.00 Team 2026-01-11..2026-02-01"]);
        assert_eq!(charged(test, &scope, &free), ["Free 2026-01-11..2026-02-01 ×1 0.00"]);
        sound(test, &scope);
    });
}

#[test]
fn a_new_cycle_starts_a_new_period_or_keeps_the_anchor() {
    on_both(ALL, |test| {
        let (scope, id) = small(test, "");
        advance(test, &scope, "2026-01-11T15:00:00Z").unwrap();
        let yearly = Change {
            cycle: Some(Cycle::YEAR),
            addons: BTreeMap::from([("extra".into(), 0)]),
            ..Change::default()
        };
        let changed = now(test, &scope, id, yearly.clone());
        assert_eq!(charged(test, &scope, &changed), ["Small 2026-01-11..2027-01-11 ×1 365.00"]);
        assert_eq!(newest(test, &scope), ("365.00".into(), "25.20".into(), "339.80".into()));
        advance(test, &scope, "2026-02-20T00:00:00Z").unwrap();
        assert_eq!(issued(test, &scope).len(), 2, "nothing falls due at the old period's end");

        let (scope, id) = small(test, "cycle_change = \"keep\"");
        advance(test, &scope, "2026-01-11T15:00:00Z").unwrap();
        let changed = now(test, &scope, id, yearly);
        assert_eq!(charged(test, &scope, &changed), ["Small 2026-01-11..2027-01-01 ×1 355.00"]);
        sound(test, &scope);
    });
}

#[test]
fn a_change_at_the_period_end_waits_and_can_be_taken_back() {
    on_both(ALL, |test| {
        let (scope, id) = small(test, "");
        advance(test, &scope, "2026-01-11T15:00:00Z").unwrap();
        let changed = make(test, &scope, id, plan("large"), Timing::PeriodEnd).unwrap();
        assert_eq!((changed.credit_notes.len(), changed.invoice), (0, None));
        test.db.write(&scope, move |tx| keep_on(tx, id)).wait().unwrap();
        let same = make(test, &scope, id, plan("small"), Timing::PeriodEnd).unwrap_err();
        assert_eq!(same.code, "nothing_changes");
        let nothing = test.db.write(&scope, move |tx| keep_on(tx, id)).wait().unwrap_err();
        assert_eq!(nothing.code, "nothing_scheduled");
        make(
            test,
            &scope,
            id,
            Change {
                cycle: Some(Cycle::YEAR),
                addons: BTreeMap::from([("extra".into(), 0)]),
                ..plan("large")
            },
            Timing::PeriodEnd,
        )
        .unwrap();
        advance(test, &scope, "2026-02-01T00:00:00Z").unwrap();
        let next = test.db.read(&scope, |view| billing::invoice::list(view, None, 1)).wait().unwrap()[0].id;
        assert_eq!(lines(test, &scope, next), ["Large 2026-02-01..2027-02-01 ×1 730.00"]);
        let after = test.db.read(&scope, move |view| find(view, id)).wait().unwrap();
        assert_eq!((after.plan(), after.pending().is_none()), ("large", true));
        sound(test, &scope);
    });
}

#[test]
fn a_scheduled_change_whose_plan_is_gone_is_dropped_and_billing_goes_on() {
    on_both(ALL, |test| {
        let (scope, id) = small(test, "");
        make(test, &scope, id, plan("large"), Timing::PeriodEnd).unwrap();
        let without =
            book("").replace("plans.large", "plans.huge").replace("\"small\", \"large\"", "\"small\"");
        test.db
            .write(&scope, move |tx| catalog::version::apply(tx, "book.toml", &without).map(drop))
            .wait()
            .unwrap();
        advance(test, &scope, "2026-02-01T00:00:00Z").unwrap();
        assert_eq!(newest(test, &scope).0, "37.20");
        let feed = test.db.read(&scope, |view| store::facts::feed(view, 0, 1_000)).wait().unwrap();
        let dropped = feed.iter().find(|fact| fact.kind == "subscription.change_dropped").unwrap();
        assert_eq!(dropped.payload, serde_json::json!({"code": "plan_unknown"}));
        sound(test, &scope);
    });
}

#[test]
fn a_cancellation_credits_the_days_after_it_or_waits_for_the_end() {
    on_both(ALL, |test| {
        for (knobs, expected) in
            [("", "20.00"), ("cancellation_day = \"free\"", "21.00"), ("proration = \"none\"", "")]
        {
            let (scope, id) = small(test, knobs);
            advance(test, &scope, "2026-01-11T15:00:00Z").unwrap();
            let canceled = test.db.write(&scope, move |tx| cancel(tx, id, Timing::Now)).wait().unwrap();
            let credited = credits(test, &scope, &canceled);
            assert_eq!(credited.first().map_or("", |text| &text[..5]), expected, "{knobs}");
            assert_eq!(canceled.subscription.state, State::Canceled);
            advance(test, &scope, "2026-06-01T00:00:00Z").unwrap();
            assert_eq!(issued(test, &scope).len(), 1);
            let again = test.db.write(&scope, move |tx| cancel(tx, id, Timing::Now)).wait().unwrap_err();
            assert_eq!(again.code, "transition_illegal");
            assert_eq!(
                again.detail,
                "A subscription that is canceled cannot be canceled; it can only be left as it is."
            );
            sound(test, &scope);
        }
        let (scope, id) = small(test, "");
        let waiting = test.db.write(&scope, move |tx| cancel(tx, id, Timing::PeriodEnd)).wait().unwrap();
        assert_eq!(waiting.subscription.state, State::Active);
        advance(test, &scope, "2026-06-01T00:00:00Z").unwrap();
        let ended = test.db.read(&scope, move |view| find(view, id)).wait().unwrap();
        assert_eq!((ended.state, issued(test, &scope).len()), (State::Canceled, 1));
        sound(test, &scope);
    });
}

#[test]
fn a_pause_credits_and_resuming_charges_the_rest_of_the_anchors_period() {
    on_both(ALL, |test| {
        let (scope, id) = small(test, "");
        advance(test, &scope, "2026-01-11T15:00:00Z").unwrap();
        let paused = test.db.write(&scope, move |tx| pause(tx, id)).wait().unwrap();
        assert_eq!(credits(test, &scope, &paused)[0], "21.00 Small 2026-01-11..2026-02-01");
        advance(test, &scope, "2026-03-11T10:00:00Z").unwrap();
        assert_eq!(issued(test, &scope).len(), 1, "nothing falls due in a pause");
        let refused = make(test, &scope, id, plan("large"), Timing::Now).unwrap_err();
        assert_eq!(
            refused.detail,
            "A subscription that is paused cannot be changed; it can only be canceled or resumed."
        );
        let resumed = test.db.write(&scope, move |tx| resume(tx, id)).wait().unwrap();
        assert_eq!(
            charged(test, &scope, &resumed),
            ["Small 2026-03-11..2026-04-01 ×1 21.00", "Extra 2026-03-11..2026-04-01 ×1 4.20"]
        );
        assert_eq!(newest(test, &scope), ("25.20".into(), "25.20".into(), "0.00".into()));
        advance(test, &scope, "2026-04-01T00:00:00Z").unwrap();
        assert_eq!(issued(test, &scope).len(), 3);
        sound(test, &scope);
    });
}

#[test]
fn the_change_day_is_the_new_states_or_the_old_ones() {
    on_both(ALL, |test| {
        let (scope, id) = small(test, "change_day = \"old\"");
        advance(test, &scope, "2026-01-11T15:00:00Z").unwrap();
        let changed = now(test, &scope, id, plan("large"));
        assert_eq!(credits(test, &scope, &changed), ["20.00 Small 2026-01-12..2026-02-01"]);
        assert_eq!(charged(test, &scope, &changed), ["Large 2026-01-12..2026-02-01 ×1 40.00"]);
        advance(test, &scope, "2026-01-31T15:00:00Z").unwrap();
        let changed = now(test, &scope, id, plan("small"));
        assert_eq!((credits(test, &scope, &changed), charged(test, &scope, &changed)), (vec![], vec![]));
        sound(test, &scope);
    });
}

#[test]
fn without_proration_the_new_price_waits_for_the_next_period() {
    on_both(ALL, |test| {
        let (scope, id) = small(test, "proration = \"none\"");
        advance(test, &scope, "2026-01-11T15:00:00Z").unwrap();
        let changed = now(test, &scope, id, plan("large"));
        assert_eq!((changed.credit_notes.len(), changed.invoice), (0, None));
        advance(test, &scope, "2026-02-01T00:00:00Z").unwrap();
        assert_eq!(newest(test, &scope).0, "68.20");
        sound(test, &scope);
    });
}

#[test]
fn a_running_draft_must_be_finalized_before_a_change() {
    let test = TestDb::sqlite(ALL);
    let scope = environment(&test, Mode::Sandbox, "2026-01-01T09:00:00Z");
    let customer = customer_in(&test, &scope, "UTC");
    let command = Start { finalize: false, ..starter(customer.id) };
    let id = ground::start(&test, &scope, command).unwrap().subscription.id;
    let refused = make(&test, &scope, id, plan("professional"), Timing::Now).unwrap_err();
    assert_eq!(refused.code, "invoice_is_draft");
}

#[test]
fn changes_from_many_sides_at_once_bill_each_state_once() {
    on_both(ALL, |test| {
        let (scope, id) = small(test, "");
        advance(test, &scope, "2026-01-11T15:00:00Z").unwrap();
        let other = test.second_process(ALL);
        std::thread::scope(|threads| {
            for worker in 0..6 {
                let db = if worker % 2 == 0 { test.db.clone() } else { other.clone() };
                let scope = scope.clone();
                threads.spawn(move || {
                    for round in 0..6 {
                        let quantity = i64::from(1 + (worker + round) % 4);
                        let command = Change {
                            addons: BTreeMap::from([("extra".into(), quantity)]),
                            ..Change::default()
                        };
                        let ended = db.write(&scope, move |tx| change(tx, id, &command, Timing::Now)).wait();
                        assert!(ended.is_ok() || ended.is_err_and(|error| error.code == "nothing_changes"));
                    }
                });
            }
        });
        sound(test, &scope);
        let numbers = issued(test, &scope);
        let expected: Vec<String> = (1..=numbers.len()).map(|number| format!("INV-{number:06}")).collect();
        let mut got: Vec<String> = numbers.iter().map(|text| text[..10].to_owned()).collect();
        got.sort();
        assert_eq!(got, expected);
    });
}

/// Prices whose shares never end: back and forth within a day costs nothing, over days what the time costs.
#[test]
fn a_chain_that_returns_to_its_start_within_a_day_nets_to_zero() {
    on_both(ALL, |test| {
        let odd = book("")
            .replace("month = \"31\"", "month = \"29.95\"")
            .replace("month = \"62\"", "month = \"59.99\"");
        let scope = environment_with(test, Mode::Sandbox, "2026-01-01T09:00:00Z", &odd);
        let customer = customer_in(test, &scope, "UTC");
        let addons = BTreeMap::from([("extra".into(), 1)]);
        let id = ground::start(test, &scope, Start { plan: "small".into(), addons, ..starter(customer.id) })
            .unwrap()
            .subscription
            .id;
        let credit = |scope: &Scope| {
            let owner = customer.id.to_string();
            let held = test.db.read(scope, move |view| {
                ledger::held_by(view, ledger::AccountKind::CustomerCredit, vec![owner.clone()])
            });
            held.wait().unwrap().first().map_or(0, |(_, _, balance)| -balance)
        };
        let owed = |scope: &Scope| -> i64 {
            let invoices =
                test.db.read(scope, |view| billing::invoice::list(view, None, 1_000)).wait().unwrap();
            invoices.iter().map(|invoice| invoice.amount_due().unwrap().minor()).sum::<i64>() - credit(scope)
        };
        advance(test, &scope, "2026-01-12T09:00:00Z").unwrap();
        let before = owed(&scope);
        let extra = |count| Change { addons: BTreeMap::from([("extra".into(), count)]), ..Change::default() };
        for command in
            [plan("large"), extra(3), plan("small"), plan("large"), extra(0), extra(1), plan("small")]
        {
            now(test, &scope, id, command);
        }
        assert_eq!(owed(&scope), before, "back where it was");
        now(test, &scope, id, plan("large"));
        advance(test, &scope, "2026-01-13T09:00:00Z").unwrap();
        now(test, &scope, id, plan("small"));
        // One day of the dearer plan: (59.99 − 29.95) / 31 = 0.969…
        assert_eq!(owed(&scope) - before, 97);
        sound(test, &scope);
    });
}
