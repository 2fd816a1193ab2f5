//! One-off charges in answers.

use billing::{
    charge::{Added, Charge, ChargePreview},
    invoice,
};
use jiff::Timestamp;
use kernel::{Money, Result};
use serde::Serialize;
use store::View;
use utoipa::ToSchema;

use crate::{
    invoice::{InvoiceWithLines, LineOut},
    subscription::PreviewInvoiceOut,
};

/// Something charged once beside a subscription.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OneOffCharge)]
pub(crate) struct ChargeOut {
    /// Its number among the charges of the subscription, from 0.
    number: i64,
    subscription: String,
    /// When it was added, in business time.
    added: Timestamp,
    /// `waiting`, or `billed` when it is on an invoice.
    state: &'static str,
    /// The invoice it is on.
    invoice: Option<String>,
    /// What it costs and why, before coupons and tax.
    line: LineOut,
}

impl From<Charge> for ChargeOut {
    fn from(charge: Charge) -> Self {
        Self {
            number: charge.ordinal,
            subscription: charge.subscription.to_string(),
            added: charge.added,
            state: if charge.invoice.is_some() { "billed" } else { "waiting" },
            invoice: charge.invoice.map(|id| id.to_string()),
            line: charge.line.into(),
        }
    }
}

/// A charge as it was added.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AddedCharge)]
pub(crate) struct AddedOut {
    charge: ChargeOut,
    /// The invoice that bills it; null when it waits for the next one.
    invoice: Option<InvoiceWithLines>,
}

impl AddedOut {
    pub(super) fn load(view: &mut View<'_>, added: Added) -> Result<Self> {
        let invoice = added.invoice.map(|id| {
            let invoice = invoice::find(view, id)?;
            InvoiceWithLines::load(view, invoice)
        });
        Ok(Self { invoice: invoice.transpose()?, charge: added.charge.into() })
    }
}

/// What a charge would be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChargePreview)]
pub(crate) struct ChargePreviewOut {
    /// What it costs and why, before coupons and tax.
    line: LineOut,
    /// The invoice it would be billed with now; null when it would wait.
    invoice: Option<PreviewInvoiceOut>,
    /// When it would be billed; null when nothing falls due for the subscription.
    billed: Option<Timestamp>,
}

impl ChargePreviewOut {
    pub(super) fn load(view: &mut View<'_>, preview: ChargePreview) -> Result<Self> {
        let nothing = Money::zero(preview.line.amount.currency());
        let invoice = preview.invoice.map(|invoice| PreviewInvoiceOut::load(view, invoice, nothing));
        Ok(Self {
            invoice: invoice.transpose()?,
            line: preview.line.into(),
            billed: preview.billed.map(|edge| edge.at),
        })
    }
}
