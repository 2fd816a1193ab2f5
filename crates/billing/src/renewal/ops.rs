//! Making renewal offers and answering them.

use catalog::version;
use jiff::civil::Date;
use kernel::{Edge, Error, Money, Result, ids::SubscriptionId};
use serde_json::json;
use store::{NewFact, Row, ToValue, Tx, Value, View, params};

use super::{
    model::{Answer, OfferedTerms, RenewalOffer, RenewalPreview},
    rules, sql,
};
use crate::{
    cancellation, coupon, invoice,
    subscription::{self, Changed, Subscription},
};

/// The most edges looked ahead to the end of a term: one a day for ten years.
const MOST_EDGES: usize = 3_660;

/// A subscription with an offer accepted, and when the offer begins.
fn decided(view: &mut View<'_>, before: &Subscription, terms: &OfferedTerms) -> Result<(Subscription, Edge)> {
    let begins = rules::begins(before)?;
    let today = before.schedule.zone.date_of(view.now());
    let book = version::in_force(view)?;
    let discount = rules::discount(&book.book, before, terms, today)?;
    if let Some(discount) = &discount
        && !coupon::can_take(view, &book.book, &discount.key, before.customer)?
    {
        let detail = format!("The coupon {} was redeemed as often as it may be.", discount.name);
        return Err(Error::conflict("coupon_used_up", detail).at("/coupon"));
    }
    Ok((rules::accepted(before, terms, discount, begins), begins))
}

/// What accepting an offer of these terms would come to, by the decision that is made at the end of the term; writes
/// nothing. Usage that is not measured yet counts as nothing.
///
/// Errors: `not_found`, `transition_illegal`, those of items and prices as for a change, `term_invalid`, those of a
/// coupon.
pub fn preview(view: &mut View<'_>, id: SubscriptionId, terms: &OfferedTerms) -> Result<RenewalPreview> {
    let before = subscription::find(view, id)?;
    let (accepted, begins) = decided(view, &before, terms)?;
    let foreseen = subscription::foresee(view, &accepted, MOST_EDGES)?;
    let at_its_end = |renewal: &subscription::rules::Renewal| {
        let began = renewal.subscription.period.start.at >= begins.at;
        renewal.at.at >= begins.at && (began || renewal.dropped.is_some())
    };
    let renewal = foreseen.into_iter().find(at_its_end);
    let renewal = renewal.ok_or_else(|| Error::internal("the end of a term could not be foreseen"))?;
    if let Some(error) = renewal.dropped {
        return Err(error);
    }
    let parts = renewal.owed.credits.iter().flat_map(|credit| [credit.amount, credit.tax]);
    let credited = Money::total(parts, before.currency)?;
    let invoice = renewal.draft().map(|draft| invoice::assessed(view, draft)).transpose()?;
    Ok(RenewalPreview {
        subscription: renewal.subscription,
        effective: renewal.at,
        invoice,
        credits: renewal.owed.credits,
        credited,
    })
}

/// Offer a customer terms for the time after the term of its subscription. It takes the place of an offer that waits
/// for an answer. For staff.
///
/// Errors: those of [`preview`]; `offer_in_past`, `nothing_changes`.
pub fn offer(
    tx: &mut Tx<'_>,
    id: SubscriptionId,
    terms: &OfferedTerms,
    valid_until: Option<Date>,
) -> Result<RenewalOffer> {
    let before = subscription::lock(tx, id)?.subscription;
    let today = before.schedule.zone.date_of(tx.now());
    if valid_until.is_some_and(|until| until < today) {
        let detail = format!("It is {today} there: an offer holds up to a day that is not over.");
        return Err(Error::invalid("offer_in_past", detail).at("/valid_until"));
    }
    if *terms == OfferedTerms::default() {
        let detail = "The offer changes nothing: say a plan, a price, a coupon or a term.";
        return Err(Error::conflict("nothing_changes", detail));
    }
    preview(tx, id, terms)?;
    let all = of_subscription(tx, id)?;
    if let Some(open) = all.first().filter(|offer| offer.answer.is_none()) {
        answer(tx, open, Answer::Withdrawn)?;
    }
    let offer = RenewalOffer {
        subscription: id,
        ordinal: all.first().map_or(0, |last| last.ordinal + 1),
        customer: before.customer,
        terms: terms.clone(),
        valid_until,
        made: tx.now(),
        answer: None,
    };
    let row = [
        id.to_value(),
        Value::Int(offer.ordinal),
        offer.customer.to_value(),
        Value::json_of(&offer.terms)?,
        offer.valid_until.map_or(Value::Null, Value::Date),
        Value::Instant(offer.made),
    ];
    tx.bulk_all(&sql::INSERT, [row])?;
    let payload = json!({ "offer": offer.ordinal, "terms": offer.terms, "valid_until": offer.valid_until });
    let fact = NewFact::new("subscription.renewal_offered", id.any(), payload)?;
    tx.fact(fact.of(offer.customer));
    Ok(offer)
}

/// Accept the offer that waits: what it says counts from the end of the term on, where it is decided again; what a
/// coupon gives is redeemed now. A cancellation that was to come about is taken back.
///
/// Errors: `not_found`, `no_open_offer`, `offer_expired`, and those of [`preview`].
pub fn accept(tx: &mut Tx<'_>, id: SubscriptionId) -> Result<Changed> {
    let loaded = subscription::lock(tx, id)?;
    let before = &loaded.subscription;
    let today = before.schedule.zone.date_of(tx.now());
    let newest = of_subscription(tx, id)?.into_iter().next();
    let offer = rules::acceptable(newest, today)?;
    // What has changed since the offer was made may not go together with it.
    preview(tx, id, &offer.terms)?;
    let (accepted, _) = decided(tx, before, &offer.terms)?;
    let redeemed = accepted.scheduled.iter().filter_map(|step| step.change.discount.as_deref().cloned());
    let redeemed: Vec<_> =
        redeemed.filter(|one| Some(&one.key) == offer.terms.coupon.as_ref()).take(1).collect();
    if !redeemed.is_empty() {
        let only = Subscription { discounts: redeemed, ..accepted.clone() };
        let book = version::in_force(tx)?;
        coupon::take_all(tx, &book.book, std::iter::once(&only))?;
    }
    if before.ends.is_some() {
        cancellation::kept(tx, id)?;
    }
    answer(tx, &offer, Answer::Accepted)?;
    subscription::wait(tx, &loaded, accepted, "subscription.renewal_accepted")
}

/// Decline the offer that waits; everything stays as it is.
///
/// Errors: `not_found`, `no_open_offer`.
pub fn decline(tx: &mut Tx<'_>, id: SubscriptionId) -> Result<RenewalOffer> {
    close(tx, id, Answer::Declined)
}

/// Take back the offer that waits. For staff.
///
/// Errors: `not_found`, `no_open_offer`.
pub fn withdraw(tx: &mut Tx<'_>, id: SubscriptionId) -> Result<RenewalOffer> {
    close(tx, id, Answer::Withdrawn)
}

fn close(tx: &mut Tx<'_>, id: SubscriptionId, how: Answer) -> Result<RenewalOffer> {
    subscription::lock(tx, id)?;
    let newest = of_subscription(tx, id)?.into_iter().next();
    let mut offer = rules::acceptable(newest, Date::MIN)?;
    answer(tx, &offer, how)?;
    offer.answer = Some((how, tx.now()));
    Ok(offer)
}

fn answer(tx: &mut Tx<'_>, offer: &RenewalOffer, how: Answer) -> Result<()> {
    let (id, now) = (offer.subscription, tx.now());
    tx.exec_one(&sql::ANSWER, params![id, offer.ordinal, how.word(), now])?;
    let payload = json!({ "offer": offer.ordinal, "answer": how.word() });
    let fact = NewFact::new("subscription.renewal_answered", id.any(), payload)?;
    tx.fact(fact.of(offer.customer));
    Ok(())
}

fn read(row: &Row<'_>) -> Result<RenewalOffer> {
    let terms = serde_json::from_value(row.get(3)?);
    let answer: Option<String> = row.get(6)?;
    let answer = answer.as_deref().and_then(Answer::parse);
    Ok(RenewalOffer {
        subscription: row.get(0)?,
        ordinal: row.get(1)?,
        customer: row.get(2)?,
        terms: terms.map_err(|error| Error::internal(format!("a stored offer cannot be read: {error}")))?,
        valid_until: row.get(4)?,
        made: row.get(5)?,
        answer: answer.zip(row.get(7)?),
    })
}

/// The renewal offers of a subscription, the last first.
pub fn of_subscription(view: &mut View<'_>, id: SubscriptionId) -> Result<Vec<RenewalOffer>> {
    view.all(&sql::OF_SUBSCRIPTION, params![id], read)
}

/// The offer that waits for an answer, whether or not it has expired.
///
/// Errors: `not_found`, `no_open_offer`.
pub fn open(view: &mut View<'_>, id: SubscriptionId) -> Result<RenewalOffer> {
    subscription::find(view, id)?;
    rules::acceptable(of_subscription(view, id)?.into_iter().next(), Date::MIN)
}
