//! Whose the events are that name no subscription.
//!
//! A customer may have several subscriptions that look at one meter. What an event names, it belongs to; one that names
//! none belongs, **at its own instant**, to the oldest of the customer's subscriptions that then ran and looked at the
//! meter: the one that was put down first, so that one entered later, even with a start in the past, takes nothing from
//! what is billed. So every event is in the figures of exactly one.
//!
//! A stretch of a subscription is therefore measured in parts: the whole of it for events that name it, and for those
//! that name none the time in which no older one of the customer looked at the meter. When others did is read from their
//! facts, which say how each stood from when on, and are never changed: what is past stays as it was when it was billed,
//! so that a late event comes to the same subscription, and measuring as of an old place of the log finds the same parts.
//! Deciding it when an event is accepted would not do: what comes late belongs to whoever ran when it happened.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use catalog::version::{self, Version};
use jiff::Timestamp;
use kernel::{
    Period, Result,
    ids::{BookVersionId, CustomerId, SubscriptionId},
};
use metering::usage::Span;
use serde_json::Value as Json;
use store::{Fact, View, facts};

use super::measure::meter_of;
use crate::subscription::{Item, ItemKind, State, Subscription, rules::arrears};

/// A time in which a subscription looked at meters.
struct Looked {
    span: Span,
    meters: HashSet<String>,
}

/// When each subscription of some customers looked at which meters; of a customer's newest one nobody asks.
#[derive(Default)]
pub(crate) struct Owners {
    of: HashMap<CustomerId, Vec<(SubscriptionId, Vec<Looked>)>>,
}

impl Owners {
    /// Of customers who have more than one subscription.
    pub(super) fn load(view: &mut View<'_>, all: &[Subscription]) -> Result<Self> {
        Self::by(view, all, |was, version| {
            let keys = arrears::expected(was, version).into_iter();
            keys.map(|key| meter_of(version, was.plan(), key).to_owned()).collect()
        })
    }

    /// The same where what a subscription looks at, as it stood under a version of the price book, is what `looks` says.
    pub(crate) fn by(
        view: &mut View<'_>,
        all: &[Subscription],
        looks: impl Fn(&Subscription, &Version) -> HashSet<String>,
    ) -> Result<Self> {
        let mut by_customer: BTreeMap<CustomerId, Vec<&Subscription>> = BTreeMap::new();
        for one in all {
            by_customer.entry(one.customer).or_default().push(one);
        }
        let mut older: HashMap<SubscriptionId, &Subscription> = HashMap::new();
        for subscriptions in by_customer.values_mut().filter(|all| all.len() > 1) {
            subscriptions.sort_by_key(|one| one.id);
            subscriptions.pop();
            older.extend(subscriptions.iter().map(|one| (one.id, *one)));
        }
        let stood = histories(view, &older)?;
        let books: BTreeSet<BookVersionId> = stood.values().flatten().map(|turn| turn.book).collect();
        let versions = version::many(view, books.into_iter().collect())?;
        let versions: HashMap<BookVersionId, Arc<Version>> =
            versions.into_iter().map(|version| (version.id, version)).collect();
        let mut owners = Self::default();
        for (id, history) in stood {
            let Some(one) = older.get(&id) else { continue };
            let looked = looked(one, history, &versions, &looks);
            owners.of.entry(one.customer).or_default().push((one.id, looked));
        }
        Ok(owners)
    }

    /// The parts of a stretch in which events that name no subscription are this one's; none: all of it.
    pub(crate) fn parts(&self, one: &Subscription, meter: &str, period: Period) -> Option<Arc<[Span]>> {
        let whole = Span::new(period.start.at, period.end.at);
        let older = self.of.get(&one.customer)?.iter().filter(|(id, _)| *id < one.id);
        let theirs = older.flat_map(|(_, looked)| looked).filter(|looked| looked.meters.contains(meter));
        let mut parts = vec![whole];
        for theirs in theirs {
            parts = parts.into_iter().flat_map(|part| without(part, theirs.span)).collect();
        }
        (parts != [whole]).then(|| parts.into())
    }
}

/// What is left of a span without another.
fn without(span: Span, other: Span) -> impl Iterator<Item = Span> {
    let before = Span { start: span.start, end: span.end.min(other.start) };
    let after = Span { start: span.start.max(other.end), end: span.end };
    let apart = !span.touches(other);
    let parts = if apart { [Some(span), None] } else { [Some(before), Some(after)] };
    parts.into_iter().flatten().filter(|part| part.start < part.end)
}

/// How a subscription stood from an instant on.
#[derive(Clone)]
struct Turn {
    from: i64,
    /// Up to when its usage is counted, if nothing else happens.
    until: i64,
    looks: bool,
    book: BookVersionId,
    items: Vec<Item>,
}

/// The facts that say how a subscription stands.
const KINDS: [&str; 19] = [
    "subscription.started",
    "subscription.begun",
    "subscription.trial_ended",
    "subscription.converted",
    "subscription.trial_extended",
    "subscription.method_set",
    "subscription.changed",
    "subscription.change_scheduled",
    "subscription.renewal_accepted",
    "subscription.renewed",
    "subscription.paused",
    "subscription.resumed",
    "subscription.suspended",
    "subscription.reinstated",
    "subscription.kept_on",
    "subscription.cancellation_scheduled",
    "subscription.canceled",
    "subscription.expired",
    "subscription.usage_billed",
];

/// How subscriptions stood, each oldest first.
fn histories(
    view: &mut View<'_>,
    of: &HashMap<SubscriptionId, &Subscription>,
) -> Result<BTreeMap<SubscriptionId, Vec<Turn>>> {
    let mut histories: BTreeMap<SubscriptionId, Vec<Turn>> = BTreeMap::new();
    let ids = of.keys().map(|id| id.uuid()).collect();
    facts::each_of_subjects(view, ids, &KINDS, |fact| {
        let id = SubscriptionId::from_uuid(fact.subject.uuid);
        let Some(one) = of.get(&id) else { return };
        let turns = histories.entry(id).or_default();
        let last = turns.last().cloned().unwrap_or_else(|| Turn {
            from: i64::MIN,
            until: i64::MAX,
            looks: false,
            book: one.book,
            items: one.items.clone(),
        });
        turns.push(turn(&fact, last));
    })?;
    Ok(histories)
}

/// What a fact says of how its subscription stands from then on, after how it stood before.
fn turn(fact: &Fact, last: Turn) -> Turn {
    let at = |name: &str| {
        let text = fact.payload.get(name).and_then(Json::as_str);
        text.and_then(|text| text.parse::<Timestamp>().ok()).map(Timestamp::as_microsecond)
    };
    let read = |name: &str| fact.payload.get(name).cloned();
    let said = read("state").and_then(|state| State::parse(state.as_str()?));
    let state = said.or(match fact.kind.as_str() {
        "subscription.begun" | "subscription.renewed" => Some(State::Active),
        "subscription.canceled" => Some(State::Canceled),
        "subscription.expired" => Some(State::Expired),
        _ => None,
    });
    let runs = [State::Trialing, State::Active, State::PastDue];
    let looks = state.map_or(last.looks, |state| runs.contains(&state) || state == State::Suspended);
    // A stretch that a change begins or a pause ends need not begin or end at once: that is a knob.
    let effective = fact.effective.as_microsecond();
    let from = at("usage_from").unwrap_or(effective).max(effective);
    let from = if looks { from } else { from.min(at("period_end").unwrap_or(i64::MAX)).max(effective) };
    // What is used while access is off is billed up to the end of the period, and no longer.
    let until = if state == Some(State::Suspended) { at("period_end").unwrap_or(from) } else { i64::MAX };
    let book = read("book").and_then(|book| serde_json::from_value(book).ok()).unwrap_or(last.book);
    let mut items = last.items;
    if let Some(said) = read("items").as_ref().and_then(Json::as_array) {
        items = said.iter().filter_map(item).collect();
    } else if let Some(plan) = read("plan").as_ref().and_then(Json::as_str)
        && let Some(item) = items.iter_mut().find(|item| item.kind == ItemKind::Plan)
    {
        plan.clone_into(&mut item.key);
    }
    Turn { from, until, looks, book, items }
}

fn item(said: &Json) -> Option<Item> {
    let key = said.get("key")?.as_str()?.to_owned();
    let kind = ItemKind::parse(said.get("kind")?.as_str()?)?;
    Some(Item { ordinal: 0, kind, key, quantity: said.get("quantity")?.as_i64()? })
}

/// When a subscription looked at which meters, by how it stood.
fn looked(
    one: &Subscription,
    turns: Vec<Turn>,
    versions: &HashMap<BookVersionId, Arc<Version>>,
    by: impl Fn(&Subscription, &Version) -> HashSet<String>,
) -> Vec<Looked> {
    let mut all: Vec<Looked> = Vec::new();
    for Turn { from, until, looks, book, items } in turns {
        for before in &mut all {
            before.span.end = before.span.end.min(from);
        }
        let (true, Some(version)) = (looks, versions.get(&book)) else { continue };
        let was = Subscription { book, items, ..one.clone() };
        let meters = by(&was, version);
        if !meters.is_empty() {
            all.push(Looked { span: Span { start: from, end: until }, meters });
        }
    }
    all.retain(|one| one.span.start < one.span.end);
    all
}
