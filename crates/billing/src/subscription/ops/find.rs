//! Finding subscriptions.

use std::collections::HashMap;

use jiff::Timestamp;
use kernel::{
    Error, Result, Zone,
    ids::{CustomerId, SubscriptionId},
};
use store::{Tx, View, params};
use uuid::Uuid;

use super::rows::read;
use crate::subscription::{
    model::{Item, ItemKind, Subscription},
    sql,
};

/// Give loaded subscriptions their items, in one query.
fn with_items(view: &mut View<'_>, mut subscriptions: Vec<Subscription>) -> Result<Vec<Subscription>> {
    let ids: Vec<SubscriptionId> = subscriptions.iter().map(|subscription| subscription.id).collect();
    let mut items: HashMap<SubscriptionId, Vec<Item>> = HashMap::with_capacity(ids.len());
    view.each(&sql::ITEMS, params![ids], |row| {
        let item = Item {
            ordinal: row.get(1)?,
            kind: row.parse(2, ItemKind::parse)?,
            key: row.get(3)?,
            quantity: row.get(4)?,
        };
        items.entry(row.get(0)?).or_default().push(item);
        Ok(())
    })?;
    for subscription in &mut subscriptions {
        subscription.items = items.remove(&subscription.id).unwrap_or_default();
    }
    Ok(subscriptions)
}

/// The subscriptions of customers that fall due at an instant, by customer and id.
pub(in crate::subscription) fn due_at(
    view: &mut View<'_>,
    customers: Vec<CustomerId>,
    at: Timestamp,
) -> Result<Vec<Subscription>> {
    let mut found = view.all(&sql::DUE, params![customers, at], read)?;
    found.retain(|one| one.falls_due().is_some_and(|due| due.at == at));
    with_items(view, found)
}

/// The subscriptions of customers that fall due up to an instant, by customer and id.
pub(crate) fn due_until(
    view: &mut View<'_>,
    customers: Vec<CustomerId>,
    until: Timestamp,
) -> Result<Vec<Subscription>> {
    let mut found = view.all(&sql::DUE_UNTIL, params![customers, until], read)?;
    found.retain(|one| one.falls_due().is_some());
    with_items(view, found)
}

/// A customer moved to another zone: the subscriptions that follow it do so from their next period on.
pub(crate) fn follow_zone(tx: &mut Tx<'_>, customer: CustomerId, from: &Zone, to: &Zone) -> Result<()> {
    tx.exec(&sql::FOLLOW_ZONE, params![customer, from, to]).map(drop)
}

/// Several subscriptions in ascending order of id.
pub(crate) fn load(view: &mut View<'_>, ids: Vec<SubscriptionId>) -> Result<Vec<Subscription>> {
    let found = view.all(&sql::MANY, params![ids], read)?;
    with_items(view, found)
}

/// A subscription. Errors: `not_found`.
pub fn find(view: &mut View<'_>, id: SubscriptionId) -> Result<Subscription> {
    load(view, vec![id])?.pop().ok_or_else(|| Error::not_found("subscription"))
}

/// The id that `sub_…` or `ext:…` stands for. Errors: `id_malformed`, `not_found`.
pub fn resolve(view: &mut View<'_>, reference: &str) -> Result<SubscriptionId> {
    match reference.strip_prefix("ext:") {
        None => reference.parse(),
        Some(external) => view
            .opt(&sql::BY_EXTERNAL, params![external], |row| row.get(0))?
            .ok_or_else(|| Error::not_found("subscription")),
    }
}

/// Subscriptions started before `before` (none: from the newest on), newest first.
pub fn list(view: &mut View<'_>, before: Option<SubscriptionId>, limit: i64) -> Result<Vec<Subscription>> {
    let before = before.map_or(Uuid::max(), SubscriptionId::uuid);
    let found = view.all(&sql::LIST, params![before, limit], read)?;
    with_items(view, found)
}

/// Every subscription of some customers, by customer and id.
pub(crate) fn of_customers(view: &mut View<'_>, customers: Vec<CustomerId>) -> Result<Vec<Subscription>> {
    let found = view.all(&sql::OF_CUSTOMERS, params![customers], read)?;
    with_items(view, found)
}

/// The subscriptions of some customers that are not over, by customer and id; of each the newest 1,000 at most.
pub fn running_of(view: &mut View<'_>, customers: Vec<CustomerId>) -> Result<Vec<Subscription>> {
    let found = view.all(&sql::RUNNING_OF, params![customers, MOST], read)?;
    with_items(view, found)
}

/// Whose these subscriptions are; those that are not there are left out.
pub fn whose(view: &mut View<'_>, ids: Vec<SubscriptionId>) -> Result<HashMap<SubscriptionId, CustomerId>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(view.all(&sql::WHOSE, params![ids], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect())
}

/// Which subscriptions external ids name, and whose they are; those that name none are left out.
pub fn named(
    view: &mut View<'_>,
    external: Vec<String>,
) -> Result<HashMap<String, (SubscriptionId, CustomerId)>> {
    if external.is_empty() {
        return Ok(HashMap::new());
    }
    let found = view.all(&sql::NAMED, params![external], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))));
    Ok(found?.into_iter().collect())
}

/// Subscriptions of a customer that are looked at.
const MOST: i64 = 1_000;

/// A customer's newest subscriptions, at most 1,000.
pub fn of_customer(view: &mut View<'_>, customer: CustomerId) -> Result<Vec<Subscription>> {
    let found = view.all(&sql::OF_CUSTOMER, params![customer, MOST], read)?;
    with_items(view, found)
}
