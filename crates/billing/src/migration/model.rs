//! Moving subscriptions between versions of the price book.

use std::collections::BTreeMap;

use kernel::{
    Currency, Cycle, Error, Money,
    ids::{BookVersionId, CustomerId, SubscriptionId},
};
use serde::{Deserialize, Serialize};

use crate::subscription::Timing;

/// Which subscriptions are moved, and how. They go to the version in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migration {
    /// Only those on these versions of the price book; empty: on any but the one in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub books: Vec<BookVersionId>,
    /// Only those on these plans; empty: on any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<String>,
    /// What becomes of a plan; one that is not named keeps its key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub plan_map: BTreeMap<String, String>,
    /// When each is moved.
    #[serde(default)]
    pub timing: Timing,
}

/// What the fees of a subscription come to in a whole period, before coupons, usage and tax.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Its plan's key.
    pub plan: String,
    /// How often that is paid.
    pub cycle: Cycle,
    /// How much; what is paid in arrears by what is measured counts its flat price.
    pub fees: Money,
}

/// A subscription and what moving it would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// Which.
    pub subscription: SubscriptionId,
    /// Whose.
    pub customer: CustomerId,
    /// As it is.
    pub before: Standing,
    /// As it would be, or why it cannot be moved.
    pub after: Result<Standing, Error>,
}

/// What moving everybody would do, in figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// How many would be moved.
    pub moved: u64,
    /// How many cannot be, by the code of the reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// How many would pay more, less, and the same.
    pub more: u64,
    /// Less.
    pub less: u64,
    /// The same.
    pub same: u64,
    /// By currency and cycle: what those who can be moved pay in a period now, and what they would, in minor units.
    pub fees: BTreeMap<(Currency, String), (i128, i128)>,
    /// How many go from a plan to a plan.
    pub plans: BTreeMap<(String, String), u64>,
}
