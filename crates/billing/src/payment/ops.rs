//! Writing payments down. Each operation holds the customer, whose credit may change.

use std::collections::BTreeSet;

use identity::{LegalEntity, customer, environment, text};
use jiff::Timestamp;
use kernel::{
    Error, Money, Result,
    ids::{CustomerId, InvoiceId, LegalEntityId, PaymentId},
};
use ledger::{Account, AccountKind, Posting, Transaction};
use serde_json::json;
use store::{NewFact, ToValue, Tx, Value};

use self::target::Targets;
use super::{
    model::{Cause, NewPayment, Payment, Received},
    rules::{self, Open, Split},
    sql,
};
use crate::figures;

mod read;
mod release;
mod reverse;
mod target;

pub use read::{find, list, of_invoice, settlements};
pub(crate) use release::release;
pub use reverse::reverse;

/// The gateway of money that is written down by hand, in the ledger.
const MANUAL: &str = "manual";
/// The longest reference, in characters.
const MAX_REFERENCE: usize = 100;

/// A payment as it was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The payment.
    pub payment: Payment,
    /// How much of which invoice it settled.
    pub settled: Vec<(InvoiceId, Money)>,
    /// Those on which nothing is due any more.
    pub paid: Vec<InvoiceId>,
}

/// Write down that money came. It settles the invoices named, or the open ones of that customer, issuer and
/// currency, the oldest first; what is too much becomes the customer's credit, with which later invoices are paid.
///
/// Errors: `not_found` for the customer or an invoice, `payment_amount_invalid`, `received_in_future`, `text_invalid`,
/// `legal_entity_unknown`, `no_legal_entity`, `invoice_not_payable`, `payment_reference_taken`.
pub fn record(tx: &mut Tx<'_>, new: NewPayment) -> Result<Recorded> {
    record_all(tx, vec![new])?.pop().ok_or_else(|| Error::internal("no payment was recorded"))
}

/// Write down many payments in their order, all or none. Errors as for [`record`].
pub fn record_all(tx: &mut Tx<'_>, new: Vec<NewPayment>) -> Result<Vec<Recorded>> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let customers: Vec<CustomerId> =
        new.iter().map(|new| new.customer).collect::<BTreeSet<_>>().into_iter().collect();
    customer::lock_all(tx, &customers)?;
    if customer::load(tx, customers.clone())?.len() < customers.len() {
        return Err(Error::not_found("customer"));
    }
    let entities = environment::entities(tx)?;
    let mut targets = Targets::load(tx, customers, new.iter().flat_map(|new| new.invoices.iter().copied()))?;
    let mut recorded = Vec::with_capacity(new.len());
    for new in new {
        recorded.push(settle(tx, &mut targets, &entities, new)?);
    }
    insert(tx, &recorded)?;
    targets.save(tx)?;
    let transactions = recorded.iter().map(posted).collect::<Result<Vec<_>>>()?;
    ledger::post(tx, &transactions)?;
    figures::paid(tx, recorded.iter().map(|recorded| &recorded.payment))?;
    recorded.iter().try_for_each(|recorded| state(tx, recorded))?;
    Ok(recorded)
}

/// Decide what a payment settles.
fn settle(tx: &Tx<'_>, targets: &mut Targets, entities: &[LegalEntity], new: NewPayment) -> Result<Recorded> {
    if new.amount.minor() <= 0 {
        let detail = "A payment is above zero. Reverse a payment that did not come.";
        return Err(Error::invalid("payment_amount_invalid", detail).at("/amount"));
    }
    let reference =
        new.reference.as_ref().map(|text| text::line(text, MAX_REFERENCE, "/reference")).transpose()?;
    let entity = issuer(targets, entities, &new)?;
    let received = received(&new, entity, tx.now())?;
    let open: Vec<Open> = targets.payable(&new, entity.id)?;
    let Split { settled, rest } = rules::split(new.amount, &open)?;
    let mut paid = Vec::new();
    for (invoice, amount) in &settled {
        if targets.pay(*invoice, *amount)? {
            paid.push(*invoice);
        }
    }
    let payment = Payment {
        id: tx.new_id(),
        entity: entity.id,
        customer: new.customer,
        method: new.method,
        amount: new.amount,
        credit: rest,
        reference,
        received,
        day: entity.zone.date_of(received),
        reversed: None,
    };
    Ok(Recorded { payment, settled, paid })
}

/// Who was paid.
///
/// Errors: `legal_entity_unknown`, `no_legal_entity`.
fn issuer<'e>(targets: &Targets, entities: &'e [LegalEntity], new: &NewPayment) -> Result<&'e LegalEntity> {
    let wanted = new.entity.or_else(|| targets.first_issuer(new));
    let found = match wanted {
        None => entities.first(),
        Some(id) => entities.iter().find(|entity| entity.id == id),
    };
    found.ok_or_else(|| match new.entity {
        Some(_) => {
            Error::invalid("legal_entity_unknown", "There is no such legal entity.").at("/legal_entity")
        }
        None => Error::conflict("no_legal_entity", "This environment has no legal entity to be paid yet."),
    })
}

/// When the money came. Errors: `received_in_future`.
fn received(new: &NewPayment, entity: &LegalEntity, now: Timestamp) -> Result<Timestamp> {
    let at = match new.received {
        None => now,
        Some(Received::At(at)) => at,
        Some(Received::On(date)) => entity.zone.start_of_day(date),
    };
    let at = kernel::time::in_range(at).map_err(|error| error.at("/received"))?;
    if at <= now {
        return Ok(at);
    }
    let detail = format!("It is {now:.0} here: write a payment down when it has come.");
    Err(Error::invalid("received_in_future", detail).at("/received"))
}

fn insert(tx: &mut Tx<'_>, recorded: &[Recorded]) -> Result<()> {
    let count = recorded.len() as u64;
    let rows = recorded.iter().map(|Recorded { payment, .. }| {
        [
            payment.id.to_value(),
            payment.entity.to_value(),
            payment.customer.to_value(),
            Value::from(payment.method.word()),
            Value::from(payment.amount.currency().code()),
            Value::Int(payment.amount.minor()),
            Value::Int(payment.credit.minor()),
            payment.reference.to_value(),
            Value::Instant(payment.received),
            Value::Date(payment.day),
        ]
    });
    if tx.bulk(&sql::INSERT, rows)? != count {
        let detail = "A payment with this reference was recorded before. Is it the same money?";
        return Err(Error::conflict("payment_reference_taken", detail).at("/reference"));
    }
    let now = tx.now();
    let rows: Vec<Move> = recorded
        .iter()
        .flat_map(|Recorded { payment, settled, .. }| {
            let moves = settled.iter().zip(0_i64..);
            moves.map(|((invoice, amount), ordinal)| (payment.id, ordinal, *invoice, Cause::Settled, *amount))
        })
        .collect();
    write(tx, &rows, now)
}

/// What a payment does to an invoice: which payment, its place there, the invoice, why, how much.
type Move = (PaymentId, i64, InvoiceId, Cause, Money);

fn write(tx: &mut Tx<'_>, moves: &[Move], at: Timestamp) -> Result<()> {
    let rows = moves.iter().map(|(payment, ordinal, invoice, cause, amount)| {
        [
            payment.to_value(),
            Value::Int(*ordinal),
            invoice.to_value(),
            Value::from(cause.word()),
            Value::Int(amount.minor()),
            Value::Instant(at),
        ]
    });
    tx.bulk_all(&sql::SETTLE, rows)
}

/// Money came to us; the customer owes that much less, or has the rest to its credit.
fn posted(recorded: &Recorded) -> Result<Transaction> {
    let Recorded { payment, settled, .. } = recorded;
    let currency = payment.amount.currency();
    let mut postings = vec![Posting::debit(cash(payment.entity), payment.amount)];
    let settled = Money::total(settled.iter().map(|(_, amount)| *amount), currency)?;
    for (account, amount) in [(receivable(payment), settled), (credit(payment), payment.credit)] {
        if !amount.is_zero() {
            postings.push(Posting::credit(account, amount));
        }
    }
    let (effective, document) = (payment.received, payment.id.any());
    Ok(Transaction { effective, document, kind: "payment.recorded", postings })
}

fn cash(entity: LegalEntityId) -> Account {
    Account::owned(entity, AccountKind::Cash, MANUAL)
}

fn receivable(payment: &Payment) -> Account {
    Account::owned(payment.entity, AccountKind::Receivable, payment.customer)
}

fn credit(payment: &Payment) -> Account {
    Account::owned(payment.entity, AccountKind::CustomerCredit, payment.customer)
}

fn state(tx: &mut Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Recorded { payment, settled, paid } = recorded;
    let payload = json!({
        "legal_entity": payment.entity,
        "method": payment.method.word(),
        "currency": payment.amount.currency(),
        "amount": payment.amount.minor(),
        "settled": amounts(settled),
        "credit": payment.credit.minor(),
    });
    let fact = NewFact::new("payment.recorded", payment.id.any(), payload)?;
    tx.fact(fact.of(payment.customer).effective(payment.received));
    for invoice in paid {
        let fact = NewFact::new("invoice.paid", invoice.any(), json!({ "payment": payment.id }))?;
        tx.fact(fact.of(payment.customer).effective(payment.received));
    }
    Ok(())
}

fn amounts(settled: &[(InvoiceId, Money)]) -> serde_json::Value {
    settled.iter().map(|(invoice, amount)| json!({ "invoice": invoice, "amount": amount.minor() })).collect()
}
