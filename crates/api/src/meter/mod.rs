//! Meters: what is measured, how much it was, and the events behind it.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use billing::{subscription, usage as figures};
use catalog::version;
use identity::permission::may;
use kernel::{Error, Result, ids::InvoiceId};
use metering::{
    event::Meter,
    usage::{self, Cursor, Dimensions, Span},
};
use serde::Deserialize;
use store::View;
use utoipa::IntoParams;

use crate::{
    actor::Actor,
    app::{ApiResult, App},
    page::{Page, PageQuery, cursor},
    parameters::{Path, PathAndKey, Query},
};

mod asked;
mod out;
use asked::Asked;
use out::{EventOut, MeterOut, UsedOut, WindowOut};

/// List the meters of the price book in force, and then those that only older ones have which subscriptions still agree to.
#[utoipa::path(get, path = "/v1/meters", tag = "Meters", responses((status = 200, body = Vec<MeterOut>)))]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::BookRead>,
) -> ApiResult<Json<Vec<MeterOut>>> {
    app.read(actor.scope(), |view| {
        version::in_force(view)?; // without a price book there is nothing to list
        Ok(subscription::agreed_meters(view)?.iter().map(MeterOut::from).collect())
    })
    .await
}

/// Of whom and when.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsageQuery {
    /// Of this customer: its id, or `ext:` and your own. This or a subscription is needed.
    customer: Option<String>,
    /// Of this subscription: its id, or `ext:` and your own; with it what names only its customer.
    subscription: Option<String>,
    /// From this instant on; the start of the billing period when left out.
    from: Option<String>,
    /// Up to and without this instant; the end of the billing period when left out.
    to: Option<String>,
    /// In parts: `hour`, `day` or `month` of the customer's zone, or `period`, the billing periods of the subscription. In
    /// one when left out.
    by: Option<String>,
    /// Apart for each value of these dimensions, separated by commas.
    group_by: Option<String>,
    /// `csv` for a file; JSON when left out.
    format: Option<String>,
}

/// Show how much it was: in one or in parts, for each value of dimensions, now and in the past.
#[utoipa::path(
    get, path = "/v1/meters/{key}/usage", tag = "Meters",
    params(("key" = String, Path, description = "Key of the meter."), UsageQuery),
    responses((status = 200, body = UsedOut)),
)]
pub(crate) async fn usage(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(Key(key)): Path<Key>,
    Query(query): Query<UsageQuery>,
) -> ApiResult<Response> {
    let csv = match query.format.as_deref() {
        None | Some("json") => false,
        Some("csv") => true,
        Some(other) => {
            let detail = format!("{other:?} is none of json, csv.");
            return Err(Error::invalid("query_invalid", detail).at("?format").into());
        }
    };
    let asked = app.db.read(actor.scope(), move |view| Asked::load(view, &key, &query)).await?;
    let used = app.read_usage(actor.scope(), move |view| used(view, &asked)).await?;
    if csv {
        let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
        return Ok((kind, used.csv()).into_response());
    }
    Ok(Json(used).into_response())
}

/// The most figures of one answer.
const MOST: usize = 20_000;

fn used(view: &mut View<'_>, asked: &Asked) -> Result<UsedOut> {
    let mut data = Vec::new();
    if let Some(grain) = asked.grain.filter(|_| asked.group_by.is_empty()) {
        let parts = usage::history(view, asked.subject(), grain, &asked.zone, asked.whole, asked.now)?;
        for (span, figure) in parts {
            data.push(WindowOut::new(span, Dimensions::new(), &figure)?);
        }
        return Ok(UsedOut::new(asked, data));
    }
    for span in asked.spans()? {
        let groups = usage::figures(view, asked.subject(), |_| true, &asked.group_by, span, asked.now, None)?;
        for group in groups {
            data.push(WindowOut::new(span, group.by, &group.figure)?);
        }
        if data.len() > MOST {
            let detail = format!(
                "These would be more than {MOST} figures. Ask for a shorter time, longer parts or fewer dimensions."
            );
            return Err(Error::invalid("history_too_long", detail));
        }
    }
    Ok(UsedOut::new(asked, data))
}

/// A key of the price book in a path.
pub(crate) struct Key(String);

impl std::str::FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(Self(text.to_owned()))
    }
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// How many at least, 1 to 100, when there are so many; 20 when left out. Events of an hour come together.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next` of the page before; the first page when left out.
    after: Option<String>,
    /// Of this customer: its id, or `ext:` and your own. This or a subscription is needed.
    customer: Option<String>,
    /// Of this subscription: its id, or `ext:` and your own.
    subscription: Option<String>,
    /// From this instant on; the start of the billing period when left out.
    from: Option<String>,
    /// Up to and without this instant; the end of the billing period when left out.
    to: Option<String>,
}

/// List the events that stand, by hours, the oldest first: those voided or corrected are left out.
#[utoipa::path(
    get, path = "/v1/meters/{key}/events", tag = "Meters",
    params(("key" = String, Path, description = "Key of the meter."), EventsQuery),
    responses((status = 200, body = Page<EventOut>)),
)]
pub(crate) async fn events(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Path(Key(key)): Path<Key>,
    Query(query): Query<EventsQuery>,
) -> ApiResult<Json<Page<EventOut>>> {
    let page = PageQuery { limit: query.limit, after: query.after };
    let (limit, after) = (page.limit()?, page.after::<Place>()?);
    let EventsQuery { customer, subscription, from, to, .. } = query;
    let query = UsageQuery { customer, subscription, from, to, ..UsageQuery::default() };
    let asked = app.db.read(actor.scope(), move |view| Asked::load(view, &key, &query)).await?;
    let found = app.read_usage(actor.scope(), move |view| {
        let (from, to) = asked.whole;
        let (after, limit) = (after.as_ref().map(|place| place.0), limit as usize);
        let span = Span::new(from, to);
        let found = usage::events(view, asked.subject(), |_| true, span, None, after, limit)?;
        page_of(found, &asked.meter)
    });
    Ok(Json(found.await?))
}

/// List the events behind a line of an invoice, as they were when it was billed, by hours, the oldest first.
#[utoipa::path(
    get, path = "/v1/invoices/{id}/lines/{key}/events", tag = "Invoices",
    params(
        ("id" = String, Path, description = "The invoice."),
        ("key" = String, Path, description = "The place of the line, from 0."), PageQuery,
    ),
    responses((status = 200, body = Page<EventOut>)),
)]
pub(crate) async fn behind(
    State(app): State<App>,
    actor: Actor<may::InvoiceRead>,
    PathAndKey(id, ordinal): PathAndKey<InvoiceId>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<EventOut>>> {
    let (limit, after) = (page.limit()?, page.after::<Place>()?);
    let ordinal: i64 = ordinal.parse().map_err(|_| Error::not_found("line of this invoice"))?;
    let behind = app.db.read(actor.scope(), move |view| figures::behind(view, id, ordinal)).await?;
    let found = app.read_usage(actor.scope(), move |view| {
        let found = behind.events(view, after.as_ref().map(|place| place.0), limit as usize)?;
        page_of(found, &behind.meter()?)
    });
    Ok(Json(found.await?))
}

/// Where a page of events ends, as clients carry it.
struct Place(Cursor);

impl std::str::FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts =
            text.split_once(' ').and_then(|(hour, series)| Some((hour.parse().ok()?, series.parse().ok()?)));
        let (hour, series) = parts.ok_or_else(|| Error::internal("no place among events"))?;
        Ok(Self(Cursor { hour, series }))
    }
}

fn page_of((events, next): (usage::Addressed, Option<Cursor>), meter: &Meter) -> Result<Page<EventOut>> {
    let events = events.into_iter().map(|(_, entry)| EventOut::new(entry, meter)).collect::<Result<_>>()?;
    let next = next.map(|Cursor { hour, series }| cursor(format!("{hour} {series}")));
    Ok(Page::of(events, next))
}
