//! A cancellation, its reason, and what came of it.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use kernel::{
    Edge, Error, Money, Result,
    ids::{CustomerId, InvoiceId, SubscriptionId},
};

use crate::{
    credit_note::Credit,
    invoice::{Draft, Totals},
    subscription::{Discount, Subscription, Timing},
};

/// The command to cancel a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cancel {
    /// When.
    pub timing: Timing,
    /// Why: the key of a reason of the price book in force.
    pub reason: Option<String>,
    /// What else the customer says, up to 1,000 characters. It stays until the customer is erased.
    pub comment: Option<String>,
}

impl Cancel {
    /// A cancellation without a reason.
    pub fn at(timing: Timing) -> Self {
        Self { timing, ..Self::default() }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The subscription was canceled, or is to end.
    Canceled,
    /// The cancellation was taken back before the end.
    Kept,
    /// An offer made the customer stay.
    Saved,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Canceled, Self::Kept, Self::Saved];

    /// The word in storage and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Canceled => "canceled",
            Self::Kept => "kept",
            Self::Saved => "saved",
        }
    }

    /// The inverse of [`Outcome::word`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

/// A cancellation as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Of what.
    pub subscription: SubscriptionId,
    /// Which one of that subscription, from 0.
    pub ordinal: i64,
    /// Whose.
    pub customer: CustomerId,
    /// Why, by the key of the price book then.
    pub reason: Option<String>,
    /// What else was said; blank once the customer is erased.
    pub comment: Option<String>,
    /// When somebody asked for it, in business time.
    pub asked: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
}

impl Recorded {
    /// Its place in a list.
    pub const fn place(&self) -> Place {
        Place { asked: self.asked, subscription: self.subscription, ordinal: self.ordinal }
    }
}

/// The place of a cancellation among all, by when it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// When.
    pub asked: Timestamp,
    /// Of what.
    pub subscription: SubscriptionId,
    /// Which one of that.
    pub ordinal: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.asked.as_microsecond(), self.subscription, self.ordinal)
    }
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("cursor_malformed", "This is no place in the list of cancellations.");
        let mut parts = text.split(' ');
        let mut next = || parts.next().ok_or_else(wrong);
        let asked = next()?.parse().ok().and_then(|micros| Timestamp::from_microsecond(micros).ok());
        let subscription = next()?.parse()?;
        let ordinal = next()?.parse().map_err(|_| wrong())?;
        Ok(Self { asked: asked.ok_or_else(wrong)?, subscription, ordinal })
    }
}

/// How many canceled for a reason, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The reason; none: nobody said one.
    pub reason: Option<String>,
    /// What it is called in the price book in force; its key where that does not know it.
    pub name: Option<String>,
    /// How many canceled and did not come back on it.
    pub canceled: i64,
    /// How many took it back before the end.
    pub kept: i64,
    /// How many stayed for an offer.
    pub saved: i64,
}

/// What somebody is offered to stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The reason it is offered for.
    pub reason: String,
    /// What the coupon would give the subscription.
    pub discount: Discount,
}

/// What a cancellation would do.
#[derive(Clone, Debug)]
pub struct CancelPreview {
    /// The subscription as it would be.
    pub subscription: Subscription,
    /// When it would end.
    pub ends: Edge,
    /// What would be credited now.
    pub credits: Vec<Credit>,
    /// What the credits come to, with their tax.
    pub credited: Money,
    /// What would be billed now.
    pub invoice: Option<(Draft, Totals)>,
    /// What is offered to stay; none when nothing is offered for the reason, or it cannot be redeemed.
    pub offer: Option<Offer>,
}

/// A subscription that came back.
#[derive(Clone, Debug)]
pub struct Reactivated {
    /// The new subscription.
    pub subscription: Subscription,
    /// Its first invoice.
    pub invoice: Option<InvoiceId>,
    /// The coupon it came back with.
    pub coupon: Option<String>,
}
