//! Stretches that are over and wait for late figures before they are billed (knob `usage_grace`). Pure.
//!
//! A stretch waits at most until the next edge, so there is one at a time.

use catalog::version::Version;
use kernel::{Edge, Error, Exact, Result};

use super::{
    Owed, Ready, Renewal,
    arrears::{self, Of, Stretch},
    charge,
    discount::Turn,
    discounted, settle as settle_late,
};
use crate::subscription::{
    closing::Closing,
    model::{State, Subscription},
};

/// When the stretch that ends at `end` is billed, if that is later: only what is measured is waited for.
pub(super) fn cut_of(subscription: &Subscription, version: &Version, end: Edge) -> Option<Edge> {
    let grace = version.book.billing.usage_grace;
    let waits = !grace.is_none()
        && subscription.state == State::Active
        && !arrears::expected(subscription, version).is_empty();
    let at = waits.then(|| end.at.checked_add(grace.duration()).ok())??;
    Some(Edge::at(at, &subscription.schedule.zone))
}

/// Let the stretch of `before` that just ended wait until `cut`, at most up to the next edge of `after`.
pub(super) fn wait(before: &Subscription, after: &mut Subscription, cut: Option<Edge>, of_rhythm: bool) {
    let Some(cut) = cut else { return };
    let end = if of_rhythm { before.next_edge() } else { before.billed_through };
    let next = after.next_edge();
    let cut = if after.runs() && next.at < cut.at { next } else { cut };
    after.closing = Some(Box::new(Closing::of(before, end, cut, of_rhythm)));
}

/// Bill the stretch that waits, if one does, by what is known of it now. Its coupons are those of its own time: a use
/// they give it is the one they gave what was billed when it ended.
///
/// Errors: those of rating.
pub(super) fn settle(ready: &Ready<'_>, next: &mut Subscription, owed: &mut Owed) -> Result<()> {
    let Some(closing) = next.closing.take() else { return Ok(()) };
    let (version, usage) =
        ready.closing.ok_or_else(|| Error::internal("a stretch that waits was not loaded"))?;
    let mut was = closing.as_it_was(ready.subscription);
    let mut over = Owed::default();
    match (closing.of_rhythm, was.rhythm) {
        (true, Some(rhythm)) => {
            let of = Of::Rhythm(rhythm);
            Stretch { subscription: &was, version, usage, at: closing.end, of }.close(&mut over)?;
        }
        (true, None) => {}
        (false, _) => over = arrears::close(&was, version, usage, closing.end)?,
    }
    discounted(&mut was, &mut over.lines, closing.end.date, &Turn::Edge)?;
    for discount in &mut next.discounts {
        let then = was.discounts.iter().find(|then| then.key == discount.key);
        discount.left = match (discount.left, then.and_then(|then| then.left)) {
            (Some(now), Some(then)) => Some(now.min(then)),
            (now, _) => now,
        };
    }
    over.add(std::mem::take(owed));
    *owed = over;
    Ok(())
}

/// Bill the stretch that waits, between two edges or after the last one.
///
/// Errors: those of rating.
pub fn cut(ready: &Ready<'_>) -> Result<Renewal> {
    let Ready { subscription, agreed, late, charges, .. } = *ready;
    let at = subscription.next_due();
    let mut owed = settle_late(late)?;
    if subscription.runs() {
        owed.lines.extend(charge::taken(charges, at));
    }
    let mut next = subscription.clone();
    discounted(&mut next, &mut owed.lines, at.date, &Turn::Rest(Exact::one()))?;
    settle(ready, &mut next, &mut owed)?;
    let tax_rounding = agreed.book.billing.tax_rounding;
    Ok(Renewal { at, subscription: next, tax_rounding, owed, dropped: None })
}
