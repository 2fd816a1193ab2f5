//! Limits: may this customer do this, and count it.

use axum::{Json, extract::State};
use billing::subscription;
use catalog::{Aggregation, LimitScope, version};
use identity::{
    customer::{self, CustomerRef},
    permission::may,
};
use jiff::SignedDuration;
use kernel::{Error, Result, ids::HoldId};
use metering::event::NewEvent;
use serde::Deserialize;
use serde_json::value::RawValue;
use store::View;
use utoipa::ToSchema;

use crate::{
    actor::Actor,
    app::{ApiResult, App},
    body::{Body, Nothing},
    parameters::Path,
};

mod out;
use out::{AnswerOut, LimitOut, ReservedOut};

/// A hold lasts so long when nothing is said.
const TIME: u32 = 300;
/// And so long at most.
const LONGEST: u32 = 86_400;

/// What is to be used.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskIn {
    /// The key of the meter: one that counts or sums up.
    #[schema(examples("agent_runs"))]
    meter: String,
    /// The customer or subscription: its id or your own.
    #[schema(examples("acme"))]
    subject: String,
    /// Names the event this becomes; needed to consume or reserve. Sent again with the same id it is counted once.
    id: Option<String>,
    /// Where it was noticed; with `id` it names the event. `api` when left out.
    source: Option<String>,
    /// The event's data: the number to use, under the meter's property (nothing for a count), and whose it is where the
    /// limit is for each `user`, `seat` or `key`.
    #[schema(value_type = Object, examples(json!({ "user": "ann" })))]
    data: Option<Box<RawValue>>,
}

impl AskIn {
    fn event(self, named: bool) -> Result<NewEvent> {
        let Self { meter, subject, id, source, data } = self;
        if named && id.is_none() {
            let detail =
                "Name what you use with an \"id\" of your own: repeated with it, it is counted once.";
            return Err(Error::invalid("event_name_malformed", detail).at("/id"));
        }
        let (source, id) = (source.unwrap_or_else(|| "api".into()), id.unwrap_or_else(|| "check".into()));
        Ok(NewEvent { source, id, meter, subject, at: None, data })
    }
}

/// Ask whether so much may be used now. Nothing is counted.
#[utoipa::path(
    post, path = "/v1/check", tag = "Limits", request_body = AskIn, responses((status = 200, body = AnswerOut)),
)]
pub(crate) async fn check(
    State(app): State<App>,
    actor: Actor<may::UsageWrite>,
    Body { content, .. }: Body<AskIn>,
) -> ApiResult<Json<AnswerOut>> {
    let (event, now) = (content.event(false)?, app.business_time(actor.scope()).await?);
    Ok(Json(app.metering.check(actor.scope(), event, now).await?.try_into()?))
}

/// Use so much now, if it is allowed: asked and counted at once, so that a hard limit holds under any concurrency. A
/// repeat of one that was counted gets its first answer; a refusal is not remembered.
#[utoipa::path(
    post, path = "/v1/consume", tag = "Limits", request_body = AskIn, responses((status = 200, body = AnswerOut)),
)]
pub(crate) async fn consume(
    State(app): State<App>,
    actor: Actor<may::UsageWrite>,
    Body { content, .. }: Body<AskIn>,
) -> ApiResult<Json<AnswerOut>> {
    let (event, now) = (content.event(true)?, app.business_time(actor.scope()).await?);
    Ok(Json(app.metering.consume(actor.scope(), event, now).await?.try_into()?))
}

/// What is to be held.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReserveIn {
    /// The key of the meter: one that counts or sums up.
    meter: String,
    /// The customer or subscription: its id or your own.
    subject: String,
    /// Names the event it becomes when it is committed.
    id: Option<String>,
    /// Where it was noticed. `api` when left out.
    source: Option<String>,
    /// The event's data, as for consume.
    #[schema(value_type = Object)]
    data: Option<Box<RawValue>>,
    /// After so many seconds the hold releases itself: 1 to 86,400; 300 when left out.
    #[schema(minimum = 1, maximum = 86400, default = 300)]
    seconds: Option<u32>,
}

/// Hold so much for a time, if it is allowed: for what is only known when it is done. Commit it then, or release it.
#[utoipa::path(
    post, path = "/v1/reserve", tag = "Limits", request_body = ReserveIn,
    responses((status = 200, body = ReservedOut)),
)]
pub(crate) async fn reserve(
    State(app): State<App>,
    actor: Actor<may::UsageWrite>,
    Body { content, .. }: Body<ReserveIn>,
) -> ApiResult<Json<ReservedOut>> {
    let ReserveIn { meter, subject, id, source, data, seconds } = content;
    let seconds = seconds.unwrap_or(TIME);
    if !(1..=LONGEST).contains(&seconds) {
        let detail = format!("A hold lasts 1 to {LONGEST} seconds.");
        return Err(Error::invalid("hold_time_invalid", detail).at("/seconds").into());
    }
    let event = AskIn { meter, subject, id, source, data }.event(true)?;
    let now = app.business_time(actor.scope()).await?;
    let time = SignedDuration::from_secs(seconds.into());
    Ok(Json(app.metering.reserve(actor.scope(), event, time, now).await?.try_into()?))
}

/// How much of a hold was used.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommitIn {
    /// A decimal number; all that was held when left out.
    #[schema(examples("4.50"))]
    quantity: Option<String>,
}

/// Use what was held, or another quantity. Up to what is held this always succeeds. What goes beyond it is used now if
/// the limit allows, and is recorded as over the limit if not: it happened, and is billed. After the hold's time all of
/// it is beyond. Committing twice is committing once.
#[utoipa::path(
    post, path = "/v1/holds/{id}/commit", tag = "Limits", request_body = CommitIn,
    params(("id" = String, Path, description = "The hold.")), responses((status = 200, body = AnswerOut)),
)]
pub(crate) async fn commit(
    State(app): State<App>,
    actor: Actor<may::UsageWrite>,
    Path(hold): Path<HoldId>,
    Body { content, .. }: Body<CommitIn>,
) -> ApiResult<Json<AnswerOut>> {
    let now = app.business_time(actor.scope()).await?;
    Ok(Json(app.metering.commit(actor.scope(), hold, content.quantity, now).await?.try_into()?))
}

/// Use nothing of what was held. Releasing twice is releasing once.
#[utoipa::path(
    post, path = "/v1/holds/{id}/release", tag = "Limits",
    params(("id" = String, Path, description = "The hold.")), responses((status = 200, body = AnswerOut)),
)]
pub(crate) async fn release(
    State(app): State<App>,
    actor: Actor<may::UsageWrite>,
    Path(hold): Path<HoldId>,
    _: Body<Nothing>,
) -> ApiResult<Json<AnswerOut>> {
    let now = app.business_time(actor.scope()).await?;
    Ok(Json(app.metering.release(actor.scope(), hold, now).await?.try_into()?))
}

/// List the limits of a customer's running subscriptions with what is used. Where each user, seat or key has a limit of
/// its own, check says what one of them has used.
#[utoipa::path(
    get, path = "/v1/customers/{id}/limits", tag = "Limits",
    params(("id" = String, Path, description = "The customer: its id, or `ext:` and your own.")),
    responses((status = 200, body = Vec<LimitOut>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(reference): Path<CustomerRef>,
) -> ApiResult<Json<Vec<LimitOut>>> {
    let limits = app.db.read(actor.scope(), move |view| limits(view, &reference)).await?;
    let now = app.business_time(actor.scope()).await?;
    let mut shown = Vec::with_capacity(limits.len());
    for Limited { mut limit, question } in limits {
        if let Some(question) = question {
            limit.add(app.metering.check(actor.scope(), question, now).await?)?;
        }
        shown.push(limit);
    }
    Ok(Json(shown))
}

/// A limit, and the question whose answer says what is used of it.
struct Limited {
    limit: LimitOut,
    question: Option<NewEvent>,
}

fn limits(view: &mut View<'_>, reference: &CustomerRef) -> Result<Vec<Limited>> {
    let id = customer::resolve(view, reference)?;
    // An id that names nothing resolves to itself.
    let customer = customer::find(view, id)?.id;
    let mut limits: Vec<Limited> = Vec::new();
    for one in subscription::of_customer(view, customer)? {
        if one.is_over() {
            continue;
        }
        let version = version::find(view, one.book)?;
        let plan = version.book.plan(one.plan());
        for (key, limit) in plan.into_iter().flat_map(|plan| &plan.limits) {
            let Some(meter) = version.book.meter(key) else { continue };
            if limits.iter().any(|known| known.limit.is_of(key)) {
                continue;
            }
            let counted = matches!(meter.aggregation, Aggregation::Count | Aggregation::Sum);
            let question = (counted && limit.scope == LimitScope::Customer)
                .then(|| nothing_of(meter, customer.to_string()))
                .transpose()?;
            limits.push(Limited { limit: LimitOut::new(meter, limit), question });
        }
    }
    Ok(limits)
}

/// An event that uses nothing, or one where events are counted: what is used before it is asked.
fn nothing_of(meter: &catalog::Meter, subject: String) -> Result<NewEvent> {
    let property = meter.property.as_deref().unwrap_or("value");
    let data = serde_json::json!({ property: "0" }).to_string();
    let data = RawValue::from_string(data).map_err(|error| Error::internal(error.to_string()))?;
    let (source, id, meter) = ("api".to_owned(), "check".to_owned(), meter.key.clone());
    Ok(NewEvent { source, id, meter, subject, at: None, data: Some(data) })
}
