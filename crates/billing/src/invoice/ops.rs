//! Storing drafts, issuing invoices one or many at a time, and finding them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use identity::{LegalEntity, customer, customer::Party, environment};
use jiff::Timestamp;
use kernel::{
    Currency, Edge, Error, Money, Period, Result,
    ids::{self, BillRunId, CustomerId, InvoiceId, LegalEntityId, SubscriptionId},
};
use ledger::{Account, AccountKind, Posting, Transaction};
use rating::Number;
use serde_json::json;
use store::{Lock, NewFact, Row, Series, ToValue, Tx, Value, View, params};
use uuid::Uuid;

use super::{
    model::{ChargeKind, Draft, Invoice, Line, State, Totals},
    sql,
};

/// An invoice about to be stored.
struct Document {
    invoice: Invoice,
    run: Option<BillRunId>,
    sequence: Option<i64>,
    lines: Vec<Line>,
}

impl Document {
    fn draft(id: InvoiceId, draft: Draft) -> Result<Self> {
        let totals = draft.totals()?;
        let invoice = Invoice {
            id,
            entity: draft.entity,
            customer: draft.customer,
            state: State::Draft,
            number: None,
            issued: None,
            due: draft.due,
            totals,
            credit: Money::zero(draft.currency),
            paid: Money::zero(draft.currency),
            party: None,
        };
        let mut lines = draft.lines;
        for (place, line) in lines.iter_mut().enumerate() {
            line.ordinal = place as i64;
        }
        Ok(Self { invoice, run: draft.run, sequence: None, lines })
    }
}

/// Store drafts. Each keeps its lines and amounts and has no number.
pub(crate) fn save_drafts(tx: &mut Tx<'_>, drafts: Vec<(InvoiceId, Draft)>) -> Result<()> {
    let documents =
        drafts.into_iter().map(|(id, draft)| Document::draft(id, draft)).collect::<Result<Vec<_>>>()?;
    for Document { invoice, lines, .. } in &documents {
        let payload = json!({
            "currency": invoice.totals.total.currency(),
            "total": invoice.totals.total.minor(),
            "lines": lines.len(),
        });
        tx.fact(NewFact::new("invoice.drafted", invoice.id.any(), payload)?.of(invoice.customer));
    }
    insert(tx, &documents)
}

/// Store invoices and issue them at once, as of `at`: number, date, party, credit, postings and facts. In
/// the order given, which is the order of the numbers. Their customers must be locked or made by this
/// transaction, because their credit is used.
pub(crate) fn issue(tx: &mut Tx<'_>, drafts: Vec<(InvoiceId, Draft)>, at: Timestamp) -> Result<Vec<Invoice>> {
    let mut documents =
        drafts.into_iter().map(|(id, draft)| Document::draft(id, draft)).collect::<Result<Vec<_>>>()?;
    let mut issued: Vec<(&mut Invoice, &mut Option<i64>)> =
        documents.iter_mut().map(|document| (&mut document.invoice, &mut document.sequence)).collect();
    stamp(tx, &mut issued, at)?;
    insert(tx, &documents)?;
    book(tx, documents.iter().map(|document| (&document.invoice, document.lines.as_slice())), at)?;
    Ok(documents.into_iter().map(|document| document.invoice).collect())
}

/// Invoices are locked after their subscriptions.
static LOCK: Lock<ids::Invoice> = Lock::new(30, &sql::LOCK);

/// Issue a draft. Errors: `not_found`, `invoice_not_draft`.
pub fn finalize(tx: &mut Tx<'_>, id: InvoiceId) -> Result<Invoice> {
    let customer = find(tx, id)?.customer;
    customer::lock(tx, customer)?;
    tx.lock(&LOCK, id)?;
    let mut invoice = find(tx, id)?;
    if invoice.state != State::Draft {
        let state = invoice.state.word();
        let detail =
            format!("Only a draft can be finalized; this invoice is {state} and never changes again.");
        return Err(Error::conflict("invoice_not_draft", detail));
    }
    let (at, mut sequence) = (tx.now(), None);
    stamp(tx, &mut [(&mut invoice, &mut sequence)], at)?;
    let (state, party) = (invoice.state.word(), party_json(invoice.party.as_ref())?);
    let credit = invoice.credit.minor();
    tx.exec_one(&sql::ISSUE, params![id, state, sequence, invoice.number, invoice.issued, party, credit])?;
    let of_invoice = lines(tx, id)?;
    book(tx, std::iter::once((&invoice, of_invoice.as_slice())), at)?;
    Ok(invoice)
}

/// Give invoices what issuing gives them: a number and a date from their legal entity's series, the party
/// as it is printed, and the customer's credit. An invoice with nothing left to pay is settled by being issued.
fn stamp(tx: &mut Tx<'_>, invoices: &mut [(&mut Invoice, &mut Option<i64>)], at: Timestamp) -> Result<()> {
    let customers: Vec<CustomerId> = invoices.iter().map(|(invoice, _)| invoice.customer).collect();
    let parties: HashMap<CustomerId, Party> = customer::parties(tx, customers)?.into_iter().collect();
    let entities: BTreeMap<LegalEntityId, LegalEntity> =
        environment::entities(tx)?.into_iter().map(|entity| (entity.id, entity)).collect();
    for (id, entity) in &entities {
        let of_entity = || invoices.iter().filter(|(invoice, _)| invoice.entity == *id).count();
        let count = u32::try_from(of_entity()).map_err(|_| Error::internal("too many invoices at once"))?;
        if count == 0 {
            continue;
        }
        let series = Series { owner: id.uuid(), name: entity.series.clone() };
        let taken = tx.take_numbers(&series, count, entity.zone.date_of(at))?;
        let mine = invoices.iter_mut().filter(|(invoice, _)| invoice.entity == *id);
        for ((invoice, sequence), number) in mine.zip(taken.first..) {
            **sequence = Some(number);
            invoice.number = Some(format!("{}-{number:06}", entity.series));
            invoice.issued = Some(taken.date);
            invoice.party = parties.get(&invoice.customer).cloned();
        }
    }
    use_credit(tx, invoices)?;
    for (invoice, _) in invoices.iter_mut() {
        invoice.state = if invoice.amount_due()?.is_zero() { State::Paid } else { State::Finalized };
    }
    match invoices.iter().find(|(_, sequence)| sequence.is_none()) {
        None => Ok(()),
        Some((invoice, _)) => Err(Error::internal(format!("the legal entity of {} is gone", invoice.id))),
    }
}

/// Let the credit customers have with the issuer pay what it can, the first invoice first.
fn use_credit(tx: &mut Tx<'_>, invoices: &mut [(&mut Invoice, &mut Option<i64>)]) -> Result<()> {
    let customers: BTreeSet<CustomerId> = invoices.iter().map(|(invoice, _)| invoice.customer).collect();
    let owners = customers.iter().map(CustomerId::to_string).collect();
    // A credit balance is negative: it is what we owe.
    let mut held: HashMap<(Account, Currency), i64> =
        ledger::held_by(tx, AccountKind::CustomerCredit, owners)?
            .into_iter()
            .map(|(account, currency, balance)| ((account, currency), -balance))
            .collect();
    for (invoice, _) in invoices.iter_mut() {
        let (account, total) = (credit_account(invoice), invoice.totals.total);
        if let Some(left) = held.get_mut(&(account, total.currency())) {
            let used = total.minor().min(*left).max(0);
            *left -= used;
            invoice.credit = Money::new(used, total.currency())?;
        }
    }
    Ok(())
}

fn credit_account(invoice: &Invoice) -> Account {
    Account::owned(invoice.entity, AccountKind::CustomerCredit, invoice.customer)
}

/// Post issued invoices to the ledger and state that they were issued.
fn book<'i>(
    tx: &mut Tx<'_>,
    invoices: impl Iterator<Item = (&'i Invoice, &'i [Line])> + Clone,
    at: Timestamp,
) -> Result<()> {
    let mut transactions = Vec::new();
    for (invoice, lines) in invoices.clone().filter(|(invoice, _)| !invoice.totals.total.is_zero()) {
        transactions.extend(postings(invoice, lines, at)?);
    }
    ledger::post(tx, &transactions)?;
    for (invoice, _) in invoices {
        let Totals { subtotal, tax, total } = invoice.totals;
        let payload = json!({
            "number": invoice.number,
            "issued": invoice.issued,
            "currency": total.currency(),
            "subtotal": subtotal.minor(),
            "tax": tax.minor(),
            "total": total.minor(),
            "credit": invoice.credit.minor(),
        });
        let fact = NewFact::new("invoice.finalized", invoice.id.any(), payload)?;
        tx.fact(fact.of(invoice.customer).effective(at));
    }
    Ok(())
}

/// Where the net amounts of lines are income: what is earned is revenue of its product, what is billed in advance is
/// deferred. Amounts that come to nothing are left out.
pub(crate) fn income<'l>(
    entity: LegalEntityId,
    currency: Currency,
    amounts: impl Iterator<Item = (bool, &'l str, Money)>,
) -> Result<Vec<(Account, Money)>> {
    let mut sums: BTreeMap<Option<&str>, Vec<Money>> = BTreeMap::new();
    for (earned, key, amount) in amounts {
        sums.entry(earned.then_some(key)).or_default().push(amount);
    }
    let mut income = Vec::with_capacity(sums.len());
    for (product, amounts) in sums {
        let account = match product {
            None => Account::single(entity, AccountKind::DeferredRevenue),
            Some(product) => Account::owned(entity, AccountKind::Revenue, product),
        };
        let sum = Money::total(amounts, currency)?;
        if !sum.is_zero() {
            income.push((account, sum));
        }
    }
    Ok(income)
}

/// What an issued invoice posts: the customer owes the total, usage is earned, fees in advance are not yet; and what
/// the customer's credit pays of it.
fn postings(invoice: &Invoice, lines: &[Line], at: Timestamp) -> Result<Vec<Transaction>> {
    let Totals { tax, total, .. } = invoice.totals;
    debug_assert!(tax.is_zero(), "tax needs a jurisdiction to be owed to");
    let receivable = Account::owned(invoice.entity, AccountKind::Receivable, invoice.customer);
    let transaction =
        |kind, postings| Transaction { effective: at, document: invoice.id.any(), kind, postings };
    let mut billed = vec![Posting::debit(receivable.clone(), total)];
    let amounts = lines.iter().map(|line| (line.kind.is_earned(), line.key.as_str(), line.amount));
    let income = income(invoice.entity, total.currency(), amounts)?;
    billed.extend(income.into_iter().map(|(account, amount)| Posting::credit(account, amount)));
    let mut all = vec![transaction("invoice.finalized", billed)];
    if !invoice.credit.is_zero() {
        let (credit, used) = (credit_account(invoice), invoice.credit);
        let paid = vec![Posting::debit(credit, used), Posting::credit(receivable, used)];
        all.push(transaction("customer_credit.used", paid));
    }
    Ok(all)
}

/// Who issued invoices, and whom they are for.
pub(crate) fn issuers(
    view: &mut View<'_>,
    ids: Vec<InvoiceId>,
) -> Result<HashMap<InvoiceId, (LegalEntityId, CustomerId)>> {
    let rows = view.all(&sql::ISSUERS, params![ids], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    Ok(rows.into_iter().collect())
}

/// For each item of a subscription that already has lines from this instant on, the last adjustment.
pub(crate) fn adjustments(
    view: &mut View<'_>,
    subscription: SubscriptionId,
    start: Timestamp,
) -> Result<HashMap<i64, i64>> {
    let rows =
        view.all(&sql::ADJUSTMENTS, params![subscription, start], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.into_iter().collect())
}

fn party_json(party: Option<&Party>) -> Result<Option<serde_json::Value>> {
    party.map(serde_json::to_value).transpose().map_err(|error| Error::internal(error.to_string()))
}

fn insert(tx: &mut Tx<'_>, documents: &[Document]) -> Result<()> {
    let parties = documents
        .iter()
        .map(|document| party_json(document.invoice.party.as_ref()))
        .collect::<Result<Vec<_>>>()?;
    tx.bulk_all(
        &sql::INSERT,
        documents.iter().zip(&parties).map(|(document, party)| row(document, party.as_ref())),
    )?;
    let lines: Vec<(InvoiceId, &Line, serde_json::Value)> = documents
        .iter()
        .flat_map(|document| document.lines.iter().map(|line| (document.invoice.id, line)))
        .map(|(id, line)| {
            let explanation = serde_json::to_value(&line.explanation)
                .map_err(|error| Error::internal(error.to_string()))?;
            Ok((id, line, explanation))
        })
        .collect::<Result<_>>()?;
    tx.bulk_all(
        &sql::INSERT_LINES,
        lines.iter().map(|(id, line, explanation)| line_row(*id, line, explanation)),
    )
}

fn row<'d>(document: &'d Document, party: Option<&serde_json::Value>) -> [Value<'d>; 15] {
    let Document { invoice, sequence, .. } = document;
    let Totals { subtotal, tax, total } = invoice.totals;
    [
        invoice.id.to_value(),
        invoice.entity.to_value(),
        invoice.customer.to_value(),
        Value::from(invoice.state.word()),
        Value::from(total.currency().code()),
        sequence.map_or(Value::Null, Value::Int),
        invoice.number.to_value(),
        invoice.issued.map_or(Value::Null, Value::Date),
        invoice.due.to_value(),
        Value::Int(subtotal.minor()),
        Value::Int(tax.minor()),
        Value::Int(total.minor()),
        Value::Int(invoice.credit.minor()),
        party.map_or(Value::Null, Value::json),
        document.run.to_value(),
    ]
}

fn line_row<'l>(invoice: InvoiceId, line: &'l Line, explanation: &serde_json::Value) -> [Value<'l>; 20] {
    let Period { start, end } = line.period;
    [
        Value::Uuid(invoice.uuid()),
        Value::Int(line.ordinal),
        line.subscription.to_value(),
        Value::Int(line.item),
        Value::from(line.kind.word()),
        line.key.to_value(),
        line.group.to_value(),
        Value::Int(line.adjustment),
        line.description.to_value(),
        Value::Date(start.date),
        Value::Instant(start.at),
        Value::Date(end.date),
        Value::Instant(end.at),
        Value::Int(line.quantity),
        line.measured.as_ref().map_or(Value::Null, |measured| Value::from(measured.to_string())),
        Value::Int(line.discount.minor()),
        Value::Int(line.amount.minor()),
        Value::Int(line.tax.minor()),
        line.tax_category.to_value(),
        Value::json(explanation),
    ]
}

fn read(row: &Row<'_>) -> Result<Invoice> {
    let currency: Currency = row.get(4)?;
    let money = |index: usize| Money::new(row.get(index)?, currency);
    let party: Option<serde_json::Value> = row.get(11)?;
    let party = party.map(serde_json::from_value).transpose();
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
        paid: money(13)?,
        party: party.map_err(|error| Error::internal(format!("a stored party cannot be read: {error}")))?,
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
