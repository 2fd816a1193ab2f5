//! Issuing credit notes and finding them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use identity::{LegalEntity, customer, customer::Party, environment};
use jiff::Timestamp;
use kernel::{
    Currency, Edge, Error, Money, Period, Rate, Result,
    ids::{CreditNoteId, CustomerId, InvoiceId, LegalEntityId, SubscriptionId},
};
use ledger::{Account, AccountKind, Transaction};
use serde_json::json;
use store::{NewFact, Row, Series, ToValue, Tx, Value, View, params};
use tax::{Jurisdiction, Kind, Tax, Treatment};

use super::{
    model::{Cause, Credit, CreditLine, CreditNote, Derivation},
    rules::{Ended, Running},
    sql,
};
use crate::{
    figures,
    invoice::{self, ChargeKind, Sums, Totals, earned_on, party_json, read_party, tax_account},
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
    let line = invoice::read_line(row, 6)?;
    let currency = line.amount.currency();
    Ok(Running {
        invoice: row.get(0)?,
        state: row.parse(1, invoice::State::parse)?,
        entity: row.get(2)?,
        customer: row.get(3)?,
        credited: Money::new(row.get(4)?, currency)?,
        credited_tax: Money::new(row.get(5)?, currency)?,
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
            seller: Some(entity.party()),
        };
        notes.push((note, sequence, credits));
    }
    insert(tx, &notes)?;
    let postings =
        notes.iter().map(|(note, _, credits)| posting(tx, note, credits)).collect::<Result<Vec<_>>>()?;
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
    let tax = Money::total(credits.iter().map(|credit| credit.tax), currency)?;
    Ok(Totals { subtotal, tax, total: subtotal.checked_add(tax)? })
}

/// What was billed is no longer to be earned, its tax no longer to be handed on; the customer has both to their
/// credit.
fn posting(view: &mut View<'_>, note: &CreditNote, credits: &[Credit]) -> Result<Transaction> {
    let (entity, total) = (note.entity, note.totals.total);
    let mut sums = Sums::new(total.currency());
    for credit in credits {
        let source = view.one(&sql::SOURCE, params![credit.invoice, credit.invoice_line], |row| {
            let jurisdiction: Option<String> = row.get(2)?;
            Ok((row.parse(0, ChargeKind::parse)?, row.get::<String>(1)?, jurisdiction))
        });
        let (kind, key, jurisdiction) = source?;
        sums.add(earned_on(entity, kind, &key), credit.amount);
        if !credit.tax.is_zero() {
            let known = jurisdiction.ok_or_else(|| Error::internal("a line has tax that is nobody's"))?;
            sums.add(tax_account(entity, &Jurisdiction::parse(&known)?), credit.tax);
        }
    }
    sums.add(Account::owned(entity, AccountKind::CustomerCredit, note.customer), total.negated());
    Ok(Transaction {
        effective: note.effective,
        document: note.id.any(),
        kind: "credit_note.issued",
        postings: sums.postings()?,
    })
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
    let parties = notes
        .iter()
        .map(|(note, ..)| Ok((party_json(note.party.as_ref())?, party_json(note.seller.as_ref())?)))
        .collect::<Result<Vec<_>>>()?;
    let rows = notes.iter().zip(parties).map(|((note, sequence, _), (party, seller))| {
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
            party,
            seller,
        ]
    });
    tx.bulk_all(&sql::INSERT, rows)?;
    let mut lines = Vec::new();
    for (note, _, credits) in notes {
        for (ordinal, credit) in credits.iter().enumerate() {
            lines.push((note.id, ordinal as i64, credit, Value::json_of(&credit.derivation)?));
        }
    }
    let rows = lines.into_iter().map(|(note, ordinal, credit, derivation)| {
        let Period { start, end } = credit.period;
        [
            Value::Uuid(note.uuid()),
            Value::Int(ordinal),
            credit.invoice.to_value(),
            credit.invoice_line.to_value(),
            Value::Bool(matches!(credit.derivation, Derivation::Unused(_))),
            credit.description.to_value(),
            Value::Date(start.date),
            Value::Instant(start.at),
            Value::Date(end.date),
            Value::Instant(end.at),
            Value::Int(credit.amount.minor()),
            derivation,
            Value::Int(credit.tax.minor()),
            credit.key.to_value(),
        ]
    });
    tx.bulk_all(&sql::INSERT_LINES, rows)
}

pub(super) fn read(row: &Row<'_>) -> Result<CreditNote> {
    let currency: Currency = row.get(4)?;
    let money = |index: usize| Money::new(row.get(index)?, currency);
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
        party: read_party(row, 12)?,
        seller: read_party(row, 13)?,
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
            key: row.get(12)?,
            description: row.get(3)?,
            period: period(row, 4)?,
            amount: Money::new(row.get(8)?, row.get(10)?)?,
            tax: Money::new(row.get(11)?, row.get(10)?)?,
            derivation: derivation
                .map_err(|error| Error::internal(format!("a stored derivation cannot be read: {error}")))?,
        };
        Ok(CreditLine { ordinal: row.get(0)?, credit })
    })
}

/// The taxes a credit note gives back, in the order of those of the invoice.
pub fn taxes(view: &mut View<'_>, id: CreditNoteId) -> Result<Vec<Tax>> {
    let mut taxes: Vec<(i64, Tax)> = Vec::new();
    view.each(&sql::TAXES, params![id], |row| {
        let (place, currency): (i64, Currency) = (row.get(0)?, row.get(9)?);
        let (base, amount) = (Money::new(row.get(7)?, currency)?, Money::new(row.get(8)?, currency)?);
        if let Some((_, tax)) = taxes.last_mut().filter(|(last, _)| *last == place) {
            (tax.base, tax.amount) = (tax.base.checked_add(base)?, tax.amount.checked_add(amount)?);
            return Ok(());
        }
        let treatment = Treatment {
            jurisdiction: Jurisdiction::parse(&row.get::<String>(1)?)?,
            kind: row.parse(2, Kind::parse)?,
            name: row.get(3)?,
            rate: Rate::parse_percent(&row.get::<String>(4)?)?,
            reason: row.get(5)?,
            note: row.get(6)?,
        };
        taxes.push((place, Tax { treatment, base, amount }));
        Ok(())
    })?;
    Ok(taxes.into_iter().map(|(_, tax)| tax).collect())
}
