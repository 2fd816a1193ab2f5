//! One-off charges.

use jiff::Timestamp;
use kernel::{
    Edge, UnitPrice,
    ids::{InvoiceId, SubscriptionId},
};
use serde::{Deserialize, Serialize};

use crate::invoice::{Draft, Line, Totals};

/// The most charges of one subscription that wait for an invoice.
pub const MAX_PENDING: usize = 100;

/// Something to charge once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewCharge {
    /// The key of an add-on of the price book in force that is charged once; none: something that was agreed.
    pub key: Option<String>,
    /// What it reads on the invoice; with a key, instead of the add-on's name.
    pub description: Option<String>,
    /// What was agreed for it, or for one of it; with a key, instead of the book's price. Major units. For staff.
    pub amount: Option<UnitPrice>,
    /// How many; 1 when left out.
    pub quantity: Option<i64>,
}

impl NewCharge {
    /// Whether staff agreed on it beside the price book.
    pub const fn is_negotiated(&self) -> bool {
        self.key.is_none() || self.amount.is_some()
    }
}

/// With which invoice something is billed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillWith {
    /// One of its own, now.
    Now,
    /// The next one that falls due for the subscription.
    #[default]
    NextInvoice,
}

/// A charge that was added to a subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// What it is charged beside.
    pub subscription: SubscriptionId,
    /// Its number among the charges of the subscription, from 0.
    pub ordinal: i64,
    /// When it was added, in business time.
    pub added: Timestamp,
    /// What it costs and why, before coupons and tax. Its time is that of its invoice once it is on one.
    pub line: Line,
    /// The invoice it is on; none while it waits.
    pub invoice: Option<InvoiceId>,
}

impl Charge {
    /// A line that waits for its invoice.
    pub(crate) fn waiting(line: Line) -> Self {
        let (subscription, ordinal, added) = (line.subscription, line.adjustment, line.period.start.at);
        Self { subscription, ordinal, added, line, invoice: None }
    }
}

/// A charge as it was added, and the invoice that bills it now.
#[derive(Clone, Debug, PartialEq)]
pub struct Added {
    /// The charge.
    pub charge: Charge,
    /// Its invoice; none when it waits for the next one.
    pub invoice: Option<InvoiceId>,
}

/// What a charge would be.
#[derive(Clone, Debug, PartialEq)]
pub struct ChargePreview {
    /// What it costs and why, before coupons and tax.
    pub line: Line,
    /// The invoice it would be billed with now; none when it would wait.
    pub invoice: Option<(Draft, Totals)>,
    /// When it would be billed: now, or when something falls due next; none when nothing does.
    pub billed: Option<Edge>,
}
