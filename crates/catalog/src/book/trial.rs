//! The trial a book offers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::price::is_default;

/// The trial a book offers. It ends at the first instant of the local start date + `days`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The plan tried; none: the plan the customer chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Length in days of the customer's zone, 1–365.
    pub days: u16,
    /// Whether a payment method must be given first.
    pub card_required: bool,
    /// Whether paid periods keep the anchor of the trial's start instead of its end.
    pub keep_anchor: bool,
    /// Reminders so many days before the end, longest first, 1–365 each.
    pub reminders: Vec<u16>,
    /// So many days after the end customers are written to again, shortest first, 1–365 each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follow_ups: Vec<u16>,
    /// What happens at the end when there is a payment method.
    pub with_method: WithMethod,
    /// What happens at the end when there is none.
    pub without: WithoutMethod,
    /// What there is one trial for: who is the same in any of these has no second one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub once_per: OncePer,
    /// Whether it starts by itself when a customer is created; then there is a plan to try.
    #[serde(default, skip_serializing_if = "is_default")]
    pub at_sign_up: bool,
}

/// By what somebody who had a trial before is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sameness {
    /// The customer itself.
    Customer,
    /// The e-mail address, as mail reaches it.
    Email,
    /// The domain of the e-mail address, unless everybody can have an address there.
    EmailDomain,
    /// The tax id.
    TaxId,
    /// The method of payment, by what a gateway says tells it from others.
    Fingerprint,
}

impl Sameness {
    /// Each with its word in the file and in the API.
    pub const ALL: [(&'static str, Self); 5] = [
        ("customer", Self::Customer),
        ("email", Self::Email),
        ("email_domain", Self::EmailDomain),
        ("tax_id", Self::TaxId),
        ("fingerprint", Self::Fingerprint),
    ];

    /// Its word in the file and in the API.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(word, _)| word)
    }
}

/// What there is one trial for. Empty: one can try as often as one likes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OncePer(pub BTreeSet<Sameness>);

impl OncePer {
    /// Whether somebody who is the same in this had their trial.
    pub fn holds(&self, sameness: Sameness) -> bool {
        self.0.contains(&sameness)
    }
}

impl Default for OncePer {
    fn default() -> Self {
        Self([Sameness::Customer, Sameness::Email, Sameness::TaxId, Sameness::Fingerprint].into())
    }
}

/// A trial's end with a payment method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithMethod {
    /// The subscription becomes a paid one.
    Convert,
}

/// A trial's end without a payment method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutMethod {
    /// Access is off until there is one.
    Suspend,
    /// The subscription ends.
    Cancel,
    /// The subscription goes on with this plan.
    Downgrade {
        /// Its key.
        plan: String,
    },
}
