//! What is said about a feature.

use entitlements::feature::{Decision, Kind, Reason, Tier, Upgrade, Value};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// What a customer may use of a feature or a meter, and why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CustomerFeature)]
pub(crate) struct FeatureOut {
    /// Its key in the price book.
    #[schema(examples("sso"))]
    key: String,
    /// What it is called.
    name: String,
    /// `boolean`, `limit` (so many of it), `value` (a text), or `metered` (the limit of a meter; `GET
    /// /v1/customers/{id}/limits` says what is used).
    #[schema(examples("boolean"))]
    kind: &'static str,
    /// Whether there is anything of it to use.
    allowed: bool,
    /// Of a limit or a meter: as many as one likes.
    unlimited: bool,
    /// Of a limit or a meter: how many, as decimal text; null when unlimited.
    #[schema(examples("100"))]
    amount: Option<String>,
    /// One of what is counted: `GB`.
    unit: Option<String>,
    /// Of a meter: over what time it is limited.
    #[schema(examples("rolling 5 hours"))]
    window: Option<String>,
    /// Of a value: the text.
    value: Option<String>,
    /// Why: `plan`, `addon`, `override`, `flag`, `default_plan` (whoever has no subscription has the plan that costs
    /// nothing), `switched_off` (by its flag), `access_off` (every subscription is suspended or paused), `not_included`.
    #[schema(examples("plan"))]
    reason: &'static str,
    /// The same as a sentence.
    #[schema(examples("The plan team has it (price book version 3)."))]
    why: String,
    /// The plan that has it.
    plan: Option<String>,
    /// The add-on that has it.
    addon: Option<String>,
    /// The number of the price book version the plan or add-on is of.
    book_version: Option<i64>,
    /// The subscription whose plan or add-on that is.
    subscription: Option<String>,
    /// The rule of its flag that matched, from 0.
    rule: Option<usize>,
    /// The variant its flag serves.
    variant: Option<String>,
    /// Until when it is known to be so: an override runs out, a trial or a subscription ends.
    until: Option<Timestamp>,
    /// The cheapest plan that would unlock it.
    upgrade_plan: Option<String>,
    /// The cheapest add-on that would unlock it, where that costs less than a plan.
    upgrade_addon: Option<String>,
}

impl From<Decision> for FeatureOut {
    fn from(decision: Decision) -> Self {
        let (allowed, why) = (decision.allowed(), decision.why());
        let Decision { key, name, kind, value, reason, subscription, until, upgrade } = decision;
        let counted = matches!(kind, Kind::Limit { .. } | Kind::Metered { .. });
        let (unit, window) = match &kind {
            Kind::Limit { unit } => (Some(unit.clone()), None),
            Kind::Metered { unit, window } => (Some(unit.clone()), window.map(|window| window.to_string())),
            Kind::Boolean | Kind::Value => (None, None),
        };
        let (plan, addon, book_version) = match &reason {
            Reason::Plan { plan, book } | Reason::Default { plan, book } => {
                (Some(plan.clone()), None, Some(*book))
            }
            Reason::Addon { addon, book } => (None, Some(addon.clone()), Some(*book)),
            _ => (None, None, None),
        };
        let (rule, variant) = match &reason {
            Reason::Flag { rule, variant } => (*rule, Some(variant.clone())),
            _ => (None, None),
        };
        let (upgrade_plan, upgrade_addon) = match upgrade {
            Some(Upgrade::Plan(plan)) => (Some(plan), None),
            Some(Upgrade::Addon(addon)) => (None, Some(addon)),
            None => (None, None),
        };
        Self {
            kind: kind.word(),
            unlimited: value == Value::Unlimited,
            amount: match &value {
                Value::UpTo(amount) => Some(amount.to_string()),
                Value::None if counted => Some("0".to_owned()),
                _ => None,
            },
            value: match value {
                Value::Text(text) => Some(text),
                _ => None,
            },
            reason: reason.word(),
            subscription: subscription.map(|id| id.to_string()),
            key,
            name,
            allowed,
            unit,
            window,
            why,
            plan,
            addon,
            book_version,
            rule,
            variant,
            until,
            upgrade_plan,
            upgrade_addon,
        }
    }
}

/// Whether a customer has a plan, or one above it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CustomerTier)]
pub(crate) struct TierOut {
    /// The plan asked for.
    plan: String,
    /// Whether the customer has it, or one that stands behind it in the price book.
    allowed: bool,
    /// Why: `plan`, `default_plan`, `access_off`, `not_included`.
    reason: &'static str,
    /// The same as a sentence.
    why: String,
    /// The plans the customer has.
    has: Vec<String>,
    /// The cheapest plan that would do.
    upgrade_plan: Option<String>,
}

impl From<Tier> for TierOut {
    fn from(tier: Tier) -> Self {
        let why = tier.why();
        let Tier { plan, allowed, reason, has, upgrade } = tier;
        Self { plan, allowed, reason, why, has, upgrade_plan: upgrade }
    }
}
