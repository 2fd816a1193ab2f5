//! Usage in answers.

use std::collections::BTreeMap;

use billing::{
    credit_note, invoice,
    invoice::Line,
    usage::{Figure, Groups, Open, Posted, Standing, Taken},
};
use jiff::Timestamp;
use kernel::{Money, Result};
use serde::Serialize;
use store::View;
use utoipa::ToSchema;

use crate::{
    credit_note::CreditNoteWithLines,
    invoice::{ExplanationOut, InvoiceWithLines},
    page::Page,
    shape::{AmountOut, PeriodOut},
};

/// What was measured, as one sum. Numbers are decimal text; amounts are in major units of the subscription's currency.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageFigure)]
pub(crate) struct FigureOut {
    /// What was posted: a `quantity`, an `amount`, `transactions`, or that it is `incomplete`.
    kind: &'static str,
    /// So many units, or so much money; null when it is incomplete.
    #[schema(examples("5200"))]
    total: Option<String>,
    /// Of how many transactions; null for a quantity.
    events: Option<u64>,
}

impl From<&Figure> for FigureOut {
    fn from(figure: &Figure) -> Self {
        let (kind, events) = match figure {
            Figure::Quantity(_) => ("quantity", None),
            Figure::Amount { events, .. } => ("amount", Some(*events)),
            Figure::Transactions(all) => ("transactions", Some(all.len() as u64)),
            Figure::Each(each) => ("transactions", Some(each.events())),
            Figure::Incomplete => ("incomplete", None),
        };
        Self { kind, total: figure.total().map(|total| total.to_string()), events }
    }
}

/// A stored figure.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PostedUsage)]
pub(crate) struct PostedOut {
    /// The key of the usage price, or of the meter a fee looks at.
    key: String,
    /// When the stretch it covers began.
    period_start: Timestamp,
    /// What was measured; null when it is grouped.
    figure: Option<FigureOut>,
    /// What was measured for each value of the dimensions it is grouped by; null when it is not grouped.
    groups: Option<BTreeMap<String, FigureOut>>,
    /// The last event in it.
    watermark: Option<String>,
    /// When it was stored, in business time.
    posted: Timestamp,
    /// It came when the stretch was billed, and waits for the next invoice.
    late: bool,
}

impl From<Posted> for PostedOut {
    fn from(posted: Posted) -> Self {
        let (figure, groups) = figures(&posted.groups);
        Self {
            key: posted.key,
            period_start: posted.start,
            figure,
            groups,
            watermark: posted.watermark,
            posted: posted.posted,
            late: posted.late,
        }
    }
}

/// The one figure of what is not grouped, or those of the groups.
fn figures(groups: &Groups) -> (Option<FigureOut>, Option<BTreeMap<String, FigureOut>>) {
    match groups.get("") {
        Some(figure) if groups.len() == 1 => (Some(figure.into()), None),
        _ => (None, Some(groups.iter().map(|(name, figure)| (name.clone(), figure.into())).collect())),
    }
}

/// A figure that was stored, and the documents it led to at once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TakenUsage)]
pub(crate) struct TakenOut {
    /// The figure as it is stored.
    usage: PostedOut,
    /// The invoice it led to: a threshold was reached, or nothing else would bring it on an invoice; mostly null.
    invoice: Option<InvoiceWithLines>,
    /// Credit notes, when it came late, was less, and there is no next invoice.
    credit_notes: Vec<CreditNoteWithLines>,
}

impl TakenOut {
    pub(super) fn load(view: &mut View<'_>, taken: Taken) -> Result<Self> {
        let mut credit_notes = Vec::with_capacity(taken.credit_notes.len());
        for id in taken.credit_notes {
            let note = credit_note::find(view, id)?;
            credit_notes.push(CreditNoteWithLines::load(view, note)?);
        }
        let invoice = match taken.invoice {
            None => None,
            Some(id) => {
                let invoice = invoice::find(view, id)?;
                Some(InvoiceWithLines::load(view, invoice)?)
            }
        };
        Ok(Self { usage: taken.figure.into(), invoice, credit_notes })
    }
}

/// The usage of a subscription.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Usage)]
pub(crate) struct UsageOut {
    /// Whose it is.
    subscription: String,
    /// Whether what is used now will be billed: not in a trial, unless the price book says so.
    billable: bool,
    /// What is not billed yet, by key; empty while nothing is counted.
    open: Vec<OpenOut>,
    /// What all of that comes to so far, before coupons and tax.
    so_far: AmountOut,
    /// Every figure, newest stretch first.
    history: Page<PostedOut>,
}

/// The stretch of a usage price, or of a meter a fee looks at, that is not billed yet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenUsage)]
pub(crate) struct OpenOut {
    /// The key figures are posted under.
    key: String,
    /// What it is called on invoices.
    #[schema(examples("AI operations"))]
    name: String,
    /// One of what is counted.
    #[schema(examples("operation"))]
    unit: String,
    /// From when to when it is counted; it is billed at its end.
    period: PeriodOut,
    /// The figure there is; null when none was posted.
    posted: Option<PostedOut>,
    /// What the figure makes as it is, a line for each group; empty when it cannot be said yet.
    lines: Vec<OpenLineOut>,
    /// What they come to, before coupons and tax.
    so_far: AmountOut,
}

/// What would be billed for usage as it is, before coupons and before what of it was billed early.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenUsageLine)]
pub(crate) struct OpenLineOut {
    /// The value of the dimensions it is for, where each is rated on its own; otherwise empty.
    group: String,
    /// How many units are included, as decimal text; null when none are.
    #[schema(examples("30000"))]
    included: Option<String>,
    /// What of them is left.
    left: Option<String>,
    /// What it comes to, before coupons and tax.
    amount: AmountOut,
    /// How the amount came to be.
    explanation: ExplanationOut,
}

impl UsageOut {
    /// Errors: `amount_out_of_range`.
    pub(super) fn new(standing: Standing, history: Page<PostedOut>) -> Result<Self> {
        let (so_far, currency) = (standing.so_far()?, standing.subscription.currency);
        let open = standing.open.into_iter().map(|open| OpenOut::new(open, Money::zero(currency)));
        Ok(Self {
            subscription: standing.subscription.id.to_string(),
            billable: standing.billable,
            open: open.collect::<Result<_>>()?,
            so_far: so_far.into(),
            history,
        })
    }
}

impl OpenOut {
    fn new(open: Open, nothing: Money) -> Result<Self> {
        let so_far = open.lines.iter().try_fold(nothing, |sum, line| sum.checked_add(line.amount))?;
        Ok(Self {
            key: open.key,
            name: open.name,
            unit: open.meter.unit,
            period: open.period.into(),
            posted: open.posted.map(PostedOut::from),
            lines: open.lines.into_iter().map(OpenLineOut::from).collect(),
            so_far: so_far.into(),
        })
    }
}

impl From<Line> for OpenLineOut {
    fn from(line: Line) -> Self {
        let allowance = line.explanation.allowance();
        Self {
            included: allowance.as_ref().map(|(included, _)| included.to_string()),
            left: allowance.map(|(_, left)| left.to_string()),
            group: line.group,
            amount: line.amount.into(),
            explanation: line.explanation.into(),
        }
    }
}
