//! What items cost for a period, in advance. Pure.

use std::borrow::Cow;

use catalog::{Plan, Price, version::Version};
use kernel::{Cycle, Error, Money, Period, Quantity, Result};
use rating::{Charge as Bought, Rated, Share, rate};

use super::arrears::in_arrears;
use crate::{
    invoice::{ChargeKind, Line},
    subscription::model::{Item, ItemKind, Subscription},
};

/// The tax category of an item.
pub(super) fn tax_category(version: &Version, item: &Item) -> String {
    let book = &version.book;
    let category = match item.kind {
        ItemKind::Plan => book.plan(&item.key).map(|plan| book.plan_tax(plan)),
        ItemKind::Addon => book.addon(&item.key).map(|addon| book.addon_tax(addon)),
    };
    category.unwrap_or(&book.billing.tax).to_string()
}

/// The lines of one period in advance, one for each item that is paid so, at the prices of the version agreed to.
pub(super) fn lines(subscription: &Subscription, version: &Version, period: Period) -> Result<Vec<Line>> {
    let share = share(subscription, version, period)?;
    let items = subscription.active_items();
    items.filter_map(|item| line(subscription, version, item, period, share).transpose()).collect()
}

/// What the fees of a subscription come to in a whole period, before coupons, usage and tax. What depends on a figure
/// counts its flat price.
///
/// Errors: those of [`priced`]; `amount_out_of_range`.
pub fn fees_of_a_period(subscription: &Subscription, version: &Version) -> Result<Money> {
    let fees = subscription.active_items().map(|item| {
        let priced = priced(version, item, subscription.schedule.cycle, subscription)?;
        Ok(charge(&priced, &section(item), version, item, Share::Whole)?.amount)
    });
    Money::total(fees.collect::<Result<Vec<_>>>()?, subscription.currency)
}

/// How much of a full period `period` is: all of it, unless it begins late.
pub(super) fn share(subscription: &Subscription, version: &Version, period: Period) -> Result<Share> {
    let whole = subscription.schedule.period_at(period.start.at)?;
    let whole = if whole.end == period.end { whole } else { period };
    Ok(share_of(version, subscription, period, whole))
}

/// How much of `whole` a part of it is. A part that begins on its date is all of it, also where the customer's zone
/// changed with that date.
pub(super) fn share_of(version: &Version, subscription: &Subscription, part: Period, whole: Period) -> Share {
    let unit = version.book.billing.proration;
    if unit.counts_days() && part.start.date <= whole.start.date && part.end == whole.end {
        return Share::Whole;
    }
    Share::of(unit, &subscription.schedule.zone, part, whole)
}

/// The price of an item and what it is called.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Priced<'v> {
    pub(super) name: &'v str,
    pub(super) price: Cow<'v, Price>,
    months: u32,
    agreed: bool,
}

/// The price that counts for an item: the version's, or what was agreed instead.
///
/// Errors: `internal` when the version has none; `price_not_negotiable` when what was agreed does not fit it.
pub(super) fn priced<'v>(
    version: &'v Version,
    item: &Item,
    cycle: Cycle,
    subscription: &Subscription,
) -> Result<Priced<'v>> {
    let (currency, agreement) = (subscription.currency, &subscription.agreement);
    let found = match item.kind {
        ItemKind::Plan => version
            .book
            .plan(&item.key)
            .and_then(|plan: &Plan| Some((plan.name.as_str(), plan.price_for(cycle, currency)?, 1))),
        ItemKind::Addon => version.book.addon(&item.key).and_then(|addon| {
            let price = addon.price_for(cycle, currency)?;
            Some((addon.name.as_str(), price.price, price.months_factor))
        }),
    };
    let (name, price, months) = found.ok_or_else(|| {
        Error::internal(format!("version {} of the price book has no price for {}", version.number, item.key))
    })?;
    let agreed = agreement.prices.contains_key(&item.key);
    Ok(Priced { name, price: agreement.price(&item.key, price)?, months, agreed })
}

/// Where an item's price stands in the book.
pub(super) fn section(item: &Item) -> String {
    match item.kind {
        ItemKind::Plan => format!("plans.{}", item.key),
        ItemKind::Addon => format!("addons.{}", item.key),
    }
}

/// What an item costs for a share of a period.
pub(super) fn charge(
    priced: &Priced<'_>,
    place: &str,
    version: &Version,
    item: &Item,
    share: Share,
) -> Result<Rated> {
    let agreed = if priced.agreed { ", as agreed" } else { "" };
    rate(&Bought {
        name: priced.name,
        place: &format!("{place}{agreed}"),
        book: version.number,
        price: &priced.price,
        months: priced.months,
        quantity: Quantity::whole(item.quantity),
        share,
    })
}

/// The line that bills an item in advance for a period; none when it is paid in arrears.
pub(super) fn line(
    subscription: &Subscription,
    version: &Version,
    item: &Item,
    period: Period,
    share: Share,
) -> Result<Option<Line>> {
    let priced = priced(version, item, subscription.schedule.cycle, subscription)?;
    if in_arrears(&priced.price) {
        return Ok(None);
    }
    let rated = charge(&priced, &section(item), version, item, share)?;
    let zero = Money::zero(subscription.currency);
    Ok(Some(Line {
        ordinal: 0,
        subscription: subscription.id,
        item: item.ordinal,
        kind: ChargeKind::Recurring,
        key: item.key.clone(),
        group: String::new(),
        adjustment: 0,
        description: priced.name.to_owned(),
        period,
        quantity: item.quantity,
        measured: None,
        discount: zero,
        amount: rated.amount,
        tax: zero,
        tax_category: tax_category(version, item),
        explanation: rated.explanation,
    }))
}
