//! Rejected events, for whoever looks after them.

use axum::{Json, extract::State};
use identity::permission::may;
use jiff::Timestamp;
use kernel::{Error, Result, time};
use metering::reject::{self, Cursor, Rejected};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    actor::Actor,
    app::{ApiResult, App},
    page::{Page, PageQuery},
    parameters::Query,
};

/// Events that were rejected for the same reason: with the same code and place, of the same type, source and subject.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RejectedEvents)]
pub(crate) struct RejectedOut {
    /// Names the sort.
    id: String,
    /// Why: a code of problems.
    #[schema(examples("subject_unknown"))]
    code: String,
    /// What was said of the last one.
    detail: String,
    /// JSON pointer into the event; null when all of it is meant.
    pointer: Option<String>,
    /// How many there were.
    count: u64,
    /// When the first one came, in business time.
    first_seen: Timestamp,
    /// When the last one came.
    last_seen: Timestamp,
    /// The type that was sent; null when it could not be read.
    #[serde(rename = "type")]
    meter: Option<String>,
    /// The source that was sent; likewise.
    source: Option<String>,
    /// The subject that was sent; likewise.
    subject: Option<String>,
    /// The last one's id at its source.
    event: Option<String>,
    /// The last one's time.
    time: Option<Timestamp>,
    /// The last one's data as it was sent, or all of it when it could not be read: the first 2 KiB.
    content: String,
    /// Whether there was more of it.
    cut: bool,
}

impl TryFrom<Rejected> for RejectedOut {
    type Error = Error;

    fn try_from(one: Rejected) -> Result<Self> {
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(Self {
            id: one.id.simple().to_string(),
            code: one.sort.code,
            detail: one.detail,
            pointer: some(one.sort.pointer),
            count: one.events,
            first_seen: time::from_micros(one.first)?,
            last_seen: time::from_micros(one.last)?,
            meter: some(one.sort.meter),
            source: some(one.sort.source),
            subject: some(one.sort.subject),
            event: some(one.event),
            time: one.at.map(time::from_micros).transpose()?,
            content: one.content,
            cut: one.cut,
        })
    }
}

/// List events that were rejected, the reason seen last first. Events that were rejected for the same reason are one,
/// with the last of them. About a second passes until one is here. The 1,000 reasons seen last are kept for 30 days.
#[utoipa::path(
    get, path = "/v1/events/rejected", tag = "Events", params(PageQuery),
    responses((status = 200, body = Page<RejectedOut>)),
)]
pub(crate) async fn rejected(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<RejectedOut>>> {
    let (limit, before) = (page.limit()?, page.after::<Cursor>()?);
    let read = app.db.usage().read(actor.scope(), move |view| reject::list(view, before, limit + 1));
    let page = Page::cut(read.await?, limit, Rejected::cursor, RejectedOut::try_from);
    Ok(Json(page.transpose()?))
}
