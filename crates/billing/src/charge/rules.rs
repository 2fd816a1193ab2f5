//! What a one-off charge costs. Pure.

use catalog::{Price, PriceKind, When, version::Version};
use kernel::{Edge, Error, Money, Period, Quantity, Result};
use rating::{Charge as Bought, Share, rate};

use super::model::{Charge, NewCharge};
use crate::{
    invoice::{ChargeKind, Line},
    subscription::{AgreedPrice, Agreement, Subscription, rules::MAX_QUANTITY},
};

/// The key of what was agreed and stands in no price book.
const AGREED: &str = "one_off";
/// The longest text of a charge, in characters.
const MAX_TEXT: usize = 200;

/// The line of a new charge, the `ordinal`th of its subscription, before coupons and tax. A flat price counts for each
/// one.
///
/// Errors: `addon_unknown`, `addon_not_one_off`, `addon_not_for_plan`, `price_missing`, `price_not_negotiable`,
/// `quantity_invalid`, `charge_invalid`, `amount_out_of_range`.
pub fn line(
    subscription: &Subscription,
    version: &Version,
    new: &NewCharge,
    ordinal: i64,
    at: Edge,
) -> Result<Line> {
    let quantity = quantity(new.quantity)?;
    let Sold { key, name, place, price, tax_category } = sold(subscription, version, new)?;
    let price = for_each(price, quantity);
    let rated = rate(&Bought {
        name: &name,
        place: &place,
        book: version.number,
        price: &price,
        months: 1,
        quantity: Quantity::whole(quantity),
        share: Share::Whole,
    })?;
    let zero = Money::zero(subscription.currency);
    Ok(Line {
        ordinal: 0,
        subscription: subscription.id,
        item: 0,
        kind: ChargeKind::OneOff,
        key,
        group: String::new(),
        // Its number keeps it from being billed twice.
        adjustment: ordinal,
        description: name,
        period: Period { start: at, end: at },
        quantity,
        measured: None,
        discount: zero,
        amount: rated.amount,
        tax: zero,
        tax_category,
        explanation: rated.explanation,
    })
}

/// The lines of the charges a subscription begins with. Errors: those of [`line`].
pub(crate) fn lines(
    subscription: &Subscription,
    version: &Version,
    new: &[NewCharge],
    at: Edge,
) -> Result<Vec<Line>> {
    if new.len() > super::MAX_PENDING {
        return Err(invalid(format!("At most {} charges can wait.", super::MAX_PENDING)).at("/charges"));
    }
    let one = |(place, new): (usize, &NewCharge)| {
        line(subscription, version, new, place as i64, at)
            .map_err(|error| error.under(&format!("/charges/{place}")))
    };
    new.iter().enumerate().map(one).collect()
}

/// The lines of charges that are billed at an edge.
pub(crate) fn taken(charges: &[Charge], at: Edge) -> impl Iterator<Item = Line> {
    charges.iter().map(move |charge| Line { period: Period { start: at, end: at }, ..charge.line.clone() })
}

/// The numbers of the charges among lines.
pub(crate) fn places(lines: &[Line]) -> Vec<i64> {
    lines.iter().filter(|line| line.kind == ChargeKind::OneOff).map(|line| line.adjustment).collect()
}

/// What is charged and its price.
struct Sold {
    key: String,
    name: String,
    place: String,
    price: Price,
    tax_category: String,
}

fn sold(subscription: &Subscription, version: &Version, new: &NewCharge) -> Result<Sold> {
    let text = new.description.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if text.is_some_and(|text| text.chars().count() > MAX_TEXT || text.chars().any(char::is_control)) {
        let detail = format!("A description is one line of at most {MAX_TEXT} characters.");
        return Err(invalid(detail).at("/description"));
    }
    let (book, currency) = (&version.book, subscription.currency);
    let Some(key) = &new.key else {
        let (Some(name), Some(amount)) = (text, new.amount) else {
            let detail =
                "Name an add-on of the price book that is charged once, or say a description and an amount.";
            return Err(invalid(detail.to_owned()).at("/key"));
        };
        return Ok(Sold {
            key: AGREED.to_owned(),
            name: name.to_owned(),
            place: "as agreed".to_owned(),
            price: Price::new(When::Once, currency, PriceKind::Flat { amount }),
            tax_category: book.billing.tax.to_string(),
        });
    };
    let wrong = |code, detail: String| Err(Error::invalid(code, detail).at("/key"));
    let Some(addon) = book.addon(key) else {
        return wrong("addon_unknown", format!("There is no add-on {key:?} in the price book."));
    };
    if book.plan(subscription.plan()).is_some_and(|plan| !addon.fits(plan)) {
        let detail = format!("{} cannot be bought with the plan {:?}.", addon.name, subscription.plan());
        return wrong("addon_not_for_plan", detail);
    }
    let Some(price) = addon.one_off(currency) else {
        if addon.prices.iter().any(|price| price.when == When::Once) {
            return wrong("price_missing", format!("{} has no price in {currency}.", addon.name));
        }
        let detail = format!("{} is charged each period: add it to the subscription.", addon.name);
        return wrong("addon_not_one_off", detail);
    };
    let agreed = new.amount.map(|amount| (key.clone(), AgreedPrice { amount: Some(amount), percent: None }));
    let agreement = Agreement { prices: agreed.into_iter().collect(), minimum: None };
    let price = agreement.price(key, price).map_err(|error| error.at("/amount"))?.into_owned();
    let agreed = if new.amount.is_some() { ", as agreed" } else { "" };
    Ok(Sold {
        key: key.clone(),
        name: text.unwrap_or(&addon.name).to_owned(),
        place: format!("addons.{key}{agreed}"),
        price,
        tax_category: book.addon_tax(addon).to_string(),
    })
}

/// A flat price is one for each, when there are several.
fn for_each(mut price: Price, quantity: i64) -> Price {
    if let (PriceKind::Flat { amount }, 2..) = (&price.kind, quantity) {
        price.kind = PriceKind::PerUnit { unit: "piece".to_owned(), amount: *amount };
    }
    price
}

fn quantity(wanted: Option<i64>) -> Result<i64> {
    let wanted = wanted.unwrap_or(1);
    if (1..=MAX_QUANTITY).contains(&wanted) {
        return Ok(wanted);
    }
    let detail = format!("A quantity is a whole number from 1 to {MAX_QUANTITY}.");
    Err(Error::invalid("quantity_invalid", detail).at("/quantity"))
}

fn invalid(detail: String) -> Error {
    Error::invalid("charge_invalid", detail)
}
