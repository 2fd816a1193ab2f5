//! Bill runs and forecasts in answers.

use billing::bill_run::{BillRun, Document, Event, Forecast, Sum, Total};
use jiff::Timestamp;
use kernel::{Currency, Result};
use serde::Serialize;
use utoipa::ToSchema;

use crate::shape::AmountOut;

/// All that fell due and was billed in one go.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BillRun)]
pub(crate) struct BillRunOut {
    #[schema(examples("run_01jdd7w000e008000000000001"))]
    id: String,
    /// `running`, or `done` when nothing was left that was due.
    state: &'static str,
    /// The job whose work it is: the clock went on, was moved, or somebody asked for it.
    begun_by: String,
    /// The earliest instant something was due at, in business time.
    first_due: Timestamp,
    /// The latest so far.
    last_due: Timestamp,
    /// The version of the time zone data its dates were computed with.
    zone_data: String,
    /// How many subscriptions passed the edge of a period.
    subscriptions: i64,
    /// How many invoices were issued.
    invoices: i64,
    /// What they come to, by currency.
    totals: Vec<RunTotalOut>,
    /// When it began, in real time.
    started: Timestamp,
    /// When it was done, in real time.
    finished: Option<Timestamp>,
}

/// What a run issued in one currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BillRunTotal)]
pub(crate) struct RunTotalOut {
    /// How many invoices.
    invoices: i64,
    /// What they come to, tax included.
    total: AmountOut,
    /// How much of it credit paid at once.
    credit: AmountOut,
}

impl BillRunOut {
    /// Errors: `currency_unknown` for a stored one that is none.
    pub(super) fn new(run: BillRun) -> Result<Self> {
        let total = |(currency, total): (String, Total)| {
            let currency = Currency::parse(&currency)?;
            Ok(RunTotalOut {
                invoices: total.invoices,
                total: AmountOut::sum(total.total, currency),
                credit: AmountOut::sum(total.credit, currency),
            })
        };
        Ok(Self {
            id: run.id.to_string(),
            state: run.state.word(),
            begun_by: run.begun_by,
            first_due: run.first_due,
            last_due: run.last_due,
            zone_data: run.zone_data,
            subscriptions: run.subscriptions,
            invoices: run.invoices,
            totals: run.totals.into_iter().map(total).collect::<Result<_>>()?,
            started: run.started,
            finished: run.finished,
        })
    }
}

/// What would fall due, if nobody did anything before.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Forecast)]
pub(crate) struct ForecastOut {
    /// Up to this instant, and with it.
    until: Timestamp,
    /// How many events there are.
    event_count: usize,
    /// The first of them, in order.
    events: Vec<EventOut>,
    /// How many invoices there are.
    invoice_count: usize,
    /// The first of them, in order.
    invoices: Vec<DocumentOut>,
    /// What all invoices come to by currency, after coupons and before tax.
    totals: Vec<AmountOut>,
    /// The same with tax and credit.
    sums: Vec<ForecastSumOut>,
}

/// What the invoices of a forecast come to in one currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ForecastSum)]
pub(crate) struct ForecastSumOut {
    /// After coupons, before tax.
    subtotal: AmountOut,
    tax: AmountOut,
    total: AmountOut,
    /// How much of it credit pays at once.
    credit: AmountOut,
    /// What is left to pay.
    amount_due: AmountOut,
}

/// Something that would happen to a subscription.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ForecastEvent)]
pub(crate) struct EventOut {
    /// When, in business time.
    at: Timestamp,
    /// `start`, `renewal`, `trial_end`, `usage` (billed by a cycle of its own), `change`, `cancellation` or `expiry`.
    #[schema(examples("renewal"))]
    what: &'static str,
    subscription: String,
    customer: String,
    /// Its state then.
    state: &'static str,
    /// What it is billed then, after coupons and before tax.
    billed: AmountOut,
    /// What is credited then, because less was used than was billed.
    credited: AmountOut,
}

/// An invoice that would be issued.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ForecastInvoice)]
pub(crate) struct DocumentOut {
    /// When, in business time.
    at: Timestamp,
    customer: String,
    legal_entity: String,
    /// How many lines it has.
    lines: usize,
    /// What they come to, after coupons and before tax.
    subtotal: AmountOut,
    /// Tax on them.
    tax: AmountOut,
    /// Both together.
    total: AmountOut,
    /// How much of it the customer's credit pays at once.
    credit: AmountOut,
    /// What is left to pay.
    amount_due: AmountOut,
}

impl ForecastOut {
    pub(super) fn new(until: Timestamp, foreseen: Forecast) -> Self {
        let amount = |minor: i128, currency: Currency| {
            // Beyond what any bookkeeping holds.
            AmountOut::sum(i64::try_from(minor).unwrap_or(i64::MAX), currency)
        };
        let sum = |(currency, sum): (&Currency, &Sum)| ForecastSumOut {
            subtotal: amount(sum.subtotal, *currency),
            tax: amount(sum.tax, *currency),
            total: amount(sum.total, *currency),
            credit: amount(sum.credit, *currency),
            amount_due: amount(sum.total - sum.credit, *currency),
        };
        Self {
            until,
            event_count: foreseen.event_count,
            events: foreseen.events.into_iter().map(EventOut::from).collect(),
            invoice_count: foreseen.document_count,
            sums: foreseen.totals.iter().map(sum).collect(),
            totals: foreseen.totals.iter().map(|(currency, sum)| amount(sum.subtotal, *currency)).collect(),
            invoices: foreseen.documents.into_iter().map(DocumentOut::from).collect(),
        }
    }
}

impl From<Event> for EventOut {
    fn from(event: Event) -> Self {
        Self {
            at: event.at,
            what: event.what.word(),
            subscription: event.subscription.to_string(),
            customer: event.customer.to_string(),
            state: event.state.word(),
            billed: event.billed.into(),
            credited: event.credited.into(),
        }
    }
}

impl From<Document> for DocumentOut {
    fn from(document: Document) -> Self {
        Self {
            at: document.at,
            customer: document.customer.to_string(),
            legal_entity: document.entity.to_string(),
            lines: document.lines,
            subtotal: document.totals.subtotal.into(),
            tax: document.totals.tax.into(),
            total: document.totals.total.into(),
            credit: document.credit.into(),
            amount_due: AmountOut::sum(
                document.totals.total.minor() - document.credit.minor(),
                document.credit.currency(),
            ),
        }
    }
}
