//! What a subscription would consist of on another plan, so that it has room for what was bought. Pure.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{Addon, Book, Feature, FeatureKind, Included, Plan, version::Version};

use super::{Plus, Reason};
use crate::subscription::{Change, ItemKind, Subscription, rules::change::changed};

/// A subscription on another plan.
#[derive(Clone, Debug)]
pub(super) struct Fitted {
    /// As it would be.
    pub(super) subscription: Subscription,
    /// The change that makes it so.
    pub(super) change: Change,
    /// Its add-ons.
    pub(super) addons: Vec<Plus>,
    /// What is part of the plan and was bought before.
    pub(super) includes: Vec<Reason>,
    /// What comes with the plan, and what does not.
    pub(super) differs: Vec<Reason>,
}

/// How many of a limit there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Room {
    UpTo(u64),
    Unlimited,
}

impl Room {
    /// How many of so many it has no room for.
    pub(super) const fn missing(self, needed: u64) -> u64 {
        match self {
            Self::Unlimited => 0,
            Self::UpTo(amount) => needed.saturating_sub(amount),
        }
    }
}

/// How much room a plan has by itself; `quantity` units of what it is priced per are bought.
pub(super) fn room(plan: &Plan, feature: &Feature, quantity: u64) -> Room {
    match plan.includes.get(&feature.key) {
        Some(Included::Unlimited) => Room::Unlimited,
        Some(Included::UpTo(amount)) => Room::UpTo(*amount),
        _ if per_unit_of(plan, feature) => Room::UpTo(quantity),
        _ => Room::UpTo(0),
    }
}

fn unit_of(feature: &Feature) -> Option<&str> {
    match &feature.kind {
        FeatureKind::Limit { unit } => Some(unit),
        FeatureKind::Boolean | FeatureKind::Value => None,
    }
}

fn per_unit_of(plan: &Plan, feature: &Feature) -> bool {
    let unit = unit_of(feature);
    unit.is_some() && plan.prices.iter().any(|price| price.unit() == unit)
}

/// The subscription on `plan` of the version in force, with room for everything that was bought; none when that cannot
/// be, or when the plan has less of something of which nobody knows how much is needed.
pub(super) fn fitted(
    subscription: &Subscription,
    agreed: &Version,
    in_force: &Version,
    plan: &Plan,
) -> Option<Fitted> {
    let own = agreed.book.plan(subscription.plan())?;
    let book = &in_force.book;
    let had = Had::of(subscription, &agreed.book, own);
    let price = plan.price_for(subscription.schedule.cycle, subscription.currency)?;
    let quantity = match price.unit() {
        None => 1,
        Some(unit) => had.of_unit(book, unit).unwrap_or(had.quantity).max(1),
    };
    let (mut counts, mut includes) = (had.kept(book, plan)?, Vec::new());
    for feature in &book.features {
        let Some(before) = had.limits.get(feature.key.as_str()) else { continue };
        let now = room(plan, feature, quantity);
        let needed = match before.bought {
            None if now >= before.room => continue,
            // How much of it is used is not known.
            None => return None,
            Some(needed) => needed,
        };
        let missing = now.missing(needed);
        if missing > 0 {
            let (addon, each) = raising(book, plan, &feature.key, subscription)?;
            counts.insert(addon.key.clone(), i64::try_from(missing.div_ceil(each)).ok()?);
        }
        if before.by_addons && missing == 0 {
            let amount = match now {
                Room::Unlimited => None,
                Room::UpTo(amount) => Some(amount),
            };
            let (plan, feature) = (plan.name.clone(), feature.name.clone());
            includes.push(Reason::Includes { plan, feature, amount, had: needed });
        }
    }
    let change =
        change(subscription, plan, price.unit().is_some().then_some(i64::try_from(quantity).ok()?), &counts);
    let after = after(subscription, agreed, in_force, &change)?;
    let addons = addons(&after, book);
    let differs = differs(&had, book, plan, &after);
    Some(Fitted { subscription: after, change, addons, includes, differs })
}

/// A subscription as a change makes it, with the periods it has; none when it cannot be made.
pub(super) fn after(
    subscription: &Subscription,
    agreed: &Version,
    in_force: &Version,
    change: &Change,
) -> Option<Subscription> {
    let under = change.version(agreed, in_force);
    let after = changed(subscription, under, change, subscription.billed_through).ok()?;
    Some(Subscription { schedule: subscription.schedule.clone(), ..after })
}

/// The change to a plan, with exactly these add-ons beside it.
pub(super) fn change(
    subscription: &Subscription,
    plan: &Plan,
    quantity: Option<i64>,
    counts: &BTreeMap<String, i64>,
) -> Change {
    let mut addons: BTreeMap<String, i64> = subscription
        .active_items()
        .filter(|item| item.kind == ItemKind::Addon && !counts.contains_key(&item.key))
        .map(|item| (item.key.clone(), 0))
        .collect();
    addons.extend(counts.clone());
    Change { plan: Some(plan.key.clone()), quantity, addons, ..Change::default() }
}

/// An add-on that raises a limit and nothing else, and by how much.
pub(super) fn raising<'b>(
    book: &'b Book,
    plan: &Plan,
    limit: &str,
    subscription: &Subscription,
) -> Option<(&'b Addon, u64)> {
    let (cycle, currency) = (subscription.schedule.cycle, subscription.currency);
    book.addons.iter().find_map(|addon| {
        let each = raises_only(addon, limit).filter(|each| *each > 0)?;
        (addon.fits(plan) && addon.price_for(cycle, currency).is_some()).then_some((addon, each))
    })
}

fn raises_only(addon: &Addon, limit: &str) -> Option<u64> {
    let each = addon.raises.get(limit).copied()?;
    (addon.raises.len() == 1 && addon.features.is_empty()).then_some(each)
}

/// What there is of a limit now.
struct Before {
    /// By the plan alone.
    room: Room,
    /// How many are bought, where that was said: by units of the plan or by add-ons.
    bought: Option<u64>,
    by_addons: bool,
}

/// What a subscription has.
struct Had<'a> {
    quantity: u64,
    limits: BTreeMap<&'a str, Before>,
    features: BTreeSet<&'a str>,
    addons: Vec<(&'a Addon, i64)>,
}

impl<'a> Had<'a> {
    fn of(subscription: &Subscription, book: &'a Book, plan: &'a Plan) -> Self {
        let quantity = subscription.plan_quantity().unsigned_abs();
        let items = subscription.active_items().filter(|item| item.kind == ItemKind::Addon);
        let addons: Vec<(&Addon, i64)> =
            items.filter_map(|item| Some((book.addon(&item.key)?, item.quantity))).collect();
        let limits = book.features.iter().filter(|feature| unit_of(feature).is_some()).map(|feature| {
            let raised: u64 = addons
                .iter()
                .filter_map(|(addon, count)| Some(addon.raises.get(&feature.key)? * count.unsigned_abs()))
                .sum();
            let room = room(plan, feature, quantity);
            let bought = match room {
                Room::UpTo(amount) if raised > 0 || per_unit_of(plan, feature) => Some(amount + raised),
                _ => None,
            };
            (feature.key.as_str(), Before { room, bought, by_addons: raised > 0 })
        });
        let limits = limits.collect();
        let granted = addons.iter().flat_map(|(addon, _)| &addon.features);
        let features = plan.features.iter().chain(granted).map(String::as_str).collect();
        Self { quantity, limits, features, addons }
    }

    /// How many of a unit are bought, when one of the limits counts it.
    fn of_unit(&self, book: &Book, unit: &str) -> Option<u64> {
        let mut counted = book.features.iter().filter(|feature| unit_of(feature) == Some(unit));
        counted.find_map(|feature| self.limits.get(feature.key.as_str())?.bought)
    }

    /// The add-ons that stay as they are, with how many; those that only raise a limit are counted anew. None when one
    /// that is needed cannot stay.
    fn kept(&self, book: &Book, plan: &Plan) -> Option<BTreeMap<String, i64>> {
        let mut kept = BTreeMap::new();
        for (addon, count) in &self.addons {
            let recounted = book.features.iter().any(|feature| raises_only(addon, &feature.key).is_some());
            let had_by_plan = !addon.features.is_empty()
                && addon.raises.is_empty()
                && addon.features.iter().all(|feature| plan.has(feature));
            if recounted || had_by_plan {
                continue;
            }
            if !book.addon(&addon.key).is_some_and(|addon| addon.fits(plan)) {
                return None;
            }
            kept.insert(addon.key.clone(), *count);
        }
        Some(kept)
    }
}

pub(super) fn addons(subscription: &Subscription, book: &Book) -> Vec<Plus> {
    let items = subscription.active_items().filter(|item| item.kind == ItemKind::Addon);
    let plus = |(addon, quantity): (&Addon, i64)| Plus {
        key: addon.key.clone(),
        name: addon.name.clone(),
        quantity,
    };
    items.filter_map(|item| Some((book.addon(&item.key)?, item.quantity))).map(plus).collect()
}

/// The features that come and go with a plan, by the names of the book in force.
fn differs(had: &Had<'_>, book: &Book, plan: &Plan, after: &Subscription) -> Vec<Reason> {
    let items = after.active_items().filter(|item| item.kind == ItemKind::Addon);
    let granted: BTreeSet<&String> =
        items.filter_map(|item| book.addon(&item.key)).flat_map(|addon| &addon.features).collect();
    let has = |key: &String| plan.has(key) || granted.contains(key);
    let named = |wanted: &dyn Fn(&Feature) -> bool| -> Vec<String> {
        book.features.iter().filter(|feature| wanted(feature)).map(|feature| feature.name.clone()).collect()
    };
    let lacks = named(&|feature| had.features.contains(feature.key.as_str()) && !has(&feature.key));
    let adds = named(&|feature| has(&feature.key) && !had.features.contains(feature.key.as_str()));
    let name = || plan.name.clone();
    let lacks = (!lacks.is_empty()).then(|| Reason::Lacks { plan: name(), features: lacks });
    let adds = (!adds.is_empty()).then(|| Reason::Adds { plan: name(), features: adds });
    lacks.into_iter().chain(adds).collect()
}
