//! Jobs: work in the background, and its run log.

use axum::{Json, extract::State};
use identity::permission::may;
use kernel::ids::JobId;

use crate::{
    actor::Actor,
    app::{ApiResult, App},
    page::{Page, PageQuery},
    parameters::{Path, Query},
};

mod out;
pub(crate) use out::JobOut;
use out::JobWithRuns;

/// List the environment's jobs, newest first.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "Jobs", params(PageQuery), responses((status = 200, body = Page<JobOut>)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    actor: Actor<may::JobRead>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<JobOut>>> {
    let (limit, after) = (page.limit()?, page.after::<JobId>()?);
    app.read(actor.scope(), move |view| {
        let jobs = jobs::list(view, after, limit + 1)?;
        Ok(Page::cut(jobs, limit, |job| job.id, JobOut::from))
    })
    .await
}

/// Show a job with every attempt at it.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "Jobs", params(("id" = String, Path)),
    responses((status = 200, body = JobWithRuns)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    actor: Actor<may::JobRead>,
    Path(id): Path<JobId>,
) -> ApiResult<Json<JobWithRuns>> {
    app.read(actor.scope(), move |view| {
        let job = jobs::find(view, id)?;
        Ok(JobWithRuns::new(job, jobs::runs(view, id)?))
    })
    .await
}
