//! How subscriptions stood over time, as their facts say.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use kernel::{
    Cycle, Result,
    ids::{BookVersionId, SubscriptionId},
};
use metering::usage::Span;
use serde_json::Value as Json;
use store::{Fact, View, facts};

use crate::subscription::{Item, ItemKind, State, Subscription};

/// How a subscription stood from an instant on.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    /// From when on, in microseconds.
    pub(crate) from: i64,
    /// Up to when its usage is counted, if nothing else happens.
    pub(super) until: i64,
    /// Whether its usage is counted.
    pub(super) looks: bool,
    /// The price book it agreed to.
    pub(super) book: BookVersionId,
    /// What it had.
    pub(crate) items: Vec<Item>,
    /// How often it was billed.
    pub(crate) cycle: Cycle,
    /// The period it was in.
    pub(crate) period: Option<Span>,
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
pub(crate) fn histories(
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
            cycle: one.schedule.cycle,
            period: None,
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
    let cycle = read("cycle").and_then(|cycle| Cycle::parse(cycle.as_str()?).ok()).unwrap_or(last.cycle);
    let period = at("period_start").zip(at("period_end")).map(|(start, end)| Span { start, end });
    Turn { from, until, looks, book, items, cycle, period: period.or(last.period) }
}

fn item(said: &Json) -> Option<Item> {
    let key = said.get("key")?.as_str()?.to_owned();
    let kind = ItemKind::parse(said.get("kind")?.as_str()?)?;
    Some(Item { ordinal: 0, kind, key, quantity: said.get("quantity")?.as_i64()? })
}
