//! Answers about limits.

use catalog::{Limit, LimitPolicy, LimitScope, Meter};
use jiff::Timestamp;
use kernel::{Error, Result, time};
use metering::limit::{Answer, Reserved};
use serde::Serialize;
use utoipa::ToSchema;

/// Whether something may be used, or was, and why. Numbers are decimal text in the meter's unit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LimitAnswer)]
pub(crate) struct AnswerOut {
    /// Whether it may be done; of a consume, whether it was counted.
    allowed: bool,
    /// Why: `unlimited`, `within_limit`, `overage` (allowed and billed), `warning`, `limit_reached`, `no_access`.
    #[schema(examples("within_limit"))]
    reason: &'static str,
    /// The most that may be used; null when there is no limit.
    #[schema(examples("100"))]
    limit: Option<String>,
    /// What is used and held; this one among it when it was counted. Without a limit it is 0.
    #[schema(examples("42"))]
    used: String,
    /// What is left; null when there is no limit.
    #[schema(examples("58"))]
    remaining: Option<String>,
    /// Of a refused request the earliest instant at which it would fit, null when never; of an allowed one the end of the
    /// window, null when it has none.
    resets_at: Option<Timestamp>,
    /// Of a refused request the key of the cheapest plan that would allow it.
    upgrade: Option<String>,
}

impl TryFrom<Answer> for AnswerOut {
    type Error = Error;

    fn try_from(answer: Answer) -> Result<Self> {
        let text = |scaled| Ok::<_, Error>(answer.quantity(scaled)?.to_string());
        Ok(Self {
            allowed: answer.allowed,
            reason: answer.reason.word(),
            limit: answer.limit.map(text).transpose()?,
            used: text(answer.used)?,
            remaining: answer.remaining().map(text).transpose()?,
            resets_at: answer.resets(),
            upgrade: answer.upgrade.clone(),
        })
    }
}

/// A hold, or why there is none.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reserved)]
pub(crate) struct ReservedOut {
    /// Its id, to commit or release it; null when it was refused.
    hold: Option<String>,
    /// When it releases itself; null when it was refused.
    expires_at: Option<Timestamp>,
    /// Whether it may be used, and why.
    #[serde(flatten)]
    answer: AnswerOut,
}

impl TryFrom<Reserved> for ReservedOut {
    type Error = Error;

    fn try_from(reserved: Reserved) -> Result<Self> {
        let Reserved { id, answer, expires } = reserved;
        let expires_at = id.map(|_| time::from_micros(expires)).transpose()?;
        Ok(Self { hold: id.map(|id| id.to_string()), expires_at, answer: answer.try_into()? })
    }
}

/// A limit of a plan, and what is used of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Limit)]
pub(crate) struct LimitOut {
    /// The key of the meter.
    meter: String,
    /// What it is called.
    name: String,
    /// One of what it counts.
    unit: String,
    /// Over what time it counts: `period`, `day`, `rolling 5 hours`.
    #[schema(examples("rolling 5 hours"))]
    window: String,
    /// Whose usage counts together: `customer`, `user`, `seat` or `key`.
    scope: &'static str,
    /// At the limit: `hard` refuses, `soft` bills, `warn` reports.
    policy: &'static str,
    /// The most that may be used, before add-ons and units bought, as the plan has it.
    amount: String,
    /// How it stands; null where each user, seat or key has a limit of its own.
    now: Option<AnswerOut>,
}

impl LimitOut {
    pub(super) fn new(meter: &Meter, limit: &Limit) -> Self {
        Self {
            meter: meter.key.clone(),
            name: meter.name.clone(),
            unit: meter.unit.clone(),
            window: limit.window.to_string(),
            scope: match limit.scope {
                LimitScope::Customer => "customer",
                LimitScope::User => "user",
                LimitScope::Seat => "seat",
                LimitScope::Key => "key",
            },
            policy: match limit.policy {
                LimitPolicy::Hard => "hard",
                LimitPolicy::Soft => "soft",
                LimitPolicy::Warn => "warn",
            },
            amount: limit.amount.to_string(),
            now: None,
        }
    }

    pub(super) fn is_of(&self, meter: &str) -> bool {
        self.meter == meter
    }

    pub(super) fn add(&mut self, answer: Answer) -> Result<()> {
        self.now = Some(answer.try_into()?);
        Ok(())
    }
}
