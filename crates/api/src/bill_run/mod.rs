//! Bill runs: what was billed in one go, asking for one, and what lies ahead.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use billing::bill_run;
use identity::permission::may;
use jiff::{SignedDuration, Timestamp};
use kernel::{
    Error, Result,
    ids::{BillRunId, InvoiceId},
    time,
};
use serde::Deserialize;
use store::View;
use utoipa::{IntoParams, ToSchema};

use crate::{
    actor::Actor,
    app::{ApiResult, App},
    body::Body,
    invoice::InvoiceOut,
    job::JobOut,
    page::{self, Page, PageQuery},
    parameters::{Path, Query},
};

mod out;
use out::{BillRunOut, ForecastOut};

/// How far ahead one can look.
const FURTHEST: SignedDuration = SignedDuration::from_hours(24 * 400);
/// The most events, and invoices, of a forecast that are listed.
const MOST: u32 = 1_000;

/// List bill runs, newest first.
#[utoipa::path(
    get, path = "/v1/bill-runs", tag = "Bill runs", params(PageQuery),
    responses((status = 200, body = Page<BillRunOut>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::InvoiceRead>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<BillRunOut>>> {
    let (limit, after) = (page.limit()?, page.after::<BillRunId>()?);
    app.read(actor.scope(), move |view| {
        let runs = bill_run::list(view, after, limit + 1)?;
        Page::cut(runs, limit, |run| run.id, BillRunOut::new).transpose()
    })
    .await
}

/// Show a bill run and how far it is.
#[utoipa::path(
    get, path = "/v1/bill-runs/{id}", tag = "Bill runs", params(("id" = String, Path)),
    responses((status = 200, body = BillRunOut)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    actor: Actor<may::InvoiceRead>,
    Path(id): Path<BillRunId>,
) -> ApiResult<Json<BillRunOut>> {
    app.read(actor.scope(), move |view| BillRunOut::new(bill_run::find(view, id)?)).await
}

/// List the invoices a bill run issued, in their order.
#[utoipa::path(
    get, path = "/v1/bill-runs/{id}/invoices", tag = "Bill runs", params(("id" = String, Path), PageQuery),
    responses((status = 200, body = Page<InvoiceOut>)),
)]
pub(crate) async fn invoices(
    State(app): State<App>,
    actor: Actor<may::InvoiceRead>,
    Path(id): Path<BillRunId>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<InvoiceOut>>> {
    let (limit, after) = (page.limit()?, page.after::<InvoiceId>()?);
    app.read(actor.scope(), move |view| {
        let id = bill_run::find(view, id)?.id;
        let invoices = bill_run::invoices(view, id, after, limit + 1)?;
        Page::cut(invoices, limit, |invoice| invoice.id, InvoiceOut::new).transpose()
    })
    .await
}

/// What to bill.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestRun {
    /// Everything that is due at this instant, RFC 3339; now when left out. Only a dry run may look ahead.
    #[schema(examples("2026-03-01T00:00:00Z"))]
    at: Option<String>,
    /// Only say what would be billed; nothing is written.
    #[serde(default)]
    dry_run: bool,
}

/// Bill everything that is due: 202 with the job that does it. What was billed stays as it is. As a dry run: 200 with
/// what would be billed. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/bill-runs", tag = "Bill runs", request_body = RequestRun,
    responses((status = 202, body = JobOut), (status = 200, body = ForecastOut)),
)]
pub(crate) async fn request(
    State(app): State<App>,
    actor: Actor<may::InvoiceWrite>,
    Body { content, request }: Body<RequestRun>,
) -> ApiResult<Response> {
    let at = content.at.as_deref().map(time::instant).transpose().map_err(|error| error.at("/at"))?;
    if content.dry_run {
        let foreseen = app.read(actor.scope(), move |view| {
            let until = near(view, at.unwrap_or(view.now()), "/at")?;
            foresee(view, Timestamp::MIN, until, MOST as usize)
        });
        return Ok(foreseen.await?.into_response());
    }
    let bell = app.bell.clone();
    let changed = app.change(actor.scope(), request, move |tx| {
        let id = bill_run::request(tx, at)?;
        bell.ring_after(tx);
        Ok((StatusCode::ACCEPTED, JobOut::from(jobs::find(tx, id)?)))
    });
    Ok(changed.await?.into_response())
}

/// How far to look, and how much to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ForecastQuery {
    /// Up to this instant, RFC 3339, and with it; at most 400 days ahead.
    #[param(example = "2026-04-01T00:00:00Z")]
    until: String,
    /// Only what falls due from this instant on; now when left out.
    from: Option<String>,
    /// How many events and how many invoices to list, 1 to 1,000; 100 when left out. Counts and totals are of all.
    #[param(minimum = 1, maximum = 1_000, default = 100)]
    limit: Option<u32>,
}

/// Show what would fall due if nobody did anything before: renewals, ends of trials and terms, scheduled changes, and
/// the invoices they make, with their tax and what credit pays. Usage that is not measured yet counts as nothing.
#[utoipa::path(
    get, path = "/v1/bill-runs/forecast", tag = "Bill runs", params(ForecastQuery),
    responses((status = 200, body = ForecastOut)),
)]
pub(crate) async fn forecast(
    State(app): State<App>,
    actor: Actor<may::InvoiceRead>,
    Query(query): Query<ForecastQuery>,
) -> ApiResult<Json<ForecastOut>> {
    let until = time::instant(&query.until).map_err(|error| error.at("?until"))?;
    let from = query.from.as_deref().map(time::instant).transpose().map_err(|error| error.at("?from"))?;
    let most = page::limit(Some(query.limit.unwrap_or(100)), MOST)?;
    app.read(actor.scope(), move |view| {
        let until = near(view, until, "?until")?;
        let from = from.unwrap_or(view.now());
        foresee(view, from, until, usize::try_from(most).unwrap_or(usize::MAX))
    })
    .await
}

fn foresee(view: &mut View<'_>, from: Timestamp, until: Timestamp, most: usize) -> Result<ForecastOut> {
    let foreseen = bill_run::forecast(view, from, until, most)?;
    Ok(ForecastOut::new(until, foreseen))
}

/// Errors: `forecast_too_far`.
fn near(view: &View<'_>, until: Timestamp, pointer: &str) -> Result<Timestamp> {
    if until.duration_since(view.now()) <= FURTHEST {
        return Ok(until);
    }
    let detail = format!("It is {} here. A forecast looks at most 400 days ahead.", view.now());
    Err(Error::invalid("forecast_too_far", detail).at(pointer))
}
