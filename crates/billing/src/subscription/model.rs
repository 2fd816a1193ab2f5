//! A subscription: one customer on one plan of one price book version.

use std::collections::BTreeMap;

use catalog::version::Version;
use jiff::{Timestamp, civil::Date};
use kernel::{
    Currency, Cycle, Edge, Error, Period, Result, Schedule, UnitPrice, Zone,
    ids::{BookVersionId, CustomerId, InvoiceId, LegalEntityId, SubscriptionId},
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    agreement::{AgreedPrice, Agreement, Discount, NewTerm, Scheduled, Term},
    closing::Closing,
};
use crate::charge::NewCharge;

/// Where a subscription stands (domain rules §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Agreed, and begins later.
    Scheduled,
}

impl State {
    pub(super) const ALL: [Self; 9] = [
        Self::Incomplete,
        Self::Trialing,
        Self::Active,
        Self::PastDue,
        Self::Paused,
        Self::Suspended,
        Self::Canceled,
        Self::Expired,
        Self::Scheduled,
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
            Self::Scheduled => "scheduled",
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
    /// How many units; 1 for a flat price, 0 once it is no longer subscribed to.
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
    /// What is paid at the end of a period, usage among it, is billed up to this edge.
    pub arrears_from: Edge,
    /// The most units of the plan since then: an allowance per unit counts those (domain rules §5).
    pub peak: i64,
    /// The rhythm of usage that is billed by another cycle than the plan's.
    pub rhythm: Option<Rhythm>,
    /// A stretch that is over and waits to be billed.
    pub closing: Option<Box<Closing>>,
    /// The zone its days begin in from the next period on: its customer moved.
    pub next_zone: Option<Zone>,
    /// Canceled as of this instant, the end of a billed period.
    pub ends: Option<Timestamp>,
    /// What changes at the end of a period, soonest first.
    pub scheduled: Vec<Scheduled>,
    /// The contract's term; none: it runs until it is canceled.
    pub term: Option<Term>,
    /// What was agreed beside the price book.
    pub agreement: Agreement,
    /// The coupons it has, used up ones among them.
    pub discounts: Vec<Discount>,
    /// The end of its trial, also after it; none when it had none.
    pub trial_end: Option<Edge>,
    /// Whether a method of payment is on file, which decides what the end of a trial does.
    pub has_method: bool,
    /// Everything it ever had: the plan first, then the add-ons.
    pub items: Vec<Item>,
    /// The merchant's own notes.
    pub metadata: Json,
}

impl Subscription {
    /// The items it has now.
    pub fn active_items(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.quantity > 0)
    }

    /// The key of its plan.
    pub fn plan(&self) -> &str {
        self.items.iter().find(|item| item.kind == ItemKind::Plan).map_or("", |item| item.key.as_str())
    }

    /// How many units of its plan it has: 1 when the plan is not priced per unit.
    pub fn plan_quantity(&self) -> i64 {
        self.items.iter().find(|item| item.kind == ItemKind::Plan).map_or(0, |item| item.quantity)
    }

    /// Whether it has ended for good.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Canceled | State::Expired)
    }

    /// Whether it goes on from edge to edge.
    pub const fn runs(&self) -> bool {
        matches!(self.state, State::Active | State::Trialing | State::Scheduled)
    }

    /// The next edge while it runs: the end of what is billed, or of a stretch of usage before.
    pub fn next_edge(&self) -> Edge {
        match self.rhythm.map(|rhythm| rhythm.stretch.end) {
            Some(end) if end.at < self.billed_through.at => end,
            _ => self.billed_through,
        }
    }

    /// When it falls due next: at its next edge, or when a stretch that is over is billed before.
    pub fn next_due(&self) -> Edge {
        self.falls_due().unwrap_or_else(|| self.next_edge())
    }

    /// When something falls due for it; none when nothing does, as for a paused or canceled one.
    pub fn falls_due(&self) -> Option<Edge> {
        let cut = self.closing.as_ref().map(|closing| closing.cut);
        let next = self.runs().then(|| self.next_edge());
        match (cut, next) {
            (Some(cut), Some(next)) if cut.at < next.at => Some(cut),
            (cut, next) => next.or(cut),
        }
    }

    /// What changes at the end of the period it is in.
    pub fn pending(&self) -> Option<&Change> {
        self.scheduled.first().filter(|step| step.on <= self.billed_through.date).map(|step| &step.change)
    }

    /// The local date from which on an accepted renewal offer counts that waits for the end of the period it is in.
    pub fn accepted_for(&self) -> Option<Date> {
        let waits = |step: &&Scheduled| step.offered && step.on <= self.billed_through.date;
        self.scheduled.iter().find(waits).map(|step| step.on)
    }

    /// The same without the changes that were scheduled for the end of the period it is in; an accepted offer stays.
    #[must_use]
    pub fn without_pending_change(&self) -> Self {
        let mut unchanged = self.clone();
        unchanged.scheduled.retain(|step| step.offered || step.on > self.billed_through.date);
        unchanged
    }

    /// The same without anything that was scheduled for the end of the period it is in.
    #[must_use]
    pub fn without_pending(&self) -> Self {
        let mut unchanged = self.clone();
        unchanged.scheduled.retain(|step| step.on > self.billed_through.date);
        unchanged
    }
}

/// Usage that is counted and billed by a cycle of its own, such as each month on a plan paid by the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Its cycle. Its edges follow the subscription's anchor.
    pub cycle: Cycle,
    /// The stretch that is not billed yet.
    pub stretch: Period,
    /// The most units of the plan in it.
    pub peak: i64,
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
    /// The start; none: now. May lie in the past; when it lies ahead, nothing is billed before.
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
    /// Begin with the price book's trial.
    pub trial: bool,
    /// A trial although there was one before. For staff.
    pub trial_again: bool,
    /// What a gateway says tells the method of payment from others; it is kept as a hash, with a trial.
    pub fingerprint: Option<String>,
    /// A method of payment is on file.
    pub has_method: bool,
    /// Coupons, by their key or by the code a customer types.
    pub coupons: Vec<String>,
    /// What is agreed beside the price book. For staff.
    pub agreement: Agreement,
    /// A contract's term.
    pub term: Option<NewTerm>,
    /// What changes later, each at the first end of a period on or after its date: a price ramp.
    pub ramp: Vec<Scheduled>,
    /// What is charged once, with its first invoice. Amounts agreed are for staff.
    pub charges: Vec<NewCharge>,
}

impl Start {
    /// A start now, without anything special: finalized at once, no trial.
    pub fn of(customer: CustomerId, plan: impl Into<String>, cycle: Cycle) -> Self {
        Self {
            customer,
            plan: plan.into(),
            cycle,
            quantity: None,
            addons: BTreeMap::new(),
            start: None,
            bill_from: BillFrom::Start,
            zone: None,
            currency: None,
            entity: None,
            external_id: None,
            metadata: Json::Null,
            finalize: true,
            trial: false,
            trial_again: false,
            fingerprint: None,
            has_method: false,
            coupons: Vec::new(),
            agreement: Agreement::default(),
            term: None,
            ramp: Vec::new(),
            charges: Vec::new(),
        }
    }
}

/// A started subscription and the draft or invoice it began with.
#[derive(Clone, Debug)]
pub struct Started {
    /// The subscription.
    pub subscription: Subscription,
    /// Its first invoice; none when nothing is due at the start.
    pub invoice: Option<InvoiceId>,
}

/// When a change takes effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// At once: what was paid and is not used is credited, the rest of the period is charged.
    #[default]
    Now,
    /// When the running period ends; nothing is credited or charged before.
    PeriodEnd,
}

/// The command to change a subscription. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Key of another plan. It, and every price, is then the price book's in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Another cycle, likewise at the prices in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle: Option<Cycle>,
    /// Units of the plan, when it is priced per unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
    /// Add-ons by key with their new quantity; 0 ends one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub addons: BTreeMap<String, i64>,
    /// Prices agreed with the customer, by the key of what they are for; they stand until others are agreed. For staff.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<String, AgreedPrice>,
    /// Every price is the price book's in force, even when plan and cycle stay: a migration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reprice: bool,
    /// The least a period comes to from then on, instead of the plan's minimum. Major units. For staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<UnitPrice>,
    /// A contract's term that begins with the change, instead of the one there was. For staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<NewTerm>,
    /// A coupon that was redeemed for it and counts from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Box<Discount>>,
}

impl Change {
    /// Whether it is agreed anew, at the prices in force.
    pub const fn renegotiates(&self) -> bool {
        self.plan.is_some() || self.cycle.is_some() || self.reprice
    }

    /// The version a subscription is on after it: the one in force when it is agreed anew, else the one agreed to.
    pub const fn version<'v>(&self, agreed: &'v Version, in_force: &'v Version) -> &'v Version {
        if self.renegotiates() { in_force } else { agreed }
    }
}

/// A transition between states (domain rules §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// Change plan, quantity, cycle or add-ons.
    Change,
    /// Cancel, now or at the end of the period.
    Cancel,
    /// Take back a cancellation that has not come about.
    KeepOn,
    /// Pause.
    Pause,
    /// Resume after a pause.
    Resume,
    /// Turn a trial into a paid subscription before its end, or one that was suspended at its end.
    Convert,
    /// Let a trial last longer.
    ExtendTrial,
    /// Switch access off.
    Suspend,
    /// Switch access on again.
    Reinstate,
}

impl Transition {
    const ALL: [Self; 9] = [
        Self::Change,
        Self::Cancel,
        Self::KeepOn,
        Self::Pause,
        Self::Resume,
        Self::Convert,
        Self::ExtendTrial,
        Self::Suspend,
        Self::Reinstate,
    ];

    /// What one does, as in "cannot be …".
    pub const fn word(self) -> &'static str {
        match self {
            Self::Change => "changed",
            Self::Cancel => "canceled",
            Self::KeepOn => "kept on",
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Convert => "converted",
            Self::ExtendTrial => "extended",
            Self::Suspend => "suspended",
            Self::Reinstate => "reinstated",
        }
    }

    /// The state it leads to from `state`; none when it may not be made.
    pub const fn from(self, state: State) -> Option<State> {
        match (self, state) {
            (Self::Change | Self::KeepOn, State::Active) => Some(State::Active),
            (Self::Change | Self::KeepOn | Self::ExtendTrial, State::Trialing) => Some(State::Trialing),
            (
                Self::Cancel,
                State::Active | State::Paused | State::Trialing | State::Suspended | State::Scheduled,
            ) => Some(State::Canceled),
            (Self::Pause, State::Active) => Some(State::Paused),
            (Self::Resume, State::Paused) | (Self::Convert, State::Trialing) => Some(State::Active),
            (Self::Suspend, State::Active | State::Trialing) => Some(State::Suspended),
            (Self::Reinstate, State::Suspended) => Some(State::Active),
            _ => None,
        }
    }

    /// The state it leads to. Errors: `transition_illegal`, with the state, the attempt and what is allowed.
    pub fn require(self, state: State) -> Result<State> {
        self.from(state).ok_or_else(|| {
            let allowed: Vec<&str> =
                Self::ALL.into_iter().filter(|one| one.from(state).is_some()).map(Self::word).collect();
            let allowed = if allowed.is_empty() { "left as it is".to_owned() } else { allowed.join(" or ") };
            let (state, attempt) = (state.word(), self.word());
            Error::conflict(
                "transition_illegal",
                format!("A subscription that is {state} cannot be {attempt}; it can only be {allowed}."),
            )
        })
    }
}
