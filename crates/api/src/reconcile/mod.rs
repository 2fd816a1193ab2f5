//! Reconciliation of usage, on demand.

use axum::{extract::State, http::StatusCode};
use identity::permission::may;
use jobs::NewJob;
use metering::reconcile::JOB;
use serde_json::json;

use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::{Body, Nothing},
    job::JobOut,
};

/// Compare events, tallies, names, figures and invoice lines, and the double entry of critical meters: 202 with the job that
/// does it, which also runs every night. Its result says how many `tallies`, `events`, `figures` and `lines` were compared,
/// how many `differences` there are, and names the first 200: `code` (`tally_differs`, `values_differ`, `event_missing`,
/// `event_unreached`, `log_damaged`, `name_missing`, `name_astray`, `names_unreachable`, `posting_differs`,
/// `double_entry_differs`, `billed_differs`, `figure_differs`, `figure_unbilled`, `line_differs`, `line_amount_differs`),
/// `customer`, `meter`, `place`, what was `expected` and what was `found`. `critical` lists the accounts of each critical
/// meter: `source`, `usage`, `billed`, and their `sum`, which is 0. Idempotent by key; while one goes on that one is
/// answered.
#[utoipa::path(
    post, path = "/v1/reconciliations", tag = "Meters",
    responses((status = 202, body = JobOut)),
)]
pub(crate) async fn request(
    State(app): State<App>,
    actor: Actor<may::InvoiceWrite>,
    Body { request, .. }: Body<Nothing>,
) -> ApiResult<Changed> {
    let bell = app.bell.clone();
    app.change(actor.scope(), request, move |tx| {
        let id = jobs::enqueue(tx, NewJob::new(JOB, json!({})).once(JOB))?;
        bell.ring_after(tx);
        Ok((StatusCode::ACCEPTED, JobOut::from(jobs::find(tx, id)?)))
    })
    .await
}
