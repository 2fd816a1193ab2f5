//! Events: what customers used, as the merchant's product reports it.

use axum::{
    Extension,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use identity::{Permission, Permissions, permission::may};
use jiff::Timestamp;
use kernel::{Error, Result};
use metering::event::{NewEvent, Receipt, wire::Read, wire::Unread};
use serde::Deserialize;
use store::Scope;
use utoipa::{IntoParams, ToSchema};

use crate::{
    actor::Actor,
    app::{ApiResult, App},
    body::Body,
    parameters::Query,
};

pub(crate) mod foreign;
mod out;
mod rejected;
mod sent;
use out::{ChangedOut, IngestOut};
pub(crate) use rejected::*;
use sent::CloudEventIn;
pub(crate) use sent::{Sent, SentEvents};

/// The most events of a batch.
pub(crate) const MOST: usize = 10_000;
/// Events of a stream that are taken in at once.
const AT_ONCE: usize = 1_000;

/// How events are taken.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct IngestQuery {
    /// True: events older than the late window count too. This reopens what is billed, and needs `invoice.write`.
    backfill: Option<bool>,
}

/// Send events: CloudEvents 1.0. Each is counted once, however often it is sent: its `source` and `id` name it, its
/// `type` is the key of a meter, its `subject` a customer or subscription (its id or your own).
///
/// One event as `application/cloudevents+json`, or as `ce-` headers with the data as body; up to 10,000 as
/// `application/cloudevents-batch+json`; any number as `application/x-ndjson`, one on each line. An event that is not
/// in order is rejected with its reason and does not keep the others from counting. What the answer says is durable.
/// After an answer that never came, send the same again.
#[utoipa::path(
    post, path = "/v1/events", tag = "Events", params(IngestQuery),
    request_body(content = Vec<CloudEventIn>, content_type = "application/cloudevents-batch+json"),
    responses((status = 200, body = IngestOut)),
)]
pub(crate) async fn ingest(
    State(app): State<App>,
    actor: Actor<may::UsageWrite>,
    Query(query): Query<IngestQuery>,
    sent: Sent,
) -> ApiResult<Response> {
    let backfill = query.backfill.unwrap_or(false);
    if backfill {
        sent.permissions.require(Permission::InvoiceWrite)?;
    }
    let now = app.business_time(actor.scope()).await?;
    let taker = Taker { app: &app, scope: actor.scope(), backfill, now };
    let out = match sent.events {
        SentEvents::One(event) => taker.one(*event).await?,
        SentEvents::Many(events) => taker.take(events).await?,
        SentEvents::Lines(lines) => taker.stream(lines).await?,
    };
    Ok(out.into_response())
}

/// Takes events in for somebody.
pub(crate) struct Taker<'a> {
    pub(crate) app: &'a App,
    pub(crate) scope: &'a Scope,
    pub(crate) backfill: bool,
    pub(crate) now: Timestamp,
}

impl Taker<'_> {
    /// A single event, whose rejection is that of the request.
    pub(crate) async fn one(&self, event: Result<NewEvent, Unread>) -> Result<IngestOut> {
        let event = event.map_err(|unread| self.noted(unread))?;
        let receipts = self.receipts(vec![event]).await?;
        match receipts.into_iter().next() {
            Some((_, Receipt::Rejected(error))) => Err(error),
            receipt => {
                let mut out = IngestOut::default();
                out.extend(receipt, true);
                Ok(out)
            }
        }
    }

    /// Several, with a receipt for each.
    ///
    /// Errors: `events_too_many`.
    pub(crate) async fn take(&self, events: Read) -> Result<IngestOut> {
        if events.len() > MOST {
            let detail = format!("A batch has at most {MOST} events. Send several, or a stream of lines.");
            return Err(Error::new(kernel::Kind::TooLarge, "events_too_many", detail));
        }
        let mut out = IngestOut::default();
        self.into(events, &mut out, true).await?;
        Ok(out)
    }

    /// Any number, with receipts only for those that did not count.
    async fn stream(&self, mut lines: sent::Lines) -> Result<IngestOut> {
        let mut out = IngestOut::default();
        while let Some(events) = lines.next(AT_ONCE).await? {
            self.into(events, &mut out, false).await?;
        }
        Ok(out)
    }

    /// What came in place of an event is kept for staff, and said to whoever sent it.
    fn noted(&self, unread: Unread) -> Error {
        self.app.metering.note_unread(self.scope, &unread, self.now);
        unread.error
    }

    async fn into(&self, events: Read, out: &mut IngestOut, all: bool) -> Result<()> {
        let mut faults: Vec<Option<Error>> = Vec::with_capacity(events.len());
        let mut good = Vec::with_capacity(events.len());
        for event in events {
            match event {
                Ok(event) => {
                    faults.push(None);
                    good.push(event);
                }
                Err(unread) => faults.push(Some(self.noted(unread))),
            }
        }
        let mut receipts = self.receipts(good).await?.into_iter();
        out.extend(
            faults.into_iter().filter_map(|fault| match fault {
                Some(error) => Some((None, Receipt::Rejected(error))),
                None => receipts.next(),
            }),
            all,
        );
        Ok(())
    }

    /// The receipts of events, with their names.
    async fn receipts(&self, events: Vec<NewEvent>) -> Result<Vec<(Option<[String; 2]>, Receipt)>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<_> =
            events.iter().map(|event| Some([event.source.clone(), event.id.clone()])).collect();
        let receipts = self.app.metering.ingest(self.scope, events, self.backfill, self.now).await?;
        Ok(names.into_iter().zip(receipts).collect())
    }
}

/// Whether a key may change what is older than the late window, which reopens what is billed.
fn late(permissions: &Permissions) -> bool {
    permissions.require(Permission::InvoiceWrite).is_ok()
}

/// The name of an event.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventNameIn {
    /// Its source.
    source: String,
    /// Its id there.
    id: String,
}

/// Let an event not count, as if it had never been sent. What of it is billed comes off again. Voiding twice is voiding
/// once. An event that is older than the late window needs `invoice.write`: what is closed is billed anew.
#[utoipa::path(
    post, path = "/v1/events/void", tag = "Events", request_body = EventNameIn,
    responses((status = 200, body = ChangedOut)),
)]
pub(crate) async fn void(
    State(app): State<App>,
    actor: Actor<may::UsageWrite>,
    Extension(permissions): Extension<Permissions>,
    Body { content, .. }: Body<EventNameIn>,
) -> ApiResult<Response> {
    let now = app.business_time(actor.scope()).await?;
    let name = metering::event::EventName { source: content.source, id: content.id };
    let changed = app.metering.void(actor.scope(), &name, late(&permissions), now).await?;
    Ok((StatusCode::OK, axum::Json(ChangedOut { changed: changed.changed })).into_response())
}

/// An event in the place of an accepted one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CorrectIn {
    /// The source of the accepted event.
    source: String,
    /// Its id there.
    id: String,
    /// The key of the meter.
    #[serde(rename = "type")]
    meter: String,
    /// The customer or subscription: its id or your own.
    subject: String,
    /// When it happened; the accepted one's time when left out.
    time: Option<String>,
    /// What it should have said.
    #[schema(value_type = Object)]
    data: Option<Box<serde_json::value::RawValue>>,
}

/// Put an event in the place of the accepted one of the same source and id. The difference is billed or credited. What is
/// older than the late window, the accepted one or its new time, needs `invoice.write`: what is closed is billed anew.
#[utoipa::path(
    post, path = "/v1/events/correct", tag = "Events", request_body = CorrectIn,
    responses((status = 200, body = ChangedOut)),
)]
pub(crate) async fn correct(
    State(app): State<App>,
    actor: Actor<may::UsageWrite>,
    Extension(permissions): Extension<Permissions>,
    Body { content, .. }: Body<CorrectIn>,
) -> ApiResult<Response> {
    let now = app.business_time(actor.scope()).await?;
    let CorrectIn { source, id, meter, subject, time, data } = content;
    let at = time.as_deref().map(kernel::time::instant).transpose().map_err(|error| error.at("/time"))?;
    let event = NewEvent { source, id, meter, subject, at, data };
    let changed = app.metering.correct(actor.scope(), event, late(&permissions), now).await?;
    Ok((StatusCode::OK, axum::Json(ChangedOut { changed: changed.changed })).into_response())
}
