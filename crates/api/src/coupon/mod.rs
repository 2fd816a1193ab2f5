//! Coupons of the price book, who redeemed them, and subscriptions that are given away.

use axum::{Json, extract::State, http::StatusCode};
use billing::{
    coupon,
    subscription::{self, Subscription},
};
use catalog::version;
use identity::permission::may;
use kernel::{Error, Result, ids::SubscriptionId, time};
use serde::Deserialize;
use store::{Tx, idempotency::Request};
use utoipa::ToSchema;

use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::{Body, Nothing},
    page::{Page, PageQuery},
    parameters::{Path, PathAndKey, Query, moved},
    problem::ProblemOut,
    subscription::{SubscriptionOut, SubscriptionRef},
};

mod out;
use out::{CouponOut, RedemptionOut};

/// A coupon to redeem.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedeemCoupon {
    /// Its key, or the code a customer types; capitals do not matter in a code.
    #[schema(examples("SPRING26"))]
    coupon: String,
}

/// How long to give a subscription away.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompSubscription {
    /// The first local date on which it costs something again; until it is taken back, when left out.
    #[schema(value_type = Option<String>, format = Date, examples("2027-01-01"))]
    until: Option<String>,
}

/// List the coupons of the price book in force, in its order, with how often each was redeemed: all on one page.
#[utoipa::path(
    get, path = "/v1/coupons", tag = "Coupons",
    responses(
        (status = 200, body = Page<CouponOut>),
        (status = 409, body = ProblemOut, content_type = "application/problem+json", description = "There is no price book yet."),
    ),
)]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::BookRead>,
) -> ApiResult<Json<Page<CouponOut>>> {
    app.read(actor.scope(), |view| {
        let version = version::in_force(view)?;
        let coupons = &version.book.coupons;
        let counts = coupon::counts(view, coupons.iter().map(|coupon| coupon.key.clone()).collect())?;
        let out =
            |coupon: &catalog::Coupon| CouponOut::new(coupon, counts.get(&coupon.key).copied().unwrap_or(0));
        Ok(Page::of(coupons.iter().map(out).collect(), None))
    })
    .await
}

/// List the redemptions of a coupon, newest first; also of one that the price book in force no longer has.
#[utoipa::path(
    get, path = "/v1/coupons/{key}/redemptions", tag = "Coupons",
    params(("key" = String, Path, description = "The coupon's key."), PageQuery),
    responses((status = 200, body = Page<RedemptionOut>)),
)]
pub(crate) async fn redemptions(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(CouponKey(key)): Path<CouponKey>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<RedemptionOut>>> {
    let (limit, before) = (page.limit()?, page.after::<i64>()?);
    app.read(actor.scope(), move |view| {
        let redemptions = coupon::of_coupon(view, &key, before, limit + 1)?;
        if redemptions.is_empty() && before.is_none() {
            let known = version::newest(view)?.is_some_and(|newest| newest.book.coupon(&key).is_some());
            if !known {
                return Err(Error::not_found("coupon"));
            }
        }
        Ok(Page::cut(redemptions, limit, |redemption| redemption.ordinal, RedemptionOut::from))
    })
    .await
}

/// A coupon's key in a path.
pub(crate) struct CouponKey(String);

impl std::str::FromStr for CouponKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(Self(text.to_owned()))
    }
}

/// Redeem a coupon for a subscription, from its next invoice on. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/coupons", tag = "Coupons", request_body = RedeemCoupon,
    params(("id" = String, Path, description = "The subscription: its id, or `ext:` and your own.")),
    responses((status = 200, body = SubscriptionOut)),
)]
pub(crate) async fn redeem(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(reference): Path<SubscriptionRef>,
    Body { content: RedeemCoupon { coupon }, request }: Body<RedeemCoupon>,
) -> ApiResult<Changed> {
    make(&app, &actor, reference, request, move |tx, id| {
        coupon::redeem(tx, id, &coupon).map_err(|error| moved(error, "/coupons", "/coupon"))
    })
    .await
}

/// Take a coupon, or `comp` when it is given away, off a subscription, from its next invoice on. The redemption stays
/// counted. Idempotent by key.
#[utoipa::path(
    delete, path = "/v1/subscriptions/{id}/coupons/{key}", tag = "Coupons",
    params(
        ("id" = String, Path, description = "The subscription: its id, or `ext:` and your own."),
        ("key" = String, Path, description = "The coupon's key."),
    ),
    responses((status = 200, body = SubscriptionOut)),
)]
pub(crate) async fn take_away(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    PathAndKey(reference, key): PathAndKey<SubscriptionRef>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    make(&app, &actor, reference, request, move |tx, id| coupon::take_away(tx, id, &key)).await
}

/// Give a subscription away: its invoices from the next one on cost nothing. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/comp", tag = "Coupons", request_body = CompSubscription,
    params(("id" = String, Path, description = "The subscription: its id, or `ext:` and your own.")),
    responses((status = 200, body = SubscriptionOut)),
)]
pub(crate) async fn comp(
    State(app): State<App>,
    actor: Actor<may::SubscriptionNegotiate>,
    Path(reference): Path<SubscriptionRef>,
    Body { content, request }: Body<CompSubscription>,
) -> ApiResult<Changed> {
    let until = content.until.as_deref().map(time::date).transpose().map_err(|error| error.at("/until"))?;
    make(&app, &actor, reference, request, move |tx, id| coupon::comp(tx, id, until)).await
}

/// Do something to a subscription that makes no document.
async fn make<P, F>(
    app: &App,
    actor: &Actor<P>,
    SubscriptionRef(reference): SubscriptionRef,
    request: Option<Request>,
    work: F,
) -> ApiResult<Changed>
where
    F: Fn(&mut Tx<'_>, SubscriptionId) -> Result<Subscription> + Send + 'static,
{
    app.change(actor.scope(), request, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        Ok((StatusCode::OK, SubscriptionOut::from(work(tx, id)?)))
    })
    .await
}
