//! What decisions about subscriptions need to know of their usage.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Deref,
    sync::Arc,
};

use catalog::version::{self, Version};
use jiff::Timestamp;
use kernel::{
    Edge, Money, Result,
    ids::{BookVersionId, SubscriptionId},
};
use store::{Tx, View, params};

use super::{
    billed::Versions,
    model::{Figures, Posted},
    ops::read,
    rated::rated,
    sql,
};
use crate::{
    credit_note::{self, Running},
    subscription::{
        self, Closing, Subscription,
        rules::{self, arrears, late::Late},
    },
};

/// What is known of the open stretches of subscriptions, in at most three queries. Those of which nothing is known
/// are left out.
pub(crate) fn open<V: Deref<Target = Version>>(
    view: &mut View<'_>,
    subscriptions: &[(&Subscription, V)],
) -> Result<HashMap<SubscriptionId, arrears::Usage>> {
    if subscriptions.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<SubscriptionId> = subscriptions.iter().map(|(one, _)| one.id).collect();
    let figures = view.all(&sql::OPEN, params![ids], read)?;
    gather(view, subscriptions, figures)
}

/// What figures say of the open stretches of subscriptions, with what was billed of those early.
fn gather<V: Deref<Target = Version>>(
    view: &mut View<'_>,
    subscriptions: &[(&Subscription, V)],
    figures: Vec<Posted>,
) -> Result<HashMap<SubscriptionId, arrears::Usage>> {
    let mut known: HashMap<SubscriptionId, arrears::Usage> = HashMap::new();
    let currency: HashMap<SubscriptionId, _> =
        subscriptions.iter().map(|(one, _)| (one.id, one.currency)).collect();
    let none = |id: &SubscriptionId| arrears::Usage::none(currency[id]);
    let starts: HashMap<(SubscriptionId, &str), Timestamp> = subscriptions
        .iter()
        .flat_map(|(one, version)| {
            let keys = arrears::expected(one, version).into_iter();
            keys.map(move |key| ((one.id, key), arrears::open_from(one, version, key).at))
        })
        .collect();
    for Posted { subscription, key, groups, start, watermark, .. } in figures {
        // Fees and usage with a cycle of its own do not begin together.
        if starts.get(&(subscription, key.as_str())) != Some(&start) {
            continue;
        }
        let usage = known.entry(subscription).or_insert_with(|| none(&subscription));
        usage.watermarks.extend(watermark.map(|last| (key.clone(), last)));
        usage.figures.insert(key, groups);
    }
    let of = |wanted: fn(&Subscription, &Version) -> bool| {
        let chosen = subscriptions.iter().filter(move |(one, version)| wanted(one, version));
        chosen.map(|(one, version)| (one.id, arrears::counted_from(one, version))).collect::<HashMap<_, _>>()
    };
    let early =
        of(|one, version| arrears::thresholds(one, version).is_some() || arrears::has_minimum(one, version));
    for line in since(view, &early, rated)? {
        let id = line.line.subscription;
        known.entry(id).or_insert_with(|| none(&id)).billed.push(line);
    }
    let committed = of(arrears::has_minimum);
    let ends: HashMap<SubscriptionId, Timestamp> =
        subscriptions.iter().map(|(one, _)| (one.id, one.billed_through.at)).collect();
    for line in since(view, &committed, credit_note::fees)? {
        let id = line.line.subscription;
        if line.line.period.start.at >= ends[&id] {
            continue; // of the period that follows a stretch that waits
        }
        let usage = known.entry(id).or_insert_with(|| none(&id));
        usage.fees = usage.fees.checked_add(rules::late::gross_left(&[&line], usage.fees.currency())?)?;
    }
    Ok(known)
}

/// What is known of the stretches of subscriptions that are over and not billed yet.
pub(crate) fn closing(
    view: &mut View<'_>,
    subscriptions: &[Subscription],
    versions: &BTreeMap<BookVersionId, Arc<Version>>,
) -> Result<HashMap<SubscriptionId, arrears::Usage>> {
    let mut known = HashMap::new();
    let waiting = subscriptions.iter().filter_map(|one| Some((one, one.closing.as_deref()?)));
    let waiting: Vec<(&Closing, Subscription, &Arc<Version>)> = waiting
        .filter_map(|(one, closing)| Some((closing, closing.as_it_was(one), versions.get(&closing.book)?)))
        .collect();
    let Some(earliest) = waiting.iter().map(|(closing, ..)| closing.earliest()).min() else {
        return Ok(known);
    };
    let ids: Vec<SubscriptionId> = waiting.iter().map(|(_, was, _)| was.id).collect();
    let figures = view.all(&sql::OPEN_SINCE, params![ids, earliest], read)?;
    let were: Vec<(&Subscription, &Version)> =
        waiting.iter().map(|(_, was, version)| (was, &***version)).collect();
    known = gather(view, &were, figures)?;
    for (closing, was, _) in &waiting {
        if let Some(usage) = known.get_mut(&was.id) {
            usage.billed.retain(|one| one.line.period.start.at < closing.end.at);
        }
    }
    Ok(known)
}

/// What is known of the stretch of one subscription that is over and not billed yet, with the subscription as it was
/// then.
pub(super) fn closing_of_one(
    view: &mut View<'_>,
    subscription: &Subscription,
) -> Result<Option<(Subscription, Arc<Version>, arrears::Usage)>> {
    let Some(waits) = &subscription.closing else { return Ok(None) };
    let version = version::find(view, waits.book)?;
    let versions = BTreeMap::from([(waits.book, Arc::clone(&version))]);
    let known = closing(view, std::slice::from_ref(subscription), &versions)?.remove(&subscription.id);
    let known = known.unwrap_or_else(|| arrears::Usage::none(subscription.currency));
    Ok(Some((waits.as_it_was(subscription), version, known)))
}

/// Lines of subscriptions, each from its own instant on.
pub(super) fn since(
    view: &mut View<'_>,
    from: &HashMap<SubscriptionId, Timestamp>,
    load: fn(&mut View<'_>, Vec<SubscriptionId>, Timestamp) -> Result<Vec<Running>>,
) -> Result<Vec<Running>> {
    let Some(earliest) = from.values().min() else { return Ok(Vec::new()) };
    let mut lines = load(view, from.keys().copied().collect(), *earliest)?;
    lines
        .retain(|one| from.get(&one.line.subscription).is_some_and(|from| one.line.period.start.at >= *from));
    Ok(lines)
}

/// The open stretch and the late figures of one subscription.
pub(crate) fn of_one(
    view: &mut View<'_>,
    subscription: &Subscription,
    version: &Version,
) -> Result<(arrears::Usage, Vec<Late>)> {
    let id = subscription.id;
    // Also of a plan it had before, where the one it has owes nothing in arrears.
    let late = late(view, vec![id])?.remove(&id).unwrap_or_default();
    if !arrears::has_arrears(subscription, version) {
        return Ok((arrears::Usage::none(subscription.currency), late));
    }
    let usage = open(view, &[(subscription, version)])?.remove(&id);
    Ok((usage.unwrap_or_else(|| arrears::Usage::none(subscription.currency)), late))
}

pub(super) fn stretch_lines(
    view: &mut View<'_>,
    id: SubscriptionId,
    start: Timestamp,
) -> Result<Vec<Running>> {
    let mut lines = rated(view, vec![id], start)?;
    lines.retain(|one| one.line.period.start.at == start);
    Ok(lines)
}

/// The figures of subscriptions that came after their stretch was billed, with the lines that billed it.
pub(crate) fn late(
    view: &mut View<'_>,
    subscriptions: Vec<SubscriptionId>,
) -> Result<HashMap<SubscriptionId, Vec<Late>>> {
    let mut found: BTreeMap<(SubscriptionId, Timestamp), Late> = BTreeMap::new();
    if subscriptions.is_empty() {
        return Ok(HashMap::new());
    }
    for Posted { subscription, start, key, groups, watermark, .. } in
        view.all(&sql::LATE, params![subscriptions], read)?
    {
        let late = found.entry((subscription, start));
        let late = late.or_insert_with(|| Late {
            start,
            figures: Figures::new(),
            watermarks: BTreeMap::new(),
            meters: BTreeMap::new(),
            billed: Vec::new(),
        });
        late.watermarks.extend(watermark.map(|last| (key.clone(), last)));
        late.figures.insert(key, groups);
    }
    let mut earliest: HashMap<SubscriptionId, Timestamp> = HashMap::new();
    for (id, start) in found.keys() {
        earliest.entry(*id).or_insert(*start);
    }
    for line in since(view, &earliest, rated)? {
        if let Some(late) = found.get_mut(&(line.line.subscription, line.line.period.start.at)) {
            late.billed.push(line);
        }
    }
    let mut versions = Versions::default();
    let mut by_subscription: HashMap<SubscriptionId, Vec<Late>> = HashMap::new();
    for ((id, _), mut late) in found {
        late.meters = versions.meters_of(view, &late)?;
        by_subscription.entry(id).or_default().push(late);
    }
    Ok(by_subscription)
}

/// Late figures of these subscriptions are billed.
pub(crate) fn settled(tx: &mut Tx<'_>, subscriptions: &[SubscriptionId]) -> Result<()> {
    if subscriptions.is_empty() {
        return Ok(());
    }
    tx.exec(&sql::SETTLED, params![subscriptions.to_vec()]).map(drop)
}

/// What the usage of a subscription's open stretch comes to so far, before coupons.
///
/// Errors: `not_found`.
pub fn so_far(view: &mut View<'_>, id: SubscriptionId) -> Result<Money> {
    let subscription = subscription::find(view, id)?;
    let version = version::find(view, subscription.book)?;
    let (usage, _) = of_one(view, &subscription, &version)?;
    let at = Edge::at(view.now(), &subscription.schedule.zone);
    let lines = arrears::so_far(&subscription, &version, &usage, at)?;
    Money::total(lines.iter().map(|line| line.amount), subscription.currency)
}
