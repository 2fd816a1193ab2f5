//! Taking invoices back and giving them up.

use identity::customer;
use kernel::{Money, Result, ids::InvoiceId};
use serde_json::json;
use store::{NewFact, Reason, Tx, params};

use super::{LOCK, find};
use crate::{
    coupon, credit_note, figures,
    invoice::{
        model::{End, Invoice, State},
        rules, sql,
    },
    payment,
};

/// Take an issued invoice back whole, because of `reason`: everything it posted is posted back, what the customer's
/// credit or payments paid of it is to the customer's credit, and its uses of coupons are given back. Its number stays
/// taken. What it billed is not billed again by itself.
///
/// Errors: `not_found`, `transition_illegal`, `invoice_credited`.
pub fn void(tx: &mut Tx<'_>, id: InvoiceId, reason: &Reason) -> Result<Invoice> {
    let mut invoice = lock(tx, id)?;
    let notes = credit_note::of_invoice(tx, id)?.into_iter().map(|note| note.number).collect::<Vec<_>>();
    let entries = ledger::of_document(tx, id.any())?;
    let at = tx.now();
    let voided = rules::void(&invoice, &entries, &notes, at)?;
    ledger::post(tx, &voided.transaction.into_iter().collect::<Vec<_>>())?;
    end(tx, &mut invoice, State::Void, reason)?;
    invoice.paid = payment::release(tx, &invoice)?;
    figures::voided(tx, &invoice)?;
    coupon::give_back(tx, id)?;
    fact(tx, "invoice.voided", &invoice, invoice.totals.total, Some(voided.given_back))?;
    Ok(invoice)
}

/// Give up collecting what is due on an issued invoice, because of `reason`: it becomes bad debt. What it billed stays
/// billed.
///
/// Errors: `not_found`, `transition_illegal`.
pub fn give_up(tx: &mut Tx<'_>, id: InvoiceId, reason: &Reason) -> Result<Invoice> {
    let mut invoice = lock(tx, id)?;
    let due = invoice.amount_due()?;
    let transaction = rules::give_up(&invoice, tx.now())?;
    ledger::post(tx, &transaction.into_iter().collect::<Vec<_>>())?;
    end(tx, &mut invoice, State::Uncollectible, reason)?;
    fact(tx, "invoice.uncollectible", &invoice, due, None)?;
    Ok(invoice)
}

/// An invoice, locked after its customer, whose credit changes.
fn lock(tx: &mut Tx<'_>, id: InvoiceId) -> Result<Invoice> {
    let customer = find(tx, id)?.customer;
    customer::lock(tx, customer)?;
    tx.lock(&LOCK, id)?;
    find(tx, id)
}

fn end(tx: &mut Tx<'_>, invoice: &mut Invoice, state: State, reason: &Reason) -> Result<()> {
    let end = End { at: tx.now(), reason: reason.as_str().to_owned() };
    tx.exec_one(&sql::END, params![invoice.id, state.word(), end.at, end.reason])?;
    (invoice.state, invoice.end) = (state, Some(end));
    Ok(())
}

fn fact(
    tx: &mut Tx<'_>,
    kind: &'static str,
    invoice: &Invoice,
    amount: Money,
    given_back: Option<Money>,
) -> Result<()> {
    let payload = json!({
        "number": invoice.number,
        "reason": invoice.end.as_ref().map(|end| &end.reason),
        "currency": amount.currency(),
        "amount": amount.minor(),
        "credit": given_back.map(Money::minor),
    });
    tx.fact(NewFact::new(kind, invoice.id.any(), payload)?.of(invoice.customer));
    Ok(())
}
