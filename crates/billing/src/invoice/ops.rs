//! Finding invoices; issuing and ending them.

use std::collections::HashMap;

use catalog::TaxRounding;
use identity::{customer, customer::Party, environment};
use jiff::Timestamp;
use kernel::{
    Currency, Edge, Error, Money, Period, Rate, Result,
    ids::{self, CustomerId, InvoiceId, LegalEntityId, SubscriptionId},
};
use rating::Number;
use store::{Lock, Row, Value, View, params};
use tax::{Jurisdiction, Kind, Tax, Treatment};
use uuid::Uuid;

use super::{
    model::{ChargeKind, Draft, End, Invoice, Line, State, Totals},
    rules, sql,
};

mod carry;
mod end;
mod issue;

pub(crate) use carry::{carried, carry, forget, issue_carried};
pub use end::{give_up, void};
pub use issue::finalize;
pub(crate) use issue::{issue, save_drafts};

/// Invoices are locked after their subscriptions.
static LOCK: Lock<ids::Invoice> = Lock::new(30, &sql::LOCK);

/// The last adjustment of the lines of a subscription that begin at an instant or later, by item and start.
pub(crate) fn adjustments(
    view: &mut View<'_>,
    subscription: SubscriptionId,
    from: Timestamp,
) -> Result<HashMap<(i64, Timestamp), i64>> {
    let rows = view.all(&sql::ADJUSTMENTS, params![subscription, from], |row| {
        Ok(((row.get(0)?, row.get(1)?), row.get(2)?))
    })?;
    Ok(rows.into_iter().collect())
}

/// A party as it is stored.
pub(crate) fn party_json(party: Option<&Party>) -> Result<Value<'static>> {
    party.map_or(Ok(Value::Null), Value::json_of)
}

/// A draft with its taxes, as it would be issued now, and what it adds up to; writes nothing.
///
/// Errors: `not_found` for the customer, `legal_entity_unknown`, `amount_out_of_range`.
pub fn assessed(view: &mut View<'_>, mut draft: Draft) -> Result<(Draft, Totals)> {
    let entity = environment::entity(view, Some(draft.entity))?;
    let buyer = customer::buyers(view, vec![draft.customer])?.pop();
    let (_, buyer) = buyer.ok_or_else(|| Error::not_found("customer"))?;
    rules::assess(&mut draft, &entity, &buyer)?;
    let totals = draft.totals()?;
    Ok((draft, totals))
}

/// Who issued invoices, and whom they are for.
pub(crate) fn issuers(
    view: &mut View<'_>,
    ids: Vec<InvoiceId>,
) -> Result<HashMap<InvoiceId, (LegalEntityId, CustomerId)>> {
    let rows = view.all(&sql::ISSUERS, params![ids], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    Ok(rows.into_iter().collect())
}

/// A party as it was stored.
pub(crate) fn read_party(row: &Row<'_>, column: usize) -> Result<Option<Party>> {
    let party: Option<serde_json::Value> = row.get(column)?;
    let party = party.map(serde_json::from_value).transpose();
    party.map_err(|error| Error::internal(format!("a stored party cannot be read: {error}")))
}

pub(crate) fn read(row: &Row<'_>) -> Result<Invoice> {
    let currency: Currency = row.get(4)?;
    let money = |index: usize| Money::new(row.get(index)?, currency);
    let end = row.get::<Option<Timestamp>>(15)?.zip(row.get(16)?);
    Ok(Invoice {
        id: row.get(0)?,
        entity: row.get(1)?,
        customer: row.get(2)?,
        state: row.parse(3, State::parse)?,
        number: row.get(5)?,
        issued: row.get(6)?,
        due: row.get(7)?,
        totals: Totals { subtotal: money(8)?, tax: money(9)?, total: money(10)? },
        credit: money(12)?,
        paid: money(17)?,
        party: read_party(row, 11)?,
        seller: read_party(row, 13)?,
        tax_rounding: row.parse(14, rounding)?,
        end: end.map(|(at, reason)| End { at, reason }),
        carried: row.get(18)?,
    })
}

/// The words of [`TaxRounding`] in storage.
const ROUNDINGS: [(TaxRounding, &str); 3] =
    [(TaxRounding::Category, "category"), (TaxRounding::Document, "document"), (TaxRounding::Line, "line")];

fn rounding(word: &str) -> Option<TaxRounding> {
    ROUNDINGS.iter().find(|(_, known)| *known == word).map(|(rounding, _)| *rounding)
}

fn rounding_word(rounding: TaxRounding) -> &'static str {
    ROUNDINGS.iter().find(|(known, _)| *known == rounding).map_or("category", |(_, word)| word)
}

/// The taxes of an invoice, in order.
pub fn taxes(view: &mut View<'_>, id: InvoiceId) -> Result<Vec<Tax>> {
    view.all(&sql::TAXES, params![id], |row| {
        let currency: Currency = row.get(8)?;
        let (jurisdiction, rate) = (row.get::<String>(0)?, row.get::<String>(3)?);
        let treatment = Treatment {
            jurisdiction: Jurisdiction::parse(&jurisdiction)?,
            kind: row.parse(1, Kind::parse)?,
            name: row.get(2)?,
            rate: Rate::parse_percent(&rate)?,
            reason: row.get(6)?,
            note: row.get(7)?,
        };
        let money = |index: usize| Money::new(row.get(index)?, currency);
        Ok(Tax { treatment, base: money(4)?, amount: money(5)? })
    })
}

/// An invoice. Errors: `not_found`.
pub fn find(view: &mut View<'_>, id: InvoiceId) -> Result<Invoice> {
    view.opt(&sql::FIND, params![id], read)?.ok_or_else(|| Error::not_found("invoice"))
}

/// Several invoices in ascending order of id.
pub(crate) fn many(view: &mut View<'_>, ids: Vec<InvoiceId>) -> Result<Vec<Invoice>> {
    view.all(&sql::MANY, params![ids], read)
}

/// The id that `inv_…` or a number such as `INV-000001` stands for. Errors: `id_malformed`, `not_found`.
pub fn resolve(view: &mut View<'_>, reference: &str) -> Result<InvoiceId> {
    let Some((series, sequence)) = numbered(reference) else { return reference.parse() };
    let entity = environment::entities(view)?.into_iter().find(|entity| entity.series == series);
    let entity = entity.ok_or_else(|| Error::not_found("invoice"))?;
    view.opt(&sql::BY_NUMBER, params![entity.id, sequence], |row| row.get(0))?
        .ok_or_else(|| Error::not_found("invoice"))
}

/// The series and the place in it of a document number.
pub(crate) fn numbered(reference: &str) -> Option<(&str, i64)> {
    let (series, digits) = reference.rsplit_once('-')?;
    Some((series, digits.parse().ok()?))
}

/// The lines of an invoice, in order.
pub fn lines(view: &mut View<'_>, id: InvoiceId) -> Result<Vec<Line>> {
    view.all(&sql::LINES, params![id], |row| read_line(row, 0))
}

/// A line from the columns of [`sql::line_columns`], which begin at `first`.
pub(crate) fn read_line(row: &Row<'_>, first: usize) -> Result<Line> {
    let column = |place: usize| first + place;
    let currency: Currency = row.get(column(19))?;
    let money = |place: usize| Money::new(row.get(column(place))?, currency);
    let unreadable = |what: &str| Error::internal(format!("a stored {what} cannot be read"));
    let measured = row.get::<Option<String>>(column(13))?;
    Ok(Line {
        ordinal: row.get(column(0))?,
        subscription: row.get(column(1))?,
        item: row.get(column(2))?,
        kind: row.parse(column(3), ChargeKind::parse)?,
        key: row.get(column(4))?,
        group: row.get(column(5))?,
        adjustment: row.get(column(6))?,
        description: row.get(column(7))?,
        period: Period {
            start: Edge { date: row.get(column(8))?, at: row.get(column(9))? },
            end: Edge { date: row.get(column(10))?, at: row.get(column(11))? },
        },
        quantity: row.get(column(12))?,
        measured: measured
            .map(|text| Number::parse(&text).ok_or_else(|| unreadable("measured quantity")))
            .transpose()?,
        discount: money(14)?,
        amount: money(15)?,
        tax: money(16)?,
        tax_category: row.get(column(17))?,
        explanation: serde_json::from_value(row.get(column(18))?)
            .map_err(|error| Error::internal(format!("a stored explanation cannot be read: {error}")))?,
    })
}

/// Invoices made before `before` (none: from the newest on), newest first.
pub fn list(view: &mut View<'_>, before: Option<InvoiceId>, limit: i64) -> Result<Vec<Invoice>> {
    let before = before.map_or(Uuid::max(), InvoiceId::uuid);
    view.all(&sql::LIST, params![before, limit], read)
}

/// A customer's invoices made before `before`, newest first.
pub fn of_customer(
    view: &mut View<'_>,
    customer: CustomerId,
    before: Option<InvoiceId>,
    limit: i64,
) -> Result<Vec<Invoice>> {
    let before = before.map_or(Uuid::max(), InvoiceId::uuid);
    view.all(&sql::OF_CUSTOMER, params![customer, before, limit], read)
}

/// A subscription's invoices made before `before`, newest first.
pub fn of_subscription(
    view: &mut View<'_>,
    subscription: SubscriptionId,
    before: Option<InvoiceId>,
    limit: i64,
) -> Result<Vec<Invoice>> {
    let before = before.map_or(Uuid::max(), InvoiceId::uuid);
    view.all(&sql::OF_SUBSCRIPTION, params![subscription, before, limit], read)
}
