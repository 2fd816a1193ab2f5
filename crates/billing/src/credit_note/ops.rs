//! Issuing credit notes and finding them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use identity::{LegalEntity, customer, customer::Party, environment};
use jiff::Timestamp;
use kernel::{
    Currency, Edge, Error, Money, Period, Result,
    ids::{CreditNoteId, CustomerId, InvoiceId, LegalEntityId, SubscriptionId},
};
use ledger::{Account, AccountKind, Posting, Transaction};
use serde_json::json;
use store::{NewFact, Row, Series, ToValue, Tx, Value, View, params};

use super::{
    model::{Cause, Credit, CreditLine, CreditNote, Derivation},
    rules::{Ended, Running},
    sql,
};
use crate::{
    figures,
    invoice::{self, Totals},
};

/// The running lines of a subscription at `at`.
pub(crate) fn running(
    view: &mut View<'_>,
    subscription: SubscriptionId,
    at: Timestamp,
) -> Result<Vec<Running>> {
    view.all(&sql::RUNNING, params![subscription, at], running_line)
}

fn running_line(row: &Row<'_>) -> Result<Running> {
    let line = invoice::read_line(row, 5)?;
    Ok(Running {
        invoice: row.get(0)?,
        state: row.parse(1, invoice::State::parse)?,
        entity: row.get(2)?,
        customer: row.get(3)?,
        credited: Money::new(row.get(4)?, line.amount.currency())?,
        line,
    })
}

/// The lines that billed some stretches of subscriptions in arrears, oldest first, by subscription and start.
pub(crate) fn billed_in_arrears(
    view: &mut View<'_>,
    subscriptions: Vec<SubscriptionId>,
    from: Timestamp,
) -> Result<Vec<Running>> {
    view.all(&sql::BILLED_IN_ARREARS, params![subscriptions, from], running_line)
}

/// The fees in advance of subscriptions for time from an instant on, with what was credited of them.
pub(crate) fn fees(
    view: &mut View<'_>,
    subscriptions: Vec<SubscriptionId>,
    from: Timestamp,
) -> Result<Vec<Running>> {
    view.all(&sql::FEES, params![subscriptions, from], running_line)
}

/// The lines of a subscription that were ended early and would still run at `at`, the last ended first.
pub(crate) fn ended(view: &mut View<'_>, subscription: SubscriptionId, at: Timestamp) -> Result<Vec<Ended>> {
    view.all(&sql::ENDED, params![subscription, at], |row| {
        let explanation = serde_json::from_value(row.get(7)?);
        Ok(Ended {
            number: row.get(0)?,
            period: period(row, 1)?,
            credited: Money::new(row.get(5)?, row.get(6)?)?,
            explanation: explanation
                .map_err(|error| Error::internal(format!("a stored explanation cannot be read: {error}")))?,
        })
    })
}

fn period(row: &Row<'_>, first: usize) -> Result<Period> {
    Ok(Period {
        start: Edge { date: row.get(first)?, at: row.get(first + 1)? },
        end: Edge { date: row.get(first + 2)?, at: row.get(first + 3)? },
    })
}

/// Issue a credit note for each invoice that `credits` correct, whoever issued it.
pub(crate) fn issue_for(
    tx: &mut Tx<'_>,
    credits: Vec<Credit>,
    cause: Cause,
    at: Timestamp,
) -> Result<Vec<CreditNote>> {
    let invoices: BTreeSet<InvoiceId> = credits.iter().map(|credit| credit.invoice).collect();
    if invoices.is_empty() {
        return Ok(Vec::new());
    }
    let issuers = invoice::issuers(tx, invoices.into_iter().collect())?;
    issue(tx, credits, &issuers, cause, at)
}

/// Issue a credit note for each invoice that `credits` correct, as of `at`: number, date, party, postings
/// and facts. What they come to is the customer's credit from then on.
///
/// `from` says for each invoice who issued it and whom it is for.
fn issue(
    tx: &mut Tx<'_>,
    credits: Vec<Credit>,
    from: &HashMap<InvoiceId, (LegalEntityId, CustomerId)>,
    cause: Cause,
    at: Timestamp,
) -> Result<Vec<CreditNote>> {
    if credits.is_empty() {
        return Ok(Vec::new());
    }
    let mut of_invoice: BTreeMap<InvoiceId, Vec<Credit>> = BTreeMap::new();
    for credit in credits {
        of_invoice.entry(credit.invoice).or_default().push(credit);
    }
    let customers: Vec<CustomerId> = from.values().map(|(_, customer)| *customer).collect();
    let parties: HashMap<CustomerId, Party> = customer::parties(tx, customers)?.into_iter().collect();
    let entities = environment::entities(tx)?;
    let mut notes = Vec::new();
    for (invoice, credits) in of_invoice {
        let gone = || Error::internal(format!("the issuer of {invoice} is gone"));
        let (entity, customer) = from.get(&invoice).copied().ok_or_else(gone)?;
        let entity = entities.iter().find(|known| known.id == entity).ok_or_else(gone)?;
        let (number, sequence, issued) = take_number(tx, entity, at)?;
        let note = CreditNote {
            id: tx.new_id(),
            entity: entity.id,
            customer,
            invoice,
            number,
            issued,
            effective: at,
            cause,
            totals: totals(&credits)?,
            party: parties.get(&customer).cloned(),
        };
        notes.push((note, sequence, credits));
    }
    insert(tx, &notes)?;
    let postings =
        notes.iter().map(|(note, _, credits)| posting(note, credits)).collect::<Result<Vec<_>>>()?;
    ledger::post(tx, &postings)?;
    let notes: Vec<CreditNote> = notes.into_iter().map(|(note, _, _)| note).collect();
    figures::credited(tx, notes.iter())?;
    for note in &notes {
        tx.fact(fact(note)?);
    }
    Ok(notes)
}

fn take_number(
    tx: &mut Tx<'_>,
    entity: &LegalEntity,
    at: Timestamp,
) -> Result<(String, i64, jiff::civil::Date)> {
    let name = series_of(entity);
    let series = Series { owner: entity.id.uuid(), name: name.clone() };
    let taken = tx.take_numbers(&series, 1, entity.zone.date_of(at))?;
    Ok((format!("{name}-{:06}", taken.first), taken.first, taken.date))
}

fn totals(credits: &[Credit]) -> Result<Totals> {
    let currency = credits.first().map(|credit| credit.amount.currency());
    let currency = currency.ok_or_else(|| Error::internal("a credit note without lines"))?;
    let subtotal = Money::total(credits.iter().map(|credit| credit.amount), currency)?;
    // The lines were billed without tax, so nothing of it is credited.
    Ok(Totals { subtotal, tax: Money::zero(currency), total: subtotal })
}

/// What was billed in advance is no longer to be earned; the customer has it to their credit.
fn posting(note: &CreditNote, credits: &[Credit]) -> Result<Transaction> {
    let amounts = credits.iter().map(|credit| (credit.was_earned(), credit.key.as_str(), credit.amount));
    let mut postings: Vec<Posting> = invoice::income(note.entity, note.totals.total.currency(), amounts)?
        .into_iter()
        .map(|(account, amount)| Posting::debit(account, amount))
        .collect();
    let credit = Account::owned(note.entity, AccountKind::CustomerCredit, note.customer);
    postings.push(Posting::credit(credit, note.totals.total));
    let (effective, document) = (note.effective, note.id.any());
    Ok(Transaction { effective, document, kind: "credit_note.issued", postings })
}

fn fact(note: &CreditNote) -> Result<NewFact> {
    let payload = json!({
        "number": note.number,
        "issued": note.issued,
        "invoice": note.invoice,
        "cause": note.cause.word(),
        "currency": note.totals.total.currency(),
        "subtotal": note.totals.subtotal.minor(),
        "tax": note.totals.tax.minor(),
        "total": note.totals.total.minor(),
    });
    Ok(NewFact::new("credit_note.issued", note.id.any(), payload)?
        .of(note.customer)
        .effective(note.effective))
}

fn insert(tx: &mut Tx<'_>, notes: &[(CreditNote, i64, Vec<Credit>)]) -> Result<()> {
    let json = |error: serde_json::Error| Error::internal(error.to_string());
    let parties = notes
        .iter()
        .map(|(note, ..)| note.party.as_ref().map(serde_json::to_value).transpose().map_err(json))
        .collect::<Result<Vec<_>>>()?;
    let rows = notes.iter().zip(&parties).map(|((note, sequence, _), party)| {
        let Totals { subtotal, tax, total } = note.totals;
        [
            note.id.to_value(),
            note.entity.to_value(),
            note.customer.to_value(),
            note.invoice.to_value(),
            Value::from(total.currency().code()),
            sequence.to_value(),
            note.number.to_value(),
            note.issued.to_value(),
            note.effective.to_value(),
            Value::from(note.cause.word()),
            Value::Int(subtotal.minor()),
            Value::Int(tax.minor()),
            Value::Int(total.minor()),
            party.as_ref().map_or(Value::Null, Value::json),
        ]
    });
    tx.bulk_all(&sql::INSERT, rows)?;
    let mut lines = Vec::new();
    for (note, _, credits) in notes {
        for (ordinal, credit) in credits.iter().enumerate() {
            lines.push((
                note.id,
                ordinal as i64,
                credit,
                serde_json::to_value(&credit.derivation).map_err(json)?,
            ));
        }
    }
    let rows = lines.iter().map(|(note, ordinal, credit, derivation)| {
        let Period { start, end } = credit.period;
        [
            note.to_value(),
            ordinal.to_value(),
            credit.invoice.to_value(),
            credit.invoice_line.to_value(),
            Value::Bool(matches!(credit.derivation, Derivation::Unused(_))),
            credit.description.to_value(),
            Value::Date(start.date),
            Value::Instant(start.at),
            Value::Date(end.date),
            Value::Instant(end.at),
            Value::Int(credit.amount.minor()),
            Value::json(derivation),
            credit.key.to_value(),
        ]
    });
    tx.bulk_all(&sql::INSERT_LINES, rows)
}

pub(super) fn read(row: &Row<'_>) -> Result<CreditNote> {
    let currency: Currency = row.get(4)?;
    let money = |index: usize| Money::new(row.get(index)?, currency);
    let party: Option<serde_json::Value> = row.get(12)?;
    let party = party.map(serde_json::from_value).transpose();
    Ok(CreditNote {
        id: row.get(0)?,
        entity: row.get(1)?,
        customer: row.get(2)?,
        invoice: row.get(3)?,
        number: row.get(5)?,
        issued: row.get(6)?,
        effective: row.get(7)?,
        cause: row.parse(8, Cause::parse)?,
        totals: Totals { subtotal: money(9)?, tax: money(10)?, total: money(11)? },
        party: party.map_err(|error| Error::internal(format!("a stored party cannot be read: {error}")))?,
    })
}

/// A credit note. Errors: `not_found`.
pub fn find(view: &mut View<'_>, id: CreditNoteId) -> Result<CreditNote> {
    view.opt(&sql::FIND, params![id], read)?.ok_or_else(|| Error::not_found("credit note"))
}

/// The id that `crn_…` or a number such as `INV-CN-000001` stands for. Errors: `id_malformed`, `not_found`.
pub fn resolve(view: &mut View<'_>, reference: &str) -> Result<CreditNoteId> {
    let Some((series, sequence)) = invoice::numbered(reference) else { return reference.parse() };
    let entity = environment::entities(view)?.into_iter().find(|entity| series_of(entity) == series);
    let entity = entity.ok_or_else(|| Error::not_found("credit note"))?;
    view.opt(&sql::BY_NUMBER, params![entity.id, sequence], |row| row.get(0))?
        .ok_or_else(|| Error::not_found("credit note"))
}

/// What the numbers of an issuer's credit notes begin with.
fn series_of(entity: &LegalEntity) -> String {
    format!("{}-CN", entity.series)
}

/// The credit notes that correct an invoice, oldest first.
pub fn of_invoice(view: &mut View<'_>, invoice: InvoiceId) -> Result<Vec<CreditNote>> {
    view.all(&sql::OF_INVOICE, params![invoice], read)
}

/// The lines of a credit note, in order.
pub fn lines(view: &mut View<'_>, id: CreditNoteId) -> Result<Vec<CreditLine>> {
    view.all(&sql::LINES, params![id], |row| {
        let derivation = serde_json::from_value(row.get(9)?);
        let credit = Credit {
            invoice: row.get(1)?,
            invoice_line: row.get(2)?,
            key: row.get(11)?,
            description: row.get(3)?,
            period: period(row, 4)?,
            amount: Money::new(row.get(8)?, row.get(10)?)?,
            derivation: derivation
                .map_err(|error| Error::internal(format!("a stored derivation cannot be read: {error}")))?,
        };
        Ok(CreditLine { ordinal: row.get(0)?, credit })
    })
}
