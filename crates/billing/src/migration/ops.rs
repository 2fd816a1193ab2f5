//! Who would pay what.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use catalog::version::{self, Version};
use kernel::{
    Edge, Result,
    ids::{BookVersionId, SubscriptionId},
};
use store::View;

use super::model::{Migration, Moved, Outlook, Standing};
use crate::subscription::{
    self, Change, Subscription,
    rules::{self, arrears::Usage, change},
};

/// Subscriptions looked at together.
pub(super) const PAGE: i64 = 500;

impl Migration {
    /// The change that moves a subscription; none when it is not meant, or on its way already.
    pub(super) fn change(&self, subscription: &Subscription) -> Option<Change> {
        let plan = subscription.plan();
        let meant = (self.books.is_empty() || self.books.contains(&subscription.book))
            && (self.plans.is_empty() || self.plans.iter().any(|wanted| wanted == plan));
        let on_its_way = subscription.scheduled.iter().any(|step| step.change.reprice);
        let to = self.plan_map.get(plan).filter(|to| *to != plan).cloned();
        (meant && !on_its_way).then(|| Change { plan: to, reprice: true, ..Change::default() })
    }

    /// What it would do to a subscription.
    fn decide(&self, one: &Subscription, agreed: &Version, in_force: &Version) -> Result<Option<Moved>> {
        let Some(command) = self.change(one) else { return Ok(None) };
        let (usage, nothing) = (Usage::none(one.currency), HashMap::new());
        let ground = change::Ground {
            subscription: one,
            agreed,
            in_force,
            running: &[],
            ended: &[],
            adjustments: &nothing,
            usage: &usage,
        };
        let at: Edge = one.billed_through;
        let after = change::changed(&ground, &command, at).and_then(|after| standing(&after, in_force));
        let before = standing(one, agreed)?;
        Ok(Some(Moved { subscription: one.id, customer: one.customer, before, after }))
    }
}

fn standing(one: &Subscription, version: &Version) -> Result<Standing> {
    let fees = rules::fees_of_a_period(one, version)?;
    Ok(Standing { plan: one.plan().to_owned(), cycle: one.schedule.cycle, fees })
}

/// The subscriptions after `after` (none: from the first on) that are not on the version in force, at most `limit` of
/// them, and where to go on; none when there are no more.
pub(super) fn page(
    view: &mut View<'_>,
    after: Option<SubscriptionId>,
    limit: i64,
) -> Result<(Vec<Subscription>, Arc<Version>)> {
    let in_force = version::in_force(view)?;
    Ok((subscription::on_other_books(view, in_force.id, after, limit)?, in_force))
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
    while (found.len() as i64) < limit {
        let (subscriptions, in_force) = page(view, after, PAGE)?;
        let Some(last) = subscriptions.last() else { break };
        after = Some(last.id);
        let books = books(view, &subscriptions)?;
        for one in &subscriptions {
            let Some(agreed) = books.get(&one.book) else { continue };
            found.extend(migration.decide(one, agreed, &in_force)?);
        }
    }
    found.truncate(usize::try_from(limit).unwrap_or(0));
    Ok(found)
}

/// How many subscriptions a migration is about, those that cannot be moved among them.
///
/// Errors: `no_price_book`.
pub(super) fn count(view: &mut View<'_>, migration: &Migration) -> Result<i64> {
    let (mut count, mut after) = (0, None);
    loop {
        let (subscriptions, _) = page(view, after, PAGE)?;
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
