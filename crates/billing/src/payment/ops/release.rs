//! What payments paid of an invoice that is voided.

use kernel::{Money, Result, ids::PaymentId};
use store::{ToValue, Tx, Value, params};

use super::{Move, write};
use crate::{
    invoice::Invoice,
    payment::{model::Cause, sql},
};

/// Let payments know that what they settled of a voided invoice is credit now; the void posts it. What is left as paid
/// of the invoice: below zero when credit that had paid it was taken back.
pub(crate) fn release(tx: &mut Tx<'_>, invoice: &Invoice) -> Result<Money> {
    let currency = invoice.totals.total.currency();
    let standing: Vec<(PaymentId, i64, i64, i64)> =
        tx.all(&sql::STANDING_OF, params![invoice.id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    if standing.is_empty() {
        return Ok(invoice.paid);
    }
    let mut left = invoice.paid;
    let mut moves: Vec<Move> = Vec::with_capacity(standing.len());
    for (payment, _, amount, ordinal) in &standing {
        let amount = Money::new(*amount, currency)?;
        left = left.checked_sub(amount)?;
        moves.push((*payment, *ordinal, invoice.id, Cause::Released, amount.negated()));
    }
    write(tx, &moves, tx.now())?;
    let rows =
        standing.iter().map(|(payment, credit, amount, _)| [payment.to_value(), Value::Int(credit + amount)]);
    tx.bulk_all(&sql::SET_CREDIT, rows)?;
    tx.exec_one(&sql::SET_LEFT, params![invoice.id, left.minor()])?;
    Ok(left)
}
