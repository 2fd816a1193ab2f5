//! Subscriptions in answers.

use billing::{
    credit_note,
    invoice::{self, Draft, Totals},
    subscription::{ChangePreview, Changed, Item, Preview, Started, Subscription},
};
use jiff::{Timestamp, civil::Date};
use kernel::{Money, Result, ids::InvoiceId};
use serde::Serialize;
use serde_json::Value as Json;
use store::View;
use utoipa::ToSchema;

use super::agreed::{AgreementOut, DiscountOut, PendingOut, RhythmOut, ScheduledOut, TermOut};
use crate::{
    credit_note::{CreditNoteWithLines, CreditOut},
    invoice::{InvoiceWithLines, LineOut},
    shape::{AmountOut, PeriodOut, TaxOut},
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
    /// What it has now: the plan first, then the add-ons.
    items: Vec<ItemOut>,
    /// When it began, in business time.
    started: Timestamp,
    /// The period it is in.
    period: PeriodOut,
    /// Fees in advance are billed up to here.
    billed_through: Timestamp,
    /// When it falls due next; null when nothing does, as for a paused or canceled one.
    next_due: Option<Timestamp>,
    /// What is paid at the end of a period, usage among it, is billed up to here.
    arrears_from: Timestamp,
    /// A stretch that is over and waits for late figures until it is billed; null when there is none.
    closing: Option<ClosingOut>,
    /// The zone its days begin in from the next period on, when its customer moved.
    next_zone: Option<&'static str>,
    /// The rhythm of usage that is billed by another cycle than the plan's; null when there is none.
    usage_rhythm: Option<RhythmOut>,
    /// Canceled as of this instant, in business time: it has come about, or the period ends then.
    ends: Option<Timestamp>,
    /// What changes at the end of the period it is in.
    pending: Option<PendingOut>,
    /// Everything that waits for its day, soonest first, `pending` among it.
    scheduled: Vec<ScheduledOut>,
    /// The contract's term; null: it runs until it is canceled.
    term: Option<TermOut>,
    /// What was agreed beside the price book; null when nothing was.
    agreement: Option<AgreementOut>,
    /// Its coupons, and what staff gave away.
    discounts: Vec<DiscountOut>,
    /// The end of its trial, also after it; null when it had none.
    trial_end: Option<Timestamp>,
    /// Whether a method of payment is on file, which decides what the end of a trial does.
    has_method: bool,
    /// Your own notes.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    metadata: Json,
}

/// A stretch that is over and not billed yet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClosingStretch)]
pub(crate) struct ClosingOut {
    /// When it ended.
    end: Timestamp,
    /// When it is billed.
    billed: Timestamp,
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

impl From<&Item> for ItemOut {
    fn from(item: &Item) -> Self {
        Self { ordinal: item.ordinal, kind: item.kind.word(), key: item.key.clone(), quantity: item.quantity }
    }
}

impl From<Subscription> for TermsOut {
    fn from(subscription: Subscription) -> Self {
        let pending = subscription.pending().cloned().map(PendingOut::from);
        let discount = |discount| DiscountOut::new(discount, subscription.currency);
        Self {
            plan: subscription.plan().to_owned(),
            next_due: subscription.falls_due().map(|due| due.at),
            items: subscription.active_items().map(ItemOut::from).collect(),
            external_id: subscription.external_id,
            customer: subscription.customer.to_string(),
            legal_entity: subscription.entity.to_string(),
            price_book_version: subscription.book.to_string(),
            state: subscription.state.word(),
            cycle: subscription.schedule.cycle.to_string(),
            currency: subscription.currency.code(),
            zone: subscription.schedule.zone.name(),
            started: subscription.started,
            period: subscription.period.into(),
            billed_through: subscription.billed_through.at,
            arrears_from: subscription.arrears_from.at,
            closing: subscription
                .closing
                .as_ref()
                .map(|closing| ClosingOut { end: closing.end.at, billed: closing.cut.at }),
            next_zone: subscription.next_zone.as_ref().map(kernel::Zone::name),
            usage_rhythm: subscription.rhythm.map(RhythmOut::from),
            ends: subscription.ends,
            pending,
            scheduled: subscription.scheduled.into_iter().map(ScheduledOut::from).collect(),
            term: subscription.term.map(TermOut::from),
            agreement: AgreementOut::of(subscription.agreement),
            discounts: subscription.discounts.into_iter().map(discount).collect(),
            trial_end: subscription.trial_end.map(|end| end.at),
            has_method: subscription.has_method,
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
        let invoice = started.invoice.map(|id| made(view, id)).transpose()?;
        Ok(Self { subscription: started.subscription.into(), invoice })
    }
}

fn made(view: &mut View<'_>, id: InvoiceId) -> Result<InvoiceWithLines> {
    let invoice = invoice::find(view, id)?;
    InvoiceWithLines::load(view, invoice)
}

/// What starting a subscription would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionPreview)]
pub(crate) struct PreviewOut {
    subscription: TermsOut,
    /// What would be billed at once, or when it begins if that is later; null when nothing is due then.
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
    /// Both together.
    total: AmountOut,
    /// How much of it the customer's credit would pay at finalization, what is credited with it included.
    credit: AmountOut,
    /// What would be left to pay after the credit.
    amount_due: AmountOut,
    /// When it would fall due, in business time.
    due: Timestamp,
    lines: Vec<LineOut>,
    /// The taxes on them.
    taxes: Vec<TaxOut>,
}

impl PreviewOut {
    pub(super) fn load(view: &mut View<'_>, preview: Preview) -> Result<Self> {
        let nothing = Money::zero(preview.subscription.currency);
        let invoice = preview.invoice.map(|invoice| PreviewInvoiceOut::load(view, invoice, nothing));
        Ok(Self { invoice: invoice.transpose()?, subscription: preview.subscription.into() })
    }
}

impl PreviewInvoiceOut {
    /// The invoice that would be made when `credited` is credited just before.
    pub(crate) fn load(
        view: &mut View<'_>,
        (draft, totals): (Draft, Totals),
        credited: Money,
    ) -> Result<Self> {
        let credit = invoice::credit_for(view, &draft, totals.total, credited)?;
        Ok(Self {
            subtotal: totals.subtotal.into(),
            tax: totals.tax.into(),
            total: totals.total.into(),
            credit: credit.into(),
            amount_due: totals.total.checked_sub(credit)?.into(),
            due: draft.due,
            lines: draft.lines.into_iter().map(LineOut::from).collect(),
            taxes: draft.taxes.into_iter().map(TaxOut::from).collect(),
        })
    }
}

/// A subscription after a command, with the documents it made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangedSubscription)]
pub(crate) struct ChangedOut {
    subscription: SubscriptionOut,
    /// What was billed and will not be used, one for each invoice it was on.
    credit_notes: Vec<CreditNoteWithLines>,
    /// What is charged for the rest of the period; null when nothing is.
    invoice: Option<InvoiceWithLines>,
}

impl ChangedOut {
    pub(super) fn load(view: &mut View<'_>, changed: Changed) -> Result<Self> {
        let mut credit_notes = Vec::with_capacity(changed.credit_notes.len());
        for id in changed.credit_notes {
            let note = credit_note::find(view, id)?;
            credit_notes.push(CreditNoteWithLines::load(view, note)?);
        }
        let invoice = changed.invoice.map(|id| made(view, id)).transpose()?;
        Ok(Self { subscription: changed.subscription.into(), credit_notes, invoice })
    }
}

/// What a change would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangePreview)]
pub(crate) struct ChangePreviewOut {
    /// As it would be at once; a change at the end of the period is `pending` in it.
    subscription: SubscriptionOut,
    /// From when on the change would count, in business time.
    effective: Timestamp,
    /// The local date of it.
    effective_date: Date,
    /// What would be credited, line by line.
    credits: Vec<CreditOut>,
    /// What the credits come to, with their tax.
    credited: AmountOut,
    /// What would be billed at once; null when nothing is.
    invoice: Option<PreviewInvoiceOut>,
}

impl ChangePreviewOut {
    pub(super) fn load(view: &mut View<'_>, preview: ChangePreview) -> Result<Self> {
        let credited = preview.credited;
        let invoice = preview.invoice.map(|invoice| PreviewInvoiceOut::load(view, invoice, credited));
        Ok(Self {
            invoice: invoice.transpose()?,
            subscription: preview.subscription.into(),
            effective: preview.effective.at,
            effective_date: preview.effective.date,
            credits: preview.credits.into_iter().map(CreditOut::from).collect(),
            credited: credited.into(),
        })
    }
}
