//! Reading a customer with what it agreed to.

use std::{collections::HashMap, sync::Arc};

use billing::subscription::{self, ItemKind, Subscription};
use catalog::{version, version::Version};
use identity::customer;
use kernel::{Error, Result, ids::CustomerId};
use store::View;

use super::{Account, Agreement, Course, course::access};
use crate::override_;

/// One customer. Error: `not_found`.
pub fn account(view: &mut View<'_>, id: CustomerId) -> Result<Account> {
    let customer = customer::find(view, id)?;
    let subscriptions = subscription::of_customer(view, id)?;
    let books = subscriptions.iter().filter(|one| access(one.state).is_some()).map(|one| one.book).collect();
    let versions = version::many(view, books)?;
    let versions: HashMap<_, Arc<Version>> = versions.into_iter().map(|one| (one.id, one)).collect();
    let mut agreements = Vec::new();
    for subscription in subscriptions {
        if access(subscription.state).is_none() {
            continue;
        }
        let version = versions.get(&subscription.book);
        let version = version.ok_or_else(|| Error::internal("a subscription without its price book"))?;
        let course = Course::of(&subscription, &version.book);
        agreements.extend(course.map(|course| agreement(&subscription, version, course)));
    }
    agreements.sort_unstable_by_key(|agreement| agreement.subscription);
    Ok(Account {
        customer: id,
        external_id: customer.external_id,
        country: customer.country,
        currency: customer.currency,
        agreements,
        overrides: override_::of_customer(view, id)?,
    })
}

/// Several customers, those there are, in the order asked for.
pub fn accounts(view: &mut View<'_>, ids: &[CustomerId]) -> Result<Vec<Account>> {
    ids.iter().map(|id| account(view, *id)).collect()
}

fn agreement(subscription: &Subscription, version: &Arc<Version>, course: Course) -> Agreement {
    let addons = subscription.active_items().filter(|item| item.kind == ItemKind::Addon);
    Agreement {
        subscription: subscription.id,
        version: Arc::clone(version),
        plan: subscription.plan().to_owned(),
        quantity: subscription.plan_quantity(),
        addons: addons.map(|item| (item.key.clone(), item.quantity)).collect(),
        cycle: subscription.schedule.cycle,
        currency: subscription.currency,
        course,
    }
}
