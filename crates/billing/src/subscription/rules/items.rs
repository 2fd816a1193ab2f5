//! What a subscription consists of. Pure.

use std::collections::BTreeMap;

use catalog::{Book, Plan};
use kernel::{Currency, Cycle, Error, Result};

use crate::subscription::{
    agreement::Agreement,
    model::{Item, ItemKind, Start},
};

/// The most units of one item.
pub const MAX_QUANTITY: i64 = 1_000_000_000;

/// What a subscription is to consist of.
pub(super) struct Wanted<'w> {
    pub(super) plan: &'w str,
    pub(super) quantity: Option<i64>,
    pub(super) addons: BTreeMap<&'w str, i64>,
}

pub(super) fn wanted(command: &Start) -> Wanted<'_> {
    let addons = command.addons.iter().map(|(key, quantity)| (key.as_str(), *quantity)).collect();
    Wanted { plan: &command.plan, quantity: command.quantity, addons }
}

/// The items of a subscription: the plan, then the add-ons by key.
pub(super) fn items(book: &Book, wanted: &Wanted<'_>, cycle: Cycle, currency: Currency) -> Result<Vec<Item>> {
    let plan = book.plan(wanted.plan).ok_or_else(|| {
        let known: Vec<&str> = book.plans.iter().map(|plan| plan.key.as_str()).collect();
        let detail = format!("There is no plan {:?}. The price book has {}.", wanted.plan, known.join(", "));
        Error::invalid("plan_unknown", detail).at("/plan")
    })?;
    let price = plan.price_for(cycle, currency).ok_or_else(|| {
        let cycles: Vec<String> = plan.cycles().map(|cycle| cycle.to_string()).collect();
        let (name, sold, home) = (&plan.name, cycles.join(", "), book.currency);
        let detail =
            format!("{name} has no price for every {cycle} in {currency}. It is sold by {sold} in {home}.");
        Error::invalid("price_missing", detail).at("/cycle")
    })?;
    let quantity =
        quantity(price.unit(), wanted.quantity, &plan.name).map_err(|error| error.at("/quantity"))?;
    let mut items = vec![Item { ordinal: 0, kind: ItemKind::Plan, key: plan.key.clone(), quantity }];
    for (key, count) in wanted.addons.iter().filter(|(_, count)| **count != 0) {
        let quantity = addon(book, plan, key, *count, cycle, currency)
            .map_err(|error| error.at(format!("/addons/{key}")))?;
        let ordinal = items.len() as i64;
        items.push(Item { ordinal, kind: ItemKind::Addon, key: (*key).to_owned(), quantity });
    }
    Ok(items)
}

/// What was agreed must be about what is subscribed to, and fit its price.
///
/// Errors: `price_not_negotiable`.
pub(super) fn check_agreement(
    book: &Book,
    items: &[Item],
    cycle: Cycle,
    currency: Currency,
    agreement: &Agreement,
) -> Result<()> {
    let plan = items.iter().find(|item| item.kind == ItemKind::Plan).and_then(|item| book.plan(&item.key));
    for key in agreement.prices.keys() {
        let price = match items.iter().find(|item| item.key == *key) {
            Some(item) if item.kind == ItemKind::Plan => {
                plan.and_then(|plan| plan.price_for(cycle, currency))
            }
            Some(item) => {
                book.addon(&item.key).and_then(|addon| Some(addon.price_for(cycle, currency)?.price))
            }
            None => plan
                .and_then(|plan| plan.usage.iter().find(|usage| usage.key == *key))
                .and_then(|usage| usage.price_in(currency)),
        };
        let price = price.ok_or_else(|| {
            let detail = format!("Nothing in the subscription is priced under the key {key:?}.");
            Error::invalid("price_not_negotiable", detail).at(format!("/agreement/prices/{key}"))
        })?;
        agreement.price(key, price)?;
    }
    Ok(())
}

/// Whether `count` of an add-on can be bought with a plan.
fn addon(book: &Book, plan: &Plan, key: &str, count: i64, cycle: Cycle, currency: Currency) -> Result<i64> {
    let wrong = |code, detail: String| Err(Error::invalid(code, detail));
    let Some(addon) = book.addon(key) else {
        return wrong("addon_unknown", format!("There is no add-on {key:?} in the price book."));
    };
    if !addon.fits(plan) {
        return wrong("addon_not_for_plan", format!("{} cannot be bought with {}.", addon.name, plan.name));
    }
    if addon.one_off(currency).is_some() {
        let detail = format!("{} is charged once: say it under charges.", addon.name);
        return wrong("addon_one_off", detail);
    }
    let Some(price) = addon.price_for(cycle, currency) else {
        return wrong(
            "price_missing",
            format!("{} has no price for every {cycle} in {currency}.", addon.name),
        );
    };
    quantity(price.price.unit(), Some(count), &addon.name)
}

pub(crate) fn quantity(unit: Option<&str>, wanted: Option<i64>, name: &str) -> Result<i64> {
    let wrong = |detail: String| Err(Error::invalid("quantity_invalid", detail));
    match (unit, wanted) {
        (None, None | Some(1)) => Ok(1),
        (None, Some(_)) => {
            wrong(format!("{name} has one price whatever the quantity, so the quantity is 1."))
        }
        (Some(unit), None) => wrong(format!("{name} is priced per {unit}: say how many.")),
        (Some(_), Some(count)) if (1..=MAX_QUANTITY).contains(&count) => Ok(count),
        (Some(_), Some(_)) => wrong(format!("A quantity is a whole number from 1 to {MAX_QUANTITY}.")),
    }
}
