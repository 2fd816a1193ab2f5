//! Adding one-off charges, taking them back, and finding them.

use std::collections::HashMap;

use catalog::version;
use kernel::{
    Currency, Edge, Error, Money, Period, Result,
    ids::{InvoiceId, SubscriptionId},
};
use serde_json::json;
use store::{NewFact, Row, ToValue, Tx, Value, View, params};

use super::{
    model::{Added, BillWith, Charge, ChargePreview, MAX_PENDING, NewCharge},
    rules, sql,
};
use crate::{
    invoice::{self, ChargeKind, Draft, Line},
    subscription::{self, Subscription, rules::between},
};

fn read(row: &Row<'_>) -> Result<Charge> {
    let currency: Currency = row.get(10)?;
    let zero = Money::zero(currency);
    let at = Edge { date: row.get(11)?, at: row.get(2)? };
    let (subscription, ordinal) = (row.get(0)?, row.get(1)?);
    let line = Line {
        ordinal: 0,
        subscription,
        item: 0,
        kind: ChargeKind::OneOff,
        key: row.get(3)?,
        group: String::new(),
        adjustment: ordinal,
        description: row.get(4)?,
        period: Period { start: at, end: at },
        quantity: row.get(5)?,
        measured: None,
        discount: zero,
        amount: Money::new(row.get(6)?, currency)?,
        tax: zero,
        tax_category: row.get(7)?,
        explanation: serde_json::from_value(row.get(8)?)
            .map_err(|error| Error::internal(format!("a stored explanation cannot be read: {error}")))?,
    };
    Ok(Charge { subscription, ordinal, added: at.at, line, invoice: row.get(9)? })
}

/// The charges of a subscription, newest first; those that were taken back are left out.
pub fn of_subscription(view: &mut View<'_>, id: SubscriptionId, limit: i64) -> Result<Vec<Charge>> {
    view.all(&sql::OF_SUBSCRIPTION, params![vec![id], limit], read)
}

/// What waits for an invoice, by subscription.
pub(crate) fn pending(
    view: &mut View<'_>,
    subscriptions: Vec<SubscriptionId>,
) -> Result<HashMap<SubscriptionId, Vec<Charge>>> {
    let mut found: HashMap<SubscriptionId, Vec<Charge>> = HashMap::new();
    if subscriptions.is_empty() {
        return Ok(found);
    }
    for charge in view.all(&sql::PENDING, params![subscriptions], read)? {
        found.entry(charge.subscription).or_default().push(charge);
    }
    Ok(found)
}

/// Store the charges of lines, each on its invoice or waiting for one.
pub(crate) fn store(tx: &mut Tx<'_>, charges: &[(&Line, Option<InvoiceId>)]) -> Result<()> {
    let json = |line: &Line| serde_json::to_value(&line.explanation);
    let explanations = charges
        .iter()
        .map(|(line, _)| json(line).map_err(|error| Error::internal(error.to_string())))
        .collect::<Result<Vec<_>>>()?;
    let rows = charges.iter().zip(&explanations).map(|((line, invoice), explanation)| {
        [
            line.subscription.to_value(),
            Value::Int(line.adjustment),
            Value::Date(line.period.start.date),
            Value::Instant(line.period.start.at),
            line.key.to_value(),
            line.description.to_value(),
            Value::Int(line.quantity),
            Value::Int(line.amount.minor()),
            line.tax_category.to_value(),
            Value::json(explanation),
            invoice.to_value(),
            Value::Bool(invoice.is_none()),
            Value::Bool(false),
        ]
    });
    tx.bulk_all(&sql::INSERT, rows)
}

/// Charges are on an invoice now.
pub(crate) fn billed(tx: &mut Tx<'_>, charges: &[(SubscriptionId, i64, InvoiceId)]) -> Result<()> {
    let rows = charges.iter().map(|(subscription, ordinal, invoice)| {
        [subscription.to_value(), Value::Int(*ordinal), invoice.to_value(), Value::Bool(false)]
    });
    tx.bulk_all(&sql::BILLED, rows)
}

/// A charge as it is decided: its line, and the draft that bills it now.
struct Decided {
    line: Line,
    draft: Option<Draft>,
}

fn decide(
    view: &mut View<'_>,
    subscription: &Subscription,
    new: &NewCharge,
    with: BillWith,
) -> Result<Decided> {
    let in_force = version::in_force(view)?;
    let last: Option<i64> = view.one(&sql::LAST, params![subscription.id], |row| row.get(0))?;
    let now = view.now();
    let at = Edge::at(now, &subscription.schedule.zone);
    let line = rules::line(subscription, &in_force, new, last.map_or(0, |last| last + 1), at)?;
    let draft = match with {
        BillWith::Now => {
            let agreed = version::find(view, subscription.book)?;
            between(subscription, &agreed, vec![line.clone()], now)?
        }
        BillWith::NextInvoice if subscription.is_over() => {
            let detail = format!("A subscription that is {} has no next invoice.", subscription.state.word());
            return Err(Error::conflict("subscription_over", detail));
        }
        BillWith::NextInvoice => {
            let waiting = pending(view, vec![subscription.id])?;
            if waiting.values().map(Vec::len).sum::<usize>() >= MAX_PENDING {
                let detail = format!("At most {MAX_PENDING} charges can wait for an invoice.");
                return Err(Error::conflict("charges_waiting", detail));
            }
            None
        }
    };
    Ok(Decided { line, draft })
}

/// What [`add`] would do, by the same decision; writes nothing. Errors as for [`add`].
pub fn preview(
    view: &mut View<'_>,
    id: SubscriptionId,
    new: &NewCharge,
    with: BillWith,
) -> Result<ChargePreview> {
    let subscription = subscription::find(view, id)?;
    let Decided { line, draft } = decide(view, &subscription, new, with)?;
    let invoice = draft.map(|draft| invoice::assessed(view, draft)).transpose()?;
    let billed = match with {
        BillWith::Now => Some(line.period.start),
        BillWith::NextInvoice => subscription.falls_due(),
    };
    Ok(ChargePreview { line, invoice, billed })
}

/// Charge something once beside a subscription: with an invoice of its own now, or with the next one that falls due.
/// One that waits for the end of a trial is billed when the paid time begins.
///
/// Errors: `not_found`, `subscription_over` for one without a next invoice, `charges_waiting`, and those of [`rules::line`].
pub fn add(tx: &mut Tx<'_>, id: SubscriptionId, new: &NewCharge, with: BillWith) -> Result<Added> {
    let subscription = subscription::lock(tx, id)?.subscription;
    let Decided { line, draft } = decide(tx, &subscription, new, with)?;
    let invoice = draft.map(|draft| (tx.new_id(), draft));
    let invoice_id = invoice.as_ref().map(|(id, _)| *id);
    store(tx, &[(&line, invoice_id)])?;
    let now = tx.now();
    let payload = json!({
        "charge": line.adjustment,
        "key": line.key,
        "quantity": line.quantity,
        "currency": line.amount.currency(),
        "amount": line.amount.minor(),
        "agreed": new.is_negotiated(),
        "invoice": invoice_id,
    });
    invoice::issue(tx, invoice.into_iter().collect(), now)?;
    tx.fact(NewFact::new("subscription.charge_added", id.any(), payload)?.of(subscription.customer));
    let charge = Charge { subscription: id, ordinal: line.adjustment, added: now, line, invoice: invoice_id };
    Ok(Added { charge, invoice: invoice_id })
}

/// Take back a charge that waits for an invoice.
///
/// Errors: `not_found`, `charge_billed` when it is on one.
pub fn remove(tx: &mut Tx<'_>, id: SubscriptionId, ordinal: i64) -> Result<Charge> {
    let subscription = subscription::lock(tx, id)?.subscription;
    let all = of_subscription(tx, id, i64::MAX)?;
    let charge = all.into_iter().find(|charge| charge.ordinal == ordinal);
    let charge = charge.ok_or_else(|| Error::not_found("charge"))?;
    if charge.invoice.is_some() {
        let detail = "The charge is on an invoice, which can only be voided.";
        return Err(Error::conflict("charge_billed", detail));
    }
    tx.exec_one(&sql::REMOVE, params![id, ordinal])?;
    let payload = json!({ "charge": ordinal });
    tx.fact(NewFact::new("subscription.charge_removed", id.any(), payload)?.of(subscription.customer));
    Ok(charge)
}
