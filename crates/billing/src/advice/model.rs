//! What is recommended.

use kernel::{
    Cycle, Money, Period,
    ids::{CustomerId, SubscriptionId},
};

use super::Reason;
use crate::subscription::Change;

/// Why another plan is recommended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The same would have cost less.
    Cheaper,
    /// The limits of the plan there is are used up, or nearly so.
    Outgrown,
}

impl Why {
    /// The word in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cheaper => "cheaper",
            Self::Outgrown => "outgrown",
        }
    }
}

/// A closed period, and what it came to and would have come to. Before coupons and tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The period.
    pub period: Period,
    /// On the plan there is, with what is subscribed to now.
    pub now: Money,
    /// On the plan that is recommended.
    pub then: Money,
}

/// An add-on beside a plan, with what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plus {
    /// Its key.
    pub key: String,
    /// What it is called.
    pub name: String,
    /// How many.
    pub quantity: i64,
}

/// Another plan is recommended for a subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanAdvice {
    /// Whose.
    pub customer: CustomerId,
    /// Which subscription.
    pub subscription: SubscriptionId,
    /// The plan there is: key and name.
    pub from: (String, String),
    /// The plan that is recommended: key and name.
    pub to: (String, String),
    /// Whether it stands before the plan there is in the price book.
    pub down: bool,
    /// Why.
    pub why: Why,
    /// How often both are billed.
    pub cycle: Cycle,
    /// The add-ons there would be beside it.
    pub addons: Vec<Plus>,
    /// The change that was compared, as it can be previewed and made.
    pub change: Change,
    /// The periods that were compared, the oldest first.
    pub periods: Vec<Compared>,
    /// What they came to.
    pub now: Money,
    /// What they would have come to.
    pub then: Money,
    /// Why, with figures; the strongest first.
    pub reasons: Vec<Reason>,
}
