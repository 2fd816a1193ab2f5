//! Migrations in answers.

use std::collections::BTreeMap;

use billing::migration::{Moved, Outlook, Standing};
use kernel::{Currency, Error};
use serde::Serialize;
use utoipa::ToSchema;

use crate::shape::AmountOut;

/// What moving subscriptions to the price book in force would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MigrationPreview)]
pub(crate) struct MigrationOut {
    /// How many would be moved.
    moved: u64,
    /// How many of them would pay more.
    more: u64,
    /// How many would pay less.
    less: u64,
    /// How many would pay the same.
    same: u64,
    /// How many cannot be moved, by the code of the reason.
    refused: BTreeMap<&'static str, u64>,
    /// What those who can be moved pay in a period now and then, by currency and cycle.
    fees: Vec<FeesOut>,
    /// The next subscriptions, in order of their ids.
    data: Vec<MovedOut>,
    /// Where to go on; null at the end.
    next: Option<String>,
}

/// What some subscriptions pay in a period, before coupons, usage and tax.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MigrationFees)]
pub(crate) struct FeesOut {
    /// How often it is paid.
    #[schema(examples("month"))]
    cycle: String,
    now: AmountOut,
    then: AmountOut,
}

/// A subscription and what moving it would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MovedSubscription)]
pub(crate) struct MovedOut {
    subscription: String,
    customer: String,
    now: StandingOut,
    /// Null when it cannot be moved.
    then: Option<StandingOut>,
    /// Why it cannot be moved.
    refused: Option<RefusedOut>,
}

/// What a subscription pays in a period, before coupons, usage and tax.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MigrationStanding)]
pub(crate) struct StandingOut {
    /// Key of its plan.
    plan: String,
    /// How often it pays.
    cycle: String,
    /// What it pays then; what is measured counts its flat price.
    fees: AmountOut,
}

/// Why a subscription cannot be moved.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MigrationRefusal)]
pub(crate) struct RefusedOut {
    #[schema(examples("plan_unknown"))]
    code: &'static str,
    detail: String,
}

impl MigrationOut {
    /// Of `found` the first `limit`; one more says that it goes on.
    pub(super) fn new(outlook: Outlook, mut found: Vec<Moved>, limit: i64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| last.subscription.to_string());
        let sum = |minor: i128, currency: Currency| {
            // Beyond what any bookkeeping holds.
            AmountOut::sum(i64::try_from(minor).unwrap_or(i64::MAX), currency)
        };
        let fees = outlook.fees.into_iter().map(|((currency, cycle), (now, then))| FeesOut {
            cycle,
            now: sum(now, currency),
            then: sum(then, currency),
        });
        Self {
            moved: outlook.moved,
            more: outlook.more,
            less: outlook.less,
            same: outlook.same,
            refused: outlook.refused,
            fees: fees.collect(),
            data: found.into_iter().map(MovedOut::from).collect(),
            next,
        }
    }
}

impl From<Standing> for StandingOut {
    fn from(Standing { plan, cycle, fees }: Standing) -> Self {
        Self { plan, cycle: cycle.to_string(), fees: fees.into() }
    }
}

impl From<Moved> for MovedOut {
    fn from(moved: Moved) -> Self {
        let (then, refused) = match moved.after {
            Ok(then) => (Some(then.into()), None),
            Err(Error { code, detail, .. }) => (None, Some(RefusedOut { code, detail })),
        };
        Self {
            subscription: moved.subscription.to_string(),
            customer: moved.customer.to_string(),
            now: moved.before.into(),
            then,
            refused,
        }
    }
}
