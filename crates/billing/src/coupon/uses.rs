//! Which uses of coupons an invoice took, so that they can be given back with it.

use catalog::Book;
use kernel::{
    Result,
    ids::{InvoiceId, SubscriptionId},
};
use serde_json::json;
use store::{NewFact, ToValue, Tx, Value, params};

use super::sql;
use crate::subscription::{self, Discount, Subscription};

/// Uses an invoice took of a coupon; months, of one that gives those.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    invoice: InvoiceId,
    subscription: SubscriptionId,
    coupon: String,
    uses: u32,
}

/// What an invoice took of a subscription's coupons.
pub(crate) fn uses(before: &Subscription, after: &Subscription, invoice: InvoiceId) -> Vec<Use> {
    if before.discounts == after.discounts {
        return Vec::new();
    }
    taken(&before.discounts, after, invoice)
}

/// What the first invoice of a subscription took of its coupons.
pub(crate) fn first_uses(book: &Book, after: &Subscription, invoice: InvoiceId) -> Result<Vec<Use>> {
    let coupons = after.discounts.iter().filter_map(|one| book.coupon(&one.key));
    let new = coupons.map(|coupon| Discount::of(coupon, after.currency)).collect::<Result<Vec<_>>>()?;
    Ok(taken(&new, after, invoice))
}

fn taken(before: &[Discount], after: &Subscription, invoice: InvoiceId) -> Vec<Use> {
    let of = |old: &Discount| {
        let new = after.discounts.iter().find(|new| new.key == old.key)?;
        let uses = old.left?.checked_sub(new.left?).filter(|uses| *uses > 0)?;
        Some(Use { invoice, subscription: after.id, coupon: old.key.clone(), uses })
    };
    before.iter().filter_map(of).collect()
}

/// Remember what invoices took.
pub(crate) fn used(tx: &mut Tx<'_>, uses: &[Use]) -> Result<()> {
    let rows = uses.iter().map(|one| {
        let uses = Value::Int(i64::from(one.uses));
        [one.invoice.to_value(), one.subscription.to_value(), one.coupon.to_value(), uses]
    });
    tx.bulk_all(&sql::USE, rows)
}

/// Give back what an invoice took that is voided. The caller holds its customer.
pub(crate) fn give_back(tx: &mut Tx<'_>, invoice: InvoiceId) -> Result<()> {
    let taken: Vec<(SubscriptionId, String, i64)> =
        tx.all(&sql::USES, params![invoice], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    for of_one in taken.chunk_by(|a, b| a.0 == b.0) {
        let before = subscription::find(tx, of_one[0].0)?;
        let mut after = before.clone();
        for (id, coupon, uses) in of_one {
            let discount = after.discounts.iter_mut().find(|one| one.key == *coupon);
            let Some(left) = discount.and_then(|one| one.left.as_mut()) else { continue };
            *left = left.saturating_add(u32::try_from(*uses).unwrap_or(0));
            let payload = json!({ "coupon": coupon, "uses": uses, "invoice": invoice });
            let fact = NewFact::new("subscription.coupon_given_back", id.any(), payload)?;
            tx.fact(fact.of(before.customer));
        }
        subscription::save_all(tx, &[(&before, &after)])?;
    }
    Ok(())
}
