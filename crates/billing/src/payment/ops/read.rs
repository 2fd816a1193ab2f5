//! Finding payments.

use kernel::{
    Currency, Error, Money, Result,
    ids::{CustomerId, InvoiceId, PaymentId},
};
use store::{Row, View, params};
use uuid::Uuid;

use crate::payment::{
    model::{Cause, Method, Payment, Settlement},
    sql,
};

fn read(row: &Row<'_>) -> Result<Payment> {
    let currency: Currency = row.get(4)?;
    let money = |index: usize| Money::new(row.get(index)?, currency);
    Ok(Payment {
        id: row.get(0)?,
        entity: row.get(1)?,
        customer: row.get(2)?,
        method: row.parse(3, Method::parse)?,
        amount: money(5)?,
        credit: money(6)?,
        reference: row.get(7)?,
        received: row.get(8)?,
        reversed: row.get(9)?,
        day: row.get(10)?,
    })
}

/// A settlement from the columns that begin at `first`.
fn settlement(row: &Row<'_>, first: usize) -> Result<Settlement> {
    Ok(Settlement {
        payment: row.get(first)?,
        ordinal: row.get(first + 1)?,
        invoice: row.get(first + 2)?,
        cause: row.parse(first + 3, Cause::parse)?,
        amount: Money::new(row.get(first + 4)?, row.get(first + 6)?)?,
        at: row.get(first + 5)?,
    })
}

/// A payment. Errors: `not_found`.
pub fn find(view: &mut View<'_>, id: PaymentId) -> Result<Payment> {
    view.opt(&sql::FIND, params![id], read)?.ok_or_else(|| Error::not_found("payment"))
}

/// Payments recorded before `before` (none: from the newest on), newest first; of one customer, when it is named.
pub fn list(
    view: &mut View<'_>,
    customer: Option<CustomerId>,
    before: Option<PaymentId>,
    limit: i64,
) -> Result<Vec<Payment>> {
    let before = before.map_or(Uuid::max(), PaymentId::uuid);
    match customer {
        None => view.all(&sql::LIST, params![before, limit], read),
        Some(customer) => view.all(&sql::OF_CUSTOMER, params![customer, before, limit], read),
    }
}

/// What a payment did to invoices, in order.
pub fn settlements(view: &mut View<'_>, id: PaymentId) -> Result<Vec<Settlement>> {
    view.all(&sql::SETTLEMENTS, params![id], |row| settlement(row, 0))
}

/// What payments did to an invoice, oldest first.
pub fn of_invoice(view: &mut View<'_>, id: InvoiceId) -> Result<Vec<(Payment, Settlement)>> {
    view.all(&sql::OF_INVOICE, params![id], |row| Ok((read(row)?, settlement(row, 11)?)))
}
