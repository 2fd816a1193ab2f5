//! A customer as entitlements see it, and what is said about a feature.

use std::sync::Arc;

use catalog::version::Version;
use jiff::Timestamp;
use kernel::{
    Currency, Cycle, Exact,
    ids::{CustomerId, SubscriptionId},
};

use super::Course;
use crate::override_::Override;

/// A customer, what it agreed to, and what was overridden for it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub customer: CustomerId,
    /// The merchant's own id for it.
    pub external_id: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The currency it is billed in.
    pub currency: Currency,
    /// Its subscriptions that run, or whose access is off; the oldest first.
    pub agreements: Vec<Agreement>,
    /// By key; those that have run out among them.
    pub overrides: Vec<Override>,
}

/// A subscription, as far as it gives access.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// Its id.
    pub subscription: SubscriptionId,
    /// The price book version it agreed to.
    pub version: Arc<Version>,
    /// The key of its plan.
    pub plan: String,
    /// Units of what the plan is priced per.
    pub quantity: i64,
    /// Its add-ons by key, with how many.
    pub addons: Vec<(String, i64)>,
    /// How often it is billed.
    pub cycle: Cycle,
    /// In which currency.
    pub currency: Currency,
    /// Whether it gives access, and what becomes of that by itself.
    pub course: Course,
}

/// Of what kind a feature is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Had or not.
    Boolean,
    /// So many of it.
    Limit {
        /// One of them, as shown.
        unit: String,
    },
    /// A text.
    Value,
    /// The limit of a meter.
    Metered {
        /// One of what it counts, as shown.
        unit: String,
        /// Over what time it counts; none: no plan at hand limits it.
        window: Option<catalog::Window>,
    },
}

impl Kind {
    /// The word in the API.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Limit { .. } => "limit",
            Self::Value => "value",
            Self::Metered { .. } => "metered",
        }
    }
}

/// What there is of a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing, or withheld.
    None,
    /// It is there.
    Yes,
    /// So many of its units, more than none.
    UpTo(Exact),
    /// As many as one likes.
    Unlimited,
    /// This text.
    Text(String),
}

impl Value {
    /// Whether there is anything.
    pub const fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }
}

/// Why a feature is there or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A plan has it.
    Plan {
        /// Its key.
        plan: String,
        /// The number of the price book version.
        book: i64,
    },
    /// An add-on has it, or raises what the plan has.
    Addon {
        /// Its key.
        addon: String,
        /// The number of the price book version.
        book: i64,
    },
    /// It was overridden for the customer.
    Override,
    /// A rule of its flag matched (from 0), or its default variant applies.
    Flag {
        /// Which rule; none: the default variant.
        rule: Option<usize>,
        /// The variant.
        variant: String,
    },
    /// Its flag is switched off.
    SwitchedOff,
    /// Whoever has no subscription has the plan that costs nothing.
    Default {
        /// Its key.
        plan: String,
        /// The number of the price book version.
        book: i64,
    },
    /// Access is off: every subscription is suspended or paused.
    AccessOff,
    /// Nothing at hand has it.
    NotIncluded,
}

impl Reason {
    /// The word in the API.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Plan { .. } => "plan",
            Self::Addon { .. } => "addon",
            Self::Override => "override",
            Self::Flag { .. } => "flag",
            Self::SwitchedOff => "switched_off",
            Self::Default { .. } => "default_plan",
            Self::AccessOff => "access_off",
            Self::NotIncluded => "not_included",
        }
    }
}

/// What would unlock a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// This plan.
    Plan(String),
    /// This add-on, beside the plan there is.
    Addon(String),
}

/// What is said about a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Names it in programs.
    pub key: String,
    /// Names it on pages.
    pub name: String,
    /// Of what kind it is.
    pub kind: Kind,
    /// What there is of it.
    pub value: Value,
    /// Why.
    pub reason: Reason,
    /// The subscription whose plan or add-on gives it.
    pub subscription: Option<SubscriptionId>,
    /// Until when it is known to be so.
    pub until: Option<Timestamp>,
    /// The cheapest way to have it, when it is not there.
    pub upgrade: Option<Upgrade>,
}

impl Decision {
    /// Whether it may be used.
    pub const fn allowed(&self) -> bool {
        self.value.is_some()
    }

    /// Why, as a sentence.
    pub fn why(&self) -> String {
        let word = if self.allowed() { "gives it" } else { "withholds it" };
        match &self.reason {
            Reason::Plan { plan, book } => format!("The plan {plan} has it (price book version {book})."),
            Reason::Addon { addon, book } => {
                format!("The add-on {addon} gives it (price book version {book}).")
            }
            Reason::Override => match self.until {
                Some(until) => format!("An override {word} until {until}."),
                None => format!("An override {word}."),
            },
            Reason::Flag { rule: Some(rule), variant } => {
                format!("Rule {} of its flag {word}, with the variant {variant}.", rule + 1)
            }
            Reason::Flag { rule: None, variant } => {
                format!("Its flag {word}, with the default variant {variant}.")
            }
            Reason::SwitchedOff => "Its flag is switched off.".to_owned(),
            Reason::Default { plan, book } => {
                format!(
                    "There is no subscription, and the plan {plan} costs nothing (price book version {book})."
                )
            }
            Reason::AccessOff => {
                "Access is off: no subscription runs, and one is suspended or paused.".to_owned()
            }
            Reason::NotIncluded => match &self.upgrade {
                Some(Upgrade::Plan(plan)) => format!("It is not included. The plan {plan} has it."),
                Some(Upgrade::Addon(addon)) => format!("It is not included. The add-on {addon} gives it."),
                None => "It is not included.".to_owned(),
            },
        }
    }
}

/// Whether somebody has a plan, or one that stands behind it in the price book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The plan asked for.
    pub plan: String,
    /// Whether it has it, or more.
    pub allowed: bool,
    /// Why: `plan`, `default_plan`, `access_off` or `not_included`.
    pub reason: &'static str,
    /// The plans it has.
    pub has: Vec<String>,
    /// The cheapest plan that would do.
    pub upgrade: Option<String>,
}

impl Tier {
    /// Why, as a sentence.
    pub fn why(&self) -> String {
        let has = self.has.join(" and ");
        match (self.allowed, self.reason) {
            (true, _) => format!("The customer has {has}."),
            (false, "access_off") => {
                "Access is off: no subscription runs, and one is suspended or paused.".to_owned()
            }
            (false, _) if has.is_empty() => format!("The customer has no plan; this needs {}.", self.plan),
            (false, _) => format!("The customer has {has}; this needs {} or more.", self.plan),
        }
    }
}
