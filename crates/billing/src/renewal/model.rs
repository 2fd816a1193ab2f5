//! An offer for the next term.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use kernel::{
    Cycle, Edge, Money, UnitPrice,
    ids::{CustomerId, SubscriptionId},
};
use serde::{Deserialize, Serialize};

use crate::{
    credit_note::Credit,
    invoice::{Draft, Totals},
    subscription::{AgreedPrice, NewTerm, Subscription},
};

/// What is offered for the time after the term, or after the period where there is no term. What is left out stays as
/// it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedTerms {
    /// Key of another plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Another cycle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle: Option<Cycle>,
    /// Units of the plan, when it is priced per unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
    /// Add-ons by key with their new quantity; 0 ends one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub addons: BTreeMap<String, i64>,
    /// Prices agreed, by the key of what they are for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<String, AgreedPrice>,
    /// Every price that is not agreed is the price book's in force then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reprice: bool,
    /// The least a period comes to. Major units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<UnitPrice>,
    /// The next term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<NewTerm>,
    /// A coupon, by its key, that is redeemed when the offer is accepted and counts from the next term on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<String>,
}

/// What became of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The customer took it: it is a change that waits for the end of the term.
    Accepted,
    /// The customer did not want it.
    Declined,
    /// Staff took it back, or made another one.
    Withdrawn,
}

impl Answer {
    const ALL: [Self; 3] = [Self::Accepted, Self::Declined, Self::Withdrawn];

    /// The word in storage and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The inverse of [`Answer::word`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.word() == word)
    }
}

/// An offer that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalOffer {
    /// To whom, by the subscription it is for.
    pub subscription: SubscriptionId,
    /// Which one of that subscription, from 0.
    pub ordinal: i64,
    /// Whose that is.
    pub customer: CustomerId,
    /// What is offered.
    pub terms: OfferedTerms,
    /// The last local date on which it can be accepted; none: up to the end of the term.
    pub valid_until: Option<Date>,
    /// When it was made, in business time.
    pub made: Timestamp,
    /// What became of it and when; none: nobody said anything yet.
    pub answer: Option<(Answer, Timestamp)>,
}

impl RenewalOffer {
    /// Whether it can be accepted on this local date, as far as the offer itself goes.
    pub fn is_open(&self, on: Date) -> bool {
        self.answer.is_none() && self.valid_until.is_none_or(|until| on <= until)
    }

    /// The word for where it stands on a local date: `open`, `expired`, or what became of it.
    pub fn state(&self, on: Date) -> &'static str {
        match self.answer {
            Some((answer, _)) => answer.word(),
            None if self.is_open(on) => "open",
            None => "expired",
        }
    }
}

/// What accepting an offer would come to.
#[derive(Clone, Debug)]
pub struct RenewalPreview {
    /// The subscription as it would be once the next term has begun.
    pub subscription: Subscription,
    /// When that would be.
    pub effective: Edge,
    /// What would be billed then, what is owed for the time before among it as far as it is known now.
    pub invoice: Option<(Draft, Totals)>,
    /// What would be credited then, because less was used than was billed.
    pub credits: Vec<Credit>,
    /// What the credits come to, with their tax.
    pub credited: Money,
}
