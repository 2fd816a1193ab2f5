//! Payments written down by hand: what they settle, what they leave, and how they are undone.

use std::collections::BTreeMap;

use billing::{
    credit, figures,
    invoice::{self, State},
    payment::{self, Method, NewPayment, Payment, Received, Recorded, record, reverse},
    subscription::{self, Start, Timing},
};
use kernel::{
    Currency, Money, Result,
    ids::{CustomerId, InvoiceId, SubscriptionId},
};
use ledger::AccountKind;
use proptest::prelude::*;
use store::{Mode, Reason, Scope, facts};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, advance, customer_in, environment, sound, starter},
    parallel::{once, race},
};

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::parse("USD").unwrap()).unwrap()
}

fn of(customer: CustomerId, minor: i64) -> NewPayment {
    NewPayment {
        customer,
        entity: None,
        amount: usd(minor),
        method: Method::Transfer,
        received: None,
        reference: None,
        invoices: Vec::new(),
    }
}

fn pay(test: &TestDb, scope: &Scope, new: NewPayment) -> Result<Recorded> {
    test.db.write(scope, move |tx| record(tx, new.clone())).wait()
}

fn undo(test: &TestDb, scope: &Scope, payment: &Payment) -> Result<Payment> {
    let id = payment.id;
    test.db.write(scope, move |tx| reverse(tx, id)).wait()
}

/// Invoices oldest first, as `state due paid credit`.
fn stand(test: &TestDb, scope: &Scope) -> Vec<String> {
    let mut invoices = test.db.read(scope, |view| invoice::list(view, None, 100)).wait().unwrap();
    invoices.reverse();
    let text = |one: &invoice::Invoice| {
        let (due, paid) = (one.amount_due().unwrap().decimal(), one.paid.decimal());
        format!("{} {due} {paid} {}", one.state.word(), one.credit.decimal())
    };
    invoices.iter().map(text).collect()
}

fn ids(test: &TestDb, scope: &Scope) -> Vec<InvoiceId> {
    let mut invoices = test.db.read(scope, |view| invoice::list(view, None, 100)).wait().unwrap();
    invoices.reverse();
    invoices.iter().map(|one| one.id).collect()
}

/// A customer who owes so many months of Starter, 49 each.
fn owing(test: &TestDb, months: usize) -> (Scope, CustomerId, SubscriptionId) {
    let scope = environment(test, Mode::Sandbox, "2026-01-15T10:00:00Z");
    let customer = customer_in(test, &scope, "UTC").id;
    let started = ground::start(test, &scope, starter(customer)).unwrap().subscription.id;
    if months > 1 {
        advance(test, &scope, &format!("2026-{months:02}-20T10:00:00Z")).unwrap();
    }
    (scope, customer, started)
}

#[test]
fn the_oldest_is_paid_first_and_too_much_pays_what_comes() {
    on_both(ALL, |test| {
        let (scope, customer, _) = owing(test, 3);
        let first = pay(test, &scope, of(customer, 6_900)).unwrap();
        assert_eq!(first.settled.iter().map(|(_, paid)| paid.minor()).collect::<Vec<_>>(), [4_900, 2_000]);
        assert_eq!(first.paid, [ids(test, &scope)[0]]);
        assert_eq!(
            stand(test, &scope),
            ["paid 0.00 49.00 0.00", "finalized 29.00 20.00 0.00", "finalized 49.00 0.00 0.00"]
        );
        sound(test, &scope);

        let rest = pay(test, &scope, of(customer, 10_000)).unwrap();
        assert_eq!((rest.payment.credit, rest.paid.len()), (usd(2_200), 2));
        advance(test, &scope, "2026-04-20T10:00:00Z").unwrap();
        assert_eq!(stand(test, &scope)[3], "finalized 27.00 0.00 22.00", "the credit pays what it can");
        pay(test, &scope, of(customer, 2_700)).unwrap();
        assert_eq!(stand(test, &scope)[3], "paid 0.00 27.00 22.00");
        sound(test, &scope);

        let id = rest.payment.id;
        let entries = test.db.read(&scope, move |view| ledger::of_document(view, id.any())).wait().unwrap();
        let text = |posting: &ledger::Posting| format!("{} {}", posting.account, posting.amount.decimal());
        assert_eq!(
            entries[0].postings.iter().map(text).collect::<Vec<_>>(),
            [
                "cash:manual 100.00".to_owned(),
                format!("receivable:{customer} -78.00"),
                format!("customer_credit:{customer} -22.00"),
            ]
        );
        let told = test.db.read(&scope, |view| facts::feed(view, 0, 1_000)).wait().unwrap();
        let count = |kind: &str| told.iter().filter(|fact| fact.kind == kind).count();
        assert_eq!((count("payment.recorded"), count("invoice.paid")), (3, 4));
    });
}

#[test]
fn invoices_can_be_named() {
    on_both(ALL, |test| {
        let (scope, customer, _) = owing(test, 3);
        let all = ids(test, &scope);
        let named =
            |invoices: &[InvoiceId], minor| NewPayment { invoices: invoices.to_vec(), ..of(customer, minor) };
        let paid = pay(test, &scope, named(&[all[2]], 6_000)).unwrap();
        assert_eq!((paid.settled, paid.payment.credit), (vec![(all[2], usd(4_900))], usd(1_100)));
        assert_eq!(stand(test, &scope)[0], "finalized 49.00 0.00 0.00", "only what was named");

        let other = customer_in(test, &scope, "UTC").id;
        let theirs = ground::start(test, &scope, starter(other)).unwrap().invoice.unwrap();
        let draft = ground::start(test, &scope, Start { finalize: false, ..starter(customer) });
        let draft = draft.unwrap().invoice.unwrap();
        let euros = Money::new(4_900, Currency::parse("EUR").unwrap()).unwrap();
        for (new, why) in [
            (named(&[all[2]], 1), "Nothing is due on it any more."),
            (named(&[theirs], 1), "It is another customer's."),
            (named(&[draft], 1), "It is a draft: finalize it first."),
            (named(&[all[0], all[0]], 1), "It is named twice."),
            (NewPayment { amount: euros, ..named(&[all[0]], 1) }, "It is in USD, the payment in EUR."),
        ] {
            let error = pay(test, &scope, new).unwrap_err();
            assert_eq!(error.code, "invoice_not_payable");
            assert!(error.detail.ends_with(why), "{}", error.detail);
        }
        let tomorrow = Received::At("2026-03-21T00:00:00Z".parse().unwrap());
        let day = Received::On("2026-03-21".parse().unwrap());
        let nobody: CustomerId = kernel::new_id(&kernel::SystemIds);
        let nothing: InvoiceId = kernel::new_id(&kernel::SystemIds);
        for (new, code) in [
            (of(customer, 0), "payment_amount_invalid"),
            (of(customer, -1), "payment_amount_invalid"),
            (NewPayment { received: Some(tomorrow), ..of(customer, 1) }, "received_in_future"),
            (NewPayment { received: Some(day), ..of(customer, 1) }, "received_in_future"),
            (NewPayment { reference: Some(" ".into()), ..of(customer, 1) }, "text_invalid"),
            (
                NewPayment { entity: Some(kernel::new_id(&kernel::SystemIds)), ..of(customer, 1) },
                "legal_entity_unknown",
            ),
            (of(nobody, 1), "not_found"),
            (named(&[nothing], 1), "not_found"),
        ] {
            assert_eq!(pay(test, &scope, new).unwrap_err().code, code);
        }
        // A day is a day of the legal entity, in Berlin.
        let received = Some(Received::On("2026-03-01".parse().unwrap()));
        let paid = pay(test, &scope, NewPayment { received, ..of(customer, 1) }).unwrap();
        assert_eq!(paid.payment.received.to_string(), "2026-02-28T23:00:00Z");
        sound(test, &scope);
    });
}

#[test]
fn a_bounced_cheque_is_due_again_and_so_is_what_its_credit_paid() {
    on_both(ALL, |test| {
        let (scope, customer, _) = owing(test, 1);
        let cheque = NewPayment {
            method: Method::Cheque,
            reference: Some("Cheque 4711".into()),
            ..of(customer, 12_000)
        };
        let paid = pay(test, &scope, cheque.clone()).unwrap().payment;
        let again = pay(test, &scope, cheque.clone()).unwrap_err();
        assert_eq!(again.code, "payment_reference_taken");
        advance(test, &scope, "2026-03-20T10:00:00Z").unwrap();
        assert_eq!(
            stand(test, &scope),
            ["paid 0.00 49.00 0.00", "paid 0.00 0.00 49.00", "finalized 27.00 0.00 22.00"]
        );
        let reversed = undo(test, &scope, &paid).unwrap();
        assert_eq!(reversed.reversed.unwrap().to_string(), "2026-03-20T10:00:00Z");
        assert_eq!(
            stand(test, &scope),
            ["finalized 49.00 0.00 0.00", "finalized 49.00 -49.00 49.00", "finalized 49.00 -22.00 22.00"]
        );
        sound(test, &scope);
        assert_eq!(undo(test, &scope, &paid).unwrap_err().code, "payment_reversed");
        // It is presented again, and this time it is good.
        pay(test, &scope, NewPayment { amount: usd(14_700), ..cheque }).unwrap();
        assert!(stand(test, &scope).iter().all(|one| one.starts_with("paid 0.00")));
        sound(test, &scope);
        let history = test.db.read(&scope, move |view| payment::settlements(view, paid.id)).wait().unwrap();
        let words: Vec<_> = history.iter().map(|one| (one.cause.word(), one.amount.minor())).collect();
        assert_eq!(
            words,
            [
                ("settled", 4_900),
                ("reversed", -4_900),
                ("credit_returned", -2_200),
                ("credit_returned", -4_900)
            ]
        );
    });
}

#[test]
fn the_same_money_is_taken_once() {
    on_both(ALL, |test| {
        let (scope, customer, _) = owing(test, 1);
        let new = NewPayment { reference: Some("T-1".into()), ..of(customer, 4_900) };
        let named = new.clone();
        assert_eq!(race(test, &scope, move |tx| record(tx, named.clone())), once("payment_reference_taken"));
        let (scope, customer, _) = owing(test, 1);
        let unnamed = of(customer, 4_900);
        let ends = race(test, &scope, move |tx| record(tx, unnamed.clone()));
        assert_eq!(ends, BTreeMap::from([("ok", 6)]));
        assert_eq!(stand(test, &scope), ["paid 0.00 49.00 0.00"], "one pays it, the others are credit");
        sound(test, &scope);
        let all = test.db.read(&scope, |view| payment::list(view, None, None, 10)).wait().unwrap();
        assert_eq!(all.iter().filter(|one| one.credit.is_zero()).count(), 1);
        let id = all.iter().find(|one| one.credit.is_zero()).unwrap().id;
        assert_eq!(race(test, &scope, move |tx| reverse(tx, id)), once("payment_reversed"));
        sound(test, &scope);
    });
}

fn void(test: &TestDb, scope: &Scope, id: InvoiceId) -> Result<invoice::Invoice> {
    let reason = Reason::parse("mistake").unwrap();
    test.db.write(scope, move |tx| invoice::void(tx, id, &reason)).wait()
}

fn give_up(test: &TestDb, scope: &Scope, id: InvoiceId) {
    let reason = Reason::parse("insolvent").unwrap();
    test.db.write(scope, move |tx| invoice::give_up(tx, id, &reason)).wait().unwrap();
}

fn held(test: &TestDb, scope: &Scope, kind: AccountKind) -> i64 {
    let balances = test.db.read(scope, |view| ledger::trial_balance(view, None)).wait().unwrap();
    balances.iter().filter(|one| one.account.kind == kind).map(|one| one.balance).sum()
}

#[test]
fn what_was_paid_of_a_voided_invoice_is_credit() {
    on_both(ALL, |test| {
        let (scope, customer, _) = owing(test, 2);
        let all = ids(test, &scope);
        let paid = pay(test, &scope, of(customer, 6_000)).unwrap().payment;
        // The first is paid, the second in part: both become credit.
        for (id, credit) in [(all[0], 4_900), (all[1], 6_000)] {
            let voided = void(test, &scope, id).unwrap();
            assert!(voided.paid.is_zero() && voided.amount_due().unwrap().is_zero());
            assert_eq!(held(test, &scope, AccountKind::CustomerCredit), -credit);
            sound(test, &scope);
        }
        let id = paid.id;
        let found = test.db.read(&scope, move |view| payment::find(view, id)).wait().unwrap();
        assert_eq!((found.credit, found.amount), (usd(6_000), usd(6_000)));
        // The credit pays what comes, and is gone from there when the money never came.
        advance(test, &scope, "2026-03-20T10:00:00Z").unwrap();
        assert_eq!(stand(test, &scope)[2], "paid 0.00 0.00 49.00");
        undo(test, &scope, &paid).unwrap();
        assert_eq!(stand(test, &scope)[2], "finalized 49.00 -49.00 49.00");
        assert_eq!(held(test, &scope, AccountKind::CustomerCredit), 0);
        sound(test, &scope);
    });
}

#[test]
fn what_bounces_after_giving_up_is_lost_too() {
    on_both(ALL, |test| {
        let (scope, customer, _) = owing(test, 1);
        let id = ids(test, &scope)[0];
        let paid = pay(test, &scope, of(customer, 1_000)).unwrap().payment;
        give_up(test, &scope, id);
        assert_eq!(held(test, &scope, AccountKind::BadDebt), 3_900);
        undo(test, &scope, &paid).unwrap();
        assert_eq!(held(test, &scope, AccountKind::BadDebt), 4_900);
        sound(test, &scope);
        assert_eq!(void(test, &scope, id).unwrap().state, State::Void);
        assert_eq!(
            [AccountKind::BadDebt, AccountKind::Receivable].map(|kind| held(test, &scope, kind)),
            [0, 0]
        );
        sound(test, &scope);
    });
}

#[test]
fn months_know_the_money_that_came() {
    on_both(ALL, |test| {
        let (scope, customer, _) = owing(test, 2);
        let of_january =
            NewPayment { received: Some(Received::On("2026-01-31".parse().unwrap())), ..of(customer, 4_900) };
        let bounced = pay(test, &scope, of_january.clone()).unwrap().payment;
        assert_eq!(bounced.day.to_string(), "2026-01-31");
        pay(test, &scope, of_january).unwrap();
        pay(test, &scope, of(customer, 100)).unwrap();
        undo(test, &scope, &bounced).unwrap();
        let months =
            test.db.read(&scope, |view| figures::months(view, jiff::civil::Date::MIN)).wait().unwrap();
        let came = months.iter().filter(|one| one.kind == figures::Kind::Payment);
        let came: Vec<_> = came.map(|one| format!("{} {} {}", one.month, one.documents, one.total)).collect();
        assert_eq!(came, ["2026-01-01 1 4900", "2026-02-01 1 100"]);
        sound(test, &scope);
    });
}

/// Something that happens to a customer who pays by hand.
#[derive(Clone, Debug)]
enum Step {
    Pay(i64),
    PayOne(usize, i64),
    Reverse(usize),
    Start,
    Cancel,
    Void(usize),
    GiveUp(usize),
    ApplyCredit,
    Advance,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1_i64..15_000).prop_map(Step::Pay),
        2 => (0_usize..8, 1_i64..9_000).prop_map(|(which, amount)| Step::PayOne(which, amount)),
        3 => (0_usize..8).prop_map(Step::Reverse),
        1 => Just(Step::Start),
        1 => Just(Step::Cancel),
        2 => (0_usize..8).prop_map(Step::Void),
        1 => (0_usize..8).prop_map(Step::GiveUp),
        1 => Just(Step::ApplyCredit),
        3 => Just(Step::Advance),
    ]
}

/// Do a step; what it asks for may not be possible, which is fine.
fn take(test: &TestDb, scope: &Scope, customer: CustomerId, month: &mut u32, step: &Step) {
    let open = || {
        let all = test.db.read(scope, |view| invoice::list(view, None, 100)).wait().unwrap();
        all.into_iter().filter(|one| one.state == State::Finalized).map(|one| one.id).collect::<Vec<_>>()
    };
    match step {
        Step::Pay(amount) => drop(pay(test, scope, of(customer, *amount)).unwrap()),
        Step::PayOne(which, amount) => {
            if let Some(invoice) = open().get(*which) {
                pay(test, scope, NewPayment { invoices: vec![*invoice], ..of(customer, *amount) }).unwrap();
            }
        }
        Step::Reverse(which) => {
            let all = test.db.read(scope, |view| payment::list(view, None, None, 100)).wait().unwrap();
            if let Some(payment) = all.iter().filter(|one| one.reversed.is_none()).nth(*which) {
                undo(test, scope, payment).unwrap();
            }
        }
        Step::Start => drop(ground::start(test, scope, starter(customer)).unwrap()),
        Step::Cancel => {
            let cancel = move |tx: &mut store::Tx<'_>| {
                let all = subscription::of_customer(tx, customer)?;
                match all.iter().find(|one| !one.is_over()) {
                    None => Ok(()),
                    Some(one) => subscription::cancel(tx, one.id, Timing::Now).map(drop),
                }
            };
            test.db.write(scope, cancel).wait().unwrap();
        }
        Step::Void(which) => {
            if let Some(id) = ids(test, scope).get(*which).copied() {
                let _corrected_or_void = void(test, scope, id);
            }
        }
        Step::ApplyCredit => {
            let apply = move |tx: &mut store::Tx<'_>| credit::apply(tx, customer, &[]);
            let applied = test.db.write(scope, apply).wait().unwrap();
            let again = test.db.write(scope, apply).wait().unwrap();
            let left: Vec<_> = applied.left.into_iter().filter(|held| !held.left.is_zero()).collect();
            assert_eq!((again.used, again.left), (Vec::new(), left), "nothing is left to do");
        }
        Step::GiveUp(which) => {
            if let Some(id) = open().get(*which).copied() {
                give_up(test, scope, id);
            }
        }
        Step::Advance => {
            *month += 1;
            let to = format!("{}-{:02}-20T10:00:00Z", 2026 + *month / 12, 1 + *month % 12);
            advance(test, scope, &to).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever is paid, undone, credited and billed in whatever order: no invoice is overpaid, what is due, paid and
    /// held as credit is what the ledger says.
    #[test]
    fn money_is_never_lost(steps in proptest::collection::vec(step(), 1..24)) {
        let test = TestDb::sqlite(ALL);
        let (scope, customer, _) = owing(&test, 1);
        let mut month = 0;
        for step in &steps {
            take(&test, &scope, customer, &mut month, step);
            sound(&test, &scope);
        }
    }
}
