//! Letting credit pay open invoices.

use identity::customer;
use kernel::{
    Error, Money, Result,
    ids::{CustomerId, InvoiceId},
};
use ledger::{AccountKind, Posting, Transaction};
use serde_json::json;
use store::{NewFact, ToValue, Tx, Value, View, params};

use super::model::{Applied, Held, Used};
use crate::{
    invoice::{self, Invoice, State, credit_account, receivable_account},
    payment::{Open, Split, split},
};

/// What [`apply`] would do, by the same decision; writes nothing. Errors as for [`apply`].
pub fn preview(view: &mut View<'_>, customer: CustomerId, invoices: &[InvoiceId]) -> Result<Applied> {
    customer::find(view, customer)?;
    decide(view, customer, invoices).map(|(applied, _)| applied)
}

/// Let a customer's credit pay the invoices named, in this order, or all that are open, the oldest first: each from
/// the credit with its issuer in its currency, as far as that goes. What is posted is what issuing an invoice posts
/// that credit pays. Doing it again finds nothing left to do.
///
/// Errors: `not_found` for the customer or an invoice, `invoice_not_payable`.
pub fn apply(tx: &mut Tx<'_>, customer: CustomerId, invoices: &[InvoiceId]) -> Result<Applied> {
    customer::lock(tx, customer)?;
    let (applied, paid) = decide(tx, customer, invoices)?;
    let now = tx.now();
    let rows = paid.iter().map(|(invoice, _)| {
        [invoice.id.to_value(), Value::Int(invoice.credit.minor()), Value::from(invoice.state.word())]
    });
    tx.bulk_all(&invoice::sql::USE_CREDIT, rows)?;
    let posted = paid.iter().map(|(invoice, amount)| Transaction {
        effective: now,
        document: invoice.id.any(),
        kind: "customer_credit.used",
        postings: vec![
            Posting::debit(credit_account(invoice), *amount),
            Posting::credit(receivable_account(invoice), *amount),
        ],
    });
    ledger::post(tx, &posted.collect::<Vec<_>>())?;
    for (invoice, amount) in &paid {
        let payload = json!({
            "currency": amount.currency(),
            "amount": amount.minor(),
            "due": invoice.amount_due()?.minor(),
        });
        tx.fact(NewFact::new("invoice.credit_applied", invoice.id.any(), payload)?.of(customer));
        if invoice.state == State::Paid {
            let payload = json!({ "payment": null, "credit": amount.minor() });
            tx.fact(NewFact::new("invoice.paid", invoice.id.any(), payload)?.of(customer));
        }
    }
    Ok(applied)
}

/// An invoice as it is with what credit pays of it, and how much that is.
type Paid = (Invoice, Money);

fn decide(view: &mut View<'_>, customer: CustomerId, named: &[InvoiceId]) -> Result<(Applied, Vec<Paid>)> {
    let open = open(view, customer, named)?;
    let held = ledger::held_by(view, AccountKind::CustomerCredit, vec![customer.to_string()])?;
    let (mut applied, mut paid) = (Applied::default(), Vec::new());
    for (account, currency, balance) in held {
        // A credit balance is negative: it is what the legal entity owes.
        let credit = Money::new(-balance, currency)?;
        if credit.minor() <= 0 {
            continue;
        }
        let fits = |one: &&Invoice| one.entity == account.entity && one.totals.total.currency() == currency;
        let fitting: Vec<&Invoice> = open.iter().filter(fits).collect();
        let dues = fitting.iter().map(|one| Ok(Open { invoice: one.id, due: one.amount_due()? }));
        let Split { settled, rest } = split(credit, &dues.collect::<Result<Vec<_>>>()?)?;
        // What is settled is the first of them.
        for (invoice, (_, amount)) in fitting.into_iter().zip(settled) {
            paid.push((pay(invoice, amount)?, amount));
        }
        applied.left.push(Held { entity: account.entity, left: rest });
    }
    applied.left.sort_unstable_by_key(|held| (held.entity, held.left.currency()));
    paid.sort_by_key(|(invoice, _)| open.iter().position(|one| one.id == invoice.id));
    for (invoice, amount) in &paid {
        let (number, due) = (invoice.number.clone(), invoice.amount_due()?);
        applied.used.push(Used { invoice: invoice.id, number, amount: *amount, due });
    }
    Ok((applied, paid))
}

fn pay(invoice: &Invoice, amount: Money) -> Result<Invoice> {
    let mut paid = Invoice { credit: invoice.credit.checked_add(amount)?, ..invoice.clone() };
    if paid.amount_due()?.is_zero() {
        paid.state = State::Paid;
    }
    Ok(paid)
}

/// The open invoices of a customer, or those of them that are named.
fn open(view: &mut View<'_>, customer: CustomerId, named: &[InvoiceId]) -> Result<Vec<Invoice>> {
    let open = view.all(&invoice::sql::OPEN_OF, params![customer], invoice::read)?;
    if named.is_empty() {
        return Ok(open);
    }
    let known = invoice::many(view, named.to_vec())?;
    let mut chosen = Vec::with_capacity(named.len());
    for (place, id) in named.iter().enumerate() {
        let invoice = known.iter().find(|one| one.id == *id && one.customer == customer);
        let invoice = invoice.ok_or_else(|| Error::not_found("invoice of this customer"))?;
        if invoice.state != State::Finalized || named[..place].contains(id) {
            let state = invoice.state.word();
            let detail =
                format!("Credit pays an invoice that is issued and not paid, once; this one is {state}.");
            return Err(Error::conflict("invoice_not_payable", detail).at(format!("/invoices/{place}")));
        }
        chosen.push(invoice.clone());
    }
    Ok(chosen)
}
