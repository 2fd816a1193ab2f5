//! What customers may use.

use axum::{Json, extract::State};
use entitlements::{Context, Sight};
use identity::{customer::CustomerRef, permission::may};
use kernel::{Error, Result};
use store::Scope;

use crate::{
    actor::Actor,
    app::{ApiResult, App},
    page::Page,
    parameters::{Path, PathAndKey},
};

mod out;
pub(crate) use out::{FeatureOut, TierOut};

/// List what a customer may use: every feature and meter of the price book and of what it agreed to, with the reason and,
/// where it is not included, the cheapest way to have it. All on one page.
#[utoipa::path(
    get, path = "/v1/customers/{id}/features", tag = "Features",
    params(("id" = String, Path, description = "The customer: its id, or `ext:` and your own.")),
    responses((status = 200, body = Page<FeatureOut>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(reference): Path<CustomerRef>,
) -> ApiResult<Json<Page<FeatureOut>>> {
    let sight = sight(&app, actor.scope(), reference).await?;
    let features = sight.features(&Context::default());
    Ok(Json(Page::of(features.into_iter().map(FeatureOut::from).collect(), None)))
}

/// Ask whether a customer may use a feature, and how much of it: the answer says why, and what would unlock it. It heeds
/// every change that was acknowledged before it was asked for.
#[utoipa::path(
    get, path = "/v1/customers/{id}/features/{key}", tag = "Features",
    params(
        ("id" = String, Path, description = "The customer: its id, or `ext:` and your own."),
        ("key" = String, Path, description = "The key of a feature or meter of the price book."),
    ),
    responses((status = 200, body = FeatureOut)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    PathAndKey(reference, key): PathAndKey<CustomerRef>,
) -> ApiResult<Json<FeatureOut>> {
    let sight = sight(&app, actor.scope(), reference).await?;
    let feature = sight.feature(&key, &Context::default()).ok_or_else(|| Error::not_found("feature"))?;
    Ok(Json(feature.into()))
}

/// Ask whether a customer has a plan, or one that stands behind it in the price book: the answer says why, and which plan
/// would do.
#[utoipa::path(
    get, path = "/v1/customers/{id}/tiers/{key}", tag = "Features",
    params(
        ("id" = String, Path, description = "The customer: its id, or `ext:` and your own."),
        ("key" = String, Path, description = "The key of a plan."),
    ),
    responses((status = 200, body = TierOut)),
)]
pub(crate) async fn tier(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    PathAndKey(reference, key): PathAndKey<CustomerRef>,
) -> ApiResult<Json<TierOut>> {
    let sight = sight(&app, actor.scope(), reference).await?;
    Ok(Json(sight.tier(&key).ok_or_else(|| Error::not_found("plan"))?.into()))
}

/// What there is for a customer. Error: `not_found`.
async fn sight(app: &App, scope: &Scope, reference: CustomerRef) -> Result<Sight> {
    let sight = app.entitlements.sight(scope, reference.into()).await?;
    if sight.account.is_none() { Err(Error::not_found("customer")) } else { Ok(sight) }
}
