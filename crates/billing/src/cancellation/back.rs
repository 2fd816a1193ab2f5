//! Coming back after the end.

use catalog::version;
use kernel::{Error, Result, ids::SubscriptionId};
use serde_json::json;
use store::{NewFact, ToValue, Tx, Value, View, params};

use super::{model::Reactivated, rules, sql};
use crate::{
    coupon,
    subscription::{self, Preview, Start, Started},
};

/// What [`reactivate`] would do, by the same decision; writes nothing. Errors as for [`reactivate`].
pub fn preview_reactivation(
    view: &mut View<'_>,
    id: SubscriptionId,
    has_method: bool,
) -> Result<(Preview, Option<String>)> {
    let (start, coupon) = decide(view, id, has_method)?;
    Ok((subscription::preview(view, &start)?, coupon))
}

/// Bring a subscription that is over back: another one begins now with the same plan, cycle, quantities and add-ons, at
/// the prices in force, with the coupon the price book wins customers back with where it is not too late for that. What
/// was agreed beside the price book is over. It comes back once.
///
/// Errors: `not_found`, `subscription_not_over`, `reactivated_already`; those of [`subscription::start`], such as
/// `plan_unknown` for a plan that is sold no more.
pub fn reactivate(tx: &mut Tx<'_>, id: SubscriptionId, has_method: bool) -> Result<Reactivated> {
    let before = subscription::lock(tx, id)?.subscription;
    let (start, coupon) = decide(tx, id, has_method)?;
    let Started { subscription, invoice } = subscription::start(tx, &Start { finalize: true, ..start })?;
    let now = tx.now();
    let row = [id.to_value(), subscription.id.to_value(), coupon.to_value(), Value::Instant(now)];
    tx.bulk_all(&sql::REACTIVATE, [row])?;
    let payload = json!({ "successor": subscription.id, "coupon": coupon, "invoice": invoice });
    let fact = NewFact::new("subscription.reactivated", id.any(), payload)?;
    tx.fact(fact.of(before.customer));
    Ok(Reactivated { subscription, invoice, coupon })
}

/// As which subscription one that is over came back; none while it has not.
pub fn successor(view: &mut View<'_>, id: SubscriptionId) -> Result<Option<SubscriptionId>> {
    view.opt(&sql::SUCCESSOR, params![id], |row| row.get(0))
}

fn decide(view: &mut View<'_>, id: SubscriptionId, has_method: bool) -> Result<(Start, Option<String>)> {
    let over = subscription::find(view, id)?;
    let book = version::in_force(view)?;
    if let Some(successor) = successor(view, id)? {
        let detail = format!("The subscription came back before, as {successor}.");
        return Err(Error::conflict("reactivated_already", detail));
    }
    let Some(key) = rules::win_back(&book.book, &over, view.now()) else {
        return Ok((rules::again(&book.book, &over, has_method, Vec::new())?, None));
    };
    let with = rules::again(&book.book, &over, has_method, vec![key.clone()])?;
    // A coupon that they used up, or that does not cover what they had, keeps nobody away.
    if coupon::can_take(view, &book.book, &key, over.customer)? && subscription::preview(view, &with).is_ok()
    {
        return Ok((with, Some(key)));
    }
    Ok((Start { coupons: Vec::new(), ..with }, None))
}
