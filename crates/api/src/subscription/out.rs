//! Subscriptions in answers.

use billing::{
    invoice,
    subscription::{Item, Preview, Started, Subscription, rules},
};
use jiff::Timestamp;
use kernel::Result;
use serde::Serialize;
use serde_json::Value as Json;
use store::View;
use utoipa::ToSchema;

use crate::{
    invoice::{InvoiceWithLines, LineOut},
    shape::{AmountOut, PeriodOut},
};

/// A subscription: one customer on one plan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Subscription)]
pub(crate) struct SubscriptionOut {
    #[schema(examples("sub_01jdd7w000e008000000000001"))]
    id: String,
    #[serde(flatten)]
    terms: TermsOut,
}

/// What was agreed, and where it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionTerms)]
pub(crate) struct TermsOut {
    /// Your own id for it.
    external_id: Option<String>,
    /// Who is invoiced.
    customer: String,
    /// Who invoices.
    legal_entity: String,
    /// The price book version it agreed to.
    price_book_version: String,
    /// `active`, or where else it stands.
    #[schema(examples("active"))]
    state: &'static str,
    /// Key of its plan.
    plan: String,
    /// How often it is billed.
    #[schema(examples("month"))]
    cycle: String,
    /// The one currency it is billed in, ISO 4217.
    currency: &'static str,
    /// IANA time zone its days begin in.
    zone: &'static str,
    /// The plan first, then the add-ons.
    items: Vec<ItemOut>,
    /// When it began, in business time.
    started: Timestamp,
    /// The period it is in.
    period: PeriodOut,
    /// Fees in advance are billed up to here.
    billed_through: Timestamp,
    /// When it falls due next.
    next_due: Timestamp,
    /// Your own notes.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    metadata: Json,
}

/// One thing subscribed to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionItem)]
pub(crate) struct ItemOut {
    /// Its place in the subscription.
    ordinal: i64,
    /// `plan` or `addon`.
    kind: &'static str,
    /// Its key in the price book.
    key: String,
    /// How many units; 1 for a flat price.
    quantity: i64,
}

impl From<Item> for ItemOut {
    fn from(Item { ordinal, kind, key, quantity }: Item) -> Self {
        Self { ordinal, kind: kind.word(), key, quantity }
    }
}

impl From<Subscription> for TermsOut {
    fn from(subscription: Subscription) -> Self {
        Self {
            plan: subscription.plan().to_owned(),
            next_due: rules::next_due(&subscription).at,
            external_id: subscription.external_id,
            customer: subscription.customer.to_string(),
            legal_entity: subscription.entity.to_string(),
            price_book_version: subscription.book.to_string(),
            state: subscription.state.word(),
            cycle: subscription.schedule.cycle.to_string(),
            currency: subscription.currency.code(),
            zone: subscription.schedule.zone.name(),
            items: subscription.items.into_iter().map(ItemOut::from).collect(),
            started: subscription.started,
            period: subscription.period.into(),
            billed_through: subscription.billed_through.at,
            metadata: subscription.metadata,
        }
    }
}

impl From<Subscription> for SubscriptionOut {
    fn from(subscription: Subscription) -> Self {
        Self { id: subscription.id.to_string(), terms: subscription.into() }
    }
}

/// A started subscription and what it was billed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StartedSubscription)]
pub(crate) struct StartedOut {
    subscription: SubscriptionOut,
    /// Its first invoice; null when nothing is due at the start.
    invoice: Option<InvoiceWithLines>,
}

impl StartedOut {
    pub(super) fn load(view: &mut View<'_>, started: Started) -> Result<Self> {
        let invoice = match started.invoice {
            Some(id) => {
                let first = invoice::find(view, id)?;
                Some(InvoiceWithLines::load(view, first)?)
            }
            None => None,
        };
        Ok(Self { subscription: started.subscription.into(), invoice })
    }
}

/// What starting a subscription would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionPreview)]
pub(crate) struct PreviewOut {
    subscription: TermsOut,
    /// What would be billed at once; null when nothing is due at the start.
    invoice: Option<PreviewInvoiceOut>,
}

/// An invoice that would be made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvoicePreview)]
pub(crate) struct PreviewInvoiceOut {
    /// Sum of the lines.
    subtotal: AmountOut,
    /// Tax on them.
    tax: AmountOut,
    /// What would be to be paid.
    total: AmountOut,
    /// When it would fall due, in business time.
    due: Timestamp,
    lines: Vec<LineOut>,
}

impl PreviewOut {
    pub(super) fn of(preview: Preview) -> Result<Self> {
        let invoice = preview.invoice.map(|(draft, totals)| PreviewInvoiceOut {
            subtotal: totals.subtotal.into(),
            tax: totals.tax.into(),
            total: totals.total.into(),
            due: draft.due,
            lines: draft.lines.into_iter().map(LineOut::from).collect(),
        });
        Ok(Self { subscription: preview.subscription.into(), invoice })
    }
}
