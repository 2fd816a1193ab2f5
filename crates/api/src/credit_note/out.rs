//! Credit notes, their lines and derivations in answers.

use billing::credit_note::{self, Credit, CreditLine, CreditNote, Derivation, Unused};
use jiff::{Timestamp, civil::Date};
use kernel::{Currency, ProrationUnit, Result};
use serde::Serialize;
use store::View;
use utoipa::ToSchema;

use crate::{
    invoice::{ExplanationOut, PartyOut},
    shape::{AmountOut, PeriodOut, TaxOut},
};

/// A credit note, without its lines. It never changes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreditNote)]
pub(crate) struct CreditNoteOut {
    #[schema(examples("crn_01jdd7w000e008000000000001"))]
    id: String,
    /// Without a gap per legal entity.
    #[schema(examples("INV-CN-000001"))]
    number: String,
    /// The invoice it corrects.
    invoice: String,
    /// Who has the credit.
    customer: String,
    /// Who issues it.
    legal_entity: String,
    /// Why: `change`, `cancellation`, `pause`, or `usage` when less was used than was billed.
    #[schema(examples("change"))]
    cause: &'static str,
    /// Sum of the lines.
    subtotal: AmountOut,
    /// Tax on them.
    tax: AmountOut,
    /// Both together: what the customer has to its credit for it. Positive.
    total: AmountOut,
    /// The legal entity's local date of issue.
    issued: Date,
    /// When it counts from, in business time.
    effective: Timestamp,
    /// The party as printed.
    party: Option<PartyOut>,
    /// Its issuer as printed.
    seller: Option<PartyOut>,
}

impl From<CreditNote> for CreditNoteOut {
    fn from(note: CreditNote) -> Self {
        Self {
            id: note.id.to_string(),
            number: note.number,
            invoice: note.invoice.to_string(),
            customer: note.customer.to_string(),
            legal_entity: note.entity.to_string(),
            cause: note.cause.word(),
            subtotal: note.totals.subtotal.into(),
            tax: note.totals.tax.into(),
            total: note.totals.total.into(),
            issued: note.issued,
            effective: note.effective,
            party: note.party.map(PartyOut::from),
            seller: note.seller.map(PartyOut::from),
        }
    }
}

/// A credit note with its lines.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreditNoteWithLines {
    #[serde(flatten)]
    note: CreditNoteOut,
    /// What it credits, in order.
    lines: Vec<CreditNoteLineOut>,
    /// The taxes it gives back, like those of the invoice.
    taxes: Vec<TaxOut>,
}

impl CreditNoteWithLines {
    pub(crate) fn load(view: &mut View<'_>, note: CreditNote) -> Result<Self> {
        let lines = credit_note::lines(view, note.id)?;
        let taxes = credit_note::taxes(view, note.id)?.into_iter().map(TaxOut::from).collect();
        let lines = lines.into_iter().map(CreditNoteLineOut::from).collect();
        Ok(Self { note: note.into(), lines, taxes })
    }
}

/// A line of a credit note.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreditNoteLine)]
pub(crate) struct CreditNoteLineOut {
    /// Its place on the credit note, from 0.
    ordinal: i64,
    #[serde(flatten)]
    credit: CreditOut,
}

impl From<CreditLine> for CreditNoteLineOut {
    fn from(CreditLine { ordinal, credit }: CreditLine) -> Self {
        Self { ordinal, credit: credit.into() }
    }
}

/// What is credited, and why so much.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Credit)]
pub(crate) struct CreditOut {
    /// The invoice that billed it.
    invoice: String,
    /// The line's place on that invoice, from 0.
    invoice_line: i64,
    /// Key of what the line charged, in the price book.
    #[schema(examples("starter"))]
    key: String,
    /// What the line read.
    #[schema(examples("Starter"))]
    description: String,
    /// The time no longer paid for, or whose usage was less.
    period: PeriodOut,
    /// Before tax, rounded once. Positive.
    amount: AmountOut,
    /// The tax that goes with it: its part of the line's tax, all that was credited before counted in.
    tax: AmountOut,
    /// How the amount came to be.
    derivation: DerivationOut,
}

impl From<Credit> for CreditOut {
    fn from(credit: Credit) -> Self {
        Self {
            derivation: DerivationOut::new(credit.derivation, credit.amount.currency()),
            invoice: credit.invoice.to_string(),
            invoice_line: credit.invoice_line,
            key: credit.key,
            description: credit.description,
            period: credit.period.into(),
            amount: credit.amount.into(),
            tax: credit.tax.into(),
        }
    }
}

/// How a credit came to be: time not used, or a measured quantity that turned out less (an explanation whose
/// amount is below zero by the credit).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreditDerivation)]
#[serde(untagged)]
pub(crate) enum DerivationOut {
    Unused(UnusedOut),
    Measured(ExplanationOut),
}

impl DerivationOut {
    fn new(derivation: Derivation, currency: Currency) -> Self {
        match derivation {
            Derivation::Unused(unused) => Self::Unused(UnusedOut::new(unused, currency)),
            Derivation::Measured(explanation) => Self::Measured(explanation.into()),
        }
    }
}

/// `billed × part / whole`, rounded half up, at most what is left of the line. Amounts are decimal text in
/// major units.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UnusedTime)]
pub(crate) struct UnusedOut {
    /// The currency of every amount in it, ISO 4217.
    currency: &'static str,
    /// What the line billed, before tax.
    #[schema(examples("49.00"))]
    billed: String,
    /// What of it was credited before.
    credited_before: String,
    /// What time is counted in: `day`, `second`, `thirty_day_month`, `none`, or `28_day_month` with another number of days.
    #[schema(value_type = String, examples("day"))]
    unit: ProrationUnit,
    /// Units not used.
    part: i64,
    /// Units the line paid for.
    whole: i64,
    /// `billed × part / whole`: a decimal, or a fraction when it does not end.
    exact: String,
    /// The credit.
    amount: String,
    /// The same for people, one sentence per step.
    sentences: Vec<String>,
}

impl UnusedOut {
    fn new(unused: Unused, currency: Currency) -> Self {
        Self {
            currency: currency.code(),
            sentences: unused.sentences(currency.code()),
            billed: unused.billed,
            credited_before: unused.credited_before,
            unit: unused.unit,
            part: unused.part,
            whole: unused.whole,
            exact: unused.exact,
            amount: unused.amount,
        }
    }
}
