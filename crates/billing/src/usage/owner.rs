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
use kernel::{
    Period, Result,
    ids::{BookVersionId, CustomerId, SubscriptionId},
};
use metering::usage::Span;
use store::View;

use super::{
    measure::meter_of,
    turns::{Turn, histories},
};
use crate::subscription::{Subscription, rules::arrears};

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

/// When a subscription looked at which meters, by how it stood.
fn looked(
    one: &Subscription,
    turns: Vec<Turn>,
    versions: &HashMap<BookVersionId, Arc<Version>>,
    by: impl Fn(&Subscription, &Version) -> HashSet<String>,
) -> Vec<Looked> {
    let mut all: Vec<Looked> = Vec::new();
    for Turn { from, until, looks, book, items, .. } in turns {
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
