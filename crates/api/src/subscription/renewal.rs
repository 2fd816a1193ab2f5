//! Renewal offers: made by staff, answered by or for the customer.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode};
use billing::{
    renewal::{self, OfferedTerms, RenewalOffer, RenewalPreview},
    subscription::{self, NewTerm},
};
use identity::permission::may;
use jiff::{Timestamp, civil::Date};
use kernel::{Result, UnitPrice, ids::SubscriptionId, time};
use serde::{Deserialize, Serialize};
use store::{Tx, View, idempotency::Request};
use utoipa::ToSchema;

use super::{
    SubscriptionRef,
    agreed::{AgreedPriceOut, NewTermOut, prices_out},
    agreement::{Prices, TermIn, prices},
    change::make,
    out::{ChangedOut, PreviewInvoiceOut, SubscriptionOut},
};
use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::{Body, Nothing},
    credit_note::CreditOut,
    page::Page,
    parameters::{Path, parse_some, parse_with},
    shape::AmountOut,
};

/// What is offered for the time after the term, or after the period where there is no term. What is left out stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfferRenewal {
    /// Key of another plan. It, and every price not agreed, is then that of the price book in force.
    plan: Option<String>,
    /// Another cycle, likewise.
    cycle: Option<String>,
    /// Units of the plan where it is priced per unit (seats).
    quantity: Option<i64>,
    /// Add-ons by key with their new quantity; 0 ends one.
    #[serde(default)]
    addons: BTreeMap<String, i64>,
    /// Prices agreed from then on, by the key of the plan, add-on or usage price.
    #[serde(default)]
    prices: Prices,
    /// Every price that is not agreed becomes that of the price book in force then.
    #[serde(default)]
    reprice: bool,
    /// The least a period comes to from then on, in major units.
    minimum: Option<String>,
    /// The next term.
    term: Option<TermIn>,
    /// A coupon, by its key or code: it is redeemed when the offer is accepted, and counts from the next term on.
    coupon: Option<String>,
    /// The last local date on which it can be accepted; up to the end of the term, when left out.
    #[schema(value_type = Option<String>, format = Date, examples("2027-11-30"))]
    valid_until: Option<String>,
}

impl OfferRenewal {
    fn read(&self) -> Result<(OfferedTerms, Option<Date>)> {
        let until = self.valid_until.as_deref().map(time::date).transpose();
        let terms = OfferedTerms {
            plan: self.plan.clone(),
            cycle: parse_some(self.cycle.as_deref(), "/cycle")?,
            quantity: self.quantity,
            addons: self.addons.clone(),
            prices: prices(&self.prices, "/prices")?,
            reprice: self.reprice,
            minimum: parse_with(UnitPrice::parse, self.minimum.as_deref(), "/minimum")?,
            term: self.term.map(NewTerm::from),
            coupon: self.coupon.clone(),
        };
        Ok((terms, until.map_err(|error| error.at("/valid_until"))?))
    }
}

/// An offer for the time after the term. What is null stays as it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RenewalOffer)]
pub(crate) struct RenewalOfferOut {
    /// For which subscription.
    subscription: String,
    /// Which one of that, from 0.
    number: i64,
    /// `open`, `expired`, `accepted`, `declined`, or `withdrawn` by staff.
    state: &'static str,
    /// Key of another plan.
    plan: Option<String>,
    /// Another cycle.
    cycle: Option<String>,
    /// Units of the plan.
    quantity: Option<i64>,
    /// Add-ons by key with their new quantity; 0 ends one.
    addons: BTreeMap<String, i64>,
    /// Prices agreed, by the key of the plan, add-on or usage price.
    prices: BTreeMap<String, AgreedPriceOut>,
    /// Every price that is not agreed becomes that of the price book in force then.
    reprice: bool,
    /// The least a period comes to, in major units.
    minimum: Option<String>,
    /// The next term.
    term: Option<NewTermOut>,
    /// A coupon.
    coupon: Option<String>,
    /// The last local date on which it can be accepted; null: up to the end of the term.
    valid_until: Option<Date>,
    /// When it was made.
    made: Timestamp,
    /// When it was accepted, declined or withdrawn.
    answered: Option<Timestamp>,
}

impl RenewalOfferOut {
    fn load(view: &mut View<'_>, offer: RenewalOffer) -> Result<Self> {
        let subscription = subscription::find(view, offer.subscription)?;
        Ok(Self::new(offer, subscription.schedule.zone.date_of(view.now())))
    }

    fn new(offer: RenewalOffer, today: Date) -> Self {
        let state = offer.state(today);
        let OfferedTerms { plan, cycle, quantity, addons, prices, reprice, minimum, term, coupon } =
            offer.terms;
        Self {
            subscription: offer.subscription.to_string(),
            number: offer.ordinal,
            state,
            plan,
            cycle: cycle.map(|cycle| cycle.to_string()),
            quantity,
            addons,
            prices: prices_out(prices),
            reprice,
            minimum: minimum.map(|minimum| minimum.to_string()),
            term: term.map(NewTermOut::from),
            coupon,
            valid_until: offer.valid_until,
            made: offer.made,
            answered: offer.answer.map(|(_, at)| at),
        }
    }
}

/// What accepting an offer would come to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RenewalPreview)]
pub(crate) struct RenewalPreviewOut {
    /// As it would be once the next term has begun.
    subscription: SubscriptionOut,
    /// When that would be.
    effective: Timestamp,
    /// The local date of it.
    effective_date: Date,
    /// What would be billed then; usage that is not measured yet counts as nothing. Null when nothing is.
    invoice: Option<PreviewInvoiceOut>,
    /// What would be credited then, line by line.
    credits: Vec<CreditOut>,
    /// What the credits come to, with their tax.
    credited: AmountOut,
}

impl RenewalPreviewOut {
    fn load(view: &mut View<'_>, preview: RenewalPreview) -> Result<Self> {
        let RenewalPreview { subscription, effective, invoice, credits, credited } = preview;
        let invoice = invoice.map(|invoice| PreviewInvoiceOut::load(view, invoice, credited));
        Ok(Self {
            subscription: subscription.into(),
            effective: effective.at,
            effective_date: effective.date,
            invoice: invoice.transpose()?,
            credits: credits.into_iter().map(CreditOut::from).collect(),
            credited: credited.into(),
        })
    }
}

/// List the renewal offers of a subscription, the last first: all on one page.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}/renewal-offers", tag = "Subscriptions",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = Page<RenewalOfferOut>)),
)]
pub(crate) async fn renewal_offers(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(SubscriptionRef(reference)): Path<SubscriptionRef>,
) -> ApiResult<Json<Page<RenewalOfferOut>>> {
    app.read(actor.scope(), move |view| {
        let id = subscription::resolve(view, &reference)?;
        let found = subscription::find(view, id)?;
        let today = found.schedule.zone.date_of(view.now());
        let offers = renewal::of_subscription(view, id)?;
        Ok(Page::of(offers.into_iter().map(|offer| RenewalOfferOut::new(offer, today)).collect(), None))
    })
    .await
}

/// Show what accepting an offer of these terms would come to, by the decision that is made at the end of the term;
/// nothing is written.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/renewal-offers/preview", tag = "Subscriptions", request_body = OfferRenewal,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = RenewalPreviewOut)),
)]
pub(crate) async fn preview_renewal(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(SubscriptionRef(reference)): Path<SubscriptionRef>,
    Body { content, .. }: Body<OfferRenewal>,
) -> ApiResult<Json<RenewalPreviewOut>> {
    let (terms, _) = content.read()?;
    app.read(actor.scope(), move |view| {
        let id = subscription::resolve(view, &reference)?;
        let preview = renewal::preview(view, id, &terms)?;
        RenewalPreviewOut::load(view, preview)
    })
    .await
}

/// Offer a customer terms for the time after the term of its subscription. It takes the place of an offer that waits for
/// an answer. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/renewal-offers", tag = "Subscriptions", request_body = OfferRenewal,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 201, body = RenewalOfferOut)),
)]
pub(crate) async fn offer_renewal(
    State(app): State<App>,
    actor: Actor<may::SubscriptionNegotiate>,
    Path(SubscriptionRef(reference)): Path<SubscriptionRef>,
    Body { content, request }: Body<OfferRenewal>,
) -> ApiResult<Changed> {
    let (terms, until) = content.read()?;
    app.change(actor.scope(), request, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        let offer = renewal::offer(tx, id, &terms, until)?;
        Ok((StatusCode::CREATED, RenewalOfferOut::load(tx, offer)?))
    })
    .await
}

/// Accept the renewal offer that waits: what it says counts from the end of the term on. A cancellation that was to come
/// about is taken back. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/renewal-offers/accept", tag = "Subscriptions",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = ChangedOut)),
)]
pub(crate) async fn accept_renewal(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(reference): Path<SubscriptionRef>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    make(&app, &actor, reference, request, renewal::accept).await
}

/// Decline the renewal offer that waits; everything stays as it is. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/renewal-offers/decline", tag = "Subscriptions",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = RenewalOfferOut)),
)]
pub(crate) async fn decline_renewal(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(reference): Path<SubscriptionRef>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    close(&app, actor.scope(), reference, request, renewal::decline).await
}

/// Take back the renewal offer that waits. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/renewal-offers/withdraw", tag = "Subscriptions",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = RenewalOfferOut)),
)]
pub(crate) async fn withdraw_renewal(
    State(app): State<App>,
    actor: Actor<may::SubscriptionNegotiate>,
    Path(reference): Path<SubscriptionRef>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    close(&app, actor.scope(), reference, request, renewal::withdraw).await
}

async fn close(
    app: &App,
    scope: &store::Scope,
    SubscriptionRef(reference): SubscriptionRef,
    request: Option<Request>,
    work: fn(&mut Tx<'_>, SubscriptionId) -> Result<RenewalOffer>,
) -> ApiResult<Changed> {
    app.change(scope, request, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        let offer = work(tx, id)?;
        Ok((StatusCode::OK, RenewalOfferOut::load(tx, offer)?))
    })
    .await
}
