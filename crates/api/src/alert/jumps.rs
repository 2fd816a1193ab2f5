//! Sudden jumps of usage.

use axum::{Json, extract::State};
use identity::permission::may;
use jiff::{Timestamp, civil::Date};
use metering::jump::{self, Jump};
use serde::Serialize;
use utoipa::ToSchema;

use super::{AlertQuery, Asked};
use crate::{
    actor::Actor,
    app::{ApiResult, App},
    page::Page,
    parameters::Query,
};

/// A day on which a customer used far more of a meter than usual. It is told once a day, and also a fact:
/// `alert.usage_jumped`. What was used stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageJump)]
pub(crate) struct JumpOut {
    /// Whose use.
    customer: String,
    /// The key of the meter.
    #[schema(examples("api_calls"))]
    meter: String,
    /// The day, of UTC.
    #[schema(value_type = String, examples("2026-01-15"))]
    day: Date,
    /// What was used by the time it was noticed, in the meter's unit.
    #[schema(examples("12000"))]
    used: String,
    /// What was used in a day on the average of the seven days before.
    #[schema(examples("900"))]
    usual: String,
    /// More than so many times the usual is told, as the price book says.
    #[schema(examples(10))]
    times: u32,
    /// When it was noticed, in business time.
    noticed: Timestamp,
}

impl From<Jump> for JumpOut {
    fn from(jump: Jump) -> Self {
        let Jump { customer, meter, day, used, usual, times, noticed, .. } = jump;
        let (used, usual) = (used.to_string(), usual.to_string());
        Self { customer: customer.to_string(), meter, day, used, usual, times, noticed }
    }
}

/// List sudden jumps of usage, the newest first: days on which a customer used more than so many times the average of the
/// seven days before. How many stands at the meter in the price book, as `jump`; meters without it are not watched.
#[utoipa::path(
    get, path = "/v1/alerts/jumps", tag = "Limits", params(AlertQuery),
    responses((status = 200, body = Page<JumpOut>)),
)]
pub(crate) async fn jumps(
    State(app): State<App>,
    actor: Actor<may::SubscriptionRead>,
    Query(query): Query<AlertQuery>,
) -> ApiResult<Json<Page<JumpOut>>> {
    let asked = Asked::read(query)?;
    let limit = asked.limit;
    app.read(actor.scope(), move |view| {
        let wanted = asked.wanted(view)?;
        let jumps = jump::list(view, &wanted)?;
        Ok(Page::cut(jumps, limit, |jump| jump.id, JumpOut::from))
    })
    .await
}
