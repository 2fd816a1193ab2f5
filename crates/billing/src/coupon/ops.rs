//! Redeeming coupons, giving subscriptions away, and taking both back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use catalog::{Book, version};
use jiff::{Timestamp, civil::Date};
use kernel::{
    Error, Kind, Result,
    ids::{CustomerId, SubscriptionId},
};
use serde_json::json;
use store::{NewFact, ToValue, Tx, Value, View, params};

use super::sql;
use crate::subscription::{self, COMP, Discount, Subscription, rules::coupon};

/// One use of a coupon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    /// Which one it was, from 1.
    pub ordinal: i64,
    /// Who redeemed it.
    pub customer: CustomerId,
    /// For what.
    pub subscription: SubscriptionId,
    /// When, in business time.
    pub redeemed: Timestamp,
}

/// Count the coupons that subscriptions begin with.
///
/// Errors: `coupon_used_up`.
pub(crate) fn take_all<'s>(
    tx: &mut Tx<'_>,
    book: &Book,
    subscriptions: impl Iterator<Item = &'s Subscription>,
) -> Result<()> {
    let mut taken = Taken::new();
    for subscription in subscriptions {
        for discount in &subscription.discounts {
            let of_coupon = taken.entry(discount.key.clone()).or_default();
            of_coupon.push((subscription.customer, subscription.id));
        }
    }
    if taken.is_empty() {
        return Ok(());
    }
    let keys: Vec<String> = taken.keys().cloned().collect();
    let counts = counts(tx, keys)?;
    check_customers(tx, book, &taken)?;
    let (now, mut rows) = (tx.now(), Vec::new());
    for (key, of_coupon) in &taken {
        let first = counts.get(key).copied().unwrap_or(0) + 1;
        let limit = book.coupon(key).and_then(|coupon| coupon.redemptions);
        let last = first - 1 + of_coupon.len() as i64;
        if limit.is_some_and(|limit| i128::from(last) > i128::from(limit)) {
            let detail = format!("The coupon {key:?} was redeemed as often as it may be.");
            return Err(Error::conflict("coupon_used_up", detail).at("/coupons"));
        }
        rows.extend(of_coupon.iter().zip(first..).map(|(who, ordinal)| (key, ordinal, *who)));
    }
    let count = rows.len() as u64;
    let written = tx.bulk(
        &sql::TAKE,
        rows.iter().map(|(key, ordinal, (customer, subscription))| {
            let redeemed = Value::Instant(now);
            [key.to_value(), Value::Int(*ordinal), customer.to_value(), subscription.to_value(), redeemed]
        }),
    )?;
    // Somebody redeemed the same coupon at the same moment.
    if written == count { Ok(()) } else { Err(tx.try_again()) }
}

/// Each customer redeems a coupon so often, and some only before anything was paid for.
///
/// Errors: `coupon_used_up`, `coupon_new_customers_only`.
fn check_customers(tx: &mut Tx<'_>, book: &Book, taken: &Taken) -> Result<()> {
    let customers: BTreeSet<CustomerId> = taken.values().flatten().map(|(customer, _)| *customer).collect();
    let customers: Vec<CustomerId> = customers.into_iter().collect();
    let keys: Vec<String> = taken.keys().cloned().collect();
    let mut uses: HashMap<(CustomerId, String), u64> = HashMap::new();
    tx.each(&sql::BEFORE, params![customers.clone(), keys], |row| {
        *uses.entry((row.get(0)?, row.get(1)?)).or_default() += 1;
        Ok(())
    })?;
    let newly: Vec<SubscriptionId> =
        taken.values().flatten().map(|(_, subscription)| *subscription).collect();
    let for_new = |key: &String| book.coupon(key).is_some_and(|coupon| coupon.new_customers_only);
    let paid: BTreeSet<CustomerId> = if taken.keys().any(for_new) {
        tx.all(&sql::PAID_BEFORE, params![customers, newly], |row| row.get(0))?.into_iter().collect()
    } else {
        BTreeSet::new()
    };
    for (key, of_coupon) in taken {
        let Some(coupon) = book.coupon(key) else { continue };
        for (customer, _) in of_coupon {
            let count = uses.entry((*customer, key.clone())).or_default();
            *count += 1;
            if *count > coupon.per_customer {
                let detail = format!("This customer has redeemed the coupon {} before.", coupon.name);
                return Err(Error::conflict("coupon_used_up", detail).at("/coupons"));
            }
            if coupon.new_customers_only && paid.contains(customer) {
                let detail = format!("The coupon {} is for new customers only.", coupon.name);
                return Err(Error::conflict("coupon_new_customers_only", detail).at("/coupons"));
            }
        }
    }
    Ok(())
}

/// Whether a customer may still redeem a coupon, by how often it was.
pub(crate) fn can_take(view: &mut View<'_>, book: &Book, key: &str, customer: CustomerId) -> Result<bool> {
    let Some(coupon) = book.coupon(key) else { return Ok(false) };
    let all = counts(view, vec![key.to_owned()])?.get(key).copied().unwrap_or(0);
    let of_customer = view
        .all(&sql::BEFORE, params![vec![customer], vec![key.to_owned()]], |row| row.get::<CustomerId>(0))?;
    let left = coupon.redemptions.is_none_or(|most| i128::from(all) < i128::from(most));
    Ok(left && (of_customer.len() as u64) < coupon.per_customer)
}

/// Who takes each coupon, and for what.
type Taken = BTreeMap<String, Vec<(CustomerId, SubscriptionId)>>;

/// Give a running subscription the coupon that a key or a customer's code names, from its next invoice on.
///
/// Errors: `not_found`, `subscription_over`, `coupon_unknown`, `coupon_expired`, `coupon_used_up`, `coupon_twice`,
/// `coupon_not_stackable`, `coupon_currency`, `coupon_not_for_plan`.
pub fn redeem(tx: &mut Tx<'_>, id: SubscriptionId, named: &str) -> Result<Subscription> {
    let book = version::in_force(tx)?;
    give(tx, id, "subscription.coupon_redeemed", |subscription, today| {
        let items: Vec<_> = subscription.active_items().cloned().collect();
        coupon::add(&book.book, &subscription.discounts, named, &items, subscription.currency, today)
    })
}

/// Give a subscription away: all its invoices from the next one on cost nothing, up to a local date. For staff.
///
/// Errors: `not_found`, `subscription_over`, `coupon_twice`.
pub fn comp(tx: &mut Tx<'_>, id: SubscriptionId, until: Option<Date>) -> Result<Subscription> {
    give(tx, id, "subscription.comped", |subscription, today| {
        if subscription.discounts.iter().any(|one| one.key == COMP && one.runs(today)) {
            let detail = "The subscription is given away already. Take that back first.";
            return Err(Error::conflict("coupon_twice", detail));
        }
        if until.is_some_and(|until| until <= today) {
            let detail = format!("A subscription is given away up to a day after {today}.");
            return Err(Error::invalid("until_in_past", detail).at("/until"));
        }
        Discount::comp(until)
    })
}

fn give(
    tx: &mut Tx<'_>,
    id: SubscriptionId,
    kind: &'static str,
    decide: impl FnOnce(&Subscription, Date) -> Result<Discount>,
) -> Result<Subscription> {
    let loaded = subscription::lock(tx, id)?;
    let before = &loaded.subscription;
    if before.is_over() {
        let detail = format!("A subscription that is {} gets no coupon.", before.state.word());
        return Err(Error::conflict("subscription_over", detail));
    }
    let discount = decide(before, before.schedule.zone.date_of(tx.now()))?;
    let key = discount.key.clone();
    let mut after = before.clone();
    after.discounts.retain(|one| one.key != key);
    after.discounts.push(discount);
    subscription::save_all(tx, &[(before, &after)])?;
    if key != COMP {
        let only = Subscription {
            discounts: after.discounts.last().cloned().into_iter().collect(),
            ..after.clone()
        };
        let book = version::in_force(tx)?;
        take_all(tx, &book.book, std::iter::once(&only))?;
    }
    tx.fact(NewFact::new(kind, id.any(), json!({ "coupon": key }))?.of(after.customer));
    Ok(after)
}

/// Take a coupon, or what staff gave away, off a subscription, from its next invoice on.
///
/// Errors: `not_found`, for the subscription and for a coupon that does not run.
pub fn take_away(tx: &mut Tx<'_>, id: SubscriptionId, key: &str) -> Result<Subscription> {
    let loaded = subscription::lock(tx, id)?;
    let before = &loaded.subscription;
    let mut after = before.clone();
    let Some(discount) = after.discounts.iter_mut().find(|one| one.key == key && one.left != Some(0)) else {
        let detail = format!("The subscription has no coupon {key:?} that runs.");
        return Err(Error::new(Kind::NotFound, "not_found", detail));
    };
    // Also when a use is given back later.
    discount.left = Some(0);
    discount.until = Some(before.schedule.zone.date_of(tx.now()));
    subscription::save_all(tx, &[(before, &after)])?;
    let fact = NewFact::new("subscription.coupon_taken_away", id.any(), json!({ "coupon": key }))?;
    tx.fact(fact.of(after.customer));
    Ok(after)
}

/// How often coupons were redeemed; those that never were are left out.
pub fn counts(view: &mut View<'_>, keys: Vec<String>) -> Result<HashMap<String, i64>> {
    let rows = view.all(&sql::COUNTS, params![keys], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.into_iter().collect())
}

/// The uses of a coupon below `before` (none: from the last on), last first.
pub fn of_coupon(view: &mut View<'_>, key: &str, before: Option<i64>, limit: i64) -> Result<Vec<Redemption>> {
    let before = before.unwrap_or(i64::MAX);
    view.all(&sql::OF_COUPON, params![key, before, limit], |row| {
        Ok(Redemption {
            ordinal: row.get(0)?,
            customer: row.get(1)?,
            subscription: row.get(2)?,
            redeemed: row.get(3)?,
        })
    })
}
