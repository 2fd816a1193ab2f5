//! What a cancellation needs, and what is offered instead. Pure.

use catalog::{Book, ReasonIs};
use identity::text;
use jiff::{Timestamp, civil::Date};
use kernel::{Error, Result};

use super::model::{Cancel, Offer};
use crate::subscription::{ItemKind, Start, State, Subscription, rules::coupon};

/// The longest comment, in characters.
const MAX_COMMENT: usize = 1_000;

/// The command with its texts checked.
///
/// Errors: `cancellation_reason_missing` where the price book wants one, `cancellation_reason_unknown`, `text_invalid`.
pub fn checked(book: &Book, cancel: &Cancel) -> Result<Cancel> {
    let known = &book.cancellation;
    let keys = || known.reasons.iter().map(|reason| reason.key.as_str()).collect::<Vec<_>>().join(", ");
    match &cancel.reason {
        None if known.reason == ReasonIs::Required => {
            let detail = format!("Say why the subscription is canceled. The reasons are {}.", keys());
            return Err(Error::invalid("cancellation_reason_missing", detail).at("/reason"));
        }
        Some(reason) if known.reason(reason).is_none() => {
            let detail = format!("There is no reason {reason:?}. The reasons are {}.", keys());
            return Err(Error::invalid("cancellation_reason_unknown", detail).at("/reason"));
        }
        _ => {}
    }
    let comment = cancel.comment.as_deref().filter(|comment| !comment.trim().is_empty());
    let comment = comment.map(|comment| text::line(comment, MAX_COMMENT, "/comment")).transpose()?;
    Ok(Cancel { comment, ..cancel.clone() })
}

/// What who cancels for a reason is offered to stay, as far as the subscription could have it.
pub fn offer(book: &Book, subscription: &Subscription, reason: Option<&str>, today: Date) -> Option<Offer> {
    let reason = book.cancellation.reason(reason?)?;
    let runs = matches!(subscription.state, State::Active | State::Trialing);
    let coupon = reason.offer.as_deref().filter(|_| runs)?;
    let items: Vec<_> = subscription.active_items().cloned().collect();
    let (has, currency) = (&subscription.discounts, subscription.currency);
    // Nothing where it had the coupon before, or has another one that does not go together with it.
    let discount = coupon::add(book, has, coupon, &items, currency, today).ok()?;
    Some(Offer { reason: reason.key.clone(), discount })
}

/// The coupon a subscription that is over comes back with on a local date: none when the price book has none, or it is
/// too late for it.
pub fn win_back(book: &Book, subscription: &Subscription, now: Timestamp) -> Option<String> {
    let offered = book.cancellation.win_back.as_ref()?;
    let (ends, zone) = (subscription.ends?, &subscription.schedule.zone);
    let days = (zone.date_of(now) - zone.date_of(ends)).get_days();
    (days <= i32::from(offered.days)).then(|| offered.coupon.clone())
}

/// The start of a subscription like one that is over: the same plan, cycle, quantities and add-ons, at the prices in
/// force. What was agreed beside the price book is over with it.
///
/// Errors: `subscription_not_over`.
pub fn again(
    book: &Book,
    subscription: &Subscription,
    has_method: bool,
    coupons: Vec<String>,
) -> Result<Start> {
    if !subscription.is_over() {
        let state = subscription.state.word();
        let detail = format!(
            "A subscription that is {state} goes on as it is. One that is to end is kept on, one that is paused resumed."
        );
        return Err(Error::conflict("subscription_not_over", detail));
    }
    let plan = book.plan(subscription.plan());
    let per_unit = plan.is_some_and(|plan| plan.prices.iter().any(|price| price.unit().is_some()));
    let addons = subscription.active_items().filter(|item| item.kind == ItemKind::Addon);
    Ok(Start {
        quantity: per_unit.then(|| subscription.plan_quantity()),
        addons: addons.map(|item| (item.key.clone(), item.quantity)).collect(),
        zone: Some(subscription.schedule.zone.clone()),
        currency: Some(subscription.currency),
        entity: Some(subscription.entity),
        metadata: subscription.metadata.clone(),
        has_method,
        coupons,
        ..Start::of(subscription.customer, subscription.plan(), subscription.schedule.cycle)
    })
}
