//! The clock of a sandbox.

use axum::{Json, extract::State, http::StatusCode};
use identity::permission::may;
use jiff::Timestamp;
use kernel::{Error, time};
use serde::{Deserialize, Serialize};
use store::clock::{self, Standing};
use utoipa::ToSchema;

use crate::{
    actor::{Actor, AnyKey},
    app::{ApiResult, App, Changed},
    body::Body,
    job::JobOut,
    problem::ProblemOut,
};

/// A sandbox clock.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SandboxClock)]
pub(crate) struct ClockOut {
    /// Where it stands.
    at: Timestamp,
    /// Where it is being moved to; null while it stands still.
    target: Option<Timestamp>,
}

impl From<Standing> for ClockOut {
    fn from(Standing { at, target }: Standing) -> Self {
        Self { at, target }
    }
}

/// Show the clock of the sandbox.
#[utoipa::path(
    get, path = "/v1/sandbox/clock", tag = "Sandbox",
    responses(
        (status = 200, body = ClockOut),
        (status = 409, body = ProblemOut, content_type = "application/problem+json", description = "A live environment has no clock."),
    ),
)]
pub(crate) async fn clock(State(app): State<App>, actor: Actor<AnyKey>) -> ApiResult<Json<ClockOut>> {
    app.read(actor.scope(), |view| {
        let live = || {
            Error::conflict(
                "clock_is_live",
                "A live environment runs on real time; it has no clock of its own.",
            )
        };
        clock::read(view)?.map(ClockOut::from).ok_or_else(live)
    })
    .await
}

/// Where to move the clock.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advance {
    /// RFC 3339, not before where it stands.
    #[schema(examples("2026-02-15T12:00:00Z"))]
    to: String,
}

/// Move the clock of the sandbox forward: a job runs what falls due on the way, in order. Until it is
/// done other changes are refused (409 `clock_advancing`). Idempotent by key.
#[utoipa::path(
    post, path = "/v1/sandbox/clock/advance", tag = "Sandbox", request_body = Advance,
    responses((status = 202, body = JobOut)),
)]
pub(crate) async fn advance(
    State(app): State<App>,
    actor: Actor<may::ClockWrite>,
    Body { content, request }: Body<Advance>,
) -> ApiResult<Changed> {
    let to = time::instant(&content.to).map_err(|error| error.at("/to"))?;
    let bell = app.bell.clone();
    app.change(actor.scope(), request, move |tx| {
        let id = billing::clock::request_advance(tx, to)?;
        bell.ring_after(tx);
        Ok((StatusCode::ACCEPTED, JobOut::from(jobs::find(tx, id)?)))
    })
    .await
}
