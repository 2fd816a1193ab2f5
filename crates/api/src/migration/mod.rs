//! Moving subscriptions to the price book in force.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode};
use billing::{
    migration::{self, Migration},
    subscription::Timing,
};
use identity::permission::may;
use kernel::ids::BookVersionId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    actor::Actor,
    app::{ApiResult, App, Changed},
    body::Body,
    job::JobOut,
    page,
    parameters::{moved, parse_some},
};

mod out;
use out::MigrationOut;

/// The most subscriptions of a preview that are listed at once.
const MOST: u32 = 500;

/// Which subscriptions to move to the price book in force, and when each is moved.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MigrateBook {
    /// Only those on these versions of the price book, by their ids; on any but the one in force when left out.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    books: Vec<BookVersionId>,
    /// Only those on the plans of these keys; on any when left out.
    #[serde(default)]
    #[schema(examples(json!(["starter"])))]
    plans: Vec<String>,
    /// What becomes of a plan, by key; one that is not named keeps its key.
    #[serde(default)]
    #[schema(examples(json!({ "starter": "basic" })))]
    plan_map: BTreeMap<String, String>,
    /// `now`: what was paid and is not used is credited, the rest of the period is charged; or `period_end`.
    #[serde(default = "period_end")]
    #[schema(value_type = String, default = "period_end")]
    timing: Timing,
}

const fn period_end() -> Timing {
    Timing::PeriodEnd
}

impl From<MigrateBook> for Migration {
    fn from(MigrateBook { books, plans, plan_map, timing }: MigrateBook) -> Self {
        Self { books, plans, plan_map, timing }
    }
}

/// A migration to look at.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewMigration {
    /// As for the migration itself.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    books: Vec<BookVersionId>,
    /// As for the migration itself.
    #[serde(default)]
    plans: Vec<String>,
    /// As for the migration itself.
    #[serde(default)]
    plan_map: BTreeMap<String, String>,
    /// How many subscriptions to list, 1 to 500; 100 when left out. The figures are of all.
    limit: Option<u32>,
    /// `next` of the preview before; the first ones when left out.
    after: Option<String>,
}

/// Show what moving subscriptions to the price book in force would do: who pays what in a period now and then, before
/// coupons, usage and tax, and who cannot be moved and why. Nothing is written.
#[utoipa::path(
    post, path = "/v1/price-book/migration/preview", tag = "Price book", request_body = PreviewMigration,
    responses((status = 200, body = MigrationOut)),
)]
pub(crate) async fn preview(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Body { content, .. }: Body<PreviewMigration>,
) -> ApiResult<Json<MigrationOut>> {
    let PreviewMigration { books, plans, plan_map, limit, after } = content;
    let limit =
        page::limit(Some(limit.unwrap_or(100)), MOST).map_err(|error| moved(error, "?limit", "/limit"))?;
    let after = parse_some(after.as_deref(), "/after")?;
    let migration = Migration { books, plans, plan_map, timing: Timing::PeriodEnd };
    app.read(actor.scope(), move |view| {
        let outlook = migration::outlook(view, &migration)?;
        let moved = migration::preview(view, &migration, after, limit + 1)?;
        Ok(MigrationOut::new(outlook, moved, limit))
    })
    .await
}

/// Move subscriptions to the price book in force: 202 with the job that does it, one after the other. Those that cannot
/// be moved stay as they are; its result says how many and why. Idempotent by key.
#[utoipa::path(
    post, path = "/v1/price-book/migration", tag = "Price book", request_body = MigrateBook,
    responses((status = 202, body = JobOut)),
)]
pub(crate) async fn request(
    State(app): State<App>,
    actor: Actor<may::SubscriptionWrite>,
    Body { content, request }: Body<MigrateBook>,
) -> ApiResult<Changed> {
    let migration = Migration::from(content);
    let bell = app.bell.clone();
    app.change(actor.scope(), request, move |tx| {
        let id = migration::request(tx, &migration)?;
        bell.ring_after(tx);
        Ok((StatusCode::ACCEPTED, JobOut::from(jobs::find(tx, id)?)))
    })
    .await
}
