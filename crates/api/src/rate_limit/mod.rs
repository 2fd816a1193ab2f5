//! How fast: the API's own limits for each key, and those of the merchant's plans for its own services.

use axum::{Json, extract::State};
use identity::permission::may;
use kernel::{Error, Result};
use metering::limit::{Pace, Taken};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    actor::Actor,
    app::{ApiResult, App},
    body::Body,
};

mod own;
pub use own::{Rate, Rates};
pub(crate) use own::{say, surround, take_one};

/// The most that can be taken at once.
const MOST: u32 = 1_000_000;
/// The longest name of a bucket, in bytes.
const LONGEST: usize = 256;

/// Whose bucket, and how much.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TakeIn {
    /// The customer or subscription: its id or your own.
    #[schema(examples("acme"))]
    subject: String,
    /// Which of the customer's keys, as you call it: each has a bucket of its own. The customer's own bucket when left out.
    #[schema(examples("k_live_1"))]
    key: Option<String>,
    /// How much to take; 1 when left out, 0 to only look.
    #[schema(minimum = 0, maximum = 1000000, default = 1)]
    cost: Option<u32>,
}

/// Whether a request may be served now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RateAnswer)]
pub(crate) struct TakenOut {
    /// Whether it may; then it was taken.
    allowed: bool,
    /// Why: `unlimited`, `within_limit`, `limit_reached`, `no_access`.
    #[schema(examples("within_limit"))]
    reason: &'static str,
    /// What fits in the bucket; null when the plan says nothing.
    limit: Option<u32>,
    /// What is left in it.
    remaining: Option<u32>,
    /// Seconds after which a refused request could be served: a `Retry-After`. Null when it was served, or never will be.
    retry_after: Option<u64>,
    /// `RateLimit-Policy` and `RateLimit` to send along with your own answer (draft-ietf-httpapi-ratelimit-headers-10).
    headers: RateHeaders,
}

/// Fields for the answer to the merchant's own customer.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct RateHeaders {
    /// What fits, and in how many seconds it fills.
    #[serde(rename = "RateLimit-Policy")]
    #[schema(examples("\"plan\";q=20;w=2"))]
    policy: Option<String>,
    /// What is left, and in how many seconds it is full.
    #[serde(rename = "RateLimit")]
    #[schema(examples("\"plan\";r=19;t=1"))]
    state: Option<String>,
}

impl From<Pace> for TakenOut {
    fn from(pace: Pace) -> Self {
        let headers = RateHeaders::default();
        let free = |allowed, reason, headers| Self {
            allowed,
            reason,
            limit: None,
            remaining: None,
            retry_after: None,
            headers,
        };
        match pace {
            Pace::Unlimited => free(true, "unlimited", headers),
            Pace::NoAccess => free(false, "no_access", headers),
            Pace::Taken(taken) => Self::of(taken),
        }
    }
}

impl TakenOut {
    fn of(taken: Taken) -> Self {
        let [(_, policy), (_, state)] = taken.headers("plan");
        Self {
            allowed: taken.allowed,
            reason: if taken.allowed { "within_limit" } else { "limit_reached" },
            limit: Some(taken.limit),
            remaining: Some(taken.remaining),
            retry_after: taken.retry_in,
            headers: RateHeaders { policy: Some(policy), state: Some(state) },
        }
    }
}

/// Ask whether a customer may call your own service now, as fast as its plan's `rate_limit` lets it: takes from the token
/// bucket of one of the customer's keys. The answer comes from memory and nothing is stored.
#[utoipa::path(
    post, path = "/v1/rate-limits/take", tag = "Limits", request_body = TakeIn,
    responses((status = 200, body = TakenOut)),
)]
pub(crate) async fn take(
    State(app): State<App>,
    actor: Actor<may::UsageWrite>,
    Body { content, .. }: Body<TakeIn>,
) -> ApiResult<Json<TakenOut>> {
    let TakeIn { subject, key, cost } = content;
    let (key, cost) = (key.unwrap_or_default(), cost.unwrap_or(1));
    check(&key, cost)?;
    Ok(Json(app.metering.take(actor.scope(), subject, key, cost).await?.into()))
}

fn check(key: &str, cost: u32) -> Result<()> {
    if key.len() > LONGEST {
        let detail = format!("The name of a key has at most {LONGEST} bytes.");
        return Err(Error::invalid("text_invalid", detail).at("/key"));
    }
    if cost > MOST {
        let detail = format!("At most {MOST} can be taken at once.");
        return Err(Error::invalid("quantity_out_of_range", detail).at("/cost"));
    }
    Ok(())
}
