//! Trials and access: converting, extending, suspending and reinstating subscriptions, and what is known of
//! their payment.

use axum::extract::State;
use billing::subscription;
use identity::permission::may;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{SubscriptionRef, change::make, out::ChangedOut};
use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::{Body, Nothing},
    parameters::Path,
};

/// By how much to extend a trial.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtendTrial {
    /// Days to add to its end, 1 to 90.
    #[schema(examples(7))]
    days: u16,
}

/// What is known of a subscription's payment.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetPaymentMethod {
    /// Whether a method of payment is on file.
    on_file: bool,
}

/// End a trial now and begin the paid subscription, with its first invoice. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/convert", tag = "Subscriptions",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = ChangedOut)),
)]
pub(crate) async fn convert(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(reference): Path<SubscriptionRef>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    make(&app, &actor, reference, request, subscription::convert).await
}

/// Let a trial last longer. It is reminded of again. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/extend-trial", tag = "Subscriptions", request_body = ExtendTrial,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = ChangedOut)),
)]
pub(crate) async fn extend_trial(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(reference): Path<SubscriptionRef>,
    Body { content: ExtendTrial { days }, request }: Body<ExtendTrial>,
) -> ApiResult<Changed> {
    make(&app, &actor, reference, request, move |tx, id| subscription::extend_trial(tx, id, days)).await
}

/// Switch access off: what is paid stays paid, and nothing falls due until it is switched on again.
/// Idempotent by key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/suspend", tag = "Subscriptions",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = ChangedOut)),
)]
pub(crate) async fn suspend(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(reference): Path<SubscriptionRef>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    make(&app, &actor, reference, request, subscription::suspend).await
}

/// Switch access on again: the rest of the period is charged when what was paid for is over. Idempotent by
/// key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/reinstate", tag = "Subscriptions",
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = ChangedOut)),
)]
pub(crate) async fn reinstate(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(reference): Path<SubscriptionRef>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    make(&app, &actor, reference, request, subscription::reinstate).await
}

/// Say whether a method of payment is on file, which decides what the end of a trial does. Idempotent by
/// key.
#[utoipa::path(
    post, path = "/v1/subscriptions/{id}/payment-method", tag = "Subscriptions", request_body = SetPaymentMethod,
    params(("id" = String, Path, description = "Its id, or `ext:` and your own.")),
    responses((status = 200, body = ChangedOut)),
)]
pub(crate) async fn set_payment_method(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Path(reference): Path<SubscriptionRef>,
    Body { content: SetPaymentMethod { on_file }, request }: Body<SetPaymentMethod>,
) -> ApiResult<Changed> {
    make(&app, &actor, reference, request, move |tx, id| subscription::set_method(tx, id, on_file)).await
}
