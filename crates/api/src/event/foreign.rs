//! Where the SDKs of OpenMeter and Lago send events: with only the address changed, they work here.

use axum::{
    extract::{FromRequest, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use identity::permission::may;
use kernel::{Error, FieldError, Result};
use metering::event::wire;
use serde_json::{Value as Json, json, value::RawValue};

use super::{Sent, SentEvents, Taker, out::IngestOut, sent};
use crate::{
    actor::Actor,
    app::{ApiResult, App},
    body,
    problem::Problem,
};

/// The largest body, in bytes.
const LARGEST: usize = 16 << 20;

/// `POST /api/v1/events`: CloudEvents as OpenMeter's SDKs send them, or `{"event": {…}}` as Lago's do.
pub(crate) async fn events(
    State(app): State<App>,
    actor: Actor<may::UsageWrite>,
    sent: Foreign,
) -> ApiResult<Response> {
    let now = app.business_time(actor.scope()).await?;
    let taker = Taker { app: &app, scope: actor.scope(), backfill: false, now };
    match sent {
        Foreign::CloudEvents(SentEvents::One(event)) => {
            taker.one(*event).await?;
        }
        Foreign::CloudEvents(SentEvents::Many(events)) => whole(&taker.take(events).await?)?,
        Foreign::CloudEvents(SentEvents::Lines(lines)) => whole(&taker.stream(lines).await?)?,
        Foreign::Lago(text) => {
            taker.one(wire::lago_event(&text)).await?;
            return Ok(axum::Json(json!({ "event": shown(&text)? })).into_response());
        }
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /api/v1/events/batch`: `{"events": […]}` as Lago's SDKs send it.
pub(crate) async fn batch(
    State(app): State<App>,
    actor: Actor<may::UsageWrite>,
    request: Request,
) -> ApiResult<Response> {
    let now = app.business_time(actor.scope()).await?;
    let text = read(request).await?;
    let taker = Taker { app: &app, scope: actor.scope(), backfill: false, now };
    whole(&taker.take(wire::lago_events(&text)?).await?)?;
    let sent: Json = serde_json::from_str(&text).unwrap_or_default();
    let events = sent["events"].as_array().map(|events| events.iter().map(as_lago).collect::<Vec<_>>());
    Ok(axum::Json(json!({ "events": events })).into_response())
}

/// What comes to the one address.
pub(crate) enum Foreign {
    CloudEvents(SentEvents),
    Lago(String),
}

impl FromRequest<App> for Foreign {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let kind = request.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let plain = kind.is_some_and(|kind| kind.starts_with("application/json"));
        if !plain || request.headers().contains_key("ce-specversion") {
            return Ok(Self::CloudEvents(Sent::from_request(request, app).await?.events));
        }
        let text = read(request).await?;
        let is_lago = serde_json::from_str::<LagoShape<'_>>(&text).is_ok();
        Ok(match is_lago {
            true => Self::Lago(text),
            false if text.trim_start().starts_with('[') => {
                Self::CloudEvents(SentEvents::Many(wire::cloud_events(&text)?))
            }
            false => Self::CloudEvents(SentEvents::One(Box::new(wire::cloud_event(&text)))),
        })
    }
}

#[derive(serde::Deserialize)]
struct LagoShape<'a> {
    #[serde(borrow, rename = "event")]
    _event: &'a RawValue,
}

async fn read(request: Request) -> Result<String> {
    let (headers, unread) = body::unread(request);
    sent::text(body::take(&headers, unread, LARGEST).await?)
}

/// These SDKs know only all or nothing: what was not counted is an error, and the rest is counted all the same.
fn whole(out: &IngestOut) -> Result<()> {
    if out.rejected == 0 {
        return Ok(());
    }
    let detail = format!(
        "{} of these events were not counted; the others were. Sending all of them again is safe.",
        out.rejected
    );
    let mut error = Error::invalid("events_rejected", detail);
    error.fields.extend(out.faults().map(|(index, fault)| FieldError {
        pointer: format!("/{index}{}", fault.pointer.as_deref().unwrap_or_default()),
        code: fault.code,
        detail: fault.detail.clone(),
    }));
    Err(error)
}

fn shown(text: &str) -> Result<Json> {
    let sent: Json = serde_json::from_str(text)
        .map_err(|error| Error::internal(format!("an event that was read is no JSON: {error}")))?;
    Ok(as_lago(&sent["event"]))
}

/// An event as Lago answers with it: these SDKs read the answer into a type of theirs.
fn as_lago(event: &Json) -> Json {
    let field = |name: &str| event.get(name).cloned().unwrap_or_default();
    json!({
        "lago_id": field("transaction_id"),
        "transaction_id": field("transaction_id"),
        "lago_customer_id": null,
        "lago_subscription_id": null,
        "external_subscription_id": field("external_subscription_id"),
        "code": field("code"),
        "timestamp": field("timestamp"),
        "precise_total_amount_cents": null,
        "properties": event.get("properties").cloned().unwrap_or_else(|| json!({})),
        "created_at": field("timestamp"),
    })
}
