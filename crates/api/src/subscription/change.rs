//! Changing, canceling, pausing and resuming subscriptions.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode};
use billing::{
    subscription::{self, Change, Timing},
    usage,
};
use identity::permission::may;
use kernel::{Error, Result, ids::SubscriptionId};
use serde::Deserialize;
use store::{Tx, idempotency::Request};
use utoipa::ToSchema;

use super::{
    SubscriptionRef,
    agreement::{ChangeIn, Prices, TermIn},
    out::{ChangePreviewOut, ChangedOut},
};
use crate::{
    actor::{Actor, Guarded, GuardedBody},
    app::{ApiResult, App, Changed},
    body::{Body, Nothing},
    parameters::{Path, moved},
};

/// What to change; what is left out stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeSubscription {
    /// Key of another plan. It, and every price, is then that of the price book in force.
    #[schema(examples("professional"))]
    plan: Option<String>,
    /// Another cycle, likewise at the prices in force: `month`, `quarter`, `half_year`, `year`, or such as
    /// `2 weeks`.
    cycle: Option<String>,
    /// Units of the plan where it is priced per unit (seats).
    quantity: Option<i64>,
    /// Add-ons by key with their new quantity; 0 ends one.
    #[serde(default)]
    addons: BTreeMap<String, i64>,
    /// Prices agreed with the customer, by the key of the plan, add-on or usage price; they stand until others are
    /// agreed. Needs `subscription.negotiate`.
    #[serde(default)]
    prices: Prices,
    /// Every price that is not agreed becomes that of the price book in force, even when plan and cycle stay.
    #[serde(default)]
    reprice: bool,
    /// The least a period comes to from then on, instead of the plan's minimum, in major units; needs
    /// `subscription.negotiate`.
    #[schema(examples("1000"))]
    minimum: Option<String>,
    /// A contract's term that begins with the change, instead of the one there was; needs `subscription.negotiate`.
    term: Option<TermIn>,
    /// `now`: what was paid and is not used is credited, the rest of the period is charged; or
    /// `period_end`.
    #[serde(default)]
    #[schema(value_type = String, default = "now")]
    timing: Timing,
}

impl ChangeSubscription {
    fn command(self) -> Result<(Change, Timing)> {
        let timing = self.timing;
        Ok((self.change().command("")?, timing))
    }

    fn change(self) -> ChangeIn {
        let Self { plan, cycle, quantity, addons, prices, reprice, minimum, term, .. } = self;
        ChangeIn { plan, cycle, quantity, addons, prices, reprice, minimum, term }
    }
}

impl Guarded for ChangeSubscription {
    fn guarded(&self) -> Option<String> {
        self.clone().change().negotiated().map(str::to_owned)
    }
}

/// A price that cannot be agreed is named where a start has it.
fn of_change(error: Error) -> Error {
    moved(error, "/agreement/prices", "/prices")
}

/// Show what changing a subscription would do, by the same decision; nothing is written.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/change/preview", tag = "Subscriptions", request_body = ChangeSubscription,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = ChangePreviewOut)),
)]
pub(crate) async fn preview_change(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(SubscriptionRef(reference)): Path<SubscriptionRef>,
    Body { content, .. }: Body<ChangeSubscription>,
) -> ApiResult<Json<ChangePreviewOut>> {
    let (change, timing) = content.command()?;
    usage::catch_up(&app.db, actor.scope(), &reference).await?;
    app.read(actor.scope(), move |view| {
        let id = subscription::resolve(view, &reference)?;
        let preview = subscription::preview_change(view, id, &change, timing).map_err(of_change)?;
        ChangePreviewOut::load(view, preview)
    })
    .await
}

/// Change plan, cycle, quantity, add-ons or prices of a subscription, now or at the end of the period. Prices agreed
/// with the customer need `subscription.negotiate` as well. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/change", tag = "Subscriptions", request_body = ChangeSubscription,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = ChangedOut)),
)]
pub(crate) async fn change(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(reference): Path<SubscriptionRef>,
    GuardedBody { content, request, .. }: GuardedBody<may::SubscriptionNegotiate, ChangeSubscription>,
) -> ApiResult<Changed> {
    let (change, timing) = content.command()?;
    let change = move |tx: &mut Tx<'_>, id| subscription::change(tx, id, &change, timing).map_err(of_change);
    make(&app, &actor, reference, request, change).await
}

/// Take back what was to happen at the end of the period: a cancellation or a change. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/keep-on", tag = "Subscriptions",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = ChangedOut)),
)]
pub(crate) async fn keep_on(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(reference): Path<SubscriptionRef>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    make(&app, &actor, reference, request, subscription::keep_on).await
}

/// Pause a subscription: what is not used is credited, and nothing falls due until it resumes. Idempotent by
/// key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/pause", tag = "Subscriptions",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = ChangedOut)),
)]
pub(crate) async fn pause(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(reference): Path<SubscriptionRef>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    make(&app, &actor, reference, request, subscription::pause).await
}

/// Resume a paused subscription: the rest of the period its anchor gives is charged. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/resume", tag = "Subscriptions",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = ChangedOut)),
)]
pub(crate) async fn resume(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(reference): Path<SubscriptionRef>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    make(&app, &actor, reference, request, subscription::resume).await
}

/// Do something to a subscription, by what is measured for it now, and answer with what came of it.
pub(super) async fn make<F>(
    app: &App,
    actor: &Actor<may::SubscriptionWrite>,
    SubscriptionRef(reference): SubscriptionRef,
    request: Option<Request>,
    work: F,
) -> ApiResult<Changed>
where
    F: Fn(&mut Tx<'_>, SubscriptionId) -> Result<subscription::Changed> + Send + 'static,
{
    usage::catch_up(&app.db, actor.scope(), &reference).await?;
    app.change(actor.scope(), request, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        let changed = work(tx, id)?;
        Ok((StatusCode::OK, ChangedOut::load(tx, changed)?))
    })
    .await
}
