//! Storing drafts and issuing invoices, one or many at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use identity::{LegalEntity, customer, customer::Buyer, customer::Party, environment};
use jiff::Timestamp;
use kernel::{
    Currency, Error, Money, Result,
    ids::{BillRunId, CustomerId, InvoiceId, LegalEntityId},
};
use ledger::{Account, AccountKind, Transaction};
use serde_json::json;
use store::{NewFact, Series, Tx, View, params};
use tax::Tax;

use super::{LOCK, find, lines, party_json, taxes};
use crate::{
    figures,
    invoice::{
        model::{Draft, Invoice, Line, State, Totals},
        rules, sql,
    },
};

mod rows;

/// Whom documents are between, loaded once for all documents of a transaction.
struct Parties {
    customers: HashMap<CustomerId, (Party, Buyer)>,
    entities: BTreeMap<LegalEntityId, LegalEntity>,
}

impl Parties {
    fn load(view: &mut View<'_>, customers: impl Iterator<Item = CustomerId>) -> Result<Self> {
        let ids: BTreeSet<CustomerId> = customers.collect();
        let customers = customer::sides(view, ids.into_iter().collect())?;
        let entities = environment::entities(view)?;
        Ok(Self {
            customers: customers.into_iter().map(|(id, party, buyer)| (id, (party, buyer))).collect(),
            entities: entities.into_iter().map(|entity| (entity.id, entity)).collect(),
        })
    }

    fn customer(&self, id: CustomerId) -> Result<&(Party, Buyer)> {
        self.customers.get(&id).ok_or_else(|| Error::internal(format!("the customer {id} is gone")))
    }

    fn entity(&self, id: LegalEntityId) -> Result<&LegalEntity> {
        self.entities.get(&id).ok_or_else(|| Error::internal(format!("the legal entity {id} is gone")))
    }
}

/// An invoice about to be stored.
struct Document {
    invoice: Invoice,
    /// The bill run it is made by.
    run: Option<BillRunId>,
    sequence: Option<i64>,
    lines: Vec<Line>,
    taxes: Vec<Tax>,
    /// For each line, the place of its tax.
    of_line: Vec<usize>,
}

impl Document {
    /// A draft with its taxes as the rules say now.
    fn new(id: InvoiceId, mut draft: Draft, parties: &Parties) -> Result<Self> {
        let (_, buyer) = parties.customer(draft.customer)?;
        let entity = parties.entity(draft.entity)?;
        for (line, place) in draft.lines.iter_mut().zip(0..) {
            line.ordinal = place;
        }
        let of_line = rules::assess(&mut draft, entity, buyer)?;
        let invoice = Invoice {
            id,
            entity: draft.entity,
            customer: draft.customer,
            state: State::Draft,
            number: None,
            issued: None,
            due: draft.due,
            totals: draft.totals()?,
            credit: Money::zero(draft.currency),
            paid: Money::zero(draft.currency),
            party: None,
            seller: None,
            tax_rounding: draft.tax_rounding,
            end: None,
            carried: None,
        };
        let Draft { run, lines, taxes, .. } = draft;
        Ok(Self { invoice, run, sequence: None, lines, taxes, of_line })
    }

    fn all(drafts: Vec<(InvoiceId, Draft)>, parties: &Parties) -> Result<Vec<Self>> {
        drafts.into_iter().map(|(id, draft)| Self::new(id, draft, parties)).collect()
    }
}

/// Store drafts. Each keeps its lines and amounts and has no number; its taxes are assessed again when it is
/// finalized.
pub(crate) fn save_drafts(tx: &mut Tx<'_>, drafts: Vec<(InvoiceId, Draft)>) -> Result<()> {
    if drafts.is_empty() {
        return Ok(());
    }
    let parties = Parties::load(tx, drafts.iter().map(|(_, draft)| draft.customer))?;
    let documents = Document::all(drafts, &parties)?;
    for Document { invoice, lines, .. } in &documents {
        let payload = json!({
            "currency": invoice.totals.total.currency(),
            "tax": invoice.totals.tax.minor(),
            "total": invoice.totals.total.minor(),
            "lines": lines.len(),
        });
        tx.fact(NewFact::new("invoice.drafted", invoice.id.any(), payload)?.of(invoice.customer));
    }
    rows::insert(tx, &documents)
}

/// Store invoices and issue them at once, as of `at`: taxes, number, date, parties, credit, postings and facts. In
/// the order given, which is the order of the numbers. Their customers must be locked or made by this
/// transaction, because their credit is used.
pub(crate) fn issue(tx: &mut Tx<'_>, drafts: Vec<(InvoiceId, Draft)>, at: Timestamp) -> Result<Vec<Invoice>> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let parties = Parties::load(tx, drafts.iter().map(|(_, draft)| draft.customer))?;
    let mut documents = Document::all(drafts, &parties)?;
    stamp(tx, &mut documents, &parties, at)?;
    rows::insert(tx, &documents)?;
    book(tx, &documents, at)?;
    Ok(documents.into_iter().map(|document| document.invoice).collect())
}

/// Issue a draft, taxed by what is known of its customer and legal entity now.
///
/// Errors: `not_found`, `invoice_not_draft`.
pub fn finalize(tx: &mut Tx<'_>, id: InvoiceId) -> Result<Invoice> {
    let customer = find(tx, id)?.customer;
    customer::lock(tx, customer)?;
    tx.lock(&LOCK, id)?;
    let stored = find(tx, id)?;
    if stored.state != State::Draft {
        let state = stored.state.word();
        let detail =
            format!("Only a draft can be finalized; this invoice is {state} and never changes again.");
        return Err(Error::conflict("invoice_not_draft", detail));
    }
    let parties = Parties::load(tx, std::iter::once(customer))?;
    let mut document = assess_again(tx, &stored, &parties)?;
    let at = tx.now();
    stamp(tx, std::slice::from_mut(&mut document), &parties, at)?;
    let Document { invoice, sequence, .. } = &document;
    let (party, seller) = (party_json(invoice.party.as_ref())?, party_json(invoice.seller.as_ref())?);
    let (state, credit) = (invoice.state.word(), invoice.credit.minor());
    tx.exec_one(
        &sql::ISSUE,
        params![id, state, sequence, invoice.number, invoice.issued, party, credit, seller],
    )?;
    book(tx, std::slice::from_ref(&document), at)?;
    Ok(document.invoice)
}

/// A stored draft with its taxes as the rules say now, which are stored when they differ.
fn assess_again(tx: &mut Tx<'_>, stored: &Invoice, parties: &Parties) -> Result<Document> {
    let (before, known) = (lines(tx, stored.id)?, taxes(tx, stored.id)?);
    let draft = Draft {
        run: None, // a run leaves no drafts
        entity: stored.entity,
        customer: stored.customer,
        currency: stored.totals.total.currency(),
        due: stored.due,
        lines: before.clone(),
        tax_rounding: stored.tax_rounding,
        taxes: Vec::new(),
    };
    let document = Document::new(stored.id, draft, parties)?;
    if document.taxes != known || document.lines != before {
        rows::replace_taxes(tx, &document)?;
    }
    Ok(document)
}

/// Give invoices what issuing gives them: a number and a date from their legal entity's series, the parties
/// as they are printed, and the customer's credit. An invoice with nothing left to pay is settled by being issued.
fn stamp(tx: &mut Tx<'_>, documents: &mut [Document], parties: &Parties, at: Timestamp) -> Result<()> {
    for (id, entity) in &parties.entities {
        let of_entity = documents.iter().filter(|document| document.invoice.entity == *id).count();
        let count = u32::try_from(of_entity).map_err(|_| Error::internal("too many invoices at once"))?;
        if count == 0 {
            continue;
        }
        let series = Series { owner: id.uuid(), name: entity.series.clone() };
        let taken = tx.take_numbers(&series, count, entity.zone.date_of(at))?;
        let mine = documents.iter_mut().filter(|document| document.invoice.entity == *id);
        for (Document { invoice, sequence, .. }, number) in mine.zip(taken.first..) {
            *sequence = Some(number);
            invoice.number = Some(format!("{}-{number:06}", entity.series));
            invoice.issued = Some(taken.date);
            invoice.party = Some(parties.customer(invoice.customer)?.0.clone());
            invoice.seller = Some(entity.party());
        }
    }
    use_credit(tx, documents)?;
    for Document { invoice, .. } in documents.iter_mut() {
        invoice.state = if invoice.amount_due()?.is_zero() { State::Paid } else { State::Finalized };
    }
    Ok(())
}

/// Let the credit customers have with the issuer pay what it can, the first invoice first.
fn use_credit(tx: &mut Tx<'_>, documents: &mut [Document]) -> Result<()> {
    let customers: BTreeSet<CustomerId> =
        documents.iter().map(|document| document.invoice.customer).collect();
    let owners = customers.iter().map(CustomerId::to_string).collect();
    // A credit balance is negative: it is what we owe.
    let mut held: HashMap<(Account, Currency), i64> =
        ledger::held_by(tx, AccountKind::CustomerCredit, owners)?
            .into_iter()
            .map(|(account, currency, balance)| ((account, currency), -balance))
            .collect();
    for Document { invoice, .. } in documents {
        let (account, total) = (rules::credit_account(invoice), invoice.totals.total);
        if let Some(left) = held.get_mut(&(account, total.currency())) {
            let used = total.minor().min(*left).max(0);
            *left -= used;
            invoice.credit = Money::new(used, total.currency())?;
        }
    }
    Ok(())
}

/// Post issued invoices to the ledger and state that they were issued.
fn book(tx: &mut Tx<'_>, documents: &[Document], at: Timestamp) -> Result<()> {
    let mut transactions: Vec<Transaction> = Vec::with_capacity(documents.len());
    for Document { invoice, lines, taxes, .. } in documents {
        transactions.extend(rules::postings(invoice, lines, taxes, at)?);
    }
    ledger::post(tx, &transactions)?;
    figures::invoiced(tx, documents.iter().map(|document| &document.invoice))?;
    for Document { invoice, .. } in documents {
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
