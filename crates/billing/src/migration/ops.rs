//! Who would pay what.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use catalog::version::{self, Version};
use kernel::{
    Result,
    ids::{BookVersionId, SubscriptionId},
};
use store::View;

use super::model::{Migration, Moved, Outlook, Standing};
use crate::{
    customers::RUNNING,
    subscription::{
        self, Change, Group, Subscription,
        rules::{self, change},
    },
};

/// Subscriptions looked at together.
const PAGE: i64 = 500;
/// After so many subscriptions of which too few would be moved a part of a preview ends early.
const MOST: usize = 1_000;

/// A part of a preview.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// What would be done, in order of the subscriptions' ids.
    pub moved: Vec<Moved>,
    /// Behind which subscription it goes on; none at the end.
    pub next: Option<SubscriptionId>,
}

impl Migration {
    /// Whether what is in a group goes on and is meant, when it is not on the version in force.
    fn means(&self, group: &Group) -> bool {
        self.names(group.book, &group.plan) && RUNNING.contains(&group.state)
    }

    /// Whether it is about a version and a plan.
    fn names(&self, book: BookVersionId, plan: &str) -> bool {
        (self.books.is_empty() || self.books.contains(&book))
            && (self.plans.is_empty() || self.plans.iter().any(|wanted| wanted == plan))
    }

    /// The change that moves a subscription; none when it is not meant, or on its way already.
    pub(super) fn change(&self, subscription: &Subscription) -> Option<Change> {
        let plan = subscription.plan();
        let meant = self.names(subscription.book, plan);
        let on_its_way = subscription.scheduled.iter().any(|step| step.change.reprice);
        let to = self.plan_map.get(plan).filter(|to| *to != plan).cloned();
        (meant && !on_its_way).then(|| Change { plan: to, reprice: true, ..Change::default() })
    }

    /// What it would do to a subscription.
    fn decide(&self, one: &Subscription, agreed: &Version, in_force: &Version) -> Result<Option<Moved>> {
        let Some(command) = self.change(one) else { return Ok(None) };
        let under = command.version(agreed, in_force);
        let after = change::changed(one, under, &command, one.billed_through);
        let after = after.and_then(|after| standing(&after, in_force));
        let before = standing(one, agreed)?;
        Ok(Some(Moved { subscription: one.id, customer: one.customer, before, after }))
    }
}

fn standing(one: &Subscription, version: &Version) -> Result<Standing> {
    let fees = rules::fees_of_a_period(one, version)?;
    Ok(Standing { plan: one.plan().to_owned(), cycle: one.schedule.cycle, fees })
}

/// The first `limit` subscriptions after `after` (none: from the first on) that a migration is about, by id, those that
/// are on their way among them; and the version in force.
pub(super) fn page(
    view: &mut View<'_>,
    migration: &Migration,
    after: Option<SubscriptionId>,
    limit: i64,
) -> Result<(Vec<Subscription>, Arc<Version>)> {
    let in_force = version::in_force(view)?;
    let groups = subscription::groups(view)?;
    let meant = groups.iter().filter(|group| group.book != in_force.id && migration.means(group));
    let ids = subscription::first_of(view, meant, after, limit)?;
    Ok((subscription::load(view, ids)?, in_force))
}

fn books(view: &mut View<'_>, all: &[Subscription]) -> Result<BTreeMap<BookVersionId, Arc<Version>>> {
    let ids: BTreeSet<BookVersionId> = all.iter().map(|one| one.book).collect();
    let found = version::many(view, ids.into_iter().collect())?;
    Ok(found.into_iter().map(|version| (version.id, version)).collect())
}

/// What a migration would do to the next `limit` subscriptions after `after`, in order of their ids.
///
/// Errors: `no_price_book`.
pub fn preview(
    view: &mut View<'_>,
    migration: &Migration,
    after: Option<SubscriptionId>,
    limit: i64,
) -> Result<Vec<Moved>> {
    let (mut found, mut after) = (Vec::new(), after);
    loop {
        let Part { moved, next } = part(view, migration, after, limit - found.len() as i64)?;
        found.extend(moved);
        if next.is_none() || found.len() as i64 >= limit {
            return Ok(found);
        }
        after = next;
    }
}

/// The same, but where hardly anybody is left to be moved, because the others are on their way already, it ends before
/// there are `limit`: whoever asks goes on from there.
///
/// Errors: `no_price_book`.
pub fn part(
    view: &mut View<'_>,
    migration: &Migration,
    after: Option<SubscriptionId>,
    limit: i64,
) -> Result<Part> {
    let (mut moved, mut next, mut seen) = (Vec::new(), after, 0);
    loop {
        let wanted = (limit - moved.len() as i64).clamp(1, PAGE);
        let (subscriptions, in_force) = page(view, migration, next, wanted)?;
        next = subscriptions.last().filter(|_| subscriptions.len() as i64 == wanted).map(|last| last.id);
        seen += subscriptions.len();
        let books = books(view, &subscriptions)?;
        for one in &subscriptions {
            let Some(agreed) = books.get(&one.book) else { continue };
            moved.extend(migration.decide(one, agreed, &in_force)?);
        }
        if next.is_none() || moved.len() as i64 >= limit || seen >= MOST {
            return Ok(Part { moved, next });
        }
    }
}

/// How many subscriptions a migration is about, those that cannot be moved among them.
///
/// Errors: `no_price_book`.
pub(super) fn count(view: &mut View<'_>, migration: &Migration) -> Result<i64> {
    let (mut count, mut after) = (0, None);
    loop {
        let (subscriptions, _) = page(view, migration, after, PAGE)?;
        let Some(last) = subscriptions.last() else { return Ok(count) };
        after = Some(last.id);
        count += subscriptions.iter().filter_map(|one| migration.change(one)).count() as i64;
    }
}

/// What a migration would do to everybody.
///
/// Errors: `no_price_book`.
pub fn outlook(view: &mut View<'_>, migration: &Migration) -> Result<Outlook> {
    let (mut outlook, mut after) = (Outlook::default(), None);
    loop {
        let all = preview(view, migration, after, PAGE)?;
        let Some(last) = all.last() else { return Ok(outlook) };
        after = Some(last.subscription);
        for moved in &all {
            outlook.count(moved);
        }
    }
}

impl Outlook {
    fn count(&mut self, moved: &Moved) {
        let before = &moved.before;
        let after = match &moved.after {
            Ok(after) => after,
            Err(error) => {
                *self.refused.entry(error.code).or_default() += 1;
                return;
            }
        };
        self.moved += 1;
        match after.fees.minor().cmp(&before.fees.minor()) {
            std::cmp::Ordering::Greater => self.more += 1,
            std::cmp::Ordering::Less => self.less += 1,
            std::cmp::Ordering::Equal => self.same += 1,
        }
        let fees = self.fees.entry((before.fees.currency(), before.cycle.to_string())).or_default();
        fees.0 += i128::from(before.fees.minor());
        fees.1 += i128::from(after.fees.minor());
        *self.plans.entry((before.plan.clone(), after.plan.clone())).or_default() += 1;
    }
}
