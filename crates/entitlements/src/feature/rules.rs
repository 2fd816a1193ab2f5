//! What a customer may use of the price book's features, and why. Pure.

mod upgrade;

use catalog::{Addon, Book, FeatureKind, Included, LimitPolicy, Plan, version::Version};
use jiff::Timestamp;
use kernel::Exact;

use super::{Account, Agreement, Decision, Kind, Reason, Stand, Value};
use crate::override_::{Given, Override};

pub use upgrade::tier;
use upgrade::upgrade;

/// Whoever a feature is decided for.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The customer; none: somebody who is not known here.
    pub account: Option<&'a Account>,
    /// The price book in force; none before the first.
    pub newest: Option<&'a Version>,
    /// Business time.
    pub now: Timestamp,
}

/// What its flag says about a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flagged {
    /// It is switched off.
    Off,
    /// This is served.
    Served {
        /// By which rule, from 0; none: the default variant.
        rule: Option<usize>,
        /// What the variant is called.
        variant: String,
        /// What it gives.
        value: Value,
    },
}

/// A subscription that runs, as it is at an instant.
pub(crate) struct Running<'a> {
    pub(crate) agreement: &'a Agreement,
    pub(crate) plan: &'a Plan,
    addons: &'a [(String, i64)],
}

impl<'a> Running<'a> {
    pub(crate) fn book(&self) -> &'a Book {
        &self.agreement.version.book
    }

    pub(crate) fn addons(&self) -> impl Iterator<Item = (&'a Addon, u64)> {
        let book = self.book();
        self.addons.iter().filter_map(|(key, count)| Some((book.addon(key)?, count.unsigned_abs())))
    }
}

/// The features there are for somebody, in the order of the newest book: its own, then those of other books agreed to,
/// then the meters.
pub fn keys(ground: &Ground<'_>) -> Vec<(String, String, Kind)> {
    let mut found: Vec<(String, String, Kind)> = Vec::new();
    let agreed = ground.account.into_iter().flat_map(|account| &account.agreements);
    let books =
        || ground.newest.into_iter().chain(agreed.clone().map(|one| &*one.version)).map(|one| &one.book);
    let mut add = |key: &str, name: &str, kind: Kind| {
        if !found.iter().any(|(known, ..)| known == key) {
            found.push((key.to_owned(), name.to_owned(), kind));
        }
    };
    for feature in books().flat_map(|book| &book.features) {
        add(&feature.key, &feature.name, kind_of(&feature.kind));
    }
    for meter in books().flat_map(|book| &book.meters) {
        add(&meter.key, &meter.name, Kind::Metered { unit: meter.unit.clone(), window: None });
    }
    found
}

fn kind_of(kind: &FeatureKind) -> Kind {
    match kind {
        FeatureKind::Boolean => Kind::Boolean,
        FeatureKind::Limit { unit } => Kind::Limit { unit: unit.clone() },
        FeatureKind::Value => Kind::Value,
    }
}

/// What somebody may use of a feature or a meter; none when no book at hand has it. `flagged` is what a flag of the same
/// key says.
pub fn decide(ground: &Ground<'_>, key: &str, flagged: Option<Flagged>) -> Option<Decision> {
    let (key, name, mut kind) = named(ground, key)?;
    let mut given = given(ground, &key, &kind, flagged);
    if let Kind::Metered { window, .. } = &mut kind {
        *window = window_of(ground, &key);
    }
    let off = matches!(
        given.reason,
        Reason::AccessOff | Reason::SwitchedOff | Reason::Override | Reason::Flag { .. }
    );
    let upgrade = if given.value.is_some() || off { None } else { upgrade(ground, &key) };
    let until = soonest(ground, given.until.take());
    let Answer { value, reason, subscription, .. } = given;
    Some(Decision { key, name, kind, value, reason, subscription, until, upgrade })
}

/// Whether somebody has a feature by plan, add-on or override, whatever flags say: what rules of flags ask.
pub fn has(ground: &Ground<'_>, key: &str) -> bool {
    named(ground, key).is_some_and(|(key, _, kind)| given(ground, &key, &kind, None).value.is_some())
}

/// The plans of the subscriptions that run; the plan that costs nothing for whoever has none.
pub fn plans<'a>(ground: &Ground<'a>) -> Vec<&'a str> {
    let running = running(ground);
    if running.is_empty() && !is_off(ground) {
        return free(ground).map(|(plan, _)| plan.key.as_str()).into_iter().collect();
    }
    running.iter().map(|one| one.plan.key.as_str()).collect()
}

/// The feature or meter of this key, of the newest book that has one.
pub(crate) fn named(ground: &Ground<'_>, key: &str) -> Option<(String, String, Kind)> {
    let agreed = ground.account.into_iter().flat_map(|account| &account.agreements);
    let books =
        || ground.newest.into_iter().chain(agreed.clone().map(|one| &*one.version)).map(|one| &one.book);
    let feature = books().find_map(|book| book.feature(key));
    if let Some(feature) = feature {
        return Some((feature.key.clone(), feature.name.clone(), kind_of(&feature.kind)));
    }
    let meter = books().find_map(|book| book.meter(key))?;
    Some((meter.key.clone(), meter.name.clone(), Kind::Metered { unit: meter.unit.clone(), window: None }))
}

/// What there is of a feature, and why.
struct Answer {
    value: Value,
    reason: Reason,
    subscription: Option<kernel::ids::SubscriptionId>,
    until: Option<Timestamp>,
}

impl Answer {
    const fn of(value: Value, reason: Reason) -> Self {
        Self { value, reason, subscription: None, until: None }
    }
}

/// The order of the crate's page.
fn given(ground: &Ground<'_>, key: &str, kind: &Kind, flagged: Option<Flagged>) -> Answer {
    if flagged == Some(Flagged::Off) {
        return Answer::of(Value::None, Reason::SwitchedOff);
    }
    if is_off(ground) {
        return Answer::of(Value::None, Reason::AccessOff);
    }
    // The limit of a meter is replaced only where a plan sets one.
    let replaces = !matches!(kind, Kind::Metered { .. }) || window_of(ground, key).is_some();
    if let Some(one) = overridden(ground, key).filter(|_| replaces) {
        let value = value_given(&one.given);
        return Answer { until: one.expires, ..Answer::of(value, Reason::Override) };
    }
    if let Some(Flagged::Served { rule, variant, value }) = flagged {
        return Answer::of(value, Reason::Flag { rule, variant });
    }
    agreed(ground, key, kind)
}

fn overridden<'a>(ground: &Ground<'a>, key: &str) -> Option<&'a Override> {
    let overrides = &ground.account?.overrides;
    overrides.iter().find(|one| one.key == key && one.holds(ground.now))
}

fn value_given(given: &Given) -> Value {
    match given {
        Given::Bool(true) => Value::Yes,
        Given::Bool(false) | Given::UpTo(0) => Value::None,
        Given::UpTo(amount) => Value::UpTo(Exact::from(i128::from(*amount))),
        Given::Unlimited => Value::Unlimited,
        Given::Value(text) => Value::Text(text.clone()),
    }
}

/// What plans and add-ons say: of several subscriptions the most generous one, of equals the oldest.
fn agreed(ground: &Ground<'_>, key: &str, kind: &Kind) -> Answer {
    let running = running(ground);
    if running.is_empty() {
        return by_default(ground, key, kind);
    }
    let mut best = Answer::of(Value::None, Reason::NotIncluded);
    for one in &running {
        let (value, addon) = of_subscription(one, key, kind);
        if is_more(&value, &best.value) {
            let book = one.agreement.version.number;
            let reason = match addon {
                Some(addon) => Reason::Addon { addon, book },
                None => Reason::Plan { plan: one.plan.key.clone(), book },
            };
            best = Answer { subscription: Some(one.agreement.subscription), ..Answer::of(value, reason) };
        }
    }
    best
}

fn by_default(ground: &Ground<'_>, key: &str, kind: &Kind) -> Answer {
    // Metering answers for customers only, and has no access for those without a subscription.
    let free = free(ground).filter(|_| !matches!(kind, Kind::Metered { .. }));
    let Some((plan, version)) = free else { return Answer::of(Value::None, Reason::NotIncluded) };
    let value = of_plan(plan, 1, key, kind);
    if !value.is_some() {
        return Answer::of(Value::None, Reason::NotIncluded);
    }
    Answer::of(value, Reason::Default { plan: plan.key.clone(), book: version.number })
}

/// The first plan of the book in force that costs nothing.
fn free<'a>(ground: &Ground<'a>) -> Option<(&'a Plan, &'a Version)> {
    let version = ground.newest?;
    let costs_nothing = |plan: &&Plan| {
        let nothing = plan.prices.iter().all(|price| price.amount().is_zero() && price.meter().is_none());
        nothing && !plan.negotiated && plan.usage.is_empty() && plan.minimum.is_empty()
    };
    version.book.plans.iter().find(costs_nothing).map(|plan| (plan, version))
}

fn is_more(one: &Value, other: &Value) -> bool {
    let rank = |value: &Value| match value {
        Value::None => 0,
        Value::Yes | Value::UpTo(_) | Value::Text(_) => 1,
        Value::Unlimited => 2,
    };
    match (one, other) {
        (Value::UpTo(one), Value::UpTo(other)) => one > other,
        _ => rank(one) > rank(other),
    }
}

/// What a subscription gives of a feature, and the add-on that is needed for it.
fn of_subscription(one: &Running<'_>, key: &str, kind: &Kind) -> (Value, Option<String>) {
    let own = of_plan(one.plan, one.agreement.quantity, key, kind);
    match kind {
        Kind::Boolean => {
            let granting = one.addons().find(|(addon, _)| addon.features.contains(key));
            match granting {
                Some((addon, _)) if !own.is_some() => (Value::Yes, Some(addon.key.clone())),
                _ => (own, None),
            }
        }
        Kind::Value => (own, None),
        Kind::Limit { .. } | Kind::Metered { .. } => raised(one, key, own),
    }
}

fn raised(one: &Running<'_>, key: &str, own: Value) -> (Value, Option<String>) {
    let raising = || one.addons().filter_map(|(addon, count)| Some((addon, addon.raises.get(key)? * count)));
    let by: u64 = raising().map(|(_, by)| by).sum();
    let first = raising().next().map(|(addon, _)| addon.key.clone());
    match own {
        own if by == 0 => (own, None),
        Value::UpTo(amount) => (Value::UpTo(amount + Exact::from(i128::from(by))), first),
        Value::None => (Value::UpTo(Exact::from(i128::from(by))), first),
        own => (own, None),
    }
}

/// What a plan with so many units of what it is priced per has of a feature.
fn of_plan(plan: &Plan, quantity: i64, key: &str, kind: &Kind) -> Value {
    let amount = |amount: Exact| {
        if amount.is_zero() || amount.is_negative() { Value::None } else { Value::UpTo(amount) }
    };
    match kind {
        Kind::Boolean if plan.has(key) => Value::Yes,
        Kind::Boolean => Value::None,
        Kind::Value => match plan.includes.get(key) {
            Some(Included::Value(text)) => Value::Text(text.clone()),
            _ => Value::None,
        },
        Kind::Limit { unit } => match plan.includes.get(key) {
            Some(Included::Unlimited) => Value::Unlimited,
            Some(Included::UpTo(included)) => amount(Exact::from(i128::from(*included))),
            // A plan priced per user has as many users as were bought.
            _ if plan.prices.iter().any(|price| price.unit() == Some(unit)) => amount(Exact::from(quantity)),
            _ => Value::None,
        },
        Kind::Metered { .. } => match plan.limits.get(key) {
            None => Value::Unlimited,
            // What goes beyond the others is allowed, and billed or reported.
            Some(limit) if limit.policy != LimitPolicy::Hard => {
                Value::UpTo(limit.amount_for(&Exact::from(quantity)))
            }
            Some(limit) => amount(limit.amount_for(&Exact::from(quantity))),
        },
    }
}

fn window_of(ground: &Ground<'_>, key: &str) -> Option<catalog::Window> {
    running(ground).iter().find_map(|one| one.plan.limits.get(key)).map(|limit| limit.window)
}

/// The subscriptions that run at the instant, each with the plan it has then.
fn running<'a>(ground: &Ground<'a>) -> Vec<Running<'a>> {
    let agreements = ground.account.into_iter().flat_map(|account| &account.agreements);
    agreements.filter_map(|agreement| run(agreement, ground.now)).collect()
}

/// A subscription as it runs at an instant; none when it gives no access then.
pub(crate) fn run(agreement: &Agreement, now: Timestamp) -> Option<Running<'_>> {
    let (plan, addons) = match agreement.course.at(now) {
        Stand::Over | Stand::Off => return None,
        Stand::Runs { moved_to: Some(other) } => (other, [].as_slice()),
        Stand::Runs { moved_to: None } => (agreement.plan.as_str(), agreement.addons.as_slice()),
    };
    let plan = agreement.version.book.plan(plan)?;
    Some(Running { agreement, plan, addons })
}

/// Whether access is off: there are subscriptions, none runs, and one at least is suspended or paused.
fn is_off(ground: &Ground<'_>) -> bool {
    let Some(account) = ground.account else { return false };
    let off = |agreement: &Agreement| agreement.course.at(ground.now) == Stand::Off;
    account.agreements.iter().all(|one| run(one, ground.now).is_none()) && account.agreements.iter().any(off)
}

/// The next instant at which something of the customer's turns by itself.
fn soonest(ground: &Ground<'_>, own: Option<Timestamp>) -> Option<Timestamp> {
    let turns = ground.account.into_iter().flat_map(|account| &account.agreements);
    let turns = turns.filter_map(|agreement| agreement.course.next(ground.now));
    turns.chain(own.filter(|at| *at > ground.now)).min()
}
