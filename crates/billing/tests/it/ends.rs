//! Taking invoices back, and giving them up.

use billing::{
    credit_note,
    invoice::{self, Invoice, State, give_up, void},
    subscription::{Change, Start, Timing, cancel, change},
};
use kernel::{
    Result,
    ids::{InvoiceId, SubscriptionId},
};
use ledger::AccountKind;
use store::{Mode, Reason, Scope, facts};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, customer_in, environment, sound, starter},
    parallel::race,
    taxes::{buyer, collecting, postings},
    usage,
};

const BOOK: &str = r#"
    book = 1
    name = "Ten"
    currency = "EUR"
    [features]
    basics = "Basics"
    [plans.starter]
    name = "Small"
    price = { month = "10" }
    [plans.large]
    name = "Large"
    price = { month = "20" }
"#;

/// An invoice over 10.00 and 19 % of it, and what it bills.
fn billed(test: &TestDb) -> (Scope, SubscriptionId, InvoiceId) {
    let scope = collecting(test, "2026-01-01T09:00:00Z", BOOK, "DE");
    let started = ground::start(test, &scope, starter(buyer(test, &scope, "DE", None))).unwrap();
    (scope, started.subscription.id, started.invoice.unwrap())
}

fn duplicate() -> Reason {
    Reason::parse("duplicate").unwrap()
}

fn take_back(test: &TestDb, scope: &Scope, id: InvoiceId) -> Result<Invoice> {
    test.db.write(scope, move |tx| void(tx, id, &duplicate())).wait()
}

fn write_off(test: &TestDb, scope: &Scope, id: InvoiceId) -> Result<Invoice> {
    test.db.write(scope, move |tx| give_up(tx, id, &Reason::parse("insolvent").unwrap())).wait()
}

/// What is held on accounts of a kind, in minor units.
fn held(test: &TestDb, scope: &Scope, kind: AccountKind) -> i64 {
    let balances = test.db.read(scope, |view| ledger::trial_balance(view, None)).wait().unwrap();
    balances.iter().filter(|one| one.account.kind == kind).map(|one| one.balance).sum()
}

#[test]
fn voiding_posts_everything_back() {
    on_both(ALL, |test| {
        let (scope, subscription, id) = billed(test);
        let voided = take_back(test, &scope, id).unwrap();
        assert_eq!((voided.state, voided.number.as_deref()), (State::Void, Some("INV-000001")));
        assert_eq!(voided.end.as_ref().map(|end| end.reason.as_str()), Some("duplicate"));
        assert!(voided.amount_due().unwrap().is_zero() && voided.totals.total.decimal() == "11.90");
        let found = test.db.read(&scope, move |view| invoice::find(view, id)).wait().unwrap();
        assert_eq!(found, voided);
        assert_eq!(
            postings(test, &scope, id.any())[3..],
            ["receivable -11.90", "deferred_revenue 10.00", "tax_payable:DE 1.90"]
        );
        let fact = test.db.read(&scope, |view| facts::latest(view, i64::MAX, 1)).wait().unwrap().remove(0);
        assert_eq!(fact.kind, "invoice.voided");
        assert_eq!(
            fact.payload,
            serde_json::json!({"number": "INV-000001", "reason": "duplicate", "currency": "EUR", "amount": 1190, "credit": 0})
        );
        sound(test, &scope);
        // The number stays taken, and what was not paid for is not credited.
        let canceled = test.db.write(&scope, move |tx| cancel(tx, subscription, Timing::Now)).wait().unwrap();
        assert!(canceled.credit_notes.is_empty());
        let customer = canceled.subscription.customer;
        let next = ground::start(test, &scope, starter(customer)).unwrap().invoice.unwrap();
        let next = test.db.read(&scope, move |view| invoice::find(view, next)).wait().unwrap();
        assert_eq!(next.number.as_deref(), Some("INV-000002"));
        sound(test, &scope);
    });
}

#[test]
fn what_credit_had_paid_is_given_back() {
    on_both(ALL, |test| {
        let (scope, subscription, _) = billed(test);
        // A day is used; 30 of 31 days are to the customer's credit.
        test.db.write(&scope, move |tx| cancel(tx, subscription, Timing::Now)).wait().unwrap();
        let credit = held(test, &scope, AccountKind::CustomerCredit);
        assert_eq!(credit, -1_152, "9.68 and 1.84 of tax");
        let customer = test
            .db
            .read(&scope, move |view| billing::subscription::find(view, subscription))
            .wait()
            .unwrap()
            .customer;
        let second = ground::start(test, &scope, starter(customer)).unwrap().invoice.unwrap();
        let paid = test.db.read(&scope, move |view| invoice::find(view, second)).wait().unwrap();
        assert_eq!((paid.credit.minor(), paid.state), (1_152, State::Finalized));
        assert_eq!(held(test, &scope, AccountKind::CustomerCredit), 0);
        take_back(test, &scope, second).unwrap();
        assert_eq!(held(test, &scope, AccountKind::CustomerCredit), credit, "all of it is back");
        sound(test, &scope);
        // It pays the next invoice, once more whole.
        let third = ground::start(test, &scope, starter(customer)).unwrap().invoice.unwrap();
        let paid = test.db.read(&scope, move |view| invoice::find(view, third)).wait().unwrap();
        assert_eq!(paid.credit.minor(), 1_152);
        sound(test, &scope);
    });
}

#[test]
fn a_settled_invoice_is_voided_into_credit() {
    on_both(ALL, |test| {
        let (scope, subscription, _) = billed(test);
        let plan = |key: &str| Change { plan: Some(key.into()), ..Change::default() };
        let up = plan("large");
        test.db.write(&scope, move |tx| change(tx, subscription, &up, Timing::Now)).wait().unwrap();
        let down = plan("starter");
        let changed =
            test.db.write(&scope, move |tx| change(tx, subscription, &down, Timing::Now)).wait().unwrap();
        let bill = changed.invoice.unwrap();
        let settled = test.db.read(&scope, move |view| invoice::find(view, bill)).wait().unwrap();
        assert_eq!(settled.state, State::Paid, "the credit of the dearer plan covers it");
        let before = held(test, &scope, AccountKind::CustomerCredit);
        let voided = take_back(test, &scope, bill).unwrap();
        assert_eq!(voided.state, State::Void);
        assert_eq!(held(test, &scope, AccountKind::CustomerCredit), before - settled.totals.total.minor());
        sound(test, &scope);
    });
}

#[test]
fn what_credit_notes_corrected_stands() {
    on_both(ALL, |test| {
        let (scope, subscription, id) = billed(test);
        test.db.write(&scope, move |tx| cancel(tx, subscription, Timing::Now)).wait().unwrap();
        let refused = take_back(test, &scope, id).unwrap_err();
        assert_eq!(refused.code, "invoice_credited");
        assert!(
            refused.detail.contains("INV-000001") && refused.detail.contains("INV-CN-000001"),
            "{refused}"
        );
        sound(test, &scope);
    });
}

#[test]
fn what_is_given_up_is_bad_debt_until_it_is_voided() {
    on_both(ALL, |test| {
        let (scope, subscription, id) = billed(test);
        let given_up = write_off(test, &scope, id).unwrap();
        assert_eq!(
            (given_up.state, given_up.end.unwrap().reason),
            (State::Uncollectible, "insolvent".into())
        );
        assert_eq!(postings(test, &scope, id.any())[3..], ["receivable -11.90", "bad_debt 11.90"]);
        assert_eq!(held(test, &scope, AccountKind::TaxPayable), -190, "its tax stays owed");
        sound(test, &scope);
        // Nobody gets credit for what they did not pay.
        let canceled = test.db.write(&scope, move |tx| cancel(tx, subscription, Timing::Now)).wait().unwrap();
        assert!(canceled.credit_notes.is_empty());
        take_back(test, &scope, id).unwrap();
        for kind in [
            AccountKind::Receivable,
            AccountKind::BadDebt,
            AccountKind::TaxPayable,
            AccountKind::DeferredRevenue,
        ] {
            assert_eq!(held(test, &scope, kind), 0, "{kind}");
        }
        sound(test, &scope);
    });
}

#[test]
fn what_the_state_does_not_allow_is_refused_with_what_it_does() {
    on_both(ALL, |test| {
        let scope = environment(test, Mode::Sandbox, "2026-01-31T10:00:00Z");
        let customer = customer_in(test, &scope, "UTC").id;
        let draft = ground::start(test, &scope, Start { finalize: false, ..starter(customer) });
        let draft = draft.unwrap().invoice.unwrap();
        let refused = |ended: Result<Invoice>| {
            let error = ended.unwrap_err();
            assert_eq!(error.code, "transition_illegal");
            error.detail
        };
        assert_eq!(
            refused(take_back(test, &scope, draft)),
            "An invoice that is a draft cannot be voided; it can only be finalized."
        );
        let issued = ground::start(test, &scope, starter(customer)).unwrap().invoice.unwrap();
        take_back(test, &scope, issued).unwrap();
        assert_eq!(
            refused(take_back(test, &scope, issued)),
            "An invoice that is void cannot be voided; it can only be left as it is."
        );
        assert_eq!(
            refused(write_off(test, &scope, issued)),
            "An invoice that is void cannot be marked uncollectible; it can only be left as it is."
        );
        let third = ground::start(test, &scope, starter(customer)).unwrap().invoice.unwrap();
        write_off(test, &scope, third).unwrap();
        assert_eq!(
            refused(write_off(test, &scope, third)),
            "An invoice that is uncollectible cannot be marked uncollectible; it can only be voided."
        );
        sound(test, &scope);
    });
}

#[test]
fn what_was_voided_is_neither_billed_again_nor_credited() {
    on_both(ALL, |test| {
        let scope = usage::house(test);
        let id = usage::plan(test, &scope, "team", Some(1));
        usage::post(test, &scope, id, "calls", "3000");
        advance(test, &scope, "2026-02-01T09:00:00Z").unwrap();
        let bill = test.db.read(&scope, |view| invoice::list(view, None, 1)).wait().unwrap()[0].id;
        take_back(test, &scope, bill).unwrap();
        // More for January: only what is beyond the two packages that were billed. Less: nothing.
        let january = Some("2026-01-01T09:00:00Z");
        usage::post_at(test, &scope, id, "calls", usage::quantity("6000"), january).unwrap();
        advance(test, &scope, "2026-03-01T09:00:00Z").unwrap();
        assert_eq!(usage::newest(test, &scope)[0], "Calls 2026-01-01..2026-02-01 ×1 1.50");
        usage::post_at(test, &scope, id, "calls", usage::quantity("0"), january).unwrap();
        advance(test, &scope, "2026-04-01T09:00:00Z").unwrap();
        let notes = test.db.read(&scope, move |view| credit_note::of_invoice(view, bill)).wait().unwrap();
        assert!(notes.is_empty(), "{notes:?}");
        sound(test, &scope);
    });
}

#[test]
fn many_at_once_end_an_invoice_once() {
    on_both(ALL, |test| {
        let (scope, subscription, id) = billed(test);
        let up = Change { plan: Some("large".into()), ..Change::default() };
        let given_up = race(test, &scope, move |tx| give_up(tx, id, &duplicate()));
        assert_eq!(given_up, [("ok", 1), ("transition_illegal", 5)].into());
        let voided = race(test, &scope, move |tx| void(tx, id, &duplicate()));
        assert_eq!(voided, [("ok", 1), ("transition_illegal", 5)].into());
        sound(test, &scope);
        // Against a change that would credit it: one of them is first.
        advance(test, &scope, "2026-02-01T12:00:00Z").unwrap();
        let second = test.db.read(&scope, |view| invoice::list(view, None, 1)).wait().unwrap()[0].id;
        race(test, &scope, move |tx| {
            // Half of the threads void it, the others change what it bills.
            if tx.new_id::<kernel::ids::Invoice>().uuid().as_u128() % 2 == 0 {
                void(tx, second, &duplicate()).map(drop)
            } else {
                change(tx, subscription, &up, Timing::Now).map(drop)
            }
        });
        sound(test, &scope);
    });
}
