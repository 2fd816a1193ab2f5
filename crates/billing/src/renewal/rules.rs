//! What an offer turns a subscription into. Pure.

use catalog::Book;
use jiff::civil::Date;
use kernel::{Edge, Error, Result};

use super::model::{OfferedTerms, RenewalOffer};
use crate::subscription::{
    Change, Discount, Scheduled, State, Subscription, Transition,
    rules::{coupon, end_of_commitment},
};

/// When what is offered begins: at the end of the term, or of the period where there is none.
///
/// Errors: `transition_illegal` for one that does not run.
pub fn begins(subscription: &Subscription) -> Result<Edge> {
    Transition::Change.require(subscription.state)?;
    if subscription.state != State::Active {
        let detail = "A trial is converted, not renewed.";
        return Err(Error::conflict("transition_illegal", detail));
    }
    Ok(Edge::at(end_of_commitment(subscription)?, &subscription.schedule.zone))
}

/// The coupon of an offer as it would count from the next term on.
///
/// Errors: those of [`coupon::add`].
pub fn discount(
    book: &Book,
    subscription: &Subscription,
    terms: &OfferedTerms,
    today: Date,
) -> Result<Option<Discount>> {
    let Some(named) = &terms.coupon else { return Ok(None) };
    let items: Vec<_> = subscription.active_items().cloned().collect();
    let (has, currency) = (&subscription.discounts, subscription.currency);
    let found = coupon::find(book, named)?;
    // It is to fit the plan that is offered.
    let items = match terms.plan.as_deref().filter(|plan| *plan != subscription.plan()) {
        None => items,
        Some(plan) => items
            .into_iter()
            .map(|mut item| {
                if item.ordinal == 0 {
                    plan.clone_into(&mut item.key);
                }
                item
            })
            .collect(),
    };
    coupon::add(book, has, &found.key, &items, currency, today).map(Some)
}

/// The subscription with the offer accepted: a change that waits for the end of the term. A cancellation that was to
/// come about is taken back.
pub fn accepted(
    subscription: &Subscription,
    terms: &OfferedTerms,
    discount: Option<Discount>,
    begins: Edge,
) -> Subscription {
    let OfferedTerms { plan, cycle, quantity, addons, prices, reprice, minimum, term, .. } = terms.clone();
    let discount = discount.map(Box::new);
    let change = Change { plan, cycle, quantity, addons, prices, reprice, minimum, term, discount };
    let mut waiting = Subscription { ends: None, ..subscription.clone() };
    let place = waiting.scheduled.iter().take_while(|step| step.on <= begins.date).count();
    waiting.scheduled.insert(place, Scheduled { on: begins.date, change, offered: true });
    waiting
}

/// The offer that can be accepted on a local date.
///
/// Errors: `no_open_offer`, `offer_expired`.
pub fn acceptable(newest: Option<RenewalOffer>, today: Date) -> Result<RenewalOffer> {
    let none = || Error::conflict("no_open_offer", "There is no renewal offer that waits for an answer.");
    let offer = newest.filter(|offer| offer.answer.is_none()).ok_or_else(none)?;
    match offer.valid_until.filter(|until| *until < today) {
        None => Ok(offer),
        Some(until) => {
            let detail = format!("The offer could be accepted up to {until}. Ask for another one.");
            Err(Error::conflict("offer_expired", detail))
        }
    }
}
