//! Canceling with a reason, staying for an offer, and counting reasons.

use std::collections::BTreeMap;

use catalog::{Book, version};
use jiff::Timestamp;
use kernel::{
    Edge, Error, Money, Result,
    ids::{CustomerId, SubscriptionId},
    time::END_INSTANT,
};
use serde_json::json;
use store::{NewFact, Row, ToValue, Tx, Value, View, params};
use uuid::Uuid;

use super::{
    model::{Cancel, CancelPreview, Counted, Offer, Outcome, Place, Recorded},
    rules, sql,
};
use crate::{
    coupon, invoice,
    subscription::{self, Changed, Subscription},
};

/// Cancel a subscription for a reason: now, with what is not used credited, or at the end of what is billed or tried.
/// One that does not run (paused, suspended) is canceled at once.
///
/// The reason is counted and stands in a fact; what else is said does not, and goes when the customer is erased.
///
/// Errors: `not_found`, `transition_illegal`, `renewal_pending`, `invoice_is_draft`, `cancellation_reason_missing`,
/// `cancellation_reason_unknown`, `text_invalid`.
pub fn cancel(tx: &mut Tx<'_>, id: SubscriptionId, cancel: &Cancel) -> Result<Changed> {
    let cancel = rules::checked(&version::in_force(tx)?.book, cancel)?;
    let changed = subscription::end(tx, id, cancel.timing)?;
    record(tx, &changed.subscription, &cancel, Outcome::Canceled)?;
    Ok(changed)
}

/// What [`cancel`] would do, by the same decision, and what is offered to stay; writes nothing. Errors as for
/// [`cancel`].
pub fn preview(view: &mut View<'_>, id: SubscriptionId, cancel: &Cancel) -> Result<CancelPreview> {
    let book = version::in_force(view)?;
    let cancel = rules::checked(&book.book, cancel)?;
    let before = subscription::find(view, id)?;
    let outcome = subscription::preview_end(view, id, cancel.timing)?;
    let zone = &before.schedule.zone;
    let ends = Edge::at(outcome.subscription.ends.unwrap_or(view.now()), zone);
    let parts = outcome.credits.iter().flat_map(|credit| [credit.amount, credit.tax]);
    let credited = Money::total(parts, before.currency)?;
    let offer = offered(view, &book.book, &before, cancel.reason.as_deref())?;
    Ok(CancelPreview {
        subscription: outcome.subscription,
        ends,
        credits: outcome.credits,
        credited,
        invoice: outcome.draft.map(|draft| invoice::assessed(view, draft)).transpose()?,
        offer,
    })
}

/// Stay for what is offered instead of canceling for a reason: the coupon counts from the next invoice on, and a
/// cancellation that was to come about is taken back.
///
/// Errors: `not_found`, `cancellation_reason_unknown`, `nothing_offered` when nothing is offered for the reason or the
/// subscription cannot have it, `text_invalid`, and those of [`coupon::redeem`].
pub fn stay(
    tx: &mut Tx<'_>,
    id: SubscriptionId,
    reason: &str,
    comment: Option<String>,
) -> Result<Subscription> {
    let book = version::in_force(tx)?;
    let said = Cancel { reason: Some(reason.to_owned()), comment, ..Cancel::default() };
    let said = rules::checked(&book.book, &said)?;
    let before = subscription::lock(tx, id)?.subscription;
    let Some(offer) = offered(tx, &book.book, &before, Some(reason))? else {
        let detail =
            "Nothing is offered for this reason, or the subscription cannot have it, or had it before.";
        return Err(Error::conflict("nothing_offered", detail).at("/reason"));
    };
    if before.ends.is_some() {
        subscription::keep_on(tx, id)?;
    }
    let saved = coupon::redeem(tx, id, &offer.discount.key)?;
    record(tx, &saved, &said, Outcome::Saved)?;
    let payload = json!({ "reason": reason, "coupon": offer.discount.key });
    tx.fact(NewFact::new("subscription.saved", id.any(), payload)?.of(saved.customer));
    Ok(saved)
}

/// What who cancels for a reason is offered, as far as they may still redeem it.
fn offered(
    view: &mut View<'_>,
    book: &Book,
    before: &Subscription,
    reason: Option<&str>,
) -> Result<Option<Offer>> {
    let today = before.schedule.zone.date_of(view.now());
    let Some(offer) = rules::offer(book, before, reason, today) else { return Ok(None) };
    let may = coupon::can_take(view, book, &offer.discount.key, before.customer)?;
    Ok(may.then_some(offer))
}

/// Keep why somebody canceled or stayed.
fn record(tx: &mut Tx<'_>, subscription: &Subscription, cancel: &Cancel, outcome: Outcome) -> Result<()> {
    let id = subscription.id;
    let last = of_subscription(tx, id)?.first().map_or(-1, |last| last.ordinal);
    let asked = tx.now();
    let row = [
        id.to_value(),
        Value::Int(last + 1),
        subscription.customer.to_value(),
        cancel.reason.to_value(),
        cancel.comment.to_value(),
        Value::Instant(asked),
        Value::from(outcome.word()),
    ];
    tx.bulk_all(&sql::INSERT, [row])?;
    if let (Some(reason), Outcome::Canceled) = (&cancel.reason, outcome) {
        let payload = json!({ "reason": reason, "ends": subscription.ends });
        let fact = NewFact::new("subscription.cancellation_explained", id.any(), payload)?;
        tx.fact(fact.of(subscription.customer));
    }
    Ok(())
}

/// A cancellation that had not come about was taken back.
pub(crate) fn kept(tx: &mut Tx<'_>, id: SubscriptionId) -> Result<()> {
    if let Some(last) = of_subscription(tx, id)?.first() {
        tx.exec(&sql::KEEP, params![id, last.ordinal])?;
    }
    Ok(())
}

/// Forget what a customer said, because it is erased.
pub(crate) fn blank_comments(tx: &mut Tx<'_>, customer: CustomerId) -> Result<()> {
    tx.exec(&sql::BLANK, params![customer]).map(drop)
}

fn read(row: &Row<'_>) -> Result<Recorded> {
    Ok(Recorded {
        subscription: row.get(0)?,
        ordinal: row.get(1)?,
        customer: row.get(2)?,
        reason: row.get(3)?,
        comment: row.get(4)?,
        asked: row.get(5)?,
        outcome: row.parse(6, Outcome::parse)?,
    })
}

/// The cancellations of a subscription, last first.
pub fn of_subscription(view: &mut View<'_>, id: SubscriptionId) -> Result<Vec<Recorded>> {
    view.all(&sql::OF_SUBSCRIPTION, params![id], read)
}

/// Cancellations before a place (none: from the last on), last first.
pub fn list(view: &mut View<'_>, before: Option<Place>, limit: i64) -> Result<Vec<Recorded>> {
    let first = || (END_INSTANT, Uuid::max(), i64::MAX);
    let (asked, id, ordinal) = before.map_or_else(first, |place| {
        let Place { asked, subscription, ordinal } = place;
        (asked, subscription.uuid(), ordinal)
    });
    view.all(&sql::LIST, params![asked, id, ordinal, limit], read)
}

/// How many canceled for which reason in a time, `[from, to)`; the most frequent first.
pub fn counts(view: &mut View<'_>, from: Timestamp, to: Timestamp) -> Result<Vec<Counted>> {
    let mut counted: BTreeMap<Option<String>, [i64; 3]> = BTreeMap::new();
    view.each(&sql::COUNTS, params![from, to], |row| {
        let outcome = row.parse(1, Outcome::parse)?;
        counted.entry(row.get(0)?).or_default()[outcome as usize] += row.get::<i64>(2)?;
        Ok(())
    })?;
    let book = version::newest(view)?;
    let name = |reason: &String| {
        let known = book.as_ref().and_then(|book| book.book.cancellation.reason(reason));
        known.map_or_else(|| reason.clone(), |known| known.name.clone())
    };
    let mut all: Vec<Counted> = counted
        .into_iter()
        .map(|(reason, [canceled, kept, saved])| Counted {
            name: reason.as_ref().map(name),
            reason,
            canceled,
            kept,
            saved,
        })
        .collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.canceled + one.kept + one.saved));
    Ok(all)
}
