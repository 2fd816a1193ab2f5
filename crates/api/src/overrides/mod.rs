//! Overrides: what one customer may use beside what it agreed to.

use axum::{Json, extract::State, http::StatusCode};
use entitlements::override_::{self, Given, Override};
use identity::{
    customer::{self, CustomerRef},
    permission::may,
};
use jiff::Timestamp;
use kernel::{Result, ids::CustomerId, time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::View;
use utoipa::ToSchema;

use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::{Body, Nothing},
    page::Page,
    parameters::{Path, PathAndKey, parse_with},
};

/// What to give, and until when.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetOverride {
    /// As the kind of the feature wants it: `true` or `false`; a whole number or `"unlimited"` for a limit and for a
    /// meter; text for a value.
    #[schema(value_type = Object, examples(true))]
    value: Value,
    /// From when on it is no more, in business time; never when left out.
    #[schema(value_type = Option<String>, format = DateTime, examples("2026-12-31T00:00:00Z"))]
    expires_at: Option<String>,
    /// Why, in your own words, up to 500 characters. It is shown to staff, is in no fact, and goes when the customer's
    /// personal data are erased.
    reason: Option<String>,
}

/// An override.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Override)]
pub(crate) struct OverrideOut {
    /// The key of the feature or meter.
    #[schema(examples("sso"))]
    key: String,
    /// What is given.
    #[schema(value_type = Object, examples(true))]
    value: Value,
    /// From when on it is no more.
    expires_at: Option<Timestamp>,
    /// Whether it counts now.
    in_force: bool,
    /// Why.
    reason: Option<String>,
    /// Since when.
    made: Timestamp,
}

impl OverrideOut {
    fn of(one: Override, now: Timestamp) -> Self {
        let in_force = one.holds(now);
        let Override { key, given, expires, reason, made } = one;
        let value = match given {
            Given::Value(text) => text.into(),
            given => given.json(),
        };
        Self { key, value, expires_at: expires, in_force, reason, made }
    }
}

/// List the overrides of a customer by key, those that have run out among them: all on one page.
#[utoipa::path(
    get, path = "/v1/customers/{id}/overrides", tag = "Features",
    params(("id" = String, Path, description = "The customer: its id, or `ext:` and your own.")),
    responses((status = 200, body = Page<OverrideOut>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(reference): Path<CustomerRef>,
) -> ApiResult<Json<Page<OverrideOut>>> {
    app.read(actor.scope(), move |view| {
        let customer = whose(view, &reference)?;
        let now = view.now();
        let all = override_::of_customer(view, customer)?.into_iter();
        Ok(Page::of(all.map(|one| OverrideOut::of(one, now)).collect(), None))
    })
    .await
}

/// Override what a customer may use of a feature, or the limit of a meter, in place of what there was; until it runs out
/// or is removed. Every check, consume and feature asked for after the answer heeds it. Idempotent by key.
#[utoipa::path(
    put, path = "/v1/customers/{id}/overrides/{key}", tag = "Features", request_body = SetOverride,
    params(
        ("id" = String, Path, description = "The customer: its id, or `ext:` and your own."),
        ("key" = String, Path, description = "The key of a feature or meter."),
    ),
    responses((status = 200, body = OverrideOut)),
)]
pub(crate) async fn set(
    State(app): State<App>,
    actor: Actor<may::OverrideWrite>,
    PathAndKey(reference, key): PathAndKey<CustomerRef>,
    Body { content, request }: Body<SetOverride>,
) -> ApiResult<Changed> {
    let SetOverride { value, expires_at, reason } = content;
    let expires = parse_with(time::instant, expires_at.as_deref(), "/expires_at")?;
    app.change(actor.scope(), request, move |tx| {
        let customer = whose(tx, &reference)?;
        let made = override_::set(tx, customer, &key, &value, expires, reason.as_deref())?;
        Ok((StatusCode::OK, OverrideOut::of(made, tx.now())))
    })
    .await
}

/// Remove an override: what was agreed holds again. Idempotent by key.
#[utoipa::path(
    delete, path = "/v1/customers/{id}/overrides/{key}", tag = "Features",
    params(
        ("id" = String, Path, description = "The customer: its id, or `ext:` and your own."),
        ("key" = String, Path, description = "The key of a feature or meter."),
    ),
    responses((status = 200, description = "It is removed.")),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    actor: Actor<may::OverrideWrite>,
    PathAndKey(reference, key): PathAndKey<CustomerRef>,
    Body { content: Nothing {}, request }: Body<Nothing>,
) -> ApiResult<Changed> {
    app.change(actor.scope(), request, move |tx| {
        let customer = whose(tx, &reference)?;
        override_::remove(tx, customer, &key)?;
        Ok((StatusCode::OK, serde_json::json!({ "key": key })))
    })
    .await
}

fn whose(view: &mut View<'_>, reference: &CustomerRef) -> Result<CustomerId> {
    let id = customer::resolve(view, reference)?;
    // An id that names nothing resolves to itself.
    Ok(customer::find(view, id)?.id)
}
