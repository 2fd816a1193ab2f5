//! Credit that comes after an invoice was issued, and pays it when somebody says so.

use billing::{
    credit::{self, Applied},
    invoice::{self, State},
    payment::{self, Method, NewPayment},
    subscription::{self, Timing},
};
use kernel::{
    Currency, Money, Result,
    ids::{CustomerId, InvoiceId},
};
use store::{Mode, Reason, Scope};
use testkit::{TestDb, on_both};

use crate::{
    ALL,
    ground::{self, customer_in, environment, sound, starter},
    parallel::race,
};

fn apply(test: &TestDb, scope: &Scope, customer: CustomerId, only: &[InvoiceId]) -> Result<Applied> {
    let only = only.to_vec();
    test.db.write(scope, move |tx| credit::apply(tx, customer, &only)).wait()
}

fn preview(test: &TestDb, scope: &Scope, customer: CustomerId) -> Applied {
    test.db.read(scope, move |view| credit::preview(view, customer, &[])).wait().unwrap()
}

/// What was used of which invoice and what is left of the credit, in minor units.
fn said(applied: &Applied) -> (Vec<(InvoiceId, i64, i64)>, Vec<i64>) {
    let used = applied.used.iter().map(|one| (one.invoice, one.amount.minor(), one.due.minor())).collect();
    (used, applied.left.iter().map(|held| held.left.minor()).collect())
}

/// Two open invoices over 49.00 each, of January.
fn owing(test: &TestDb) -> (Scope, CustomerId, [InvoiceId; 2]) {
    let scope = environment(test, Mode::Sandbox, "2026-01-01T10:00:00Z");
    let customer = customer_in(test, &scope, "UTC").id;
    let issued = [1, 2].map(|_| ground::start(test, &scope, starter(customer)).unwrap().invoice.unwrap());
    (scope, customer, issued)
}

#[test]
fn credit_that_came_later_pays_open_invoices_the_oldest_first() {
    on_both(ALL, |test| {
        let (scope, customer, [first, second]) = owing(test);
        assert_eq!(said(&preview(test, &scope, customer)), (vec![], vec![]), "there is none");
        let pay = move |tx: &mut store::Tx<'_>| {
            let amount = Money::new(4_900, Currency::parse("USD")?)?;
            let new = NewPayment {
                customer,
                entity: None,
                amount,
                method: Method::Transfer,
                received: None,
                reference: None,
                invoices: vec![second],
            };
            payment::record(tx, new)
        };
        test.db.write(&scope, pay).wait().unwrap();
        // Its money is credit once the invoice it paid is taken back.
        let void = move |tx: &mut store::Tx<'_>| invoice::void(tx, second, &Reason::parse("duplicate")?);
        test.db.write(&scope, void).wait().unwrap();
        let third = ground::start(test, &scope, starter(customer)).unwrap().invoice.unwrap();
        let paid = test.db.read(&scope, move |view| invoice::find(view, third)).wait().unwrap();
        assert_eq!((paid.state, paid.credit.minor()), (State::Paid, 4_900), "an invoice takes what there is");
        let void = move |tx: &mut store::Tx<'_>| invoice::void(tx, third, &Reason::parse("duplicate")?);
        test.db.write(&scope, void).wait().unwrap();

        let foreseen = preview(test, &scope, customer);
        let applied = apply(test, &scope, customer, &[]).unwrap();
        assert_eq!(applied, foreseen, "the preview is what is done");
        assert_eq!(said(&applied), (vec![(first, 4_900, 0)], vec![0]));
        let settled = test.db.read(&scope, move |view| invoice::find(view, first)).wait().unwrap();
        assert_eq!(settled.state, State::Paid);
        let again = apply(test, &scope, customer, &[]).unwrap();
        assert!(again.used.is_empty());
        let refused = apply(test, &scope, customer, &[first]).unwrap_err();
        assert_eq!(
            (refused.code, refused.fields[0].pointer.as_str()),
            ("invoice_not_payable", "/invoices/0")
        );
        sound(test, &scope);

        // An invoice that credit paid later is taken back like any other.
        let void = move |tx: &mut store::Tx<'_>| invoice::void(tx, first, &Reason::parse("duplicate")?);
        test.db.write(&scope, void).wait().unwrap();
        assert_eq!(said(&preview(test, &scope, customer)), (vec![], vec![4_900]));
        sound(test, &scope);
    });
}

#[test]
fn credit_of_a_cancellation_pays_the_rest_of_the_period_that_is_open() {
    on_both(ALL, |test| {
        let (scope, customer, [first, second]) = owing(test);
        let cancel = move |tx: &mut store::Tx<'_>| {
            let one = subscription::of_customer(tx, customer)?.remove(0).id;
            subscription::cancel(tx, one, Timing::Now).map(drop)
        };
        test.db.write(&scope, cancel).wait().unwrap();
        let (used, left) = said(&preview(test, &scope, customer));
        let credit = used[0].1;
        assert!(credit > 4_000 && used == [(first, credit, 4_900 - credit)], "{used:?}");
        assert_eq!(left, [0]);
        let counts = race(test, &scope, move |tx| credit::apply(tx, customer, &[second]));
        assert_eq!(counts.get("ok"), Some(&6), "repeating it changes nothing");
        let paid = test.db.read(&scope, move |view| invoice::find(view, second)).wait().unwrap();
        assert_eq!(paid.credit.minor(), credit, "once, of the one that was named");
        sound(test, &scope);
    });
}
