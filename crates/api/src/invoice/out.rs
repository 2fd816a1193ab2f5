//! Invoices, their lines and explanations in answers.

use billing::invoice::{self, Invoice, Line};
use identity::customer::Party;
use jiff::{Timestamp, civil::Date};
use kernel::Result;
use rating::Explanation;
use serde::Serialize;
use serde_json::Value as Json;
use store::View;
use utoipa::ToSchema;

use crate::shape::{AmountOut, PeriodOut, TaxOut};

/// An invoice, without its lines.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invoice)]
pub(crate) struct InvoiceOut {
    #[schema(examples("inv_01jdd7w000e008000000000001"))]
    id: String,
    /// Given when it is finalized; without a gap per legal entity.
    #[schema(examples("INV-000001"))]
    number: Option<String>,
    /// `draft`, `finalized`, `paid`, `void` or `uncollectible`.
    state: &'static str,
    /// Who is to pay it.
    customer: String,
    /// Who issues it.
    legal_entity: String,
    /// Sum of the lines.
    subtotal: AmountOut,
    /// Tax on them.
    tax: AmountOut,
    /// Both together.
    total: AmountOut,
    /// How much of it the customer's credit paid, at finalization or later.
    credit: AmountOut,
    /// How much of it payments have settled. Below zero when payments were reversed whose credit had paid it.
    paid: AmountOut,
    /// What is left to pay after credit and payments; nothing once it is void or uncollectible.
    amount_due: AmountOut,
    /// The legal entity's local date of finalization.
    issued: Option<Date>,
    /// When it fell due, in business time.
    due: Timestamp,
    /// The party as printed, from finalization on.
    party: Option<PartyOut>,
    /// Its issuer as printed, from finalization on.
    seller: Option<PartyOut>,
    /// How it was voided or marked uncollectible.
    ended: Option<EndOut>,
    /// How often it was carried over, when it is a draft over so little that it waits for the next invoice
    /// (`carry_over` in the price book).
    carried_over: Option<i64>,
}

/// How an invoice was voided or marked uncollectible.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvoiceEnd)]
pub(crate) struct EndOut {
    /// When, in business time.
    at: Timestamp,
    /// Why, as a code.
    #[schema(examples("duplicate"))]
    reason: String,
}

/// Who an invoice is made out to, as printed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Party)]
pub(crate) struct PartyOut {
    name: Option<String>,
    email: Option<String>,
    address: Option<String>,
    /// ISO 3166-1 alpha-2.
    country: String,
    /// ISO 3166-2 without the country.
    region: Option<String>,
    /// Its tax id.
    tax_id: Option<String>,
}

impl From<Party> for PartyOut {
    fn from(Party { name, email, address, country, region, tax_id }: Party) -> Self {
        Self { name, email, address, country, region, tax_id }
    }
}

impl InvoiceOut {
    /// Errors: `amount_out_of_range`.
    pub(crate) fn new(invoice: Invoice) -> Result<Self> {
        Ok(Self {
            amount_due: invoice.amount_due()?.into(),
            id: invoice.id.to_string(),
            number: invoice.number,
            state: invoice.state.word(),
            customer: invoice.customer.to_string(),
            legal_entity: invoice.entity.to_string(),
            subtotal: invoice.totals.subtotal.into(),
            tax: invoice.totals.tax.into(),
            total: invoice.totals.total.into(),
            credit: invoice.credit.into(),
            paid: invoice.paid.into(),
            issued: invoice.issued,
            due: invoice.due,
            party: invoice.party.map(PartyOut::from),
            seller: invoice.seller.map(PartyOut::from),
            ended: invoice.end.map(|end| EndOut { at: end.at, reason: end.reason }),
            carried_over: invoice.carried,
        })
    }
}

/// An invoice with its lines.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvoiceWithLines {
    #[serde(flatten)]
    invoice: InvoiceOut,
    /// What it charges, in order.
    lines: Vec<InvoiceLineOut>,
    /// The taxes on the lines, by jurisdiction, kind and rate. Of a draft they are assessed again when it is finalized.
    taxes: Vec<TaxOut>,
}

impl InvoiceWithLines {
    pub(crate) fn load(view: &mut View<'_>, invoice: Invoice) -> Result<Self> {
        let lines = invoice::lines(view, invoice.id)?;
        let lines = lines.into_iter().map(InvoiceLineOut::from).collect();
        let taxes = invoice::taxes(view, invoice.id)?.into_iter().map(TaxOut::from).collect();
        Ok(Self { invoice: InvoiceOut::new(invoice)?, lines, taxes })
    }
}

/// A line of an invoice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvoiceLine)]
pub(crate) struct InvoiceLineOut {
    /// The subscription it belongs to.
    subscription: String,
    #[serde(flatten)]
    line: LineOut,
}

impl From<Line> for InvoiceLineOut {
    fn from(line: Line) -> Self {
        Self { subscription: line.subscription.to_string(), line: line.into() }
    }
}

/// What is charged, and why so much.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Charge)]
pub(crate) struct LineOut {
    /// Its place on the invoice, from 0.
    ordinal: i64,
    /// The item of the subscription.
    item: i64,
    /// What it charges for: `recurring` is a fee for a period in advance and `arrears` one at its end, `usage` what
    /// was used in it, `minimum` what it fell short of the minimum, `one_off` something charged once.
    kind: &'static str,
    /// Key of the plan, add-on or usage price in the price book.
    #[schema(examples("starter"))]
    key: String,
    /// The value of the dimensions it is for, where each is rated on its own; otherwise empty.
    group: String,
    /// Tells apart lines for the same thing from the same instant: 0, then 1 for the first change of it.
    adjustment: i64,
    /// What it reads.
    #[schema(examples("Starter"))]
    description: String,
    /// The time it pays for.
    period: PeriodOut,
    /// How many units were bought; 1 where that is not asked.
    quantity: i64,
    /// What was measured, as decimal text, where it charges usage; null where that was not complete.
    measured: Option<String>,
    /// What coupons took off.
    discount: AmountOut,
    /// After the discount, before tax. The amount before the discount was rounded once.
    amount: AmountOut,
    /// Its part of the tax.
    tax: AmountOut,
    /// What it is to the tax rules.
    #[schema(examples("standard"))]
    tax_category: String,
    /// How the amount came to be.
    explanation: ExplanationOut,
}

impl From<Line> for LineOut {
    fn from(line: Line) -> Self {
        Self {
            ordinal: line.ordinal,
            item: line.item,
            kind: line.kind.word(),
            key: line.key,
            group: line.group,
            adjustment: line.adjustment,
            description: line.description,
            period: line.period.into(),
            quantity: line.quantity,
            measured: line.measured.map(|measured| measured.to_string()),
            discount: line.discount.into(),
            amount: line.amount.into(),
            tax: line.tax.into(),
            tax_category: line.tax_category,
            explanation: line.explanation.into(),
        }
    }
}

/// The steps from a price to an amount, complete enough to compute it again by hand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Explanation)]
pub(crate) struct ExplanationOut {
    /// The currency of every amount in it, ISO 4217.
    currency: &'static str,
    /// In order, for programs: `step` says which, amounts and quantities are decimal text in major units.
    #[schema(value_type = Vec<Object>)]
    steps: Vec<Json>,
    /// The same for people, one sentence per step.
    sentences: Vec<String>,
}

impl From<Explanation> for ExplanationOut {
    fn from(explanation: Explanation) -> Self {
        let sentences = explanation.sentences();
        let steps =
            explanation.steps.iter().map(|step| serde_json::to_value(step).unwrap_or_default()).collect();
        Self { currency: explanation.currency.code(), steps, sentences }
    }
}
