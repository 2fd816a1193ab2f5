//! Canceling for a reason, staying for an offer, and coming back.

use axum::{Json, extract::State, http::StatusCode};
use billing::{
    cancellation::{self, Cancel, CancelPreview, Counted, Offer, Place, Recorded},
    subscription::{self, Started, Timing},
    usage,
};
use identity::permission::may;
use jiff::{Timestamp, civil::Date};
use kernel::{Result, time};
use serde::{Deserialize, Serialize};
use store::View;
use utoipa::{IntoParams, ToSchema};

use super::{
    SubscriptionRef,
    agreed::DiscountOut,
    change::make,
    out::{ChangedOut, PreviewInvoiceOut, PreviewOut, StartedOut, SubscriptionOut},
};
use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::Body,
    credit_note::CreditOut,
    page::{Page, PageQuery},
    parameters::{Path, Query},
    shape::AmountOut,
};

/// When to cancel, and why.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelSubscription {
    /// `now`: what was paid and is not used is credited; or `period_end`, until when it may be kept on.
    #[schema(value_type = String, examples("period_end"))]
    timing: Timing,
    /// Why: the key of a reason of the price book in force, which may want one.
    #[schema(examples("too_expensive"))]
    reason: Option<String>,
    /// What else the customer says, up to 1,000 characters; it goes when the customer is erased.
    comment: Option<String>,
}

impl From<CancelSubscription> for Cancel {
    fn from(CancelSubscription { timing, reason, comment }: CancelSubscription) -> Self {
        Self { timing, reason, comment }
    }
}

/// What a cancellation would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CancelPreview)]
pub(crate) struct CancelPreviewOut {
    /// As it would be.
    subscription: SubscriptionOut,
    /// When it would end.
    ends: Timestamp,
    /// The local date of that.
    ends_date: Date,
    /// What would be credited now, line by line.
    credits: Vec<CreditOut>,
    /// What the credits come to, with their tax.
    credited: AmountOut,
    /// What would be billed now; null when nothing is.
    invoice: Option<PreviewInvoiceOut>,
    /// What is offered to stay; null when nothing is offered for the reason, or the subscription cannot have it.
    save_offer: Option<OfferOut>,
}

/// What somebody is offered to stay.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SaveOffer)]
struct OfferOut {
    /// The reason it is offered for.
    reason: String,
    /// What the coupon gives the subscription, from its next invoice on.
    discount: DiscountOut,
}

impl CancelPreviewOut {
    fn load(view: &mut View<'_>, preview: CancelPreview) -> Result<Self> {
        let CancelPreview { subscription, ends, credits, credited, invoice, offer } = preview;
        let currency = subscription.currency;
        let invoice = invoice.map(|invoice| PreviewInvoiceOut::load(view, invoice, credited)).transpose()?;
        let of = |Offer { reason, discount }| {
            let discount = DiscountOut::new(discount, currency);
            OfferOut { reason, discount }
        };
        Ok(Self {
            ends: ends.at,
            ends_date: ends.date,
            credits: credits.into_iter().map(CreditOut::from).collect(),
            credited: credited.into(),
            invoice,
            save_offer: offer.map(of),
            subscription: subscription.into(),
        })
    }
}

/// An offer to take.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptSaveOffer {
    /// The reason to cancel that it is offered for.
    #[schema(examples("too_expensive"))]
    reason: String,
    /// What else the customer says, up to 1,000 characters.
    comment: Option<String>,
}

/// How to come back.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reactivate {
    /// A method of payment is on file.
    #[serde(default)]
    has_method: bool,
}

/// What coming back would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReactivationPreview)]
pub(crate) struct ReactivationPreviewOut {
    #[serde(flatten)]
    preview: PreviewOut,
    /// The key of the coupon it would come back with.
    coupon: Option<String>,
}

/// A subscription that came back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReactivatedSubscription)]
pub(crate) struct ReactivatedOut {
    #[serde(flatten)]
    started: StartedOut,
    /// The key of the coupon it came back with.
    coupon: Option<String>,
}

/// A cancellation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cancellation)]
pub(crate) struct CancellationOut {
    /// Of what.
    subscription: String,
    /// Whose.
    customer: String,
    /// Why, by the key of the price book then; null when nobody said.
    reason: Option<String>,
    /// What else was said; null once the customer is erased.
    comment: Option<String>,
    /// When somebody asked for it.
    asked: Timestamp,
    /// `canceled`; `kept` when it was taken back before the end; `saved` when an offer made the customer stay.
    outcome: &'static str,
}

impl From<Recorded> for CancellationOut {
    fn from(recorded: Recorded) -> Self {
        Self {
            subscription: recorded.subscription.to_string(),
            customer: recorded.customer.to_string(),
            reason: recorded.reason,
            comment: recorded.comment,
            asked: recorded.asked,
            outcome: recorded.outcome.word(),
        }
    }
}

/// How many canceled for a reason.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CancellationCount)]
pub(crate) struct CountOut {
    /// The key of the reason; null: nobody said one.
    reason: Option<String>,
    /// What it is called.
    name: Option<String>,
    /// How many canceled.
    canceled: i64,
    /// How many took it back before the end.
    kept: i64,
    /// How many stayed for an offer.
    saved: i64,
}

impl From<Counted> for CountOut {
    fn from(Counted { reason, name, canceled, kept, saved }: Counted) -> Self {
        Self { reason, name, canceled, kept, saved }
    }
}

/// Which cancellations to count.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CountQuery {
    /// Those asked for at this instant or later; all, when left out.
    from: Option<String>,
    /// Those asked for before this instant.
    to: Option<String>,
}

/// Show what canceling a subscription would do, by the same decision, and what is offered to stay; nothing is written.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/cancel/preview", tag = "Subscriptions", request_body = CancelSubscription,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = CancelPreviewOut)),
)]
pub(crate) async fn preview_cancel(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(SubscriptionRef(reference)): Path<SubscriptionRef>,
    Body { content, .. }: Body<CancelSubscription>,
) -> ApiResult<Json<CancelPreviewOut>> {
    let cancel = Cancel::from(content);
    usage::catch_up(&app.db, actor.scope(), &reference).await?;
    app.read(actor.scope(), move |view| {
        let id = subscription::resolve(view, &reference)?;
        let preview = cancellation::preview(view, id, &cancel)?;
        CancelPreviewOut::load(view, preview)
    })
    .await
}

/// Cancel a subscription, now or at the end of what is billed. A paused one is canceled at once. Idempotent
/// by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/cancel", tag = "Subscriptions", request_body = CancelSubscription,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = ChangedOut)),
)]
pub(crate) async fn cancel(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(reference): Path<SubscriptionRef>,
    Body { content, request }: Body<CancelSubscription>,
) -> ApiResult<Changed> {
    let cancel = Cancel::from(content);
    make(&app, &actor, reference, request, move |tx, id| cancellation::cancel(tx, id, &cancel)).await
}

/// Stay for what is offered instead of canceling: the coupon counts from the next invoice on, and a cancellation that
/// was to come about is taken back. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/save-offer/accept", tag = "Subscriptions", request_body = AcceptSaveOffer,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = SubscriptionOut)),
)]
pub(crate) async fn accept_save_offer(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(SubscriptionRef(reference)): Path<SubscriptionRef>,
    Body { content: AcceptSaveOffer { reason, comment }, request }: Body<AcceptSaveOffer>,
) -> ApiResult<Changed> {
    app.change(actor.scope(), request, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        let saved = cancellation::stay(tx, id, &reason, comment.clone())?;
        Ok((StatusCode::OK, SubscriptionOut::from(saved)))
    })
    .await
}

/// Show what bringing back a subscription that is over would do, by the same decision; nothing is written.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/reactivate/preview", tag = "Subscriptions", request_body = Reactivate,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = ReactivationPreviewOut)),
)]
pub(crate) async fn preview_reactivation(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(SubscriptionRef(reference)): Path<SubscriptionRef>,
    Body { content: Reactivate { has_method }, .. }: Body<Reactivate>,
) -> ApiResult<Json<ReactivationPreviewOut>> {
    app.read(actor.scope(), move |view| {
        let id = subscription::resolve(view, &reference)?;
        let (preview, coupon) = cancellation::preview_reactivation(view, id, has_method)?;
        Ok(ReactivationPreviewOut { preview: PreviewOut::load(view, preview)?, coupon })
    })
    .await
}

/// Bring back a subscription that is over: another one begins now with the same plan, cycle, quantities and add-ons, at
/// the prices in force, and with the coupon the price book wins customers back with, where it is not too late for that.
/// Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/reactivate", tag = "Subscriptions", request_body = Reactivate,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 201, body = ReactivatedOut)),
)]
pub(crate) async fn reactivate(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(SubscriptionRef(reference)): Path<SubscriptionRef>,
    Body { content: Reactivate { has_method }, request }: Body<Reactivate>,
) -> ApiResult<Changed> {
    app.change(actor.scope(), request, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        let back = cancellation::reactivate(tx, id, has_method)?;
        let started = Started { subscription: back.subscription, invoice: back.invoice };
        let started = StartedOut::load(tx, started)?;
        Ok((StatusCode::CREATED, ReactivatedOut { started, coupon: back.coupon }))
    })
    .await
}

/// List cancellations with their reasons, last first.
#[utoipa::path(
    get, path = "/v1/cancellations", tag = "Subscriptions", params(PageQuery),
    responses((status = 200, body = Page<CancellationOut>)),
)]
pub(crate) async fn cancellations(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<CancellationOut>>> {
    let (limit, before) = (page.limit()?, page.after::<Place>()?);
    app.read(actor.scope(), move |view| {
        let found = cancellation::list(view, before, limit + 1)?;
        Ok(Page::cut(found, limit, Recorded::place, CancellationOut::from))
    })
    .await
}

/// Count cancellations by their reasons, the most frequent first: all on one page.
#[utoipa::path(
    get, path = "/v1/cancellations/counts", tag = "Subscriptions", params(CountQuery),
    responses((status = 200, body = Page<CountOut>)),
)]
pub(crate) async fn cancellation_counts(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Query(query): Query<CountQuery>,
) -> ApiResult<Json<Page<CountOut>>> {
    let instant = |text: Option<&String>, pointer: &'static str| {
        text.map(|text| time::instant(text).map_err(|error| error.at(pointer))).transpose()
    };
    let from = instant(query.from.as_ref(), "?from")?.unwrap_or(time::FIRST_INSTANT);
    let to = instant(query.to.as_ref(), "?to")?.unwrap_or(time::END_INSTANT);
    app.read(actor.scope(), move |view| {
        let counted = cancellation::counts(view, from, to)?;
        Ok(Page::of(counted.into_iter().map(CountOut::from).collect(), None))
    })
    .await
}
