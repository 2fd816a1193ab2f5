//! What would unlock a feature, and whether a plan is reached. Pure.

use catalog::{Addon, Book, Having, Plan};
use kernel::{Cycle, Exact};

use super::{
    super::{Kind, Tier, Upgrade},
    Ground, Running, free, is_off, named, of_plan, plans, running,
};

/// Whether somebody has a plan, or one that stands behind it in the price book agreed to; none when no book at hand has
/// the plan.
pub fn tier(ground: &Ground<'_>, plan: &str) -> Option<Tier> {
    let running = running(ground);
    let newest = ground.newest.map(|version| &*version.book);
    let book = running.first().map(Running::book).filter(|book| book.plan(plan).is_some()).or(newest)?;
    let rank = |book: &Book, key: &str| book.plans.iter().position(|plan| plan.key == key);
    let wanted = rank(book, plan)?;
    let reaches = |book: &Book, key: &str| {
        rank(book, key).zip(rank(book, plan)).is_some_and(|(has, asked)| has >= asked)
    };
    let has: Vec<String> = plans(ground).into_iter().map(str::to_owned).collect();
    let by_plan = running.iter().any(|one| reaches(one.book(), &one.plan.key));
    let by_default = running.is_empty() && has.iter().any(|key| reaches(book, key));
    let (allowed, reason) = match (by_plan, by_default) {
        (true, _) => (true, "plan"),
        (false, true) => (true, "default_plan"),
        (false, false) if is_off(ground) => (false, "access_off"),
        (false, false) => (false, "not_included"),
    };
    let upgrade = (reason == "not_included").then(|| {
        let units = Exact::from(running.first().map_or(1, |one| one.agreement.quantity.max(1)));
        let having = having(ground, &running, book, &units);
        let found = having.cheapest(|other| rank(book, &other.key).is_some_and(|rank| rank >= wanted));
        found.map(|(plan, _)| plan.key.clone())
    });
    Some(Tier { plan: plan.to_owned(), allowed, reason, has, upgrade: upgrade.flatten() })
}

/// The cheapest plan or add-on that would give a feature that is not there. An add-on costs itself, a plan what it costs
/// beyond the one there is; of equals the add-on, which changes less. A plan whose price is agreed with staff comes last.
pub(super) fn upgrade(ground: &Ground<'_>, key: &str) -> Option<Upgrade> {
    let running = running(ground);
    let first = running.first();
    let book = first.map(Running::book).or(ground.newest.map(|version| &*version.book))?;
    let kind = named(ground, key)?.2;
    let free = free(ground).map(|(plan, _)| plan.key.as_str());
    let quantity = first.map_or(1, |one| one.agreement.quantity.max(1));
    let units = Exact::from(quantity);
    let having = having(ground, &running, book, &units);
    let of_free = |plan: &Plan| first.is_none() && Some(plan.key.as_str()) == free;
    let plan = having.cheapest(|plan| of_plan(plan, quantity, key, &kind).is_some() && !of_free(plan));
    let addon = first.and_then(|one| cheapest_addon(one, &having, key, &kind));
    let own = having.plan.and_then(|own| book.plan(own)).and_then(|own| having.price(own));
    let beyond = |price: Exact| own.clone().map_or(price.clone(), |own| price - own);
    match (plan, addon) {
        (Some((plan, price)), Some((_, extra))) if !plan.negotiated && beyond(price.clone()) < extra => {
            Some(Upgrade::Plan(plan.key.clone()))
        }
        (_, Some((addon, _))) => Some(Upgrade::Addon(addon)),
        (Some((plan, _)), None) => Some(Upgrade::Plan(plan.key.clone())),
        (None, None) => None,
    }
}

/// What somebody has when it asks for more: that of its oldest subscription.
fn having<'a>(ground: &Ground<'_>, running: &[Running<'a>], book: &'a Book, units: &'a Exact) -> Having<'a> {
    let first = running.first();
    let currency = first.map(|one| one.agreement.currency).or(ground.account.map(|account| account.currency));
    Having {
        book,
        plan: first.map(|one| one.plan.key.as_str()),
        cycle: first.map_or(Cycle::MONTH, |one| one.agreement.cycle),
        currency: currency.filter(|currency| book.currencies().contains(currency)).unwrap_or(book.currency),
        quantity: units,
    }
}

/// The cheapest add-on that fits the plan and gives the feature, with what one costs in a period, or once.
fn cheapest_addon(one: &Running<'_>, having: &Having<'_>, key: &str, kind: &Kind) -> Option<(String, Exact)> {
    let gives = |addon: &&Addon| match kind {
        Kind::Boolean => addon.features.contains(key),
        Kind::Limit { .. } | Kind::Metered { .. } => addon.raises.contains_key(key),
        Kind::Value => false,
    };
    let price = |addon: &Addon| {
        let each = addon.price_for(having.cycle, having.currency);
        let each = each.map(|price| price.unit_price.exact() * Exact::from(i64::from(price.months_factor)));
        each.or_else(|| addon.one_off(having.currency).map(|price| price.amount().exact()))
    };
    let fitting = one.book().addons.iter().filter(gives).filter(|addon| addon.fits(one.plan));
    let priced = fitting.filter_map(|addon| Some((price(addon)?, addon)));
    priced.min_by(|(one, _), (other, _)| one.cmp(other)).map(|(price, addon)| (addon.key.clone(), price))
}
