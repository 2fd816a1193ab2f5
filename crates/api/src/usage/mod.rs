//! Usage of subscriptions: what was measured, and what it comes to.

use std::str::FromStr;

use axum::{Json, extract::State, http::StatusCode};
use billing::{subscription, usage};
use identity::permission::may;
use jiff::Timestamp;
use kernel::{Error, Result};

use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::Body,
    page::{Page, PageQuery},
    parameters::{Path, PathAndKey, Query},
    subscription::SubscriptionRef,
};

mod figure;
mod out;
use figure::PutUsage;
use out::{PostedOut, TakenOut, UsageOut};

/// A place in the history: when the stretch began, and the key.
struct Place(Timestamp, String);

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('/').and_then(|(start, key)| Some((start.parse().ok()?, key.to_owned())));
        parts.map(|(start, key)| Self(start, key)).ok_or_else(|| Error::internal("no place in a history"))
    }
}

/// Store what was measured for a stretch of a subscription, under the key of a usage price of its plan, or of a meter a
/// fee looks at. It replaces what was said of the stretch before.
///
/// While the stretch is not billed it may reach a threshold of the price book and be billed at once. For one that is
/// billed, the difference comes onto the next invoice as a line naming the stretch, or as a credit note; when there is
/// no next invoice, at once. Idempotent by key.
#[utoipa::path(
    put, path = "/v1/subscriptions/{id}/usage/{key}", tag = "Usage", request_body = PutUsage,
    params(
        ("id" = String, Path, description = "The subscription: its id, or `ext:` and your own."),
        ("key" = String, Path, description = "Key of the usage price, or of the meter."),
    ),
    responses((status = 200, body = TakenOut)),
)]
pub(crate) async fn put(
    State(app): State<App>,
    actor: Actor<may::UsageWrite>,
    PathAndKey(SubscriptionRef(reference), key): PathAndKey<SubscriptionRef>,
    Body { content, request }: Body<PutUsage>,
) -> ApiResult<Changed> {
    let post = content.command(key)?;
    let place = content.place();
    app.change(actor.scope(), request, move |tx| {
        let id = subscription::resolve(tx, &reference)?;
        let taken = usage::post(tx, id, &post).map_err(|error| figure::placed(error, place))?;
        Ok((StatusCode::OK, TakenOut::load(tx, taken)?))
    })
    .await
}

/// Show the usage of a subscription: what is not billed yet with what it comes to so far, and every figure, newest
/// stretch first: `limit` and `after` are the history's.
#[utoipa::path(
    get, path = "/v1/subscriptions/{id}/usage", tag = "Usage",
    params(
        ("id" = String, Path, description = "The subscription: its id, or `ext:` and your own."), PageQuery,
    ),
    responses((status = 200, body = UsageOut)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(SubscriptionRef(reference)): Path<SubscriptionRef>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<UsageOut>> {
    let (limit, after) = (page.limit()?, page.after::<Place>()?);
    app.read(actor.scope(), move |view| {
        let id = subscription::resolve(view, &reference)?;
        let standing = usage::standing(view, id)?;
        let figures = match &after {
            None => usage::history(view, id, limit + 1)?,
            Some(Place(start, key)) => usage::history_behind(view, id, (*start, key), limit + 1)?,
        };
        let place = |figure: &usage::Posted| format!("{}/{}", figure.start, figure.key);
        let history = Page::cut(figures, limit, place, PostedOut::from);
        UsageOut::new(standing, history)
    })
    .await
}
