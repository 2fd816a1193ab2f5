//! The price book and its versions.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use catalog::version;
use identity::permission::may;
use kernel::ids::BookVersionId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::Body,
    page::{Page, PageQuery},
    parameters::{Path, Query},
    problem::ProblemOut,
};

mod out;
use out::{AppliedOut, CheckedOut, ListedOut, VersionOut};

/// What mistakes call the file.
const FILE: &str = "book.toml";

/// A price book as its file reads.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BookSource {
    /// The text of the TOML file, up to 1 MB.
    #[schema(examples(
        "book = 1\nname = \"Unison\"\ncurrency = \"USD\"\n[plans.starter]\nname = \"Starter\"\nprice = { month = \"49\" }\n"
    ))]
    source: String,
}

/// Show the price book in force for new subscriptions.
#[utoipa::path(
    get, path = "/v1/price-book", tag = "Price book",
    responses(
        (status = 200, body = VersionOut),
        (status = 409, body = ProblemOut, content_type = "application/problem+json", description = "There is no price book yet."),
    ),
)]
pub(crate) async fn in_force(
    State(app): State<App>,
    actor: Actor<may::BookRead>,
) -> ApiResult<Json<VersionOut>> {
    app.read(actor.scope(), |view| (&*version::in_force(view)?).try_into()).await
}

/// Apply a price book: 201 when it made a new version, 200 when the newest one says the same already.
/// What subscriptions agreed to does not change. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/price-book", tag = "Price book", request_body = BookSource,
    responses((status = 201, body = AppliedOut), (status = 200, body = AppliedOut)),
)]
pub(crate) async fn apply(
    State(app): State<App>,
    actor: Actor<may::BookWrite>,
    Body { content, request }: Body<BookSource>,
) -> ApiResult<Changed> {
    app.change(actor.scope(), request, move |tx| {
        let applied = version::apply(tx, FILE, &content.source)?;
        let status = if applied.changed { StatusCode::CREATED } else { StatusCode::OK };
        Ok((status, AppliedOut::try_from(applied)?))
    })
    .await
}

/// Read a price book without applying it: its mistakes, or what applying it would change.
#[utoipa::path(
    post, path = "/v1/price-book/check", tag = "Price book", request_body = BookSource,
    responses((status = 200, body = CheckedOut)),
)]
pub(crate) async fn check(
    State(app): State<App>,
    actor: Actor<may::BookRead>,
    Body { content, .. }: Body<BookSource>,
) -> ApiResult<Json<CheckedOut>> {
    app.read(actor.scope(), move |view| {
        let newest = version::newest(view)?;
        Ok(match catalog::read(FILE, &content.source) {
            Ok(book) => CheckedOut::good(newest.map(|newest| catalog::diff(&newest.book, &book))),
            Err(mistakes) => CheckedOut::bad(mistakes),
        })
    })
    .await
}

/// List the versions of the price book, newest first.
#[utoipa::path(
    get, path = "/v1/price-book/versions", tag = "Price book", params(PageQuery),
    responses((status = 200, body = Page<ListedOut>)),
)]
pub(crate) async fn versions(
    State(app): State<App>,
    actor: Actor<may::BookRead>,
    Query(page): Query<PageQuery>,
) -> ApiResult<Json<Page<ListedOut>>> {
    let (limit, before) = (page.limit()?, page.after::<i64>()?.unwrap_or(i64::MAX));
    app.read(actor.scope(), move |view| {
        let versions = version::list(view, before, limit + 1)?;
        Ok(Page::cut(versions, limit, |version| version.number, ListedOut::from))
    })
    .await
}

/// Show a version of the price book.
#[utoipa::path(
    get, path = "/v1/price-book/versions/{id}", tag = "Price book", params(("id" = String, Path)),
    responses((status = 200, body = VersionOut)),
)]
pub(crate) async fn version(
    State(app): State<App>,
    actor: Actor<may::BookRead>,
    Path(id): Path<BookVersionId>,
) -> ApiResult<Json<VersionOut>> {
    app.read(actor.scope(), move |view| (&*version::find(view, id)?).try_into()).await
}

/// The file a version was applied from, as it was written.
#[utoipa::path(
    get, path = "/v1/price-book/versions/{id}/source", tag = "Price book", params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "application/toml")),
)]
pub(crate) async fn source(
    State(app): State<App>,
    actor: Actor<may::BookRead>,
    Path(id): Path<BookVersionId>,
) -> ApiResult {
    let Json(text) = app.read(actor.scope(), move |view| version::source(view, id)).await?;
    Ok(([(header::CONTENT_TYPE, "application/toml")], text).into_response())
}
