//! Drafts over so little that they wait for the next invoice.

use std::collections::BTreeMap;

use catalog::TaxRounding;
use jiff::Timestamp;
use kernel::{
    Currency, Result,
    ids::{CustomerId, InvoiceId, LegalEntityId, SubscriptionId},
};
use serde_json::json;
use store::{NewFact, ToValue, Tx, Value, View, params};

use super::{issue::finalize, read_line, rounding, save_drafts};
use crate::{
    bill_run::Carried,
    invoice::{model::Draft, sql},
};

/// What waits for the next invoices of customers, the oldest first.
pub(crate) fn carried(view: &mut View<'_>, customers: Vec<CustomerId>) -> Result<Vec<Carried>> {
    type Found = (InvoiceId, LegalEntityId, CustomerId, Currency, Timestamp, TaxRounding, u16);
    let found: Vec<Found> = view.all(&sql::CARRIED, params![customers], |row| {
        let times = u16::try_from(row.get::<i64>(6)?).unwrap_or(u16::MAX);
        let rounding = row.parse(5, rounding)?;
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, rounding, times))
    })?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<InvoiceId> = found.iter().map(|(id, ..)| *id).collect();
    let mut lines: BTreeMap<InvoiceId, Vec<_>> = BTreeMap::new();
    for (id, line) in
        view.all(&sql::LINES_OF, params![ids], |row| Ok((row.get::<InvoiceId>(0)?, read_line(row, 1)?)))?
    {
        lines.entry(id).or_default().push(line);
    }
    let waits = |(id, entity, customer, currency, due, tax_rounding, times): Found| {
        let lines = lines.remove(&id).unwrap_or_default();
        let (run, taxes) = (None, Vec::new());
        let draft = Draft { entity, customer, currency, due, lines, run, tax_rounding, taxes };
        Carried { id, draft, times }
    };
    Ok(found.into_iter().map(waits).collect())
}

/// Forget drafts whose lines go onto another invoice, which takes their ids.
pub(crate) fn forget(tx: &mut Tx<'_>, ids: Vec<InvoiceId>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    for statement in [&sql::FORGET_TAXES, &sql::FORGET_LINES, &sql::FORGET] {
        tx.exec(statement, params![ids.clone()])?;
    }
    Ok(())
}

/// Let drafts wait for the next invoice.
pub(crate) fn carry(tx: &mut Tx<'_>, waiting: Vec<Carried>) -> Result<()> {
    if waiting.is_empty() {
        return Ok(());
    }
    let times: Vec<(InvoiceId, CustomerId, u16)> =
        waiting.iter().map(|one| (one.id, one.draft.customer, one.times)).collect();
    save_drafts(tx, waiting.into_iter().map(|one| (one.id, one.draft)).collect())?;
    tx.bulk_all(
        &sql::CARRY,
        times.iter().map(|(id, _, times)| [id.to_value(), Value::Int((*times).into())]),
    )?;
    for (id, customer, times) in times {
        let fact = NewFact::new("invoice.carried_over", id.any(), json!({ "times": times }))?;
        tx.fact(fact.of(customer));
    }
    Ok(())
}

/// Issue now what waits of a subscription: what is to be credited must be on an issued invoice. The caller holds the
/// customer.
pub(crate) fn issue_carried(tx: &mut Tx<'_>, id: SubscriptionId) -> Result<()> {
    let waiting: Vec<InvoiceId> = tx.all(&sql::CARRIED_OF, params![id], |row| row.get(0))?;
    waiting.into_iter().try_for_each(|id| finalize(tx, id).map(drop))
}
