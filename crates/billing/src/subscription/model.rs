//! A subscription: one customer on one plan of one price book version.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kernel::{
    Currency, Cycle, Edge, Period, Schedule, Zone,
    ids::{BookVersionId, CustomerId, InvoiceId, LegalEntityId, SubscriptionId},
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Where a subscription stands (domain rules §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The first payment was not made.
    Incomplete,
    /// In its trial.
    Trialing,
    /// Running.
    Active,
    /// A payment failed, grace runs.
    PastDue,
    /// Paused.
    Paused,
    /// Access is off.
    Suspended,
    /// Ended by cancellation.
    Canceled,
    /// Its fixed term is over.
    Expired,
}

impl State {
    const ALL: [Self; 8] = [
        Self::Incomplete,
        Self::Trialing,
        Self::Active,
        Self::PastDue,
        Self::Paused,
        Self::Suspended,
        Self::Canceled,
        Self::Expired,
    ];

    /// The word in storage and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Paused => "paused",
            Self::Suspended => "suspended",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }

    /// The inverse of [`State::word`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// What an item of a subscription is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// The plan itself; item 0.
    Plan,
    /// An add-on.
    Addon,
}

impl ItemKind {
    /// The word in storage and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Addon => "addon",
        }
    }

    /// The inverse of [`ItemKind::word`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Plan, Self::Addon].into_iter().find(|kind| kind.word() == word)
    }
}

/// One thing subscribed to. Its price is the one of the subscription's price book version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its place in the subscription; never reused.
    pub ordinal: i64,
    /// Plan or add-on.
    pub kind: ItemKind,
    /// Its key in the price book.
    pub key: String,
    /// How many units; 1 for a flat price.
    pub quantity: i64,
}

/// A subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Who invoices.
    pub entity: LegalEntityId,
    /// Who is invoiced.
    pub customer: CustomerId,
    /// The merchant's own id for it, unique in the environment.
    pub external_id: Option<String>,
    /// The price book version it agreed to.
    pub book: BookVersionId,
    /// Where it stands.
    pub state: State,
    /// The one currency it is billed in.
    pub currency: Currency,
    /// When its periods begin.
    pub schedule: Schedule,
    /// When it began, in business time.
    pub started: Timestamp,
    /// The period it is in; its edges were fixed when it opened.
    pub period: Period,
    /// Fees in advance are billed up to this edge, which is when it falls due next.
    pub billed_through: Edge,
    /// The plan first, then the add-ons.
    pub items: Vec<Item>,
    /// The merchant's own notes.
    pub metadata: Json,
}

impl Subscription {
    /// The key of its plan.
    pub fn plan(&self) -> &str {
        self.items.iter().find(|item| item.kind == ItemKind::Plan).map_or("", |item| item.key.as_str())
    }
}

/// From where a subscription is billed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillFrom {
    /// From its start, periods of the past among them.
    #[default]
    Start,
    /// From the start of the period it is in now: the past was billed elsewhere.
    CurrentPeriod,
    /// From the next period on: the current one was billed elsewhere too.
    NextPeriod,
}

/// The command to start a subscription.
#[derive(Clone, Debug)]
pub struct Start {
    /// Who subscribes.
    pub customer: CustomerId,
    /// Key of the plan in the price book in force.
    pub plan: String,
    /// How often it is billed.
    pub cycle: Cycle,
    /// Units of the plan, when it is priced per unit (seats); otherwise 1.
    pub quantity: Option<i64>,
    /// Add-ons by key, with their quantity. Quantity 0 is left out.
    pub addons: BTreeMap<String, i64>,
    /// The start; none: now. May lie in the past, not in the future.
    pub start: Option<Timestamp>,
    /// From where to bill when the start lies in the past.
    pub bill_from: BillFrom,
    /// Where its days begin; none: the customer's zone.
    pub zone: Option<Zone>,
    /// Billed in this currency; none: the customer's.
    pub currency: Option<Currency>,
    /// Who invoices; none: the first legal entity.
    pub entity: Option<LegalEntityId>,
    /// The merchant's own id for it.
    pub external_id: Option<String>,
    /// The merchant's own notes.
    pub metadata: Json,
    /// Finalize the first invoice at once; otherwise it is left as a draft.
    pub finalize: bool,
}

/// A started subscription and the draft or invoice it began with.
#[derive(Clone, Debug)]
pub struct Started {
    /// The subscription.
    pub subscription: Subscription,
    /// Its first invoice; none when nothing is due at the start.
    pub invoice: Option<InvoiceId>,
}
